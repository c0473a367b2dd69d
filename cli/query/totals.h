/* totals - sums and percentiles of some calls.
 *
 * Owns:    nothing; the samples have the room for the values of a percentile.
 * Threads: one.
 * Errors:  -ENOMEM.
 * Limits:  sums stop at INT64_MAX.
 *
 * Without any known value a sum and a percentile are unknown. A percentile is
 * one of the values: the one at the nearest rank.
 */
#ifndef LLMOBS_TOTALS_H
#define LLMOBS_TOTALS_H

#include "cli/query/cell.h"
#include "cli/query/samples.h"

enum llmobs_metric {
    LLMOBS_METRIC_CALLS,
    LLMOBS_METRIC_ERRORS,
    LLMOBS_METRIC_ERROR_RATE,
    LLMOBS_METRIC_TRACES, /* traces that have one of the calls */
    LLMOBS_METRIC_TOKENS_IN,
    LLMOBS_METRIC_TOKENS_OUT,
    LLMOBS_METRIC_CACHED,
    LLMOBS_METRIC_REASONING,
    LLMOBS_METRIC_COST,
    LLMOBS_METRIC_COST_CALLS, /* calls whose cost is known */
    LLMOBS_METRIC_LATENCY_P50,
    LLMOBS_METRIC_LATENCY_P95,
    LLMOBS_METRIC_LATENCY_P99,
    LLMOBS_METRIC_TTFT_P50,
    LLMOBS_METRIC_TTFT_P95,
    LLMOBS_METRIC_TTFT_P99,
    LLMOBS_METRIC_COUNT,
/* Of the label `i` the mean, and of how many spans it is. */
#define LLMOBS_METRIC_SCORE(i) \
    ((enum llmobs_metric)(LLMOBS_METRIC_COUNT + 2 * (int)(i)))
#define LLMOBS_METRIC_SCORED(i) \
    ((enum llmobs_metric)(LLMOBS_METRIC_COUNT + 2 * (int)(i) + 1))
    LLMOBS_METRIC_END = LLMOBS_METRIC_COUNT + 2 * LLMOBS_LABELS_MAX
};

/* Sets *out to the metric of `count` of the samples. */
int llmobs_totals_get(struct llmobs_samples *samples, enum llmobs_metric metric,
                      const struct llmobs_sample *list, size_t count,
                      struct llmobs_cell *out);

#endif
