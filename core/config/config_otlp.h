/* config_otlp - the variables of OpenTelemetry: where telemetry goes by OTLP,
 * and in which form.
 *
 * Errors:  a header's text is never reported: it may be a key.
 * Limits:  LLMOBS_CONFIG_LIST_MAX headers.
 *
 * Sources: WIRE 9.
 */
#ifndef LLMOBS_CONFIG_OTLP_H
#define LLMOBS_CONFIG_OTLP_H

#include "core/config/config_load.h"

/* True where OTEL_TRACES_SAMPLER sends a trace that begins here. All processes
 * of a trace with the same variables decide alike. OpenTelemetry does not say
 * how a ratio reads an id, so another SDK may choose other traces. `trace_lo`:
 * the id's lower half. Any thread. */
bool llmobs_otlp_samples(const struct llmobs_otlp_config *config,
                         uint64_t trace_lo);

/* To be called once the content and the exporter are known. */
void llmobs_config_read_otlp(struct llmobs_config_loading *loading);
void llmobs_config_free_otlp(struct llmobs_otlp_config *otlp);

#endif
