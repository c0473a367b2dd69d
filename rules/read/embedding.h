/* embedding - what embedding calls have in common, whoever answers them.
 *
 * Owns:    nothing; what is set belongs to the span.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  those of the JSON that was parsed.
 * Fork:    nothing to do.
 *
 * Source: WIRE 1.5, 6.4, 6.12. Vectors themselves are never kept.
 */
#ifndef LLMOBS_EMBEDDING_H
#define LLMOBS_EMBEDDING_H

#include "core/span/span.h"

/* Appends a document of this text to the span's. */
int llmobs_embedding_add(struct llmobs_span *span, struct llmobs_text text);

/* Appends what was to be embedded, one or several documents, as inputs.h takes
 * an input apart. The span has a list of documents afterwards. */
int llmobs_embedding_read_input(struct llmobs_span *span,
                                const struct llmobs_json *input);

/* Sets the output value, "[N embedding(s) returned with size D]"; `size` 0: it
 * is not known and left out. */
int llmobs_embedding_tell(struct llmobs_span *span, size_t count, size_t size);

/* The same for a list of vectors: arrays of numbers, or objects that hold one
 * as `key` (NULL: they are the arrays). The first one tells the size. A value
 * that is no array tells nothing. */
int llmobs_embedding_tell_list(struct llmobs_span *span,
                               const struct llmobs_json *list, const char *key);

/* Where the provider told input tokens only, they are the total
 * (WIRE 6.12). */
int llmobs_embedding_total(struct llmobs_span *span);

#endif
