/* batch - encoded events that no exporter has accepted yet, in order.
 *
 * Owns:    the text of its events.
 * Threads: one at a time: whoever holds the worker's gate.
 * Errors:  add as encode; the batch is then as it was.
 * Limits:  full at LLMOBS_BATCH_EVENTS events or LLMOBS_BATCH_BYTES bytes; the
 *          last event may be any size.
 * Fork:    plain memory; a child inits it anew and abandons the old text.
 */
#ifndef LLMOBS_BATCH_H
#define LLMOBS_BATCH_H

#include "core/exporter.h"
#include "core/span.h"

#define LLMOBS_BATCH_EVENTS 64
#define LLMOBS_BATCH_BYTES ((size_t)1024 * 1024)

struct llmobs_batch {
    struct llmobs_buf text;
    size_t ends[LLMOBS_BATCH_EVENTS];
    size_t first; /* events before it are done with */
    size_t count;
};

void llmobs_batch_init(struct llmobs_batch *batch);
bool llmobs_batch_is_empty(const struct llmobs_batch *batch);
bool llmobs_batch_is_full(const struct llmobs_batch *batch);

/* Encodes a span to the end. */
int llmobs_batch_add(struct llmobs_batch *batch, const struct llmobs_span *span,
                     const struct llmobs_config *config);

/* Offers what is left to the exporter; answers what send answered, never more
 * than was offered. Nothing is removed: that is skip's. */
int llmobs_batch_send(const struct llmobs_batch *batch,
                      struct llmobs_exporter *exporter);

/* Removes the first n events. */
void llmobs_batch_skip(struct llmobs_batch *batch, size_t n);

#endif
