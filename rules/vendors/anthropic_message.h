/* anthropic_message - bodies of Anthropic's messages API as members of a span.
 *
 * Owns:    nothing; the caller owns the messages that it is given.
 * Threads: any; no state.
 * Errors:  NULL or a negative errno without memory.
 * Limits:  those of message_content.h; images of LLMOBS_ANTHROPIC_IMAGE_MAX
 *          bytes of base64; a marker stands for a larger image.
 *
 * Source:  WIRE 6.8. Knows neither paths nor framings, since the same bodies
 *          come by Bedrock and Vertex AI. tools.h reads a request's tools.
 */
#ifndef LLMOBS_ANTHROPIC_MESSAGE_H
#define LLMOBS_ANTHROPIC_MESSAGE_H

#include "lib/span/span.h"

#define LLMOBS_ANTHROPIC_IMAGE_MAX (4 * 1024 * 1024)

/* Sets the span's input: the messages of a request's `system`, which stand
 * apart (facts.h), then the messages of `messages`. `images`: keeps inline
 * images; otherwise each image becomes a marker (WIRE 1.5). */
int llmobs_anthropic_inputs(const struct llmobs_json *request, bool images,
                            struct llmobs_span *span);

/* Gives the messages of an answer, an object with `role` and `content`, in
 * *out; an empty list where it has no blocks, NULL where it has no content. */
int llmobs_anthropic_outputs(const struct llmobs_json *answer,
                             struct llmobs_json **out);

/* Sets the metrics from `usage`, and tells how the provider served the call: by
 * which model instead of the one asked for, what other models used besides, in
 * which tier, and why it refused to answer (from `stop_details`). Each may be
 * NULL or no object. */
int llmobs_anthropic_usage(const struct llmobs_json *usage,
                           const struct llmobs_json *details,
                           struct llmobs_span *span);

#endif
