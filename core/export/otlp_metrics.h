/* otlp_metrics - the exporter that sums spans up and sends the sums to a
 * receiver of OTLP, once in each OTEL_METRIC_EXPORT_INTERVAL.
 *
 * The sums are only in memory: if a process is killed, the sums that it did not
 * send are lost. A process that ends before its first request sends no request,
 * as each process has series of its own: a program that makes one call and ends
 * would leave a set of series for each call.
 *
 * Limits:  those of core/export/metrics.h.
 *
 * Sources: WIRE 9.7.
 */
#ifndef LLMOBS_EXPORT_OTLP_METRICS_H
#define LLMOBS_EXPORT_OTLP_METRICS_H

#include "core/export/meter.h"

/* Gives the exporter; NULL when memory runs out. */
struct llmobs_meter *llmobs_otlp_metrics_exporter_new(
    const struct llmobs_config *config);

#endif
