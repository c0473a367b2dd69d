/* bedrock_stream - the text of a stream of Bedrock's agents, flows and
 * knowledge bases, which comes in pieces and becomes the span's output value.
 *
 * Owns:    a state owns its text, until _fini.
 * Threads: one reading at a time.
 * Errors:  -ENOMEM.
 * Limits:  LLMOBS_VALUE_MAX bytes of text; the rest is left out.
 *
 * These streams have no event that ends them: a stream is complete where its
 * last frame ends at the answer's last byte, and libcurl saw no error.
 */
#ifndef LLMOBS_BEDROCK_STREAM_H
#define LLMOBS_BEDROCK_STREAM_H

#include "rules/read/reading.h"

/* reading->state of a form with these functions; all zeros is empty. */
struct llmobs_bedrock_stream {
    struct llmobs_buf text;
    bool whole;    /* the last frame ended where the answer ends */
    int64_t input; /* tokens of all calls of models so far */
    int64_t output;
    bool counted; /* at least one call of a model has counts */
    bool partly;  /* at least one call of a model has no counts */
};

/* form->state_fini. */
void llmobs_bedrock_stream_fini(void *state);

/* Appends a piece of the text. */
int llmobs_bedrock_stream_text(struct llmobs_reading *reading,
                               const struct llmobs_event *event,
                               struct llmobs_text piece);

/* Notes where the stream's last frame ended; called for each event. */
void llmobs_bedrock_stream_at(struct llmobs_reading *reading,
                              const struct llmobs_event *event);

/* form->finish: sets the output value and the counts. */
int llmobs_bedrock_stream_finish(struct llmobs_reading *reading);

#endif
