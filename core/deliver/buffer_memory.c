#include "core/event/buffer.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

/* A stack of items: put pushes with one exchange-if-unchanged, take empties it
 * with one exchange, so no item is ever looked at by two threads and none can
 * come back to the top meanwhile (no ABA). */
struct memory {
    struct llmobs_buffer base; /* first */
    _Atomic(struct llmobs_item *) top;
    atomic_size_t items;
    atomic_size_t bytes;
    size_t bytes_max;
};

static struct memory *memory_of(struct llmobs_buffer *buffer)
{
    return (struct memory *)buffer;
}

static void forget(struct memory *memory, size_t items, size_t bytes)
{
    atomic_fetch_sub_explicit(&memory->items, items, memory_order_relaxed);
    atomic_fetch_sub_explicit(&memory->bytes, bytes, memory_order_relaxed);
}

/* A single item may be heavier than the limit: its memory is there already,
 * and refusing it would lose it for good. */
static int put(struct llmobs_buffer *buffer, struct llmobs_item *item)
{
    struct memory *memory = memory_of(buffer);
    size_t items =
        atomic_fetch_add_explicit(&memory->items, 1, memory_order_relaxed);
    size_t bytes = atomic_fetch_add_explicit(&memory->bytes, item->weight,
                                             memory_order_relaxed);
    struct llmobs_item *top;

    if (items >= LLMOBS_BUFFER_ITEMS_MAX ||
        (items > 0 && (item->weight > memory->bytes_max ||
                       bytes > memory->bytes_max - item->weight))) {
        forget(memory, 1, item->weight);
        return -ENOBUFS;
    }
    top = atomic_load_explicit(&memory->top, memory_order_relaxed);
    do
        item->next = top;
    while (!atomic_compare_exchange_weak_explicit(
        &memory->top, &top, item, memory_order_release, memory_order_relaxed));
    return 0;
}

static struct llmobs_item *take(struct llmobs_buffer *buffer)
{
    struct memory *memory = memory_of(buffer);
    struct llmobs_item *from =
        atomic_exchange_explicit(&memory->top, NULL, memory_order_acquire);
    struct llmobs_item *list = NULL;
    size_t items = 0, bytes = 0;

    while (from) {
        struct llmobs_item *next = from->next;

        from->next = list;
        list = from;
        from = next;
        items++;
        bytes += list->weight;
    }
    forget(memory, items, bytes);
    return list;
}

static size_t pending(struct llmobs_buffer *buffer)
{
    return atomic_load_explicit(&memory_of(buffer)->items,
                                memory_order_relaxed);
}

/* The items stay where they are: what they own may be half-way in a state that
 * only a thread of the parent could finish. */
static void reset(struct llmobs_buffer *buffer)
{
    struct memory *memory = memory_of(buffer);

    atomic_store(&memory->top, NULL);
    atomic_store(&memory->items, 0);
    atomic_store(&memory->bytes, 0);
}

static void release(struct llmobs_buffer *buffer)
{
    free(memory_of(buffer));
}

static const struct llmobs_buffer_ops ops = {
    .put = put,
    .take = take,
    .pending = pending,
    .reset = reset,
    .free = release,
};

struct llmobs_item *llmobs_item_shed(struct llmobs_item *item)
{
    struct llmobs_item *less;

    item->type = LLMOBS_ITEM_SPOOLED;
    item->weight = 0;
    less = realloc(item, sizeof(*item));
    return less ? less : item;
}

struct llmobs_buffer *llmobs_buffer_memory(size_t bytes_max)
{
    struct memory *memory = calloc(1, sizeof(*memory));

    if (!memory)
        return NULL;
    memory->base.ops = &ops;
    memory->bytes_max = bytes_max;
    return &memory->base;
}
