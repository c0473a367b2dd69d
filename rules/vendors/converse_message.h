/* converse_message - bodies of Bedrock's Converse API as members of a span.
 *
 * Owns:    nothing; the caller owns the messages that it is given.
 * Threads: any; no state.
 * Errors:  NULL or -ENOMEM without memory.
 * Limits:  texts as message_content.h.
 *
 * Source:  WIRE 6.9. Nova's bodies by InvokeModel are the same.
 */
#ifndef LLMOBS_CONVERSE_MESSAGE_H
#define LLMOBS_CONVERSE_MESSAGE_H

#include "rules/vendors/bedrock.h"

/* Reads a request: messages, tools and settings; where the body's middle is
 * missing, the settings, and the tools if they are there. */
int llmobs_converse_request(struct llmobs_reading *reading);

/* Gives the messages of an answer in *out; NULL where it has none. */
int llmobs_converse_outputs(const struct llmobs_json *answer,
                            struct llmobs_json **out);

/* Reads the counts of a `usage` object. */
void llmobs_converse_usage(const struct llmobs_json *usage,
                           struct llmobs_counts *tokens);

#endif
