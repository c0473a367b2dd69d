/* anthropic_message - bodies of Anthropic's messages API as what a span holds.
 *
 * Owns:    nothing; what is given belongs to the caller.
 * Threads: any; no state.
 * Errors:  NULL or a negative errno without memory.
 * Limits:  those of message_content.h; images of LLMOBS_ANTHROPIC_IMAGE_MAX
 * bytes of base64, else a marker. Fork:    nothing to do.
 *
 * Source: WIRE 6.8. Knows neither paths nor frames, since the same
 * bodies come by Bedrock and Vertex. A request's tools are read by tools.h.
 */
#ifndef LLMOBS_ANTHROPIC_MESSAGE_H
#define LLMOBS_ANTHROPIC_MESSAGE_H

#include "core/span/span.h"

#define LLMOBS_ANTHROPIC_IMAGE_MAX (4 * 1024 * 1024)

/* Gives the messages of a request: those of `system`, then of `messages`.
 * `images`: inline ones are kept, else each is a marker (WIRE 1.5). */
struct llmobs_json *llmobs_anthropic_inputs(const struct llmobs_json *request,
                                            bool images);

/* Gives the messages of an answer, an object with `role` and `content`, in
 * *out; an empty list where it has no blocks, NULL where it has no content. */
int llmobs_anthropic_outputs(const struct llmobs_json *answer,
                             struct llmobs_json **out);

/* Sets the metrics of a usage object; anything else sets none. */
void llmobs_anthropic_usage(const struct llmobs_json *usage,
                            struct llmobs_span *span);

#endif
