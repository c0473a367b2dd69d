/* blocks - a fixed set of memory blocks of one size, for objects that come and
 * go with each call. The allocator would give their pages back to the kernel
 * and take them again, call by call, and it shares its lists with the app.
 *
 * Owns:    the memory, which is static; a block belongs to the caller until
 *          the caller frees it.
 * Threads: any at once, without a lock: each block has a bit.
 * Errors:  alloc: NULL when no block is free; the caller asks the allocator.
 * Limits:  LLMOBS_BLOCKS blocks; the lowest first, so that few calls at a time
 *          touch few pages.
 * Fork:    a child loses the blocks that it never frees.
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

static inline void *llmobs_blocks_alloc(struct llmobs_blocks *blocks)
{
    uint64_t seen = atomic_load(&blocks->taken);

    while (~seen) {
        unsigned i = (unsigned)__builtin_ctzll(~seen);

        if (atomic_compare_exchange_weak(&blocks->taken, &seen,
                                         seen | (uint64_t)1 << i))
            return blocks->memory + i * blocks->size;
    }
    return NULL;
}

/* True for a block of this set. */
static inline bool llmobs_blocks_have(const struct llmobs_blocks *blocks,
                                      const void *block)
{
    return (uintptr_t)block - (uintptr_t)blocks->memory <
           LLMOBS_BLOCKS * blocks->size;
}

static inline void llmobs_blocks_free(struct llmobs_blocks *blocks,
                                      const void *block)
{
    size_t from = (uintptr_t)block - (uintptr_t)blocks->memory;

    atomic_fetch_and(&blocks->taken, ~((uint64_t)1 << (from / blocks->size)));
}

#endif
