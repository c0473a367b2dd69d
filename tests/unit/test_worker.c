/* Tests the worker. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/sanitizer.h"
#include "lib/base/thread.h"
#include "core/deliver/worker.h"
#include "core/event/exchange.h"
#include "lib/base/stats.h"
#include "tests/unit/worker_fake.h"

TEST(delivers_without_being_asked)
{
    fake_begin(true, 1 << 24);
    fake_give(3);
    worker_case_wait(&fake.taken, 3);
    /* And again once it sleeps. */
    usleep(100000);
    fake_give(1);
    worker_case_wait(&fake.taken, 4);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    fake_check_sum();
}

TEST(a_flush_waits_for_all)
{
    fake_begin(true, 1 << 24);
    ck_assert_int_eq(llmobs_worker_flush(worker, 100), 0);
    for (int round = 0; round < 50; round++) {
        fake_give(round);
        ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
        ck_assert_uint_eq(llmobs_worker_pending(worker), 0);
    }
    ck_assert_int_eq(atomic_load(&fake.taken), 49 * 50 / 2);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    fake_check_sum();
}

static int count_threads(void)
{
    int n = unit_entries("/proc/self/task");

    ck_assert_int_gt(n, 0);
    return n;
}

/* Threads of the tests before end by themselves, a moment after their work. */
static int settled_threads(void)
{
    int n = count_threads();

    for (int still = 0, i = 0; still < 10 && i < 1000; still++, i++) {
        int now;

        usleep(2000);
        now = count_threads();
        if (now != n)
            still = 0;
        n = now;
    }
    return n;
}

TEST(no_thread_where_none_is_wanted)
{
    fake_begin(false, 1 << 24);
    int before = settled_threads();

    fake_give(200);
    ck_assert_int_le(count_threads(), before);
    ck_assert_int_eq(atomic_load(&fake.taken), 0);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    ck_assert_int_eq(atomic_load(&fake.taken), 200);
    fake_give(1);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    ck_assert_int_eq(atomic_load(&fake.taken), 201);
    ck_assert_int_le(count_threads(), before);
    fake_check_sum();
}

static void *end(void *nothing)
{
    return nothing;
}

TEST(withdrawn_it_goes_on_without_a_thread)
{
    fake_begin(true, 1 << 24);
    pthread_t other;

    /* With the first thread a sanitizer makes one of its own. */
    ck_assert_int_eq(pthread_create(&other, NULL, end, NULL), 0);
    pthread_join(other, NULL);
    int before = settled_threads();

    fake_give(3);
    llmobs_worker_end_thread(worker);
    ck_assert_int_eq(atomic_load(&fake.taken), 3);
    for (int i = 0; i < 2000 && count_threads() > before; i++)
        usleep(1000);
    ck_assert_int_le(count_threads(), before);
    fake_give(5);
    usleep(50000);
    ck_assert_int_eq(atomic_load(&fake.taken), 3);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    ck_assert_int_eq(atomic_load(&fake.taken), 8);
    fake_give(1);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    ck_assert_int_eq(atomic_load(&fake.taken), 9);
    fake_check_sum();
}

/* A filter may kill for what a delivery needs, and for the thread's start. */
TEST(all_is_sent_before_a_filter)
{
    fake_begin(true, 1 << 24);
    fake_give(3);
    llmobs_worker_hurry(worker, 20000);
    ck_assert_int_eq(atomic_load(&fake.taken), 3);
    atomic_store(&fake.fault, FAULT_ALWAYS);
    fake_give(1);
    ck_assert_int_eq(llmobs_thread_rest(20000, true), 0);
    llmobs_thread_rest_end();
    llmobs_worker_rested(worker, true);
    int before = settled_threads();

    llmobs_worker_hurry(worker, 20000);
    llmobs_worker_rested(worker, false);
    ck_assert_int_le(count_threads(), before);
}

/* Without a thread a full buffer is emptied, not overrun. */
TEST(no_thread_and_no_loss)
{
    fake_begin(false, 64 * 1024);
    fake_give(500);
    ck_assert_int_gt(atomic_load(&fake.taken), 0);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    ck_assert_int_eq(atomic_load(&fake.taken), 500);
    fake_check_sum();
}

TEST(a_full_buffer_is_counted)
{
    fake_begin(true, 64 * 1024);
    atomic_store(&fake.fault, FAULT_STUCK);
    fake_give(500);
    fake_check_sum();
    ck_assert_uint_gt(stat_of(LLMOBS_STAT_dropped_full), 0);
    atomic_store(&fake.fault, FAULT_NONE);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    fake_check_sum();
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_delivered) +
                          stat_of(LLMOBS_STAT_dropped_full),
                      500);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
}

TEST(a_dead_exporter_costs_the_exit_little)
{
    int64_t start;

    for (int thread = 0; thread < 2; thread++) {
        fake_begin(thread, 1 << 24);
        atomic_store(&fake.fault, FAULT_ALWAYS);
        fake_give(10);
        start = llmobs_clock_mono_ns();
        ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), -ETIMEDOUT);
        llmobs_worker_stop(worker, UNIT_LONG_MS);
        ck_assert_int_lt(unit_ms_since(start), 10000);
        ck_assert_uint_eq(stat_of(LLMOBS_STAT_dropped_exit), 10);
        ck_assert_uint_eq(llmobs_worker_pending(worker), 0);
        fake_check_sum();
    }
}

TEST(a_stuck_exporter_is_not_waited_for_longer_than_said)
{
    int64_t start;

    fake_begin(true, 1 << 24);
    atomic_store(&fake.fault, FAULT_STUCK);
    fake_give(10);
    worker_case_wait(&fake.sends, 1);
    start = llmobs_clock_mono_ns();
    llmobs_worker_stop(worker, 200);
    ck_assert_int_ge(unit_ms_since(start), 190);
    ck_assert_int_lt(unit_ms_since(start), 10000);
    fake_check_sum();
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_dropped_exit), 10);
    /* It goes on after all: nothing is counted twice. */
    atomic_store(&fake.fault, FAULT_NONE);
    usleep(100000);
    ck_assert_uint_eq(llmobs_worker_pending(worker), 0);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_delivered), 0);
    fake_check_sum();
}

/* Under a sanitizer the thread needs longer than that to read the calls. */
#define SOON_MS (LLMOBS_ASAN || LLMOBS_TSAN ? 30000 : 15)

/* The thread lingers 20 ms after a delivery. It is woken before that time ends
 * when many calls are given; a busy machine may delay some of the rounds. */
TEST(many_calls_wake_the_thread)
{
    int64_t took = INT64_MAX;
    int given = 0;

    fake_begin(true, 1 << 24);
    for (int round = 0; round < 200 && took >= SOON_MS; round++) {
        int64_t start;

        fake_give(1);
        worker_case_wait(&fake.taken, given + 1);
        start = llmobs_clock_mono_ns();
        fake_give(100);
        while (atomic_load(&fake.taken) == given + 1 &&
               unit_ms_since(start) < 60000)
            usleep(500);
        took = unit_ms_since(start);
        given += 101;
        worker_case_wait(&fake.taken, given);
    }
    ck_assert_int_lt(took, SOON_MS);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    fake_check_sum();
}

TEST(who_ends_at_once_delivers_itself)
{
    int itself = 0;

    for (int round = 0; round < 50; round++) {
        fake_begin(true, 1 << 24);
        fake_give(1);
        usleep((useconds_t)(round * 150));
        if (round == 49) /* the thread, however late it comes */
            worker_case_wait(&fake.sends, 1);
        llmobs_worker_stop(worker, UNIT_LONG_MS);
        ck_assert_int_eq(atomic_load(&fake.taken), 1);
        itself += pthread_equal(fake.caller, pthread_self()) != 0;
        fake_check_sum();
    }
    ck_assert_int_gt(itself, 0);
    ck_assert_int_lt(itself, 50);
}

/* The second call does not wait for the moment to pass, nor does a flush. On a
 * busy machine it may take many rounds until one shows it. */
TEST(the_thread_begins_when_there_is_more)
{
    int64_t start;
    int early = 0;

    for (int round = 0; round < 20 || (early == 0 && round < 1000); round++) {
        fake_begin(true, 1 << 24);
        fake_give(2);
        start = llmobs_clock_mono_ns();
        worker_case_wait(&fake.taken, 2);
        early += unit_ms_since(start) < 4;
        llmobs_worker_stop(worker, UNIT_LONG_MS);
        ck_assert_int_eq(atomic_load(&fake.taken), 2);
    }
    ck_assert_int_gt(early, 0);
}

TEST(what_comes_after_the_stop_is_delivered)
{
    for (int round = 0; round < 100; round++) {
        fake_begin(round % 4 != 0, 1 << 24);
        fake_give(1);
        llmobs_worker_stop(worker, UNIT_LONG_MS);
        ck_assert_int_eq(atomic_load(&fake.taken), 1);
        fake_give(2);
        ck_assert_int_eq(atomic_load(&fake.taken), 3);
        llmobs_worker_stop(worker, UNIT_LONG_MS);
        fake_check_sum();
    }
}

TEST(a_failed_delivery_is_tried_again)
{
    fake_begin(true, 1 << 24);
    atomic_store(&fake.fault, FAULT_ALWAYS);
    fake_give(100);
    for (int i = 0; i < 5000 && atomic_load(&fake.sends) < 1; i++)
        usleep(1000);
    usleep(50000);
    ck_assert_int_ge(atomic_load(&fake.sends), 1);
    ck_assert_int_lt(atomic_load(&fake.sends), 5);
    ck_assert_uint_eq(llmobs_worker_pending(worker), 100);
    atomic_store(&fake.fault, FAULT_NONE);
    for (int i = 0; i < 5000 && atomic_load(&fake.taken) < 100; i++)
        usleep(1000);
    ck_assert_int_eq(atomic_load(&fake.taken), 100);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    fake_check_sum();
}

static void *give_many(void *arg)
{
    fake_give(300);
    return arg;
}

static void *flush_many(void *arg)
{
    for (int i = 0; i < 100; i++)
        llmobs_worker_flush(worker, 5);
    return arg;
}

TEST(the_sums_hold_whatever_fails)
{
    for (int thread = 0; thread < 2; thread++) {
        pthread_t threads[5];

        fake_begin(thread, 256 * 1024);
        fake.seed = (unsigned)thread + 1;
        atomic_store(&fake.fault, FAULT_RANDOM);
        for (int i = 0; i < 5; i++)
            pthread_create(&threads[i], NULL, i < 4 ? give_many : flush_many,
                           NULL);
        for (int i = 0; i < 5; i++)
            pthread_join(threads[i], NULL);
        for (int i = 0; i < 200 && llmobs_worker_pending(worker); i++)
            llmobs_worker_flush(worker, 100);
        fake_check_sum();
        ck_assert_uint_eq(llmobs_worker_pending(worker), 0);
        ck_assert_uint_eq(stat_of(LLMOBS_STAT_captured), 1200);
        ck_assert_uint_eq(stat_of(LLMOBS_STAT_delivered),
                          (uint64_t)atomic_load(&fake.taken));
        ck_assert_uint_eq(stat_of(LLMOBS_STAT_dropped_export),
                          (uint64_t)atomic_load(&fake.refused));
        llmobs_worker_stop(worker, UNIT_LONG_MS);
        fake_check_sum();
    }
}

/* A span that is too big goes with less of it. */
TEST(an_event_beyond_the_limit)
{
    struct llmobs_span span;
    char name[3000];

    fake_begin(true, 1 << 24);
    fake_config->event_max = 2000;
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    llmobs_span_init(&span);
    llmobs_span_set(&span.name, name);
    llmobs_worker_submit_span(worker, &span);
    fake_give(1);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_dropped_export), 0);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_delivered), 2);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    fake_check_sum();
}

#define CHAT "http://other.example/v1/chat/completions"

static struct llmobs_item *make_exchange(const struct llmobs_rules *rules,
                                         const char *body)
{
    struct llmobs_request request = {.method = "POST",
                                     .url = CHAT,
                                     .content_type = "application/json",
                                     .body_pending = true};
    struct llmobs_exchange *exchange = llmobs_exchange_new(1 << 20);

    ck_assert(llmobs_rules_match(rules, &request, &exchange->match));
    strcpy(exchange->method, "POST");
    exchange->url = strdup(CHAT);
    exchange->context.span_id = 1;
    exchange->status = 200;
    ck_assert_int_eq(llmobs_body_add(&exchange->request, body, strlen(body)),
                     0);
    return &exchange->item;
}

/* A candidate that was no LLM call is no span, and is accounted for. */
TEST(exchanges_become_spans_or_not)
{
    struct llmobs_rules_config rules_config = {0};
    struct llmobs_rules *rules = llmobs_rules_new(&rules_config);

    fake_begin(true, 1 << 24);
    llmobs_worker_submit(worker, make_exchange(rules, "{\"rows\": []}"));
    llmobs_worker_submit(
        worker, make_exchange(rules, "{\"model\": \"m\", \"messages\": "
                                     "[{\"role\": \"user\", \"content\": "
                                     "\"hi\"}]}"));
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_unconfirmed), 1);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_delivered), 1);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    fake_check_sum();
    llmobs_rules_free(rules);
}
