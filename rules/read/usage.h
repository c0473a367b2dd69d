/* usage - token counts and costs of OpenAI-shaped answers.
 *
 * docs/RULES.md says what else a new metric needs.
 *
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  counts are integers from 0 to 2^53; others are left out, never 0.
 */
#ifndef LLMOBS_USAGE_H
#define LLMOBS_USAGE_H

#include "lib/span/span.h"

/* The usage object of a whole answer or of one chunk of a stream; each provider
 * has its own place for it (WIRE 6.12). Borrows; NULL: none. */
const struct llmobs_json *llmobs_usage_find(const struct llmobs_json *body);

/* The count under a key; -1: it has none (WIRE 8.4). */
int64_t llmobs_usage_count(const struct llmobs_json *object, const char *key);

/* The value as a count: a whole number, or a text with its digits; -1: it is
 * none. */
int64_t llmobs_usage_value(const struct llmobs_json *value);

/* The count in a text, which may be NULL. */
int64_t llmobs_usage_text(const char *text);

/* Sets the metrics from an OpenAI-shaped usage object (WIRE 6.6, 6.11); nothing
 * where `usage` is NULL. */
int llmobs_usage_read(const struct llmobs_json *usage,
                      struct llmobs_span *span);

/* Sets a metric in seconds from a time in another unit, of which one second has
 * `per_second`; a value that is no number above 0 sets nothing. */
int llmobs_usage_seconds(struct llmobs_span *span, const char *key,
                         const struct llmobs_json *value, double per_second);

/* Sets how many seconds the sound of a call has; a value that is no number from
 * 0 on sets nothing. */
int llmobs_usage_sound(struct llmobs_span *span,
                       const struct llmobs_json *seconds);

/* Sets how long the engine worked on prompt and answer, by llama.cpp's
 * `timings` of an answer (WIRE 1.7); nothing where that is no object. */
int llmobs_usage_timings(const struct llmobs_json *body,
                         struct llmobs_span *span);

#endif
