/* Tests counters in memory. */
#include <pthread.h>
#include <string.h>

#include "lib/base/stats.h"
#include "tests/unit/unit.h"

#define ROUNDS 10000

TEST(counts_each_by_name)
{
    llmobs_stats_reset();
    for (int i = 0; i < LLMOBS_STAT_COUNT; i++)
        llmobs_stats_add((enum llmobs_stat)i, (uint64_t)i + 1);
    for (int i = 0; i < LLMOBS_STAT_COUNT; i++)
        ck_assert_uint_eq(llmobs_stats_get((enum llmobs_stat)i),
                          (uint64_t)i + 1);
    ck_assert_str_eq(llmobs_stats_name(LLMOBS_STAT_captured), "captured");
    ck_assert_str_eq(llmobs_stats_name(LLMOBS_STAT_dropped_exit),
                     "dropped_exit");
    llmobs_stats_reset();
    for (int i = 0; i < LLMOBS_STAT_COUNT; i++)
        ck_assert_uint_eq(llmobs_stats_get((enum llmobs_stat)i), 0);
}

TEST(an_unknown_counter_is_harmless)
{
    llmobs_stats_add(LLMOBS_STAT_COUNT, 1);
    llmobs_stats_add((enum llmobs_stat) - 1, 1);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_COUNT), 0);
    ck_assert_str_eq(llmobs_stats_name(LLMOBS_STAT_COUNT), "unknown");
}

/* captured = pending + what these count: by name, so that the counters of
 * another version take part. */
TEST(the_sum_knows_its_parts)
{
    int parts = 0;

    for (int i = 0; i < LLMOBS_STAT_COUNT; i++) {
        const enum llmobs_stat stat = (enum llmobs_stat)i;

        parts += llmobs_stats_is_outcome(stat);
        ck_assert_int_eq(llmobs_stats_is_outcome(stat),
                         llmobs_stats_is_outcome_name(llmobs_stats_name(stat)));
    }
    ck_assert_int_ge(parts, 7);
    ck_assert(!llmobs_stats_is_outcome(LLMOBS_STAT_captured));
    ck_assert(llmobs_stats_is_outcome(LLMOBS_STAT_delivered));
    ck_assert(llmobs_stats_is_outcome(LLMOBS_STAT_sampled_out));
    ck_assert(llmobs_stats_is_outcome(LLMOBS_STAT_unconfirmed));
    ck_assert(llmobs_stats_is_outcome(LLMOBS_STAT_dropped_rejected));
    ck_assert(llmobs_stats_is_outcome(LLMOBS_STAT_dropped_died));
    ck_assert(!llmobs_stats_is_outcome(LLMOBS_STAT_COUNT));
    ck_assert(llmobs_stats_is_outcome_name("dropped_of_a_later_version"));
    ck_assert(!llmobs_stats_is_outcome_name("pending"));
    ck_assert(!llmobs_stats_is_outcome_name("dropped"));
}

TEST(what_an_exporter_sent)
{
    ck_assert_int_eq(llmobs_stats_sent("store"), LLMOBS_STAT_sent_store);
    ck_assert_int_eq(llmobs_stats_sent("agent"), LLMOBS_STAT_sent_agent);
    ck_assert_int_eq(llmobs_stats_sent("agentless"),
                     LLMOBS_STAT_sent_agentless);
    ck_assert_int_eq(llmobs_stats_sent("otlp"), LLMOBS_STAT_sent_otlp);
    ck_assert_int_eq(llmobs_stats_sent("otlp_logs"),
                     LLMOBS_STAT_sent_otlp_logs);
    ck_assert_int_eq(llmobs_stats_sent("later"), LLMOBS_STAT_COUNT);
    ck_assert(!llmobs_stats_is_outcome(LLMOBS_STAT_sent_agent));
}

static void *add_many(void *arg)
{
    for (int i = 0; i < ROUNDS; i++)
        llmobs_stats_add(LLMOBS_STAT_captured, 1);
    return arg;
}

TEST(threads_lose_no_count)
{
    pthread_t threads[4];

    llmobs_stats_reset();
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, add_many, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_captured), 4 * ROUNDS);
}
