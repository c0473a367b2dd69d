/* anthropic_stream - puts a streamed answer of Anthropic's API together from
 * its events.
 *
 * Owns:    its blocks and their texts, from the first event to fini.
 * Threads: one at a time.
 * Errors:  -ENOMEM; events that are not of the messages API are passed over.
 * Limits:  LLMOBS_ANTHROPIC_BLOCKS_MAX blocks; more are passed over. Texts as
 *          message_content.h.
 *
 * Source:  WIRE 6.8. Takes each event's JSON, in whatever framing it came.
 */
#ifndef LLMOBS_ANTHROPIC_STREAM_H
#define LLMOBS_ANTHROPIC_STREAM_H

#include "lib/span/span.h"
#include "rules/read/stream_parts.h"

#define LLMOBS_ANTHROPIC_BLOCKS_MAX 1024

struct llmobs_anthropic_stream {
    struct llmobs_stream_parts blocks;
    char *role;
    char *reason;                /* why it ended; NULL: not known */
    struct llmobs_json *details; /* the reason's details; NULL: none */
    struct llmobs_json *usage;   /* the counts that came; NULL: none */
    struct llmobs_json *served;  /* names the model that answers instead of the
                                  * one asked for; NULL: none does */
    bool done;                   /* message_stop or a stop reason was seen */
    bool begun;                  /* a first token was seen */
};

/* A stream of all zeros is empty and ready. */
void llmobs_anthropic_stream_fini(void *stream);

/* Adds one event. */
int llmobs_anthropic_stream_add(struct llmobs_anthropic_stream *stream,
                                const struct llmobs_json *event);

/* Gives the output messages in *out; NULL where neither a block nor the end
 * came. */
int llmobs_anthropic_stream_outputs(
    const struct llmobs_anthropic_stream *stream, struct llmobs_json **out);

/* llmobs_anthropic_usage of what came. */
int llmobs_anthropic_stream_usage(const struct llmobs_anthropic_stream *stream,
                                  struct llmobs_span *span);

#endif
