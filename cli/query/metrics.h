/* metrics - the numbers about calls that a person can ask for, by their words.
 *
 * Threads: any.
 * Errors:  -EINVAL: there is no such metric, and a message says so.
 * Limits:  LLMOBS_METRICS_MAX at once.
 */
#ifndef LLMOBS_METRICS_H
#define LLMOBS_METRICS_H

#include "cli/query/totals.h"

#define LLMOBS_METRICS_MAX 32
#define LLMOBS_METRICS_USUAL                                                   \
    "calls,errors,latency_p50,latency_p95,ttft_p95,tokens_in,tokens_out,cost," \
    "evals"

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
 * "tokens" and "evals" each stand for several metrics. */
int llmobs_metrics_read(struct llmobs_metrics *metrics, const char *words);

/* True where each of the words is a metric. */
bool llmobs_metrics_are(const char *words);

#endif
