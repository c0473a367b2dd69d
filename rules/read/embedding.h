/* embedding - the common part of all embedding calls: documents, vectors'
 * sizes.
 *
 * Owns:    nothing; the span owns everything that is set.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  those of the JSON that was parsed.
 *
 * Source:  WIRE 1.5, 6.4, 6.12. No vector is ever kept.
 */
#ifndef LLMOBS_EMBEDDING_H
#define LLMOBS_EMBEDDING_H

#include "lib/span/span.h"

/* Appends a document with this text to the span. */
int llmobs_embedding_add(struct llmobs_span *span, struct llmobs_text text);

/* Appends the texts to embed as documents, split as values.h does. The span has
 * a list of documents afterwards, if only an empty one. */
int llmobs_embedding_read_input(struct llmobs_span *span,
                                const struct llmobs_json *input);

/* Appends a document for each of `inputs`, an array of objects whose `content`
 * is a list of parts, or of lists of parts: texts, and images as words with
 * their sizes. */
int llmobs_embedding_read_contents(struct llmobs_span *span,
                                   const struct llmobs_json *inputs);

/* Sets the output value, "[N embedding(s) returned with size D]"; `size` 0:
 * unknown, and left out. */
int llmobs_embedding_tell(struct llmobs_span *span, size_t count, size_t size);

/* Like llmobs_embedding_tell, but for a list of vectors: arrays of numbers, or
 * objects that have such an array as `key` (NULL: the list has arrays). Sets
 * the size to the length of the first vector. In llama.cpp's answers a vector
 * is a list of one vector, or of one vector for each token. A value that is no
 * array sets nothing. */
int llmobs_embedding_tell_list(struct llmobs_span *span,
                               const struct llmobs_json *list, const char *key);

/* If the provider only counts input tokens, they are the total; if it only has
 * the total (Voyage), that is the input (WIRE 6.12). */
int llmobs_embedding_total(struct llmobs_span *span);

#endif
