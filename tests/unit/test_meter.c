/* The meter of a delivery: it sees each span of its process once, whatever the
 * destinations do, and sends its sums when they are due. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "core/deliver/delivery.h"
#include "core/deliver/worker.h"
#include "lib/base/stats.h"
#include "tests/unit/unit.h"
#include "tests/unit/worker_case.h"

struct meter {
    struct llmobs_meter base;
    atomic_int seen;
    atomic_int published;
    atomic_int phase; /* of the last publish */
    atomic_int forgotten;
    _Atomic int64_t due_ns;
    atomic_bool late; /* its next span comes when the time is over */
    atomic_bool fails;
};

struct side {
    struct llmobs_exporter base;
    atomic_int error;
    atomic_int taken;
};

static struct meter meter;
static struct side far;
static struct llmobs_config config;
static struct llmobs_worker *worker;
static struct llmobs_worker *kept[64];
static size_t kept_count;

static int meter_send(struct llmobs_exporter *exporter,
                      const struct llmobs_text *events, size_t count)
{
    (void)exporter;
    ck_assert_uint_eq(count, 1);
    ck_assert_ptr_nonnull(
        memmem(events[0].data, events[0].len, "\"span_id\"", 9));
    if (atomic_exchange(&meter.late, false))
        return -ETIMEDOUT;
    atomic_fetch_add(&meter.seen, 1);
    return 1;
}

static int64_t meter_due(const struct llmobs_meter *base)
{
    (void)base;
    return atomic_load(&meter.due_ns);
}

static struct llmobs_published meter_publish(struct llmobs_meter *base)
{
    struct llmobs_published published = {0, 0};

    atomic_store(&meter.phase, (int)base->base.phase);
    atomic_fetch_add(&meter.published, 1);
    atomic_store(&meter.due_ns, INT64_MAX);
    if (atomic_load(&meter.fails)) {
        published.lost = 2;
        return published;
    }
    published.sent = 3;
    atomic_store(&base->owes, false);
    return published;
}

static void meter_forget(struct llmobs_exporter *exporter)
{
    (void)exporter;
    atomic_fetch_add(&meter.forgotten, 1);
    atomic_store(&meter.base.owes, false);
}

static const struct llmobs_exporter_ops meter_ops = {
    "otlp_metrics", meter_send, meter_forget, meter_forget, NULL};

static int far_send(struct llmobs_exporter *exporter,
                    const struct llmobs_text *events, size_t count)
{
    (void)exporter;
    (void)events;
    if (atomic_load(&far.error))
        return atomic_load(&far.error);
    atomic_fetch_add(&far.taken, (int)count);
    return (int)count;
}

static void far_forget(struct llmobs_exporter *exporter)
{
    (void)exporter;
}

static const struct llmobs_exporter_ops far_ops = {
    "agent", far_send, far_forget, far_forget, NULL};

static void begin(bool thread)
{
    memset(&config, 0, sizeof(config));
    config.thread = thread;
    config.event_max = 5000000;
    config.payload_max = 5242880;
    config.flush_interval_ms = 1000;
    config.exit_flush_ms = -1;
    config.buffer_max = 1 << 24;
    memset(&far, 0, sizeof(far));
    far.base.ops = &far_ops;
    atomic_store(&far.base.remote, true);
    atomic_store(&far.base.exit_ms, LLMOBS_EXIT_AGENT_MS);
    memset(&meter, 0, sizeof(meter));
    meter.base.base.ops = &meter_ops;
    meter.base.due = meter_due;
    meter.base.publish = meter_publish;
    atomic_store(&meter.due_ns, INT64_MAX);
    atomic_store(&meter.base.base.remote, true);
    atomic_store(&meter.base.base.exit_ms, LLMOBS_EXIT_INTAKE_MS);
    llmobs_stats_reset();
    worker = llmobs_worker_new(
        &config, llmobs_queue_new((size_t)config.buffer_max), &far.base);
    ck_assert_ptr_nonnull(worker);
    llmobs_delivery_set_meter(llmobs_worker_delivery(worker), &meter.base);
    kept[kept_count++ % 64] = worker;
}

static void give(int count)
{
    for (int i = 0; i < count; i++)
        worker_case_give(worker, (uint64_t)i + 1);
}

static void due_in(int64_t ms)
{
    atomic_store(&meter.due_ns, llmobs_clock_mono_ns() + ms * LLMOBS_NS_PER_MS);
}

/* A peer that fails again and again makes no span another one. */
TEST(sees_each_span_once)
{
    begin(false);
    atomic_store(&far.error, -ECONNREFUSED);
    give(5);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(llmobs_worker_flush(worker, 50), -ETIMEDOUT);
    ck_assert_int_eq(meter.seen, 5);
    ck_assert_int_eq(far.taken, 0);
    atomic_store(&far.error, 0);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    ck_assert_int_eq(far.taken, 5);
    ck_assert_int_eq(meter.seen, 5);
    ck_assert_int_eq(meter.published, 0);
    worker_case_sum(worker);
}

/* A span for which it has no time is not lost: it sees it later. */
TEST(sees_a_late_span_later)
{
    begin(false);
    atomic_store(&meter.late, true);
    give(3);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), -ETIMEDOUT);
    ck_assert(!atomic_load(&meter.late));
    ck_assert_int_eq(meter.seen + far.taken, 0);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    ck_assert_int_eq(meter.seen, 3);
    ck_assert_int_eq(far.taken, 3);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_delivered), 3);
    worker_case_sum(worker);
}

/* The thread wakes for it, and only then. */
TEST(sends_when_it_is_due)
{
    int64_t start;

    begin(true);
    start = llmobs_clock_mono_ns();
    due_in(300);
    give(1);
    worker_case_wait(&meter.published, 1);
    ck_assert_int_ge(unit_ms_since(start), 300);
    ck_assert_int_eq(meter.phase, LLMOBS_PHASE_RUNNING);
    usleep(100000);
    ck_assert_int_eq(meter.published, 1);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_sent_otlp_metrics), 3);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_lost_otlp_metrics), 0);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    ck_assert_int_eq(meter.published, 1);
    worker_case_sum(worker);
}

TEST(its_time_counts_among_those_of_a_delivery)
{
    static struct llmobs_delivery delivery;

    begin(false);
    llmobs_delivery_init(&delivery, &config, llmobs_queue_new(4096));
    ck_assert(llmobs_delivery_due(&delivery) == INT64_MAX);
    llmobs_delivery_set_meter(&delivery, &meter.base);
    ck_assert(llmobs_delivery_due(&delivery) == INT64_MAX);
    atomic_store(&meter.due_ns, 77);
    ck_assert(llmobs_delivery_due(&delivery) == 77);
    ck_assert_int_eq(llmobs_delivery_run(&delivery, LLMOBS_RUN_INLINE, 0), 0);
    ck_assert_int_eq(meter.published, 0);
    ck_assert_int_eq(llmobs_delivery_run(&delivery, LLMOBS_RUN_DUE, INT64_MAX),
                     0);
    ck_assert_int_eq(meter.published, 1);
    free(delivery.account.queue);
}

/* At the end of a process it sends what it owes, once, in the time that its
 * peer may take; and nothing where it owes nothing. */
TEST(the_end)
{
    for (int thread = 0; thread < 2; thread++) {
        for (int owes = 0; owes < 2; owes++) {
            begin(thread == 1);
            give(2);
            if (thread)
                worker_case_wait(&far.taken, 2);
            atomic_store(&meter.base.owes, owes == 1);
            ck_assert_int_eq(llmobs_worker_wait_ms(worker, true),
                             owes ? LLMOBS_EXIT_INTAKE_MS
                                  : LLMOBS_EXIT_AGENT_MS);
            llmobs_worker_stop(worker, UNIT_LONG_MS);
            ck_assert_int_eq(meter.seen, 2);
            ck_assert_int_eq(meter.published, owes);
            if (owes)
                ck_assert_int_eq(meter.phase, LLMOBS_PHASE_ENDING);
            worker_case_sum(worker);
        }
    }
}

/* So it is where no span waits any more. */
TEST(the_end_without_a_span)
{
    begin(false);
    give(1);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    ck_assert_int_eq(meter.published, 0);
    atomic_store(&meter.base.owes, true);
    atomic_store(&meter.fails, true);
    llmobs_worker_stop(worker, 300);
    ck_assert_int_eq(meter.published, 1);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_lost_otlp_metrics), 2);
    worker_case_sum(worker);
}

/* A child lets go of its parent's sums. */
TEST(a_child)
{
    int status;
    pid_t pid;

    begin(false);
    give(2);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    atomic_store(&meter.base.owes, true);
    pid = fork();
    if (pid == 0) {
        worker_case_give(worker, 9);
        _exit(meter.forgotten == 1 && !meter.base.owes &&
                      llmobs_worker_flush(worker, UNIT_LONG_MS) == 0 &&
                      meter.seen == 3
                  ? 0
                  : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(meter.forgotten, 0);
    llmobs_worker_stop(worker, 300);
    ck_assert_int_eq(meter.published, 1);
}
