/* responses_prompt - the reusable prompt of a Responses request, and the
 * template that it stands for.
 *
 * Owns:    nothing; the span owns all that is made.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  the RESPONSES_VARIABLES_MAX longest variables are looked for in a
 *          template; texts as message_content.h.
 *
 * Source:  WIRE 6.5.
 */
#ifndef LLMOBS_RESPONSES_PROMPT_H
#define LLMOBS_RESPONSES_PROMPT_H

#include "lib/span/span.h"

#define RESPONSES_VARIABLES_MAX 64

/* Sets the span's prompt and its tags from the request's `prompt`; nothing
 * where that is no object. */
int llmobs_responses_read_prompt(const struct llmobs_json *prompt,
                                 struct llmobs_span *span);

/* Adds the template to the span's prompt: `messages`, which the server made of
 * it, with the variables' names in the place of their values. A template that
 * the request had itself stays. */
int llmobs_responses_read_template(const struct llmobs_json *messages,
                                   struct llmobs_span *span);

#endif
