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

/* Token counts; -1: unknown. */
struct llmobs_bedrock_tokens {
    int64_t input; /* without tokens from and to the cache */
    int64_t output;
    int64_t total; /* the provider's; -1: the sum of the counts is used */
    int64_t cache_read;
    int64_t cache_write;
};

/* Sets the metrics from the counts. */
void llmobs_bedrock_count(const struct llmobs_bedrock_tokens *tokens,
                          struct llmobs_span *span);

/* Takes over the counts that a body or a chunk of it has, in the form of any
 * maker; the other counts stay as they are. False: it has none. */
bool llmobs_bedrock_body_counts(const struct llmobs_json *body,
                                struct llmobs_bedrock_tokens *tokens);

/* The key of the object that ends a stream of InvokeModel; reads its counts. */
#define LLMOBS_BEDROCK_METRICS "amazon-bedrock-invocationMetrics"
void llmobs_bedrock_invocation(const struct llmobs_json *metrics,
                               struct llmobs_bedrock_tokens *tokens);

#endif
