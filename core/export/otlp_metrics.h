/* otlp_metrics - spans summed up as the conventions' histograms and counters,
 * and the exporter that sends the sums to a receiver of OTLP, once in each
 * OTEL_METRIC_EXPORT_INTERVAL.
 *
 * The sums are only in memory: if a process is killed, the sums that it did not
 * send are lost. A process that ends before its first request sends none: each
 * process has its own series, so a program that makes one call and ends would
 * leave a set of series for each call.
 *
 * Owns:    its series, from new to free.
 * Threads: the thread that has the worker's turn. A span that is added between
 *          write and accepted belongs to the next request.
 * Errors:  add: -EINVAL: the text is not a span; -ENOMEM; -ETIMEDOUT (work.h).
 *          The span is then in no series.
 * Limits:  LLMOBS_OTLP_SERIES_MAX series for each metric, the overflow among
 *          them: beyond them, and where memory runs out, a value goes to the
 *          series that has only the attribute otel.metric.overflow. So each
 *          value is in exactly one series. A text has LLMOBS_OTLP_SERIES_TEXT
 *          bytes at most.
 * Fork:    forget abandons all; the child is another instance.
 *
 * Sources: WIRE 9.7.
 */
#ifndef LLMOBS_OTLP_METRICS_H
#define LLMOBS_OTLP_METRICS_H

#include "core/export/exporter.h"

#define LLMOBS_OTLP_SERIES_MAX 256
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
 * sent only once. Gives how many spans are then done. */
uint64_t llmobs_otlp_metrics_accepted(struct llmobs_otlp_metrics *metrics);

/* Gives the exporter; NULL when memory runs out. */
struct llmobs_meter *llmobs_otlp_metrics_exporter_new(
    const struct llmobs_config *config);

#endif
