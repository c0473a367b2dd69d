#include "core/config/sampler.h"

#define HALF 9223372036854775808.0 /* 2^63 */

bool llmobs_sampler_keeps(const struct llmobs_otlp_config *config,
                          uint64_t trace_lo)
{
    switch (config->sampler) {
    case LLMOBS_OTLP_SAMPLER_OFF:
        return false;
    case LLMOBS_OTLP_SAMPLER_RATIO:
        return config->sampler_ratio >= 1 ||
               trace_lo >> 1 < (uint64_t)(config->sampler_ratio * HALF);
    default:
        return true;
    }
}
