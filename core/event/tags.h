/* tags - the tags of an event: the configured ones, what every event has, and
 * those of the span itself, a later one over an earlier one of the same key.
 *
 * Threads: any. Errors: NULL without memory. Source: WIRE 1.8, 2.7.
 */
#ifndef LLMOBS_TAGS_H
#define LLMOBS_TAGS_H

#include "core/config/config.h"

struct llmobs_evaluation;
#include "core/span/span.h"

/* Gives an array of "key:value", sorted. */
struct llmobs_json *llmobs_tags_make(const struct llmobs_span *span,
                                     const struct llmobs_config *config);

/* Likewise of an evaluation: what all have, then its own, in their order. */
struct llmobs_json *llmobs_tags_of_evaluation(
    const struct llmobs_evaluation *evaluation, const char *ml_app);

#endif
