/* Keeps submitted calls until the worker takes them. */
#include "core/deliver/queue.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Put pushes to a stack with one compare-and-exchange, take empties the stack
 * with one exchange. So no two threads ever look at one item, and no item can
 * come back to the top meanwhile (no ABA). */
struct llmobs_queue {
    _Atomic(struct llmobs_item *) top;
    /* Items that were put and not taken: */
    atomic_size_t items;
    atomic_size_t bytes;
    size_t bytes_max;
    /* Only for the thread that has the worker's turn: what it has from the
     * stack, the oldest first; and the heads that wait. */
    struct llmobs_item *first;
    struct llmobs_item *waiting, *last_waiting;
    size_t waiting_count;
};

static void count(struct llmobs_queue *queue, const struct llmobs_item *item,
                  int by)
{
    atomic_fetch_add_explicit(&queue->items, (size_t)by, memory_order_relaxed);
    atomic_fetch_add_explicit(&queue->bytes, (size_t)by * item->weight,
                              memory_order_relaxed);
}

int llmobs_queue_put(struct llmobs_queue *queue, struct llmobs_item *item)
{
    size_t items =
        atomic_fetch_add_explicit(&queue->items, 1, memory_order_relaxed);
    size_t bytes = atomic_fetch_add_explicit(&queue->bytes, item->weight,
                                             memory_order_relaxed);
    struct llmobs_item *top;

    /* An item without weight needs no room. If no other item has weight, an
     * item that is heavier than the limit is accepted: its memory exists
     * already, and otherwise it would be lost. */
    if (items >= LLMOBS_QUEUE_ITEMS_MAX ||
        !(item->weight == 0 || bytes == 0 ||
          (item->weight <= queue->bytes_max &&
           bytes <= queue->bytes_max - item->weight))) {
        count(queue, item, -1);
        return -ENOBUFS;
    }
    top = atomic_load_explicit(&queue->top, memory_order_relaxed);
    do
        item->next = top;
    while (!atomic_compare_exchange_weak_explicit(
        &queue->top, &top, item, memory_order_release, memory_order_relaxed));
    return 0;
}

struct llmobs_item *llmobs_queue_take(struct llmobs_queue *queue)
{
    struct llmobs_item *item, *top = NULL;

    if (!queue->first)
        top = atomic_exchange_explicit(&queue->top, NULL, memory_order_acquire);
    while (top) {
        item = top;
        top = item->next;
        item->next = queue->first;
        queue->first = item;
    }
    item = queue->first;
    if (item) {
        queue->first = item->next;
        count(queue, item, -1);
    }
    return item;
}

void llmobs_queue_put_back(struct llmobs_queue *queue, struct llmobs_item *item)
{
    item->next = queue->first;
    queue->first = item;
    count(queue, item, 1);
}

int llmobs_queue_wait(struct llmobs_queue *queue, struct llmobs_item *head)
{
    if (queue->waiting_count == LLMOBS_QUEUE_WAITING_MAX)
        return -ENOSPC;
    head->next = NULL;
    *(queue->waiting ? &queue->last_waiting->next : &queue->waiting) = head;
    queue->last_waiting = head;
    queue->waiting_count++;
    return 0;
}

const struct llmobs_item *llmobs_queue_first_waiting(
    const struct llmobs_queue *queue)
{
    return queue->waiting;
}

struct llmobs_item *llmobs_queue_take_waiting(struct llmobs_queue *queue)
{
    struct llmobs_item *head = queue->waiting;

    queue->waiting = head->next;
    queue->waiting_count--;
    return head;
}

size_t llmobs_queue_pending(const struct llmobs_queue *queue)
{
    return atomic_load_explicit(&queue->items, memory_order_relaxed);
}

void llmobs_queue_reset(struct llmobs_queue *queue)
{
    atomic_store(&queue->top, NULL);
    atomic_store(&queue->items, 0);
    atomic_store(&queue->bytes, 0);
    queue->first = queue->waiting = NULL;
    queue->waiting_count = 0;
}

struct llmobs_queue *llmobs_queue_new(size_t bytes_max)
{
    struct llmobs_queue *queue = calloc(1, sizeof(*queue));

    if (queue)
        queue->bytes_max = bytes_max;
    return queue;
}
