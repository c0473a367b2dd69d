/* values - the input and the output of a span that is not a conversation: of a
 * tool, a task or a retrieval.
 *
 * Owns:    nothing; the span owns what is set.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  LLMOBS_VALUE_MAX bytes of a value, 64 steps; the rest is left out.
 */
#ifndef LLMOBS_VALUES_H
#define LLMOBS_VALUES_H

#include "lib/text/json.h"
#include "lib/span/span.h"

#define LLMOBS_VALUE_MAX ((size_t)1024 * 1024)

/* Gives a value as a C string: a text unchanged, any other value as JSON text,
 * with words for the pictures, sounds and files in it (llmobs_media_words).
 * NULL when memory runs out. */
char *llmobs_value_text(const struct llmobs_json *value);

/* Gives the texts under `key` of a list's objects, each on a line, as a value;
 * at most LLMOBS_VALUE_MAX bytes. NULL when memory runs out. */
struct llmobs_json *llmobs_value_lines(const struct llmobs_json *list,
                                       const char *key);

/* Sets the span's input or output value; NULL and JSON's null set nothing. */
int llmobs_value_input(struct llmobs_span *span,
                       const struct llmobs_json *value);
int llmobs_value_output(struct llmobs_span *span,
                        const struct llmobs_json *value);

/* Sets a value to the text of a buffer; an empty one changes nothing. */
int llmobs_value_words(char **value, const struct llmobs_buf *words);

/* Adds {"type": type, "name": name} to metadata.steps, which lists what an
 * agent did on its way; `name` may be NULL. Never what went into the step or
 * came out of it, as that is content. */
int llmobs_value_step(struct llmobs_span *span, const char *type,
                      const char *name);

/* Calls `each` for every input of legacy completions and embeddings: a text is
 * one input, an array of numbers is one, any other array has an input in each
 * element. An input that is not a text comes as JSON text, `[1111, 2222]`
 * (WIRE 6.4), a missing input as the empty text. Answers an error of `each`. */
int llmobs_inputs_each(const struct llmobs_json *value,
                       int (*each)(void *to, struct llmobs_text text),
                       void *to);

#endif
