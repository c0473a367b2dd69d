#include "core/deliver/buffer.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

/* A stack of items: put pushes with one compare-and-exchange, take empties the
 * stack with one exchange. So no two threads ever look at one item, and no item
 * can come back to the top meanwhile (no ABA). */
struct llmobs_buffer {
    _Atomic(struct llmobs_item *) top;
    /* Items that were put and are not done, including taken items: */
    atomic_size_t items;
    atomic_size_t bytes;
    size_t bytes_max;
};

void llmobs_buffer_done(struct llmobs_buffer *buffer,
                        const struct llmobs_item *item)
{
    atomic_fetch_sub_explicit(&buffer->items, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&buffer->bytes, item->weight,
                              memory_order_relaxed);
}

void llmobs_buffer_undone(struct llmobs_buffer *buffer,
                          const struct llmobs_item *item)
{
    atomic_fetch_add_explicit(&buffer->items, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&buffer->bytes, item->weight,
                              memory_order_relaxed);
}

int llmobs_buffer_put(struct llmobs_buffer *buffer, struct llmobs_item *item)
{
    size_t items =
        atomic_fetch_add_explicit(&buffer->items, 1, memory_order_relaxed);
    size_t bytes = atomic_fetch_add_explicit(&buffer->bytes, item->weight,
                                             memory_order_relaxed);
    struct llmobs_item *top;

    /* An item without weight needs no room. If no other item has weight, an
     * item that is heavier than the limit is accepted: its memory exists
     * already, and otherwise it would be lost. */
    if (items >= LLMOBS_BUFFER_ITEMS_MAX ||
        !(item->weight == 0 || bytes == 0 ||
          (item->weight <= buffer->bytes_max &&
           bytes <= buffer->bytes_max - item->weight))) {
        llmobs_buffer_done(buffer, item);
        return -ENOBUFS;
    }
    top = atomic_load_explicit(&buffer->top, memory_order_relaxed);
    do
        item->next = top;
    while (!atomic_compare_exchange_weak_explicit(
        &buffer->top, &top, item, memory_order_release, memory_order_relaxed));
    return 0;
}

struct llmobs_item *llmobs_buffer_take(struct llmobs_buffer *buffer)
{
    struct llmobs_item *from =
        atomic_exchange_explicit(&buffer->top, NULL, memory_order_acquire);
    struct llmobs_item *list = NULL;

    while (from) {
        struct llmobs_item *next = from->next;

        from->next = list;
        list = from;
        from = next;
    }
    return list;
}

size_t llmobs_buffer_pending(const struct llmobs_buffer *buffer)
{
    return atomic_load_explicit(&buffer->items, memory_order_relaxed);
}

void llmobs_buffer_reset(struct llmobs_buffer *buffer)
{
    atomic_store(&buffer->top, NULL);
    atomic_store(&buffer->items, 0);
    atomic_store(&buffer->bytes, 0);
}

struct llmobs_buffer *llmobs_buffer_new(size_t bytes_max)
{
    struct llmobs_buffer *buffer = calloc(1, sizeof(*buffer));

    if (buffer)
        buffer->bytes_max = bytes_max;
    return buffer;
}
