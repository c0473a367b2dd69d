/* api_enable - on and off by the program. For core/ops/c_api.c. */
#ifndef LLMOBS_API_ENABLE_H
#define LLMOBS_API_ENABLE_H

#include "core/deliver/worker.h"
#include "core/sdk/own_span.h"
#include "llmobs.h"

int llmobs_c_api_enable(const struct llmobs_enable_options *options);

/* -ETIMEDOUT: something waits for the next enable, or the exit. */
int llmobs_c_api_disable(struct llmobs_worker *worker);

#endif
