/* caller - turns a callsite into metadata.caller: the names of the frames that
 * called, and the line of the script (script_frames.h).
 *
 * Owns:    tables of the addresses in code that it met, and of the callers
 *          that it wrote, until an object is unloaded.
 * Threads: any: each claims tables, and where all are in use makes its own.
 *          Takes the loader's lock (loaded.h); reads no file but the link to
 *          the program, or /proc/self/maps, once.
 * Errors:  NULL: the caller is unknown.
 * Limits:  LLMOBS_CALLER_STEPS frames of a walk, LLMOBS_CALLER_FRAMES names in
 *          an answer; LLMOBS_CALLER_KNOWN addresses (a multiple of 8) and
 *          LLMOBS_CALLER_WRITTEN callers in a table.
 * Fork:    a child begins with empty tables. A thread of the library's takes
 * the loader's lock first there, as a thread of the parent's may hold it for
 * ever; the app's waits some 50 ms for it, once.
 *
 * The answer leaves out the frames that start a program or a thread, in the C
 * library and before. The walk ends at a frame that belongs to no loaded object
 * (code compiled at run time), or for which its object has no row.
 */
#ifndef LLMOBS_CALLER_H
#define LLMOBS_CALLER_H

#include "core/trace/callsite.h"

#define LLMOBS_CALLER_STEPS 64
#define LLMOBS_CALLER_FRAMES 16
#define LLMOBS_CALLER_KNOWN 512
#define LLMOBS_CALLER_WRITTEN 64

/* Names the caller, of whom the calling thread has just made the callsite, as
 * the JSON of metadata.caller; and the frames that shall be named from their
 * files by the process that delivers (caller_unnamed.h). The caller of the
 * function owns both; they stay NULL where nothing is known. */
void llmobs_caller_read(const struct llmobs_callsite *callsite, char **caller,
                        char **unnamed);

#endif
