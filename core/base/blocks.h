/* blocks - pieces of memory of one size, kept for what comes and goes with each
 * call: the allocator would give their pages back to the kernel and take them
 * again, call by call, and its lists are the app's, too.
 *
 * Owns:    the memory, static; a block is its taker's until it is given back.
 * Threads: any at once, without a lock: a bit for each block.
 * Errors:  take: NULL when all are taken, for the allocator to help out.
 * Limits:  LLMOBS_BLOCKS blocks; the lowest first, so that few calls at a time
 *          touch few pages.
 * Fork:    plain memory; a child lacks those that it never gives back.
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

/* Takes it back; false when it is none of them. */
bool llmobs_blocks_give(struct llmobs_blocks *blocks, const void *block);

#endif
