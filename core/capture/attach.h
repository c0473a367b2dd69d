/* attach - the core's one exported function, for a program that has the core
 * inside; the shim finds it by name (engine.h). */
#ifndef LLMOBS_ATTACH_H
#define LLMOBS_ATTACH_H

#include "include/engine.h"

__attribute__((visibility("default"))) const struct llmobs_ops *
llmobs_core_attach(const struct llmobs_host *host);

#endif
