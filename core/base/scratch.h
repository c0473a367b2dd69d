/* scratch - memory for the length of a function, in place of a big frame: the
 * app's threads and coroutines may have little stack.
 *
 * Owns:    a block is its taker's until it is given back; its bytes are those
 *          that the last taker left.
 * Threads: any, without a lock; one block for each function that is in one.
 * Errors:  NULL without memory.
 * Limits:  LLMOBS_BLOCKS blocks of LLMOBS_SCRATCH_SIZE bytes are kept; more or
 *          larger ones are the allocator's.
 * Fork:    plain memory; a child lacks the blocks that it never gives back.
 */
#ifndef LLMOBS_SCRATCH_H
#define LLMOBS_SCRATCH_H

#include <stddef.h>

/* An entry's writer (entry.h) and what an exchange adds to it. */
#define LLMOBS_SCRATCH_SIZE 9216

void *llmobs_scratch_take(size_t size);
/* NULL is none. errno stays. */
void llmobs_scratch_give(void *block);

#endif
