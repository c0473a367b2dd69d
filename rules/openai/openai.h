/* openai - what the dialects of the OpenAI family share besides the reading.
 *
 * Owns:    nothing.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  those of cut_json.h for bodies beyond the capture limit.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_OPENAI_H
#define LLMOBS_OPENAI_H

#include "rules/read/reading.h"

/* True where a request names its model, which an Azure path may do instead,
 * and has the key `what` (WIRE 6.1). */
bool llmobs_openai_asks(const struct llmobs_reading *reading, const char *what);

/* form->ends of answers with `choices`, and of embeddings: model, usage,
 * whether the answer has ended. */
int llmobs_openai_ends(struct llmobs_reading *reading);

/* The same where `usage` sets the metrics of a usage object. */
int llmobs_openai_ends_by(struct llmobs_reading *reading,
                          int (*usage)(const struct llmobs_json *usage,
                                       struct llmobs_span *span));

#endif
