/* bedrock_family - bodies of InvokeModel with one prompt, whose shape depends
 * on the model's maker.
 *
 * Owns:    nothing; the caller owns the messages that it is given.
 * Threads: any; all tables are constant.
 * Errors:  -ENOMEM.
 *
 * Source:  WIRE 6.9, 6.12.
 */
#ifndef LLMOBS_BEDROCK_FAMILY_H
#define LLMOBS_BEDROCK_FAMILY_H

#include "rules/read/reading.h"
#include "rules/read/stream_parts.h"

/* One family: a row of the table. Paths lead from object to object by dots. */
struct llmobs_bedrock_family {
    const char *name;                     /* the maker, as in model ids */
    const char *prompt;                   /* key of the request */
    const char *temperature, *max_tokens; /* paths in the request */
    const char *list; /* key of the answer's outputs; NULL: the answer is itself
                       * the output, as is a stream's chunk without that key */
    const char *text; /* path in an output */
    const char *stop; /* path of the reason to stop in an output, NULL: none */
    const char *role; /* the role of the outputs' messages; NULL: none */
    bool all;         /* takes every output, else only the first */
};

/* The family of a model id, which may have a region or be an ARN; NULL:
 * unknown. */
const struct llmobs_bedrock_family *llmobs_bedrock_family_find(const char *id);

/* The family of a model that the ARN of a profile hides, by the request and the
 * answer; NULL: unknown, or no such ARN. */
const struct llmobs_bedrock_family *llmobs_bedrock_family_guess(
    const struct llmobs_reading *reading, const char *id);

/* The value at a path; NULL: none. */
const struct llmobs_json *llmobs_bedrock_family_get(
    const struct llmobs_json *body, const char *path);

/* Gives the messages of an answer in *out; NULL where it has no output. */
int llmobs_bedrock_family_outputs(const struct llmobs_bedrock_family *family,
                                  const struct llmobs_json *body,
                                  struct llmobs_json **out);

/* Notes the reasons (facts.h) of the outputs whose messages are the span's
 * output. */
void llmobs_bedrock_family_reasons(const struct llmobs_bedrock_family *family,
                                   const struct llmobs_json *body,
                                   struct llmobs_span *span);

/* Adds a chunk of a streamed answer; sets *done if the chunk has the reason why
 * the answer ended. */
int llmobs_bedrock_family_chunk(const struct llmobs_bedrock_family *family,
                                const struct llmobs_json *chunk,
                                struct llmobs_text_stream *texts, bool *done);

#endif
