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

#include "rules/frame.h"

/* True where a request names its model, which an Azure path may do instead,
 * and has the key `what` (llmobs-wire 6.1). */
bool llmobs_openai_asks(const struct llmobs_frame *frame, const char *what);

/* The format in which a chat's answer speaks; NULL: none was asked for. */
const char *llmobs_openai_audio_format(const struct llmobs_frame *frame);

/* form->event, ->finish and ->state_fini of streams with `choices`, whose state
 * is a struct llmobs_stream. */
int llmobs_openai_event(struct llmobs_frame *frame,
                        const struct llmobs_event *event);
int llmobs_openai_finish(struct llmobs_frame *frame);
void llmobs_openai_fini(void *stream);

/* form->ends of answers with `choices`, and of embeddings: model, usage,
 * whether the answer has ended. */
int llmobs_openai_ends(struct llmobs_frame *frame);

#endif
