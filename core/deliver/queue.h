/* queue - what this process has submitted and not yet made an event of: calls
 * and events, the oldest first.
 *
 * Memory has an item whole; or its head alone (LLMOBS_ITEM_SPOOLED), where
 * memory had no room for the rest, which the disk has. A head that found no
 * room as it was to be delivered waits behind all others.
 *
 * Owns:    every item from put, put_back or wait until take; then the caller of
 *          take owns it.
 * Threads: put, pending: any thread, without a lock. The rest: the thread that
 *          has the worker's turn.
 * Errors:  -ENOBUFS, -ENOSPC: the queue is full; the caller still owns the
 *          item.
 * Limits:  LLMOBS_QUEUE_ITEMS_MAX items and `bytes_max` bytes. An item without
 *          weight needs no bytes. Beside them LLMOBS_QUEUE_WAITING_MAX heads.
 * Fork:    a child begins empty: reset abandons the inherited items.
 */
#ifndef LLMOBS_QUEUE_H
#define LLMOBS_QUEUE_H

#include <stddef.h>

#include "core/event/item.h"

#define LLMOBS_QUEUE_ITEMS_MAX 100000
#define LLMOBS_QUEUE_WAITING_MAX 1000000

struct llmobs_queue;

/* Gives an empty queue, one block for free(); NULL when memory runs out. */
struct llmobs_queue *llmobs_queue_new(size_t bytes_max);

/* Takes the item on success. */
int llmobs_queue_put(struct llmobs_queue *queue, struct llmobs_item *item);

/* Gives the oldest item that does not wait; NULL: none. _put_back: it is the
 * oldest again. */
struct llmobs_item *llmobs_queue_take(struct llmobs_queue *queue);
void llmobs_queue_put_back(struct llmobs_queue *queue,
                           struct llmobs_item *item);

/* _wait takes a head on success. _first_waiting gives the head that has waited
 * longest, borrowed; NULL: none waits. _take_waiting gives it. */
int llmobs_queue_wait(struct llmobs_queue *queue, struct llmobs_item *head);
const struct llmobs_item *llmobs_queue_first_waiting(
    const struct llmobs_queue *queue);
struct llmobs_item *llmobs_queue_take_waiting(struct llmobs_queue *queue);

/* How many items were put and not taken. */
size_t llmobs_queue_pending(const struct llmobs_queue *queue);

/* For a forked child. Frees nothing: a thread of the parent may have been in
 * the middle of changing an item. */
void llmobs_queue_reset(struct llmobs_queue *queue);

#endif
