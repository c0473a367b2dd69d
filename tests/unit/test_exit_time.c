/* How long an exit waits for a store: the spool may have all of it already. */
#include "core/deliver/worker.h"

#include "core/ledger/stats.h"
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
    llmobs_worker_keep(worker, its, NULL);
}

static void give_call(void)
{
    llmobs_worker_give(worker, &spool_make(100)->item);
}

START_TEST(test_kept_by_the_disk)
{
    begin(spool);
    ck_assert_int_eq(llmobs_worker_exit_ms(worker), LLMOBS_EXIT_KEPT_MS);
    give_call();
    give_call();
    ck_assert_uint_eq(llmobs_worker_pending(worker), 2);
    ck_assert_int_eq(llmobs_worker_exit_ms(worker), LLMOBS_EXIT_KEPT_MS);
    ck_assert_int_eq(llmobs_worker_flush_ms(worker), LLMOBS_EXIT_STORE_MS);
    /* A span of the C API that the disk does not have. */
    worker_case_give(worker, 7);
    ck_assert_int_eq(llmobs_worker_exit_ms(worker), LLMOBS_EXIT_STORE_MS);
    llmobs_worker_stop(worker, 1000);
    ck_assert_int_eq(fake.taken, 3);
}
END_TEST

START_TEST(test_kept_by_memory_alone)
{
    begin(NULL);
    give_call();
    ck_assert_int_eq(llmobs_worker_exit_ms(worker), LLMOBS_EXIT_STORE_MS);
    llmobs_worker_stop(worker, 1000);
    ck_assert_int_eq(fake.taken, 1);
}
END_TEST

/* The disk has such a call without its bodies. */
START_TEST(test_kept_without_content)
{
    config.privacy.content = LLMOBS_CONTENT_OFF;
    begin(spool);
    give_call();
    ck_assert_int_eq(llmobs_worker_exit_ms(worker), LLMOBS_EXIT_STORE_MS);
    llmobs_worker_stop(worker, 1000);
}
END_TEST

UNIT_SUITE(exit_time)
{
    Suite *s = suite_create("exit_time");

    spool_add(s, "kept_by_the_disk", test_kept_by_the_disk);
    spool_add(s, "kept_by_memory_alone", test_kept_by_memory_alone);
    spool_add(s, "kept_without_content", test_kept_without_content);
    return s;
}
