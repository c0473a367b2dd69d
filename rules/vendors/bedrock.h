/* bedrock - the common part of all calls of Amazon Bedrock: the model in the
 * path, settings, token counts.
 *
 * Owns:    nothing; the caller owns the texts that it is given.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  counts as usage.h.
 *
 * Source:  WIRE 6.1, 6.2, 6.9.
 */
#ifndef LLMOBS_BEDROCK_H
#define LLMOBS_BEDROCK_H

#include "rules/read/reading.h"
#include "rules/read/usage.h"

/* form->begin: takes the model from the path, and the token counts of the
 * answer's headers. */
int llmobs_bedrock_begin(struct llmobs_reading *reading);

/* form->ends, for answers whose headers have the counts: only looks whether the
 * answer is complete. */
int llmobs_bedrock_ends(struct llmobs_reading *reading);

/* Gives the model id of the path, decoded, "" where it has none; NULL without
 * memory. */
char *llmobs_bedrock_model(const struct llmobs_reading *reading);

/* Puts both settings into the metadata as Datadog's SDK does, a real and an
 * integer; a value that is no number is left out. */
int llmobs_bedrock_settings(struct llmobs_span *span,
                            const struct llmobs_json *temperature,
                            const struct llmobs_json *max_tokens);

/* Sets the metrics from the counts, whose `input` lacks the tokens from and to
 * the cache. Without the provider's total the sum is used. */
void llmobs_bedrock_count(const struct llmobs_counts *tokens,
                          struct llmobs_span *span);

/* Takes over the counts that a body or a chunk of it has, in the form of any
 * maker; the other counts stay as they are. False: it has none. */
bool llmobs_bedrock_body_counts(const struct llmobs_json *body,
                                struct llmobs_counts *tokens);

/* The key of the object that ends a stream of InvokeModel; reads its counts. */
#define LLMOBS_BEDROCK_METRICS "amazon-bedrock-invocationMetrics"
void llmobs_bedrock_invocation(const struct llmobs_json *metrics,
                               struct llmobs_counts *tokens);

/* The text of a stream of Bedrock's agents, flows and knowledge bases, which
 * comes in pieces and becomes the span's output value; reading->state of a form
 * with these functions. All zeros is empty.
 *
 * Owns:    a state owns its text, until _fini.
 * Threads: one reading at a time.
 * Errors:  -ENOMEM.
 * Limits:  LLMOBS_VALUE_MAX bytes of text; the rest is left out.
 *
 * These streams have no event that ends them: a stream is complete where its
 * last frame ends at the answer's last byte, and libcurl saw no error.
 */
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
