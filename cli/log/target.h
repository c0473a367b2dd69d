/* target - looks at the process of a call from outside, without stopping it.
 *
 * Owns:    nothing.
 * Threads: one.
 * Errors:  none: a fact that cannot be read is not known.
 *
 * The spool names the process of a call. This module checks three facts at the
 * process: that it began when the spool says, that it belongs to the spool's
 * user, and that the call still runs, by the numbers at the entry's address.
 */
#ifndef LLMOBS_PS_TARGET_H
#define LLMOBS_PS_TARGET_H

#include "cli/log/call.h"

/* Fills state and thread; false where the call is certainly not under way. Does
 * not look at a process in another pid namespace. */
bool llmobs_ps_target_look(struct llmobs_ps_call *call);

/* True where the process `pid` that began at `start` still lives. */
bool llmobs_ps_target_lives(pid_t pid, uint64_t start);

#endif
