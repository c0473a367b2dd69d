/* sampler - which traces OTEL_TRACES_SAMPLER keeps.
 *
 * Threads: any.
 */
#ifndef LLMOBS_SAMPLER_H
#define LLMOBS_SAMPLER_H

#include "core/config/config_otlp.h"

/* True where a trace that begins here is kept. All processes of a trace with
 * the same variables decide alike. OpenTelemetry leaves open how a ratio reads
 * an id, so another SDK may keep other traces. `trace_lo`: the id's lower half.
 */
bool llmobs_sampler_keeps(const struct llmobs_otlp_config *config,
                          uint64_t trace_lo);

#endif
