/* inputs - what a request asks that takes one text or several, as texts or as
 * arrays of token numbers: legacy completions and embeddings.
 *
 * Owns:    nothing.
 * Threads: any; no state.
 * Errors:  -ENOMEM, or what `each` answers.
 * Limits:  none of its own.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_INPUTS_H
#define LLMOBS_INPUTS_H

#include "core/text/json.h"

/* Calls `each` for every input of a value: a text is one, an array of numbers
 * is one, any other array is one for each element. What is no text comes as
 * JSON text, `[1111, 2222]` (WIRE 6.4); nothing as the empty text. */
int llmobs_inputs_each(const struct llmobs_json *value,
                       int (*each)(void *to, struct llmobs_text text),
                       void *to);

#endif
