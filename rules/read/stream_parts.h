/* parts - the parts of a streamed answer, each under the index it came with.
 *
 * Owns:    its items, not what they point at, from the first use to fini.
 * Threads: one at a time.
 * Errors:  -ENOSPC beyond `max` items, -ENOMEM.
 * Limits:  `max` items; finding one is cheap, also among many, and so is adding
 *          at the end; between costs a move.
 * Fork:    plain memory.
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

/* The item of an index, made (all zeros but the index) when there is none yet.
 * It stays where it is until the next one is made. */
int llmobs_stream_part_at(struct llmobs_stream_parts *parts, size_t size,
                          size_t max, int64_t index, void **item);

void llmobs_stream_parts_fini(struct llmobs_stream_parts *parts);

#endif
