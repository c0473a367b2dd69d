/* target - looks at the process of a call from outside, without stopping it.
 *
 * Owns:    nothing.
 * Threads: one.
 * Errors:  none: a fact that cannot be read is not known.
 *
 * The spool says which process a call is of. This asks the process: whether it
 * began when the spool says it did, whether it is its user's, and whether the
 * call is still there, by the numbers at the address that the entry names.
 */
#ifndef LLMOBS_PS_TARGET_H
#define LLMOBS_PS_TARGET_H

#include "cli/log/call.h"

/* Fills state and thread; false where the call is certainly not under way. Of a
 * process in another pid namespace nothing is asked. */
bool llmobs_ps_target_look(struct llmobs_ps_call *call);

/* True where the process that began then still lives. */
bool llmobs_ps_target_lives(pid_t pid, uint64_t start);

#endif
