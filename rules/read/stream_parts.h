/* stream_parts - the parts of a streamed answer, each under its index.
 *
 * Owns:    its items, from the first use to fini, but nothing that they point
 *          to.
 * Threads: one thread at a time.
 * Errors:  -ENOSPC beyond `max` items, -ENOMEM.
 * Limits:  `max` items; it is cheap to find an item (by bisection) and to add
 *          an item at the end; an item between others moves those behind.
 *
 * An item is a struct whose first member is its `int64_t index`.
 */
#ifndef LLMOBS_STREAM_PARTS_H
#define LLMOBS_STREAM_PARTS_H

#include <stddef.h>
#include <stdint.h>

struct llmobs_stream_parts {
    void *items; /* sorted by index */
    size_t count;
    size_t cap;
};

/* Sets *item to the item of that index; makes the item (all zeros but the
 * index) if it is new. The next new item may move it. */
int llmobs_stream_part_at(struct llmobs_stream_parts *parts, size_t size,
                          size_t max, int64_t index, void **item);

void llmobs_stream_parts_fini(struct llmobs_stream_parts *parts);

#endif
