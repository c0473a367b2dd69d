/* caller - turns a callsite into metadata.caller: the names of the frames that
 * called, and the line of the script (script_frames.h).
 *
 * Owns:    a table of the addresses in code that it met, until an object is
 *          unloaded.
 * Threads: the thread that has the worker's turn. This is an app's thread only
 *          when it runs the exit handler.
 * Errors:  NULL: the caller is unknown.
 * Limits:  LLMOBS_CALLER_STEPS frames of a walk, LLMOBS_CALLER_FRAMES names in
 *          an answer, LLMOBS_CALLER_KNOWN addresses (a multiple of 8) in the
 *          table.
 * Fork:    a child begins with an empty table.
 *
 * The answer leaves out the frames that start a program or a thread, in the C
 * library and before. The walk ends at a frame that belongs to no loaded object
 * (code compiled at run time), or for which its object has no row. If an object
 * was unloaded after the callsite was made, another object may be at its
 * addresses, so the answer has no frame.
 */
#ifndef LLMOBS_CALLER_H
#define LLMOBS_CALLER_H

#include "core/trace/callsite.h"
#include "lib/text/json.h"

#define LLMOBS_CALLER_STEPS 64
#define LLMOBS_CALLER_FRAMES 16
#define LLMOBS_CALLER_KNOWN 256

/* To be called before the first callsite is made: counts unloads from now on.
 */
void llmobs_caller_watch(void);

/* Gives metadata.caller of a callsite that was made at `begin_ns` (monotonic).
 * For a call that another process delivers, `unnamed` is not NULL: sets
 * `*unnamed`, which is NULL, to the frames that the other process shall name
 * (caller_unnamed.h), if there are any. Reads the file of an object that the
 * other process could not find. */
struct llmobs_json *llmobs_caller_read(const struct llmobs_callsite *callsite,
                                       int64_t begin_ns,
                                       struct llmobs_json **unnamed);

#endif
