/* metrics - spans summed up as the conventions' histograms and counters.
 *
 * Owns:    its series, from new to free.
 * Threads: the thread that has the worker's turn. A span that is added between
 *          write and accepted belongs to the next request.
 * Errors:  add: -EINVAL: the text is no span; -ENOMEM; -ETIMEDOUT (work.h). The
 *          span is then in no series.
 * Limits:  LLMOBS_OTLP_SERIES_MAX series for each metric. Beyond them, and
 *          where memory runs out, a value goes to the series that has only the
 *          attribute otel.metric.overflow. A text has LLMOBS_OTLP_SERIES_TEXT
 *          bytes at most.
 * Fork:    forget abandons all; the child is another instance.
 *
 * Sources: WIRE 9.7.
 */
#ifndef LLMOBS_OTLP_METRICS_H
#define LLMOBS_OTLP_METRICS_H

#include "core/config/config.h"

#define LLMOBS_OTLP_SERIES_TEXT 256

struct llmobs_otlp_metrics;

/* Gives the metrics of a process that began at `start_ns` (wall clock); NULL
 * when memory runs out. Borrows the configuration. */
struct llmobs_otlp_metrics *llmobs_otlp_metrics_new(
    const struct llmobs_config *config, int64_t start_ns);
void llmobs_otlp_metrics_free(struct llmobs_otlp_metrics *metrics);
void llmobs_otlp_metrics_forget(struct llmobs_otlp_metrics *metrics,
                                int64_t start_ns);

/* Adds a span of this process by its event; also accepts a span without
 * values. */
int llmobs_otlp_metrics_add(struct llmobs_otlp_metrics *metrics,
                            struct llmobs_text event);

/* How many spans are in the series but in no request that was accepted. */
uint64_t llmobs_otlp_metrics_unsent(const struct llmobs_otlp_metrics *metrics);

/* Appends an ExportMetricsServiceRequest. `*points`: how many data points it
 * has; 0: it must not be sent. */
int llmobs_otlp_metrics_write(struct llmobs_otlp_metrics *metrics,
                              int64_t now_ns, struct llmobs_buf *out,
                              size_t *points);

/* The receiver has the last request, or has refused it for good: a delta is
 * sent only once. Gives how many spans this settles. */
uint64_t llmobs_otlp_metrics_accepted(struct llmobs_otlp_metrics *metrics);

#endif
