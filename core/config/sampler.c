#include "core/config/sampler.h"

#include "lib/base/floats.h"

#define HALF 9223372036854775808.0 /* 2^63 */

LLMOBS_FLOATS_WITHIN static bool is_within(double ratio, uint64_t trace_lo)
{
    return ratio >= 1 || trace_lo >> 1 < (uint64_t)(ratio * HALF);
}

bool llmobs_sampler_keeps(const struct llmobs_otlp_config *config,
                          uint64_t trace_lo)
{
    struct llmobs_floats floats;
    bool keeps;

    switch (config->sampler) {
    case LLMOBS_OTLP_SAMPLER_OFF:
        return false;
    case LLMOBS_OTLP_SAMPLER_RATIO:
        floats = llmobs_floats_begin();
        keeps = is_within(config->sampler_ratio, trace_lo);
        llmobs_floats_end(floats);
        return keeps;
    default:
        return true;
    }
}
