/* How long an exit waits for a store: the spool may have all of it already; and
 * that it leaves the calls of other processes. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/commit.h"
#include "core/deliver/delivery.h"
#include "core/deliver/worker.h"
#include "lib/base/stats.h"
#include "tests/unit/spool_case.h"
#include "tests/unit/worker_fake.h"

/* A worker whose one exporter asks for the time of a store. */
static void begin(struct llmobs_spool *its)
{
    fake_begin(false, 1 << 20);
    config.exit_flush_ms = -1;
    config.thread = false;
    config.buffer_max = 1 << 20;
    config.event_max = config.payload_max = 1 << 20;
    fake_config = &config;
    fake_replace(&fake.base, 1 << 20);
    llmobs_account_set(&llmobs_worker_delivery(worker)->account, its, NULL);
}

static void give_call(void)
{
    llmobs_worker_submit(worker, &spool_make(100)->item);
}

UNIT_FIXTURE(spool_begin, spool_end);

TEST(test_kept_by_the_disk)
{
    begin(spool);
    ck_assert_int_eq(llmobs_worker_wait_ms(worker, true), LLMOBS_EXIT_KEPT_MS);
    give_call();
    give_call();
    ck_assert_uint_eq(llmobs_worker_pending(worker), 2);
    ck_assert_int_eq(llmobs_worker_wait_ms(worker, true), LLMOBS_EXIT_KEPT_MS);
    ck_assert_int_eq(llmobs_worker_wait_ms(worker, false),
                     LLMOBS_EXIT_STORE_MS);
    /* The disk also has a span that the program made. */
    worker_case_give(worker, 7);
    ck_assert_int_eq(llmobs_worker_wait_ms(worker, true), LLMOBS_EXIT_KEPT_MS);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    ck_assert_int_eq(fake.taken, 3);
}

TEST(test_kept_by_memory_alone)
{
    begin(NULL);
    give_call();
    ck_assert_int_eq(llmobs_worker_wait_ms(worker, true), LLMOBS_EXIT_STORE_MS);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    ck_assert_int_eq(fake.taken, 1);
}

/* The app's thread writes, or cannot write, with its errno kept. */
TEST(test_errno_at_each_step)
{
    for (int unwritable = 0; unwritable < 2; unwritable++) {
        struct llmobs_exchange *e = spool_make(100);
        FILE *file = unwritable ? fopen(place, "w") : NULL;

        if (file)
            fclose(file);
        begin(spool);
        errno = 4711;
        llmobs_worker_find_key(worker, e);
        llmobs_worker_begin(worker, e, LLMOBS_STAGE_START);
        llmobs_worker_begin(worker, e, LLMOBS_STAGE_BEGIN);
        llmobs_worker_cancel(worker, e);
        llmobs_worker_submit(worker, &e->item);
        ck_assert_int_eq(errno, 4711);
        ck_assert_uint_eq(llmobs_worker_pending(worker), 1);
        llmobs_worker_stop(worker, UNIT_LONG_MS);
        spool_end();
        spool_begin();
    }
}

/* The disk has such a call without its bodies. */
TEST(test_kept_without_content)
{
    config.privacy.content = LLMOBS_CONTENT_OFF;
    begin(spool);
    give_call();
    ck_assert_int_eq(llmobs_worker_wait_ms(worker, true), LLMOBS_EXIT_STORE_MS);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
}

static void leave_one(void)
{
    spool_keep(1);
}

/* An observed program reads no entry of others: its own thread finds out that
 * there are some, and not even that as it ends. */
TEST(test_none_of_others)
{
    static struct llmobs_delivery both[2];

    for (int i = 0; i < 3; i++)
        spool_in_dead(leave_one);
    for (int ends = 0; ends < 2; ends++) {
        struct llmobs_delivery *delivery = &both[ends];

        begin(NULL);
        llmobs_delivery_init(delivery, &config, llmobs_queue_new(1 << 20));
        ck_assert_int_eq(llmobs_delivery_add(delivery, &fake.base), 0);
        llmobs_account_set(&delivery->account, spool,
                           llmobs_adopt_new(&config, LLMOBS_ADOPT_OWN, NULL));
        ck_assert_int_eq(
            llmobs_queue_put(delivery->account.queue, &spool_make(1)->item), 0);
        atomic_store(&delivery->account.pending, 1);
        if (ends)
            llmobs_delivery_set_exit_deadline(delivery, UNIT_LONG_MS);
        llmobs_delivery_allow_tries(delivery, true);
        ck_assert_int_eq(
            llmobs_delivery_run(delivery, LLMOBS_RUN_ALL, INT64_MAX), 0);
        ck_assert(!atomic_load(&delivery->found));
        ck_assert_int_eq(
            llmobs_delivery_run(delivery, LLMOBS_RUN_DUE, INT64_MAX), 0);
        ck_assert_int_eq(fake.taken, 1);
        ck_assert_int_eq(spool_dirs(), 3);
        ck_assert_int_eq(atomic_load(&delivery->found), !ends);
    }
}

/* A store that takes longer for a batch than the exit waits. */
static atomic_int begun, written;

static int write_slowly(struct llmobs_exporter *exporter,
                        const struct llmobs_text *list, size_t count)
{
    (void)exporter;
    (void)list;
    if (!llmobs_commit_begin())
        return -ECANCELED;
    atomic_fetch_add(&begun, 1);
    usleep(200000);
    atomic_fetch_add(&written, (int)count);
    return (int)count;
}

/* The counts and the disk say the same of each call: the store has it, or the
 * spool, and never both. */
static void check_counts(uint64_t want)
{
    uint64_t kept = stat_of(LLMOBS_STAT_kept);

    ck_assert_uint_eq(stat_of(LLMOBS_STAT_captured), want);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_delivered),
                      (uint64_t)atomic_load(&written));
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_released),
                      (uint64_t)atomic_load(&written));
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_left),
                      kept - stat_of(LLMOBS_STAT_released));
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_dropped_exit), 0);
}

/* An exit in the first of many writes. */
static void exit_in_a_write(int count)
{
    static struct llmobs_exporter_ops slow;

    atomic_store(&begun, 0);
    atomic_store(&written, 0);
    begin(spool);
    config.thread = true;
    slow = *fake.base.ops;
    slow.send = write_slowly;
    fake.base.ops = &slow;
    for (int i = 0; i < count; i++)
        give_call();
    worker_case_wait(&begun, 1);
    llmobs_worker_stop(worker, 20);
}

TEST(test_a_write_is_not_cut)
{
    exit_in_a_write(100);
    check_counts(100);
    usleep(300000);
    ck_assert_int_eq(begun, 1);
    check_counts(100);
    spool_abandon();
}

/* In another exit handler: the disk has those calls, as it has the others. */
TEST(test_a_late_call_is_left)
{
    exit_in_a_write(100);
    for (int i = 1; i <= 3; i++) {
        give_call();
        usleep(250000);
        check_counts(100 + (uint64_t)i);
    }
    spool_abandon();
}
