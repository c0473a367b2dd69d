/* thunks - what the patched slots point at: one set for each place of copies.
 *
 * Owns:    nothing.
 * Threads: any thread that may call the libcurl function of the same name.
 * Errors:  none of ours: each thunk answers what the real function answered.
 * Fork:    constant.
 */
#ifndef LLMOBS_THUNKS_H
#define LLMOBS_THUNKS_H

#include "shim/copies.h"

void *llmobs_thunk(unsigned copy, enum llmobs_hook hook);

#endif
