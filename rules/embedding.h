/* embedding - what an embedding span says, whatever its dialect.
 *
 * Owns:    nothing; what is made belongs to the span.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  none of its own.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_EMBEDDING_H
#define LLMOBS_EMBEDDING_H

#include "core/span.h"

/* Sets the span's documents: what was to be embedded, one or several, as
 * inputs.h takes them apart. */
int llmobs_embedding_documents(const struct llmobs_json *inputs,
                               struct llmobs_span *span);

/* Sets the output: "[N embedding(s) returned with size D]"; a `size` of 0 is
 * unknown and left out (llmobs-wire 1.5: never the vectors). */
int llmobs_embedding_result(size_t count, size_t size,
                            struct llmobs_span *span);

/* Where the provider told input tokens only, they are the total
 * (llmobs-wire 6.12). */
int llmobs_embedding_total(struct llmobs_span *span);

#endif
