/* sampler - which traces OTEL_TRACES_SAMPLER keeps.
 *
 * Threads: any.
 */
#ifndef LLMOBS_SAMPLER_H
#define LLMOBS_SAMPLER_H

#include "core/config/config_otlp.h"

/* True where a trace that begins here is kept. All processes of a trace with
 * the same variables say the same; the SDKs of OpenTelemetry keep the same
 * traces for the same ratio. `trace_lo`: the lower half of its id. */
bool llmobs_sampler_keeps(const struct llmobs_otlp_config *config,
                          uint64_t trace_lo);

#endif
