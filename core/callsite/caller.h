/* caller - from a callsite to metadata.caller: which frames called, by name.
 *
 * Owns:    a table of what was found at each address, until it is unloaded.
 * Threads: one at a time: whoever holds the worker's gate. Never the app's,
 *          but for the exit handler's.
 * Errors:  NULL: nothing can be said.
 * Limits:  LLMOBS_CALLER_STEPS frames are looked at, LLMOBS_CALLER_FRAMES are
 *          told, LLMOBS_CALLER_KNOWN addresses (a multiple of 8) are kept.
 * Fork:    a child begins with an empty table.
 *
 * What starts a program or a thread, in the C library and before, is left out.
 * A frame that belongs to no loaded object (compiled at run time), or whose
 * object says nothing of it, ends the walk. Where something was unloaded since
 * the callsite was taken, another object may be at its addresses: NULL.
 */
#ifndef LLMOBS_CALLER_H
#define LLMOBS_CALLER_H

#include "core/callsite/callsite.h"
#include "core/text/json.h"

#define LLMOBS_CALLER_STEPS 64
#define LLMOBS_CALLER_FRAMES 16
#define LLMOBS_CALLER_KNOWN 256

/* Before the first callsite is taken: unloads count from here on. */
void llmobs_caller_watch(void);

/* Gives metadata.caller of a callsite that was taken at `taken_ns`
 * (monotonic). */
struct llmobs_json *llmobs_caller_read(const struct llmobs_callsite *callsite,
                                       int64_t taken_ns);

#endif
