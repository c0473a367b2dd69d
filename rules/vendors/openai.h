/* openai - functions that the dialects of the OpenAI family share.
 *
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  those of cut_json.h for bodies beyond the capture limit.
 */
#ifndef LLMOBS_OPENAI_H
#define LLMOBS_OPENAI_H

#include "rules/read/reading.h"

/* True where the request has the key `what` and names its model, as an Azure
 * path may do instead (WIRE 6.1). */
bool llmobs_openai_asks(const struct llmobs_reading *reading, const char *what);

/* form->ends for answers with `choices` and for embeddings: reads model and
 * usage, and whether the answer has ended. */
int llmobs_openai_ends(struct llmobs_reading *reading);

#endif
