/* hooks - the variables by which interpreters load the hooks of
 * share/llmobs/inbound as they start: a program that serves requests then takes
 * over the trace context of each request (docs/SDK.md).
 *
 * Each value that the environment has stays in force. A hook that cannot be
 * read is left out; all hooks are, if their path has a character with a meaning
 * for one of the interpreters.
 *
 * Owns:    nothing.
 * Threads: one.
 * Errors:  -ENOMEM; the variables that are set by then stay.
 */
#ifndef LLMOBS_HOOKS_H
#define LLMOBS_HOOKS_H

#include <stdbool.h>

struct llmobs_environment;

/* True where LLMOBS_INBOUND is on. */
bool llmobs_hooks_wanted(const struct llmobs_environment *environment);

/* Sets the variables for a command and all that it starts. */
int llmobs_hooks_add(struct llmobs_environment *environment);

#endif
