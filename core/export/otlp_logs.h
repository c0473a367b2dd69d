/* otlp_logs - the exporter of evaluations, failures and details of calls to a
 * receiver of OTLP, as logs.
 *
 * It takes all events. An event that needs no record is done with at once; an
 * evaluation that no record can express is dropped, and counted.
 *
 * Limits:  those of otlp_route.h.
 *
 * Sources: WIRE 9.8.
 */
#ifndef LLMOBS_EXPORT_OTLP_LOGS_H
#define LLMOBS_EXPORT_OTLP_LOGS_H

#include "core/export/exporter.h"

/* Gives the exporter; NULL when memory runs out. */
struct llmobs_exporter *llmobs_otlp_logs_exporter_new(
    const struct llmobs_config *config);

#endif
