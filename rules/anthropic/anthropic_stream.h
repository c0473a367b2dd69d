/* anthropic_stream - a streamed answer of Anthropic's put together from its
 * events.
 *
 * Owns:    its blocks and their texts, from the first event to fini.
 * Threads: one at a time.
 * Errors:  -ENOMEM; what is no event of the messages API is passed over.
 * Limits:  LLMOBS_ANTHROPIC_BLOCKS_MAX blocks, others are passed over. Texts
 *          as message_content.h.
 * Fork:    plain memory.
 *
 * Source: WIRE 6.8. Takes each event's JSON, whatever framed it.
 */
#ifndef LLMOBS_ANTHROPIC_STREAM_H
#define LLMOBS_ANTHROPIC_STREAM_H

#include "core/text/json.h"
#include "rules/read/stream_parts.h"

#define LLMOBS_ANTHROPIC_BLOCKS_MAX 1024

struct llmobs_anthropic_stream {
    struct llmobs_stream_parts blocks;
    char *role;
    struct llmobs_json *usage; /* as far as it was told, NULL: nothing */
    bool done;                 /* message_stop or a stop reason was seen */
    bool begun;                /* a first token was seen */
};

/* A stream of all zeros is empty and ready. */
void llmobs_anthropic_stream_fini(struct llmobs_anthropic_stream *stream);

/* Adds one event. */
int llmobs_anthropic_stream_add(struct llmobs_anthropic_stream *stream,
                                const struct llmobs_json *event);

/* Gives the output messages in *out; NULL where nothing came and the end did
 * not come either. */
int llmobs_anthropic_stream_outputs(
    const struct llmobs_anthropic_stream *stream, struct llmobs_json **out);

#endif
