/* hooks - the variables by which interpreters load the hooks of
 * share/llmobs/inbound as they start: a program that serves requests then takes
 * over the trace context of each of them (docs/SDK.md).
 *
 * Each value that the environment has stays in force. A hook that cannot be
 * read is left out, and so are all where the path of the hooks has a character
 * that one of the interpreters would take for another.
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
