/* show - prints the calls under way: a table for people, or JSON.
 *
 * Owns:    nothing.
 * Threads: one.
 * Errors:  -ENOMEM. The caller looks for errors of stdout.
 */
#ifndef LLMOBS_PS_SHOW_H
#define LLMOBS_PS_SHOW_H

#include "cli/log/call.h"
#include "cli/log/stack.h"

/* `users`: names the user of each call. */
void llmobs_ps_show_title(bool users);
int llmobs_ps_show_call(const struct llmobs_ps_call *call, bool users);
int llmobs_ps_show_stack(const struct llmobs_ps_call *call,
                         const struct llmobs_ps_stack *stack);

/* Prints a call as a line of JSON; `stack` may be NULL. */
int llmobs_ps_show_json(const struct llmobs_ps_call *call,
                        const struct llmobs_ps_stack *stack);

#endif
