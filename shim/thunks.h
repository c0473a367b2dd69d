/* thunks - the functions that patched slots point at: one set for each element
 * of llmobs_copies.
 *
 * Threads: any thread that may call the libcurl function of the same name.
 * Errors:  those of the real function, whose result each thunk returns.
 */
#ifndef LLMOBS_THUNKS_H
#define LLMOBS_THUNKS_H

#include "shim/copies.h"

void *llmobs_thunk(const struct llmobs_copy *copy, enum llmobs_hook hook);

/* The thunk for a real function of any copy; NULL for another address. */
void *llmobs_thunk_of(const void *address);

#endif
