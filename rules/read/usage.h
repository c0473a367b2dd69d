/* usage - token counts and costs of OpenAI-shaped answers.
 *
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  counts are integers from 0 to 2^53; others are left out, never 0.
 */
#ifndef LLMOBS_USAGE_H
#define LLMOBS_USAGE_H

#include "core/span/span.h"

/* The usage object of a whole answer or of one chunk of a stream; each provider
 * has its own place for it (WIRE 6.12). Borrows; NULL: none. */
const struct llmobs_json *llmobs_usage_find(const struct llmobs_json *body);

/* The count under a key; -1: it has none (WIRE 8.4). */
int64_t llmobs_usage_count(const struct llmobs_json *object, const char *key);

/* The count in a text, which may be NULL. */
int64_t llmobs_usage_text(const char *text);

/* Sets the metrics from an OpenAI-shaped usage object (WIRE 6.6, 6.11); nothing
 * where `usage` is NULL. */
int llmobs_usage_read(const struct llmobs_json *usage,
                      struct llmobs_span *span);

#endif
