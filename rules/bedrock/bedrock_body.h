/* bedrock_body - the kinds of bodies that InvokeModel carries.
 *
 * Owns:    the streams in llmobs_bedrock_invoke, until _fini.
 * Threads: one at a time.
 * Errors:  -ENOMEM.
 * Limits:  LLMOBS_ANSWER_TEXT_CUT bytes of a stream of unknown form; else those
 *          of the streams.
 *
 * Source:  WIRE 6.9, 6.12.
 */
#ifndef LLMOBS_BEDROCK_BODY_H
#define LLMOBS_BEDROCK_BODY_H

#include "rules/anthropic/anthropic_stream.h"
#include "rules/bedrock/bedrock.h"
#include "rules/bedrock/bedrock_family.h"
#include "rules/bedrock/converse_stream.h"
#include "rules/openai/openai_stream.h"

struct llmobs_bedrock_invoke;

/* One kind of body. Functions with a list set it where the answer has an
 * output. */
struct llmobs_bedrock_body {
    int (*request)(struct llmobs_reading *reading);
    int (*document)(struct llmobs_reading *reading,
                    const struct llmobs_json *body, struct llmobs_json **list);
    int (*chunk)(struct llmobs_bedrock_invoke *invoke,
                 const struct llmobs_event *event);
    int (*finish)(struct llmobs_bedrock_invoke *invoke,
                  struct llmobs_json **list);
};

/* The state of a call. All zeros but its body: empty and ready. */
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
 * where neither is known. */
const struct llmobs_bedrock_body *llmobs_bedrock_body_find(
    const struct llmobs_reading *reading, const char *model,
    const struct llmobs_bedrock_family **family);

/* The kind for all other bodies: it keeps them as texts. */
extern const struct llmobs_bedrock_body llmobs_bedrock_body_raw;

void llmobs_bedrock_invoke_fini(struct llmobs_bedrock_invoke *invoke);

#endif
