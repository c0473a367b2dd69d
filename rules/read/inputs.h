/* inputs - the input of legacy completions and embeddings: one or several
 * texts, each as text or as an array of token numbers.
 *
 * Threads: any; no state.
 * Errors:  -ENOMEM, or an error of `each`.
 */
#ifndef LLMOBS_INPUTS_H
#define LLMOBS_INPUTS_H

#include "lib/text/json.h"

/* Calls `each` for every input of a value: a text is one input, an array of
 * numbers is one, any other array has an input in each element. An input that
 * is not a text comes as JSON text, `[1111, 2222]` (WIRE 6.4), a missing input
 * as the empty text. */
int llmobs_inputs_each(const struct llmobs_json *value,
                       int (*each)(void *to, struct llmobs_text text),
                       void *to);

#endif
