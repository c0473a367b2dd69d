/* otlp - the exporter of spans to a receiver of OTLP: a collector, or a backend
 * that speaks the protocol itself.
 *
 * Limits:  OTEL_BSP_MAX_EXPORT_BATCH_SIZE spans in a request, at most
 *          LLMOBS_SEND_MAX, and those of otlp_route.h.
 *
 * Sources: WIRE 9.
 */
#ifndef LLMOBS_EXPORT_OTLP_H
#define LLMOBS_EXPORT_OTLP_H

#include "core/export/exporter.h"

/* Gives the exporter; NULL without memory. Borrows `http`; with NULL it makes
 * its own. `keeps_evaluations`: no other exporter takes them, so this one puts
 * them into the local store, as OTLP has no place for them among spans. */
struct llmobs_exporter *llmobs_otlp_exporter_new(
    const struct llmobs_config *config, struct llmobs_http *http,
    bool keeps_evaluations);

#endif
