/* blocks - a fixed set of memory blocks of one size, for objects that come and
 * go with each call. The allocator would give their pages back to the kernel
 * and take them again, call by call, and it shares its lists with the app.
 *
 * Owns:    the memory, which is static; a block belongs to its taker until it
 *          is given back.
 * Threads: any at once, without a lock: each block has a bit.
 * Errors:  take: NULL when all are taken; the caller then asks the allocator.
 * Limits:  LLMOBS_BLOCKS blocks; the lowest first, so that few calls at a time
 *          touch few pages.
 * Fork:    a child loses the blocks that it never gives back.
 */
#ifndef LLMOBS_BLOCKS_H
#define LLMOBS_BLOCKS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LLMOBS_BLOCKS 64

struct llmobs_blocks {
    unsigned char *memory; /* LLMOBS_BLOCKS of `size` bytes */
    size_t size;
    _Atomic uint64_t taken; /* a bit for each */
};

void *llmobs_blocks_take(struct llmobs_blocks *blocks);

/* True for a block of this set. */
static inline bool llmobs_blocks_have(const struct llmobs_blocks *blocks,
                                      const void *block)
{
    return (uintptr_t)block - (uintptr_t)blocks->memory <
           LLMOBS_BLOCKS * blocks->size;
}

/* Takes a block back; false when it is not of this set. */
bool llmobs_blocks_give(struct llmobs_blocks *blocks, const void *block);

#endif
