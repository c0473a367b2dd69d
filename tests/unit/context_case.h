/* context_case - the configuration and the parent that the tests of contexts
 * start from. */
#ifndef LLMOBS_CONTEXT_CASE_H
#define LLMOBS_CONTEXT_CASE_H

#include <stdbool.h>

#include "core/config/config.h"
#include "lib/span/context.h"
#include "tests/unit/unit.h"

#define TRACE "6affe73a00000000c3d1e2f3a4b5c6d7"
#define PARENT "00-" TRACE "-6573f78e6e7bca2b-01"

extern const struct llmobs_id128 context_trace; /* TRACE, as a number */
extern const char context_state[];              /* with all that there can be */
extern const struct llmobs_config context_base;

bool context_from(struct llmobs_context *c, const char *traceparent,
                  const char *tracestate);
bool context_same(struct llmobs_id128 a, struct llmobs_id128 b);

#endif
