/* responses_prompt - the reusable prompt of a Responses request, and the
 * template that it stands for.
 *
 * Owns:    nothing; what is made belongs to the span.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  RESPONSES_VARIABLES_MAX variables are looked for in a template, the
 *          longest ones; texts as message_content.h.
 * Fork:    nothing to do.
 *
 * Source: WIRE 6.5.
 */
#ifndef LLMOBS_RESPONSES_PROMPT_H
#define LLMOBS_RESPONSES_PROMPT_H

#include "core/span/span.h"

#define RESPONSES_VARIABLES_MAX 64

/* Sets the span's prompt, and the tags that say so, by the request's `prompt`.
 * What is no object changes nothing. */
int llmobs_responses_read_prompt(const struct llmobs_json *prompt,
                                 struct llmobs_span *span);

/* Adds the template to the span's prompt: `messages`, which are what the
 * server made of it, with the variables' names in the place of their values. A
 * template that the request told itself stays. */
int llmobs_responses_read_template(const struct llmobs_json *messages,
                                   struct llmobs_span *span);

#endif
