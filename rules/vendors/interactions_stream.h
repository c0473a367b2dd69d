/* interactions_stream - puts a streamed answer of Gemini's Interactions API
 * together, also one that was cut.
 *
 * Owns:    the last interaction and the steps, from first use to fini.
 * Threads: one at a time.
 * Errors:  -ENOMEM; events of other kinds are passed over.
 * Limits:  LLMOBS_INTERACTIONS_STEPS_MAX steps; texts as message_content.h.
 *
 * Source:  StepStart, StepDelta, InteractionCompletedEvent of
 *          googleapis/python-genai, google/genai/_gaos/types/interactions.
 */
#ifndef LLMOBS_INTERACTIONS_STREAM_H
#define LLMOBS_INTERACTIONS_STREAM_H

#include "lib/text/json.h"
#include "rules/read/stream_parts.h"

#define LLMOBS_INTERACTIONS_STEPS_MAX 1024

struct llmobs_interactions_stream {
    struct llmobs_json *interaction; /* the last that came, or NULL */
    struct llmobs_json *usage;       /* the last that came, or NULL */
    struct llmobs_stream_parts steps;
    char *status; /* the last that came, or NULL */
    bool done;    /* the interaction has ended, well or not */
    bool begun;   /* a first token was seen */
};

/* A stream of all zeros is empty and ready. */
void llmobs_interactions_stream_fini(void *stream);

int llmobs_interactions_stream_add(struct llmobs_interactions_stream *stream,
                                   const struct llmobs_json *event);

/* Gives an array of the steps: the interaction's, else the pieces that arrived;
 * NULL without memory. */
struct llmobs_json *llmobs_interactions_stream_steps(
    const struct llmobs_interactions_stream *stream);

/* True for a status of an interaction that goes on. */
bool llmobs_interactions_is_open(const char *status);

#endif
