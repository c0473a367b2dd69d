/* bedrock - what all calls of Amazon Bedrock have in common: the model in the
 * path, settings, token counts.
 *
 * Owns:    nothing; what is given belongs to the caller.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  counts as usage.h.
 * Fork:    nothing to do.
 *
 * Source: WIRE 6.1, 6.2, 6.9.
 */
#ifndef LLMOBS_BEDROCK_H
#define LLMOBS_BEDROCK_H

#include "rules/read/reading.h"

/* A form's begin: names the model by the path, and the provider, which is the
 * same on every host; counts tokens by the answer's headers. */
int llmobs_bedrock_begin(struct llmobs_reading *reading);

/* A form's ends where the counts stand in the headers: what is left to see is
 * the answer's end. */
int llmobs_bedrock_ends(struct llmobs_reading *reading);

/* The model id of the path, decoded; "" where it has none. Gives it; NULL
 * without memory. */
char *llmobs_bedrock_model(const struct llmobs_reading *reading);

/* Whether the request has this key, also where its middle is missing. */
bool llmobs_bedrock_asks(const struct llmobs_reading *reading, const char *key);

/* Puts both settings into the metadata as the SDK does, a real and an integer;
 * what is no number is left out. */
int llmobs_bedrock_settings(struct llmobs_span *span,
                            const struct llmobs_json *temperature,
                            const struct llmobs_json *max_tokens);

/* Token counts, -1: not told. */
struct llmobs_bedrock_tokens {
    int64_t input; /* without what the cache took part in */
    int64_t output;
    int64_t total; /* as the provider counts, else it is summed up */
    int64_t cache_read;
    int64_t cache_write;
};

/* Sets the metrics of such counts. */
void llmobs_bedrock_count(const struct llmobs_bedrock_tokens *tokens,
                          struct llmobs_span *span);

/* The counts of the object that ends a stream of InvokeModel, and its key. */
#define LLMOBS_BEDROCK_METRICS "amazon-bedrock-invocationMetrics"
void llmobs_bedrock_invocation(const struct llmobs_json *metrics,
                               struct llmobs_bedrock_tokens *tokens);

#endif
