/* config_otlp_load - reads the variables of OpenTelemetry into config_otlp.h.
 *
 * Errors:  a header's text is never reported: it may be a key.
 * Limits:  LLMOBS_CONFIG_MAP_MAX headers; LLMOBS_OTEL_RESOURCE_MAX.
 */
#ifndef LLMOBS_CONFIG_OTLP_LOAD_H
#define LLMOBS_CONFIG_OTLP_LOAD_H

#include "core/config/config_load.h"

/* The longest OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME, as each event has
 * them. */
#define LLMOBS_OTEL_RESOURCE_MAX 16384
#define LLMOBS_OTEL_SERVICE_MAX 1024

/* To be called once content and the exporter are settled. */
void llmobs_config_settle_otlp(struct llmobs_config_loading *loading);

void llmobs_config_free_signal(struct llmobs_otlp_signal *signal);

#endif
