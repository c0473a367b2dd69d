/* buffer - what is finished and not yet delivered.
 *
 * An interface: in memory now; a spool on disk fills the same places.
 *
 * Owns:    every item from put until take; a taken item is the taker's.
 * Threads: put from any thread, without a lock; take from one consumer.
 * Errors:  -ENOBUFS: beyond the limit, the item was NOT taken.
 * Limits:  LLMOBS_BUFFER_ITEMS_MAX items and `bytes_max` bytes.
 * Fork:    a child begins empty: reset abandons what it inherited.
 */
#ifndef LLMOBS_BUFFER_H
#define LLMOBS_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event/event_kind.h"

#define LLMOBS_BUFFER_ITEMS_MAX 100000

enum llmobs_item_type {
    LLMOBS_ITEM_EXCHANGE,
    LLMOBS_ITEM_SPAN,
    LLMOBS_ITEM_EVENT,  /* encoded already (event_item.h) */
    LLMOBS_ITEM_SPOOLED /* what the disk alone has: only this */
};

/* Before its END a call has a START on the disk, and then a BEGIN. */
#define LLMOBS_BEGUN 2

/* Where the disk keeps an item (spool.h); a file of 0: nowhere. */
struct llmobs_spooled {
    uint64_t id;
    uint32_t begun[LLMOBS_BEGUN]; /* the files of its START and BEGIN */
    uint32_t file;                /* of its END or EVENT */
    uint64_t begun_at[LLMOBS_BEGUN];
    uint64_t offset;
    uint64_t size;
};

static inline bool llmobs_spooled_any(const struct llmobs_spooled *spooled)
{
    return spooled->begun[0] || spooled->begun[1] || spooled->file;
}

/* First member of whatever goes through a buffer. */
struct llmobs_item {
    struct llmobs_item *next;
    enum llmobs_item_type type;
    enum llmobs_event_kind kind; /* of its event */
    size_t weight;               /* bytes, roughly */
    struct llmobs_spooled spooled;
};

/* What is left of an item, its parts freed, when it waits on the disk; never an
 * exchange, which has a way of its own (exchange.h). */
struct llmobs_item *llmobs_item_shed(struct llmobs_item *item);

struct llmobs_buffer;

struct llmobs_buffer_ops {
    /* Takes `item` on success. */
    int (*put)(struct llmobs_buffer *buffer, struct llmobs_item *item);
    /* Gives all items in the order of their put, linked by next; NULL: none.
     */
    struct llmobs_item *(*take)(struct llmobs_buffer *buffer);
    /* Items put and not yet taken. */
    size_t (*pending)(struct llmobs_buffer *buffer);
    /* In a forked child: abandons everything. */
    void (*reset)(struct llmobs_buffer *buffer);
    void (*free)(struct llmobs_buffer *buffer);
};

struct llmobs_buffer {
    const struct llmobs_buffer_ops *ops;
};

/* Gives a buffer in memory; NULL without memory. */
struct llmobs_buffer *llmobs_buffer_memory(size_t bytes_max);

#endif
