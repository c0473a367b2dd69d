/* Counts and flushes for the worker's tests. */
#include "tests/unit/worker_case.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/unit.h"

uint64_t stat_of(enum llmobs_stat stat)
{
    return llmobs_stats_get(stat);
}

void worker_case_sum(struct llmobs_worker *worker)
{
    uint64_t sum = llmobs_worker_pending(worker);

    for (int i = LLMOBS_STAT_captured + 1; i < LLMOBS_STAT_COUNT; i++) {
        if (llmobs_stats_is_outcome((enum llmobs_stat)i))
            sum += stat_of((enum llmobs_stat)i);
    }
    ck_assert_uint_eq(sum, stat_of(LLMOBS_STAT_captured));
}

void worker_case_give(struct llmobs_worker *worker, uint64_t id)
{
    struct llmobs_span span;

    if (llmobs_span_init(&span))
        abort();
    span.context.span_id = id;
    if (llmobs_worker_submit_span(worker, &span))
        abort();
}

void worker_case_wait(atomic_int *count, int expected)
{
    for (int i = 0; i < 60000 && atomic_load(count) < expected; i++)
        usleep(1000);
    ck_assert_int_eq(atomic_load(count), expected);
}
