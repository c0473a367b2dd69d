/* scratch - memory for the time of one function call, instead of a big stack
 * frame: the app's threads and coroutines may have little stack.
 *
 * Owns:    a block belongs to the caller until the caller frees it. It has no
 *          bytes of an earlier caller but those of a text.
 * Threads: any, without a lock.
 * Errors:  NULL when memory runs out.
 * Limits:  there are LLMOBS_BLOCKS blocks of LLMOBS_SCRATCH_SIZE bytes; more or
 *          larger ones come from the allocator.
 * Fork:    a child loses the blocks that it never frees.
 */
#ifndef LLMOBS_SCRATCH_H
#define LLMOBS_SCRATCH_H

#include <stddef.h>

/* Enough for the writer of a spool entry (entry.h) with an exchange's fields.
 */
#define LLMOBS_SCRATCH_SIZE 9216

void *llmobs_scratch_alloc(size_t size);
/* NULL does nothing. errno stays. */
void llmobs_scratch_free(void *block);
/* Likewise, for a text such as a path: it has no addresses, so it stays. */
void llmobs_scratch_free_text(char *text);

#endif
