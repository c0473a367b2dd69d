/* converse - bodies of Bedrock's Converse API as members of a span.
 *
 * Owns:    nothing; the caller owns the messages that it is given.
 * Threads: any; no state.
 * Errors:  NULL or -ENOMEM without memory.
 * Limits:  texts as message_content.h.
 *
 * Source:  WIRE 6.9. Nova's bodies by InvokeModel are the same.
 */
#ifndef LLMOBS_CONVERSE_H
#define LLMOBS_CONVERSE_H

#include "lib/span/span.h"
#include "rules/read/stream_parts.h"
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

/* Puts a streamed answer of Bedrock's Converse API together from its events.
 *
 * Owns:    its blocks, texts and messages, from the first event to fini.
 * Threads: one at a time.
 * Errors:  -ENOMEM; events that are not of this API are passed over.
 * Limits:  LLMOBS_CONVERSE_BLOCKS_MAX blocks a message; more are passed over.
 *          Texts as message_content.h.
 *
 * Source:  WIRE 6.9.
 */
#define LLMOBS_CONVERSE_BLOCKS_MAX 1024

struct llmobs_converse_stream {
    struct llmobs_stream_parts blocks; /* of the current message */
    struct llmobs_json *messages;      /* the complete messages; NULL: none */
    char *role;                        /* of the current message */
    char *stop_reason;                 /* the last that came */
    struct llmobs_json *usage;         /* the last that came */
    bool begun;                        /* a first token was seen */
    bool done;                         /* messageStop was seen */
};

/* A stream of all zeros is empty and ready. */
void llmobs_converse_stream_fini(void *stream);

/* Adds one event: its name and its document. */
int llmobs_converse_stream_add(struct llmobs_converse_stream *stream,
                               struct llmobs_text name,
                               const struct llmobs_json *event);

/* Notes why the answer ended (facts.h), if any part of the answer came. */
void llmobs_converse_stream_reason(const struct llmobs_converse_stream *stream,
                                   struct llmobs_span *span);

/* Gives the output messages, which leave the stream, with the incomplete last
 * message; an empty message if none came. */
struct llmobs_json *llmobs_converse_stream_take(
    struct llmobs_converse_stream *stream);

#endif
