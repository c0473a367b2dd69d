/* bedrock_body - the kinds of bodies that InvokeModel carries.
 *
 * Owns:    llmobs_bedrock_invoke: what its streams hold, until _fini.
 * Threads: one at a time.
 * Errors:  -ENOMEM.
 * Limits:  LLMOBS_ANSWER_TEXT_CUT bytes of a stream that nobody knows; else
 *          those of the streams.
 * Fork:    plain memory.
 *
 * Source: WIRE 6.9, 6.12.
 */
#ifndef LLMOBS_BEDROCK_BODY_H
#define LLMOBS_BEDROCK_BODY_H

#include "rules/anthropic/anthropic_stream.h"
#include "rules/bedrock/bedrock.h"
#include "rules/bedrock/bedrock_family.h"
#include "rules/bedrock/converse_stream.h"
#include "rules/openai/openai_stream.h"

struct llmobs_bedrock_invoke;

/* One kind of body. Functions that take the list set it where there is an
 * output at all. */
struct llmobs_bedrock_body {
    int (*request)(struct llmobs_reading *reading);
    int (*document)(struct llmobs_reading *reading,
                    const struct llmobs_json *body, struct llmobs_json **list);
    int (*chunk)(struct llmobs_bedrock_invoke *invoke,
                 const struct llmobs_event *event);
    int (*finish)(struct llmobs_bedrock_invoke *invoke,
                  struct llmobs_json **list);
};

/* The state of a call. All zeros: empty and ready, but for its body. */
struct llmobs_bedrock_invoke {
    const struct llmobs_bedrock_body *body;
    const struct llmobs_bedrock_family *family; /* NULL: unknown */
    struct llmobs_stream chat;
    struct llmobs_anthropic_stream anthropic;
    struct llmobs_converse_stream converse;
    struct llmobs_text_stream texts;
    bool begun; /* a first token was seen */
    bool done;  /* the stream's own end was seen */
};

/* The kind of the request's body, and the family that its path names; NULL
 * where it says of itself nothing that is known. */
const struct llmobs_bedrock_body *llmobs_bedrock_body_find(
    const struct llmobs_reading *reading, const char *model,
    const struct llmobs_bedrock_family **family);

/* The kind of all others: texts as they are. */
extern const struct llmobs_bedrock_body llmobs_bedrock_body_raw;

void llmobs_bedrock_invoke_fini(struct llmobs_bedrock_invoke *invoke);

#endif
