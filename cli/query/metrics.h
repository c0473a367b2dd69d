/* metrics - the numbers about calls that a person can ask for, by their words.
 *
 * Threads: any; _get: one at a time for the same samples, which have the room
 *          for the values of a percentile.
 * Errors:  -EINVAL: there is no such metric, and a message says so; -ENOMEM.
 * Limits:  LLMOBS_METRICS_MAX at once; sums stop at INT64_MAX.
 *
 * Without any known value a sum and a percentile are unknown. A percentile is
 * one of the values: the one at the nearest rank.
 */
#ifndef LLMOBS_METRICS_H
#define LLMOBS_METRICS_H

#include "cli/query/cell.h"
#include "cli/query/samples.h"

#define LLMOBS_METRICS_MAX 32
#define LLMOBS_METRICS_USUAL                                                   \
    "calls,errors,latency_p50,latency_p95,ttft_p95,tokens_in,tokens_out,cost," \
    "evals"

enum llmobs_metric {
    LLMOBS_METRIC_CALLS,
    LLMOBS_METRIC_ERRORS,
    LLMOBS_METRIC_ERROR_RATE,
    LLMOBS_METRIC_TRACES, /* traces that have one of the calls */
    LLMOBS_METRIC_TOKENS_IN,
    LLMOBS_METRIC_TOKENS_OUT,
    LLMOBS_METRIC_CACHED,
    LLMOBS_METRIC_REASONING,
    LLMOBS_METRIC_CACHE_RATE, /* of the input, where the cached part is known */
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

struct llmobs_metrics {
    enum llmobs_metric list[LLMOBS_METRICS_MAX];
    size_t count;
    struct llmobs_labels labels; /* of the scores in the list */
    bool all_labels; /* and those of all other labels that have numbers */
};

struct llmobs_metric_words {
    const char *word;   /* as a person asks for it */
    const char *column; /* in JSON and CSV, with its unit */
    const char *title;
};

const struct llmobs_metric_words *llmobs_metric_words(
    enum llmobs_metric metric);

/* Reads words such as "calls,latency_p95,eval:quality"; "latency", "ttft",
 * "tokens" and "evals" each stand for several metrics. `tells`: the user learns
 * which word is none; -EINVAL. */
int llmobs_metrics_read(struct llmobs_metrics *metrics, const char *words,
                        bool tells);

/* Sets *out to the metric of a group of the samples. */
int llmobs_metric_get(struct llmobs_samples *samples, enum llmobs_metric metric,
                      const struct llmobs_samples_group *group,
                      struct llmobs_cell *out);

#endif
