/* buffer - the items that are finished and not yet encoded, in memory.
 *
 * Owns:    every item from put until take; then the caller of take owns it.
 * Threads: any thread puts, without a lock; one thread at a time takes.
 * Errors:  -ENOBUFS: the buffer is full; the caller still owns the item.
 * Limits:  LLMOBS_BUFFER_ITEMS_MAX items and `bytes_max` bytes, taken items
 *          included. An item without weight needs no bytes.
 * Fork:    a child begins empty: reset abandons the inherited items.
 */
#ifndef LLMOBS_BUFFER_H
#define LLMOBS_BUFFER_H

#include <stddef.h>

#include "core/event/item.h"

#define LLMOBS_BUFFER_ITEMS_MAX 100000

struct llmobs_buffer;

/* Gives an empty buffer, one block for free(); NULL when memory runs out. */
struct llmobs_buffer *llmobs_buffer_new(size_t bytes_max);

/* Takes the item on success. */
int llmobs_buffer_put(struct llmobs_buffer *buffer, struct llmobs_item *item);

/* Gives all items in the order of their put, linked by next; NULL: none. They
 * stay counted until _done. */
struct llmobs_item *llmobs_buffer_take(struct llmobs_buffer *buffer);

/* A taken item leaves the memory next; _undone: it stays there after all. */
void llmobs_buffer_done(struct llmobs_buffer *buffer,
                        const struct llmobs_item *item);
void llmobs_buffer_undone(struct llmobs_buffer *buffer,
                          const struct llmobs_item *item);

/* How many items were put and are not done. */
size_t llmobs_buffer_pending(const struct llmobs_buffer *buffer);

/* For a forked child. Frees nothing: a thread of the parent may have been in
 * the middle of changing an item. */
void llmobs_buffer_reset(struct llmobs_buffer *buffer);

#endif
