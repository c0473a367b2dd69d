/* converse_stream - a streamed answer of Bedrock's Converse API put together
 * from its events.
 *
 * Owns:    its blocks, texts and messages, from the first event to fini.
 * Threads: one at a time.
 * Errors:  -ENOMEM; what is no event of the API is passed over.
 * Limits:  LLMOBS_CONVERSE_BLOCKS_MAX blocks a message, others are passed
 *          over. Texts as message_content.h.
 * Fork:    plain memory.
 *
 * Source: WIRE 6.9.
 */
#ifndef LLMOBS_CONVERSE_STREAM_H
#define LLMOBS_CONVERSE_STREAM_H

#include "core/text/json.h"
#include "rules/read/stream_parts.h"

#define LLMOBS_CONVERSE_BLOCKS_MAX 1024

struct llmobs_converse_stream {
    struct llmobs_stream_parts blocks; /* of the message under way */
    struct llmobs_json *messages;      /* those that ended, NULL: none */
    char *role;                        /* of the message under way */
    char *stop_reason;                 /* the last one */
    struct llmobs_json *usage;         /* the last one */
    bool begun;                        /* a first token was seen */
    bool done;                         /* messageStop was seen */
};

/* A stream of all zeros is empty and ready. */
void llmobs_converse_stream_fini(struct llmobs_converse_stream *stream);

/* Adds one event: its name and what it says. */
int llmobs_converse_stream_add(struct llmobs_converse_stream *stream,
                               struct llmobs_text name,
                               const struct llmobs_json *event);

/* Gives the output messages, which the stream then holds no longer; one that
 * did not end is among them, an empty one where there are none. */
struct llmobs_json *llmobs_converse_stream_take(
    struct llmobs_converse_stream *stream);

#endif
