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

/* Gives the exporter; NULL when memory runs out. Borrows `http`; if it is NULL,
 * makes its own. `keeps_evaluations`: no other exporter takes evaluations, so
 * this one puts them into the local store: OTLP's spans have no place for
 * them. */
struct llmobs_exporter *llmobs_otlp_exporter_new(
    const struct llmobs_config *config, struct llmobs_http *http,
    bool keeps_evaluations);

#endif
