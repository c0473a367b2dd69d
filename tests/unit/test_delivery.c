/* Several destinations, each with its own progress; and what happens to events
 * that one of them would not have. */
#include <sched.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/sanitizer.h"
#include "core/deliver/delivery.h"
#include "core/deliver/worker.h"
#include "core/event/exchange.h"
#include "lib/base/stats.h"
#include "tests/unit/unit.h"
#include "tests/unit/worker_case.h"

#define IDS 40000

struct side {
    struct llmobs_exporter base;
    atomic_int error;   /* 0: takes all; 1: random */
    atomic_int slow_ms; /* every send takes this long */
    atomic_int taken;
    atomic_int refused;
    atomic_int sends;
    atomic_int busy; /* inside a send */
    atomic_int overlaps;
    bool takes_no_old;
    atomic_bool hangs;         /* its request waits, as http does */
    atomic_int phase;          /* of the last send */
    size_t withheld, rejected; /* events: so many first and last ones of each
                                * send do not arrive */
    unsigned seed;
    unsigned char seen[IDS];
};

static struct side far, other_far, near, safe;
static struct llmobs_config config;
static struct llmobs_worker *worker;
static struct llmobs_worker *kept[64];
static size_t kept_count;

static int side_take(struct side *side, const struct llmobs_text *events,
                     size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *id =
            memmem(events[i].data, events[i].len, "\"span_id\": \"", 12);

        if (id)
            side->seen[atol(id + 12) % IDS]++;
    }
    atomic_fetch_add(&side->taken, (int)count);
    return (int)count;
}

static int side_send(struct llmobs_exporter *exporter,
                     const struct llmobs_text *events, size_t count)
{
    struct side *side = (struct side *)exporter;
    int error = atomic_load(&side->error);
    int rc = error;

    if (side->takes_no_old && exporter->old)
        return -ESTALE;
    if (atomic_fetch_add(&side->busy, 1) != 0)
        atomic_fetch_add(&side->overlaps, 1);
    atomic_store(&side->phase, (int)exporter->phase);
    atomic_fetch_add(&side->sends, 1);
    if (atomic_load(&side->slow_ms))
        usleep((useconds_t)atomic_load(&side->slow_ms) * 1000);
    while (atomic_load(&side->hangs)) {
        llmobs_tick_now(&exporter->tick);
        usleep(5000);
    }
    if (error == 1) {
        unsigned draw = (unsigned)rand_r(&side->seed) % 6;

        if (draw == 0)
            rc = -EIO;
        else if (draw == 1)
            rc = -EBADMSG;
        else
            rc = side_take(side, events, draw == 2 ? (count + 1) / 2 : count);
        if (rc == -EBADMSG)
            atomic_fetch_add(&side->refused, 1);
    } else if (error == 0) {
        rc = side_take(side, events, count);
    }
    for (size_t i = 0; exporter->outcomes && rc > 0 && i < (size_t)rc; i++) {
        if (i < side->withheld)
            exporter->outcomes[i] = LLMOBS_OUTCOME_SAMPLED_OUT;
        else if (i + side->rejected >= (size_t)rc)
            exporter->outcomes[i] = LLMOBS_OUTCOME_REJECTED;
    }
    if (rc == -EACCES)
        exporter->retry_ms = 60000;
    atomic_fetch_sub(&side->busy, 1);
    return rc;
}

static void side_forget(struct llmobs_exporter *exporter)
{
    (void)exporter;
}

static const struct llmobs_exporter_ops far_ops = {
    "agent", side_send, side_forget, side_forget, NULL};
static const struct llmobs_exporter_ops other_ops = {
    "agentless", side_send, side_forget, side_forget, NULL};
static const struct llmobs_exporter_ops near_ops = {
    "store", side_send, side_forget, side_forget, NULL};

static void init_side(struct side *side, const struct llmobs_exporter_ops *ops)
{
    memset(side, 0, sizeof(*side));
    side->base.ops = ops;
    side->seed = 11;
    atomic_store(&side->base.remote, ops != &near_ops);
    atomic_store(&side->base.exit_ms, ops == &far_ops     ? 100
                                      : ops == &other_ops ? 2000
                                                          : 0);
}

static struct llmobs_queue *buffer;

/* The thread has taken all that was given. */
static void wait_taken(void)
{
    for (int i = 0; i < 10000 && llmobs_queue_pending(buffer) > 0; i++)
        usleep(1000);
}

static void begin(bool thread, int64_t buffer_max)
{
    memset(&config, 0, sizeof(config));
    config.thread = thread;
    config.event_max = 5000000;
    config.payload_max = 5242880;
    config.flush_interval_ms = 1000;
    config.exit_flush_ms = -1;
    config.buffer_max = buffer_max;
    init_side(&far, &far_ops);
    init_side(&other_far, &other_ops);
    init_side(&near, &near_ops);
    init_side(&safe, &near_ops);
    llmobs_stats_reset();
    buffer = llmobs_queue_new((size_t)buffer_max);
    worker = llmobs_worker_new(&config, buffer, &far.base);
    ck_assert_ptr_nonnull(worker);
    kept[kept_count++ % 64] = worker;
}

static void give(int from, int to)
{
    for (int i = from; i < to; i++)
        worker_case_give(worker, (uint64_t)i);
}

static void check_sum(void)
{
    worker_case_sum(worker);
    ck_assert_int_eq(far.overlaps + near.overlaps + other_far.overlaps, 0);
}

TEST(a_dead_agent_does_not_hold_up_the_store)
{
    int64_t start;

    begin(true, 1 << 24);
    ck_assert_int_eq(
        llmobs_delivery_add(llmobs_worker_delivery(worker), &near.base), 0);
    atomic_store(&far.error, -ECONNREFUSED);
    for (int i = 0; i < 10; i++) {
        start = llmobs_clock_mono_ns();
        give(i * 10, i * 10 + 10);
        worker_case_wait(&near.taken, i * 10 + 10);
        ck_assert_int_lt(unit_ms_since(start), 2000);
    }
    /* The worker counts what the store has just taken. */
    start = llmobs_clock_mono_ns();
    while (stat_of(LLMOBS_STAT_sent_store) < 100 && unit_ms_since(start) < 2000)
        sched_yield();
    /* Not delivered before both have it. */
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_delivered), 0);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_sent_store), 100);
    ck_assert_uint_eq(llmobs_worker_pending(worker), 100);
    check_sum();
    atomic_store(&far.error, 0);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_delivered), 100);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_sent_agent), 100);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    check_sum();
}

TEST(a_hanging_agent_does_not_hold_up_the_store)
{
    begin(true, 1 << 24);
    ck_assert_int_eq(
        llmobs_delivery_add(llmobs_worker_delivery(worker), &near.base), 0);
    atomic_store(&far.hangs, true);
    give(0, 10);
    worker_case_wait(&far.sends, 1);
    for (int i = 1; i < 10; i++) {
        int64_t start = llmobs_clock_mono_ns();

        give(i * 10, i * 10 + 10);
        worker_case_wait(&near.taken, i * 10 + 10);
        ck_assert_int_lt(unit_ms_since(start), 2000);
    }
    ck_assert_int_eq(far.sends, 1);
    check_sum();
    atomic_store(&far.hangs, false);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(far.seen[i], 1);
        ck_assert_int_eq(near.seen[i], 1);
    }
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_delivered), 100);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    check_sum();
}

/* Nobody takes a call that the delivery has in hand, and memory has its bound.
 */
TEST(a_hanging_agent_where_memory_ends)
{
    uint64_t lost;

    begin(true, 100000);
    ck_assert_int_eq(
        llmobs_delivery_add(llmobs_worker_delivery(worker), &near.base), 0);
    llmobs_worker_delivery(worker)->rescue = &safe.base;
    atomic_store(&far.hangs, true);
    for (int i = 0; i < 3000; i += 20) {
        give(i, i + 20);
        usleep(500);
    }
    check_sum();
    lost = stat_of(LLMOBS_STAT_dropped_full);
    ck_assert_uint_gt(lost, 0);
    worker_case_wait(&far.sends, 1);
    ck_assert_int_gt(near.taken, 0);
    atomic_store(&far.hangs, false);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    lost = stat_of(LLMOBS_STAT_dropped_full);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_delivered) + lost, 3000);
    for (int i = 0; i < 3000; i++) {
        ck_assert_int_le(far.seen[i] + safe.seen[i], 1);
        ck_assert_int_le(near.seen[i], 1);
    }
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    check_sum();
}

/* Tried once, not waited for: each process of a host would. */
TEST(a_store_that_cannot_be_written_costs_no_time)
{
    static const struct {
        int error, sends;
    } rows[] = {{-EACCES, 1}, {-EROFS, 1}, {-EAGAIN, 3}, {-ENOSPC, 3}};

    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        begin(false, 1 << 24);
        config.thread = i % 2 != 0;
        atomic_store(&far.base.remote, false);
        atomic_store(&far.error, rows[i / 2].error);
        give(0, 1);
        llmobs_worker_stop(worker, UNIT_LONG_MS);
        /* On a slow machine a thread has another try before the stop. */
        if (!config.thread) {
            ck_assert_int_ge(far.sends, rows[i / 2].sends);
            ck_assert_int_le(far.sends, rows[i / 2].sends == 1 ? 2 : 4);
        }
        check_sum();
    }
}

/* Refused by one for good: dropped. Not delivered to one by the end, while
 * another has it: kept. */
TEST(lost_for_one_is_lost)
{
    begin(true, 1 << 24);
    ck_assert_int_eq(
        llmobs_delivery_add(llmobs_worker_delivery(worker), &near.base), 0);
    atomic_store(&far.error, -EBADMSG);
    give(0, 10);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    ck_assert_int_eq(near.taken, 10);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_delivered), 0);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_dropped_export), 10);
    atomic_store(&far.error, -ECONNREFUSED);
    give(10, 20);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    ck_assert_int_eq(near.taken, 20);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_dropped_exit), 0);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_delivered), 10);
    check_sum();
}

/* A peer that was silent gets no time of somebody who waits (peer.c). */
TEST(an_exporter_knows_who_waits)
{
    begin(true, 1 << 24);
    give(0, 1);
    worker_case_wait(&far.taken, 1);
    ck_assert_int_eq(far.phase, LLMOBS_PHASE_RUNNING);
    give(1, 2);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    ck_assert_int_eq(far.phase, LLMOBS_PHASE_AWAITED);
    give(2, 3);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    ck_assert_int_eq(far.taken, 3);
    ck_assert_int_eq(far.phase, LLMOBS_PHASE_ENDING);
    check_sum();
}

/* Two remote places that share events are saved once. */
TEST(what_is_left_of_two_is_rescued_once)
{
    begin(true, 1 << 24);
    ck_assert_int_eq(
        llmobs_delivery_add(llmobs_worker_delivery(worker), &near.base), 0);
    atomic_store(&near.base.remote, true);
    llmobs_worker_delivery(worker)->rescue = &safe.base;
    atomic_store(&far.error, -ECONNREFUSED);
    atomic_store(&near.error, -ECONNREFUSED);
    give(0, 300);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    ck_assert_int_eq(safe.taken, 300);
    for (int i = 0; i < 300; i++)
        ck_assert_int_eq(safe.seen[i], 1);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_delivered), 0);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_fell_back), 300);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_sent_store), 300);
    check_sum();
    atomic_store(&near.base.remote, false);
}

/* Over the network one request an interval, but the first at once; the store
 * does not wait. */
TEST(remote_sends_are_batched)
{
    begin(true, 1 << 24);
    ck_assert_int_eq(
        llmobs_delivery_add(llmobs_worker_delivery(worker), &near.base), 0);
    config.flush_interval_ms = 2000;
    give(0, 1);
    worker_case_wait(&far.taken, 1);
    for (int i = 1; i < 21; i++) {
        give(i, i + 1);
        usleep(10000);
    }
    worker_case_wait(&near.taken, 21);
    ck_assert_int_le(far.sends, 2);
    worker_case_wait(&far.taken, 21);
    ck_assert_int_le(far.sends, 3);
    /* A flush does not wait. */
    give(21, 22);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    ck_assert_int_eq(far.taken, 22);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    check_sum();
}

/* The oldest are kept, the newest dropped and counted; who is well gets all. */
TEST(memory_ends)
{
    const int64_t limit = 200000;
    uint64_t lost;

    begin(true, limit);
    llmobs_delivery_add(llmobs_worker_delivery(worker), &near.base);
    atomic_store(&far.error, -ECONNREFUSED);
    for (int i = 0; i < 3000; i += 20) {
        give(i, i + 20);
        worker_case_wait(&near.taken, i + 20);
    }
    lost = stat_of(LLMOBS_STAT_dropped_full);
    ck_assert_uint_gt(lost, 1000);
    check_sum();
    atomic_store(&far.error, 0);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    lost = stat_of(LLMOBS_STAT_dropped_full);
    ck_assert_int_eq(far.taken, 3000 - (int)lost);
    for (int i = 0; i < 3000; i++)
        ck_assert_int_eq(far.seen[i], i < 3000 - (int)lost);
    give(3000, 3001);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    ck_assert_int_eq(far.seen[3000], 1);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_dropped_full), lost);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    check_sum();
}

static long resident_kb(void)
{
    long pages = 0, all;
    FILE *f = fopen("/proc/self/statm", "r");

    ck_assert_int_eq(fscanf(f, "%ld %ld", &all, &pages), 2);
    fclose(f);
    return pages * 4;
}

TEST(a_dead_agent_alone_costs_bounded_memory)
{
    long before, after;

    begin(true, 8 << 20);
    atomic_store(&far.error, -ECONNREFUSED);
    give(0, 100);
    before = resident_kb();
    for (int round = 0; round < 40; round++) {
        give(0, 1000);
        usleep(1000);
    }
    after = resident_kb();
    check_sum();
    ck_assert_uint_gt(stat_of(LLMOBS_STAT_dropped_full), 20000);
    ck_assert_uint_gt(llmobs_worker_pending(worker), 1000);
/* A sanitizer keeps several bytes of its own for each of ours. */
#if LLMOBS_ASAN || LLMOBS_TSAN
    (void)before;
    (void)after;
#else
    ck_assert_int_lt(after - before, 32 * 1024);
#endif
    atomic_store(&far.error, 0);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    give(0, 1);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    check_sum();
    llmobs_worker_stop(worker, UNIT_LONG_MS);
}

/* A call that no peer took is kept locally: where memory ends, and at exit. */
TEST(what_is_left_is_rescued)
{
    for (int thread = 0; thread < 2; thread++) {
        begin(thread, 200000);
        llmobs_worker_delivery(worker)->rescue = &safe.base;
        atomic_store(&far.error, -ECONNREFUSED);
        for (int i = 0; i < 2000; i += 20) {
            give(i, i + 20);
            if (thread)
                wait_taken();
        }
        ck_assert_uint_eq(stat_of(LLMOBS_STAT_dropped_full), 0);
        ck_assert_int_gt(safe.taken, 500);
        ck_assert_int_lt(safe.taken, 2000);
        llmobs_worker_stop(worker, UNIT_LONG_MS);
        ck_assert_int_eq(safe.taken, 2000);
        for (int i = 0; i < 2000; i++)
            ck_assert_int_eq(safe.seen[i], 1);
        ck_assert_uint_eq(stat_of(LLMOBS_STAT_delivered), 0);
        ck_assert_uint_eq(stat_of(LLMOBS_STAT_fell_back), 2000);
        ck_assert_uint_eq(stat_of(LLMOBS_STAT_sent_store), 2000);
        check_sum();
        /* And what comes still later. */
        give(2000, 2003);
        ck_assert_int_eq(safe.taken, 2003);
        check_sum();
    }
}

/* A pause that the peer asked for holds against flushes, not against the end:
 * one attempt then. */
TEST(a_peer_is_not_pressed)
{
    int sends;

    begin(true, 1 << 24);
    llmobs_worker_delivery(worker)->rescue = &safe.base;
    atomic_store(&far.error, -EACCES);
    give(0, 5);
    for (int i = 0; i < 2000 && !far.sends; i++)
        usleep(1000);
    sends = far.sends;
    ck_assert_int_le(sends, 5);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(llmobs_worker_flush(worker, 50), -ETIMEDOUT);
    ck_assert_int_eq(far.sends, sends);
    ck_assert_int_eq(safe.taken, 0);
    llmobs_worker_stop(worker, 500);
    ck_assert_int_eq(far.sends, sends + 1);
    ck_assert_int_eq(safe.taken, 5);
    check_sum();
}

TEST(a_pause_keeps_the_worker_out)
{
    begin(true, 1 << 24);
    atomic_store(&far.slow_ms, 500);
    give(0, 5);
    for (int i = 0; i < 2000 && !far.busy; i++)
        usleep(500);
    ck_assert_int_eq(llmobs_worker_pause(worker, 5), -ETIMEDOUT);
    llmobs_worker_resume(worker);
    atomic_store(&far.slow_ms, 30);
    for (int round = 0; round < 10; round++) {
        int sends;

        give(round, round + 1);
        ck_assert_int_eq(llmobs_worker_pause(worker, UNIT_LONG_MS), 0);
        ck_assert_int_eq(far.busy, 0);
        sends = far.sends;
        give(round, round + 1);
        usleep(30000);
        ck_assert_int_eq(far.sends, sends);
        llmobs_worker_resume(worker);
    }
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    ck_assert_int_eq(far.taken, 25);
    /* A stop ends all pauses; a resume too many does no harm. */
    give(0, 1);
    ck_assert_int_eq(llmobs_worker_pause(worker, UNIT_LONG_MS), 0);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    llmobs_worker_resume(worker);
    llmobs_worker_resume(worker);
    ck_assert_int_eq(far.taken, 26);
    check_sum();
}

/* Our thread comes to a gate that is paused, and leaves it at once: nobody is
 * in an exporter, and no request is to be cut for it. */
TEST(a_pause_is_no_timeout_where_the_thread_looks_in)
{
    int64_t end = llmobs_clock_mono_ns() + INT64_C(2000000000);
    int late = 0;

    begin(true, 1 << 24);
    give(0, 1);
    while (llmobs_clock_mono_ns() < end) {
        if (llmobs_worker_pause(worker, UNIT_LONG_MS) != 0)
            late++;
        llmobs_worker_resume(worker); /* wakes it */
    }
    ck_assert_int_eq(late, 0);
}

static void *give_many(void *arg)
{
    int from = (int)(intptr_t)arg;

    give(from, from + 500);
    return NULL;
}

static void *disturb(void *arg)
{
    for (int i = 0; i < 60; i++) {
        llmobs_worker_flush(worker, 3);
        llmobs_worker_pause(worker, 3);
        usleep(300);
        llmobs_worker_resume(worker);
        llmobs_worker_warm(worker);
    }
    return arg;
}

TEST(the_sums_hold_with_several)
{
    for (int thread = 0; thread < 2; thread++) {
        pthread_t threads[6];

        begin(thread, 1 << 24);
        llmobs_delivery_add(llmobs_worker_delivery(worker), &near.base);
        llmobs_delivery_add(llmobs_worker_delivery(worker), &other_far.base);
        far.base.wants_warm = true;
        config.flush_interval_ms = 5;
        atomic_store(&far.error, 1);
        atomic_store(&near.error, 1);
        atomic_store(&other_far.error, 1);
        near.seed = 99;
        for (int i = 0; i < 6; i++)
            pthread_create(&threads[i], NULL, i < 4 ? give_many : disturb,
                           (void *)(intptr_t)(i * 500));
        for (int i = 0; i < 6; i++)
            pthread_join(threads[i], NULL);
        for (int i = 0; i < 2000 && llmobs_worker_pending(worker); i++)
            llmobs_worker_flush(worker, 100);
        ck_assert_uint_eq(llmobs_worker_pending(worker), 0);
        llmobs_worker_stop(worker, UNIT_LONG_MS);
        check_sum();
        ck_assert_int_eq(far.taken + far.refused, 2000);
        ck_assert_int_eq(near.taken + near.refused, 2000);
        ck_assert_int_eq(other_far.taken + other_far.refused, 2000);
        for (int i = 0; i < 2000; i++)
            ck_assert_int_le(far.seen[i] | near.seen[i], 1);
        ck_assert_uint_eq(stat_of(LLMOBS_STAT_sent_agent), (uint64_t)far.taken);
    }
}

static atomic_int notes;

static int64_t count_note(const struct llmobs_config *the_config, bool rests)
{
    (void)the_config;
    (void)rests;
    return atomic_fetch_add(&notes, 1) < 5 ? 10 : -1;
}

/* The bookkeeper is called again when he asked for it, and then sleeps. */
TEST(the_books_are_kept)
{
    begin(true, 1 << 24);
    atomic_store(&notes, 0);
    llmobs_worker_delivery(worker)->record = count_note;
    give(0, 1);
    worker_case_wait(&far.taken, 1);
    for (int i = 0; i < 3000 && notes < 6; i++)
        usleep(1000);
    ck_assert_int_ge(notes, 6);
    usleep(100000);
    ck_assert_int_le(notes, 9);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
}

/* LLMOBS_BUFFER_MAX counts what annotation contexts say of a call, too. */
TEST(what_is_said_of_a_call_weighs)
{
    struct llmobs_exchange *exchange = llmobs_exchange_new(1000);
    size_t before;

    ck_assert_ptr_nonnull(exchange);
    before = llmobs_delivery_weight(&exchange->item);
    exchange->annotations = calloc(1, 100001);
    ck_assert_ptr_nonnull(exchange->annotations);
    memset(exchange->annotations, 'x', 100000);
    ck_assert_uint_ge(llmobs_delivery_weight(&exchange->item), before + 100000);
    llmobs_exchange_free(exchange);
}

/* Each call is settled once, by the destination that did not get it. */
TEST(an_outcome_for_each_event)
{
    begin(false, 1 << 24);
    ck_assert_int_eq(
        llmobs_delivery_add(llmobs_worker_delivery(worker), &near.base), 0);
    far.withheld = 3;
    far.rejected = 2;
    give(0, 10);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_delivered), 5);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_sampled_out), 3);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_dropped_rejected), 2);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_sent_agent), 5);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_sent_store), 10);
    check_sum();
    /* A loss elsewhere is a loss, whatever the sampler said before. */
    far.withheld = 10;
    atomic_store(&near.error, -EBADMSG);
    give(10, 20);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_sampled_out), 3);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_dropped_export), 10);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    check_sum();
}

/* An exporter gets the kinds of events that it takes. */
TEST(only_the_kinds_that_it_takes)
{
    static const struct llmobs_text evaluation = {"{}", 2};

    begin(false, 1 << 24);
    other_far.base.kinds = 1u << LLMOBS_EVENT_SPAN;
    ck_assert_int_eq(
        llmobs_delivery_add(llmobs_worker_delivery(worker), &other_far.base),
        0);
    near.base.kinds = 1u << LLMOBS_EVENT_EVALUATION;
    ck_assert_int_eq(
        llmobs_delivery_add(llmobs_worker_delivery(worker), &near.base), 0);
    give(0, 10);
    ck_assert_int_eq(
        llmobs_worker_submit_event(worker, LLMOBS_EVENT_EVALUATION, evaluation),
        0);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    ck_assert_int_eq(far.taken, 11);
    ck_assert_int_eq(other_far.taken, 10);
    ck_assert_int_eq(near.taken, 1);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_delivered), 11);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    check_sum();
}

/* Each exporter has its own back-off; a firm pause holds at the exit, too. */
TEST(a_back_off_of_its_own)
{
    static const struct llmobs_backoff slow = {.first_ms = 1000,
                                               .most_ms = 30000,
                                               .growth = 150,
                                               .jitter = 100,
                                               .firm = true};
    struct llmobs_account account = {0};
    struct llmobs_destination d;
    int64_t least[3] = {500, 750, 1125}, most[3] = {1501, 2251, 3376};

    begin(false, 1 << 24);
    far.base.backoff = &slow;
    llmobs_destination_init(&d, &far.base, &account, &config);
    atomic_store(&far.error, -ECONNREFUSED);
    llmobs_destination_push(&d, llmobs_event_new(&account, LLMOBS_EVENT_SPAN,
                                                 (struct llmobs_text){"{}", 2},
                                                 NULL));
    for (int i = 0; i < 3; i++) {
        int64_t start = llmobs_clock_mono_ns();

        ck_assert_int_eq(llmobs_destination_send(&d, NULL), -ECONNREFUSED);
        ck_assert_int_ge((d.due_ns - start) / LLMOBS_NS_PER_MS, least[i]);
        ck_assert_int_le((d.due_ns - start) / LLMOBS_NS_PER_MS, most[i] + 50);
    }
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(llmobs_destination_send(&d, NULL), -ECONNREFUSED);
    ck_assert_int_eq(d.backoff_ms, 30000);
    free(d.queue[0]);
    free(d.queue);
    give(0, 1);
    atomic_store(&far.error, -EACCES);
    ck_assert_int_ne(llmobs_worker_flush(worker, 100), 0);
    ck_assert_int_eq(far.sends, 24);
    llmobs_worker_stop(worker, 100);
    ck_assert_int_eq(far.sends, 24);
}

/* One that is too old for its peer goes to the store, and holds nothing up if
 * the store refuses it. */
TEST(a_peer_that_takes_no_old_events)
{
    struct llmobs_account account = {0};
    struct llmobs_destination d;

    begin(false, 1 << 24);
    atomic_store(&account.pending, 3);
    llmobs_destination_init(&d, &far.base, &account, &config);
    for (int i = 0; i < 3; i++) {
        struct llmobs_event *event = llmobs_event_new(
            &account, LLMOBS_EVENT_SPAN, (struct llmobs_text){"{}", 2}, NULL);

        event->old = i < 2;
        llmobs_destination_push(&d, event);
        llmobs_event_release(&account, event, LLMOBS_STAT_delivered);
    }
    far.takes_no_old = true;
    ck_assert_int_eq(llmobs_destination_send(&d, &safe.base), 0);
    ck_assert_int_eq(safe.taken, 1);
    atomic_store(&safe.error, -ENOSPC);
    ck_assert_int_eq(llmobs_destination_send(&d, &safe.base), 0);
    ck_assert_int_eq(llmobs_destination_send(&d, &safe.base), 0);
    ck_assert_int_eq(far.taken, 1);
    ck_assert_uint_eq(d.count, 0);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_dropped_expired), 2);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_delivered), 1);
    free(d.queue);
}

/* A long text is not copied, and its memory serves the next one. */
TEST(a_long_event_takes_its_text)
{
    struct llmobs_account account = {.pending = 2};
    struct llmobs_event *event;
    struct llmobs_buf text;
    char *data;

    llmobs_buf_init(&text, 1 << 20);
    ck_assert_int_eq(llmobs_buf_reserve(&text, 300000), 0);
    memset(text.data, 'x', 300000);
    text.len = 300000;
    event = llmobs_event_new(&account, LLMOBS_EVENT_SPAN,
                             (struct llmobs_text){text.data, text.len}, &text);
    ck_assert_ptr_nonnull(event);
    ck_assert_ptr_null(text.data);
    ck_assert_uint_eq(event->len, 300000);
    ck_assert_uint_eq(account.bytes, 300000);
    ck_assert_int_eq(event->data[299999], 'x');
    data = event->data;
    llmobs_event_release(&account, event, LLMOBS_STAT_delivered);
    ck_assert_ptr_eq(account.spare.data, data);
    ck_assert_uint_eq(account.bytes, 0);
    llmobs_buf_fini(&account.spare);
}
