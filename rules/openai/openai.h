/* openai - what the dialects of the OpenAI family share besides the frame.
 *
 * Owns:    nothing.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  those of scan.h for bodies beyond the capture limit.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_OPENAI_H
#define LLMOBS_OPENAI_H

#include "rules/read/frame.h"

/* True where a request names its model, which an Azure path may do instead,
 * and has the key `what` (WIRE 6.1). */
bool llmobs_openai_asks(const struct llmobs_frame *frame, const char *what);

/* form->ends of answers with `choices`, and of embeddings: model, usage,
 * whether the answer has ended. */
int llmobs_openai_ends(struct llmobs_frame *frame);

/* The same where `usage` sets the metrics of a usage object. */
int llmobs_openai_ends_by(struct llmobs_frame *frame,
                          int (*usage)(const struct llmobs_json *usage,
                                       struct llmobs_span *span));

#endif
