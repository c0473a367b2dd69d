/* config_trace - the styles of propagation, the hosts that get trace headers,
 * and the parent span that the process inherits. */
#ifndef LLMOBS_CONFIG_TRACE_H
#define LLMOBS_CONFIG_TRACE_H

#include "core/config/config_load.h"

void llmobs_config_settle_trace(struct llmobs_config_loading *loading);

/* True where one of Datadog's variables names the styles of propagation. */
bool llmobs_config_has_styles(const struct llmobs_config_loading *loading);

#endif
