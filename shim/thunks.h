/* thunks - the functions that patched slots point at: one set for each element
 * of llmobs_copies, and those for libc's calls.
 *
 * Threads: any thread that may call the real function of the same name.
 * Errors:  those of the real function, whose result each thunk returns.
 */
#ifndef LLMOBS_THUNKS_H
#define LLMOBS_THUNKS_H

#include "shim/copies.h"
#include "shim/libc_calls.h"

void *llmobs_thunk(const struct llmobs_copy *copy, enum llmobs_hook hook);

/* The thunk for a real function of any copy; NULL for another address. */
void *llmobs_thunk_of(const void *address);

/* NULL for LLMOBS_LIBC_COUNT, and for an address of no watched function. */
void *llmobs_thunk_libc(enum llmobs_libc_call call);
void *llmobs_thunk_of_libc(const void *address);

#endif
