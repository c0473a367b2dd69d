/* usage - token counts and costs of OpenAI-shaped answers.
 *
 * Owns:    nothing.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  counts are integers from 0 to 2^53; others are left out, never 0.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_USAGE_H
#define LLMOBS_USAGE_H

#include "core/span/span.h"

/* The usage object of a whole answer or one stream chunk, wherever the
 * provider puts it (WIRE 6.12). Borrows; NULL: none. */
const struct llmobs_json *llmobs_usage_find(const struct llmobs_json *body);

/* The count under a key, -1: none that is one (WIRE 8.4). */
int64_t llmobs_usage_count(const struct llmobs_json *object, const char *key);

/* The same of a text, which may be NULL. */
int64_t llmobs_usage_text(const char *text);

/* Sets the metrics of an OpenAI-shaped usage object (WIRE 6.6, 6.11).
 * NULL: nothing is set. */
int llmobs_usage_read(const struct llmobs_json *usage,
                      struct llmobs_span *span);

#endif
