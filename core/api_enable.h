/* api_enable - on and off by the program. For core/api.c. */
#ifndef LLMOBS_API_ENABLE_H
#define LLMOBS_API_ENABLE_H

#include "core/api_inner.h"
#include "core/worker.h"
#include "llmobs.h"

int llmobs_api_enable(const struct llmobs_enable_options *options);

/* -ETIMEDOUT: something waits for the next enable, or the exit. */
int llmobs_api_disable(struct llmobs_worker *worker);

#endif
