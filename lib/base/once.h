/* once - zeroed memory for the few large structures that a process makes once,
 * as the core is loaded.
 *
 * The allocator would write zeros to each of their pages, and the first write
 * to a page costs a fault, some 0.7 us. These pages are zero already, and cost
 * one only when they are used.
 *
 * Owns:    the memory, which is static: no part of it is used twice.
 * Threads: any, without a lock.
 * Errors:  NULL when memory runs out.
 * Limits:  LLMOBS_ONCE bytes; beyond them the allocator gives memory.
 * Fork:    a child keeps its parent's memory.
 */
#ifndef LLMOBS_ONCE_H
#define LLMOBS_ONCE_H

#include <stddef.h>

#define LLMOBS_ONCE ((size_t)64 * 1024)

void *llmobs_once_alloc(size_t size);
/* NULL does nothing. */
void llmobs_once_free(void *memory);

#endif
