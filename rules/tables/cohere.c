/* Cohere's own chat, version 2, and its embeddings (WIRE 6.12). */
#include "rules/read/message_content.h"
#include "rules/read/sources.h"
#include "rules/tables/interpreter.h"

/* Keys to look for; all but the first are metadata. */
static const char keys[] =
    "stream\0temperature\0max_tokens\0p\0k\0seed\0stop_sequences\0"
    "frequency_penalty\0presence_penalty\0response_format\0safety_mode\0";

static const struct llmobs_message_form messages = {
    .parts = LLMOBS_MESSAGE_CONTENT_THINKING | LLMOBS_MESSAGE_CONTENT_DOCUMENTS,
    .tool_name = "name",
    .instead = "tool_plan",
};

/* The content of a stream's events is one part, or an empty array when the
 * message begins. The counted tokens are taken, not the billed ones. */
static const struct llmobs_layout chat = {
    .places = LLMOBS_AT(INPUT, "/messages") LLMOBS_AT(CONTENTS, "/documents")
        LLMOBS_AT(OUTPUT, "/message") LLMOBS_AT(ROLE, "/delta/message/role")
            LLMOBS_AT(TEXT, "/delta/message/content/text")
                LLMOBS_AT(REASONING, "/delta/message/content/thinking")
                    LLMOBS_AT(INSTEAD, "/delta/message/tool_plan")
                        LLMOBS_AT(CALLS, "/delta/message/tool_calls") LLMOBS_AT(
                            INDEX, "/index") LLMOBS_AT(END, "/type")
                            LLMOBS_AT(LAST, "message-end") LLMOBS_AT(
                                REASON, "/delta/finish_reason|/finish_reason")
                                LLMOBS_AT(FAULT, "/delta") LLMOBS_AT(
                                    USAGE, "/delta/usage/tokens|/usage/tokens")
                                    LLMOBS_AT(CACHED_TOKENS,
                                              "/delta/usage/cached_tokens|/"
                                              "usage/cached_tokens"),
    .messages = &messages,
    .plain = 1,
    .keep_space = true,
};

static const struct llmobs_layout embed = {
    .places = LLMOBS_AT(INPUT, "/texts") LLMOBS_AT(CONTENTS, "/images")
        LLMOBS_AT(CONTENTS, "/inputs") LLMOBS_AT(OUTPUT, "/embeddings")
            LLMOBS_AT(INPUT_TOKENS, "/meta/tokens/input_tokens|"
                                    "/meta/billed_units/input_tokens"),
};

static int document(struct llmobs_reading *reading,
                    const struct llmobs_json *body)
{
    int rc = llmobs_sources_read(reading->span, body, LLMOBS_SOURCES_COHERE);

    return rc < 0 ? rc : llmobs_interpreter_document(reading, body);
}

static int cohere_event(struct llmobs_reading *reading,
                        const struct llmobs_event *event)
{
    int rc = llmobs_sources_event(reading, event, LLMOBS_SOURCES_COHERE);

    return rc < 0 ? rc : llmobs_interpreter_event(reading, event);
}

static const struct llmobs_form form = {
    LLMOBS_INTERPRETER_BY(llmobs_interpreter_request, document, cohere_event),
    .keys = keys, .variant = &chat};
static const struct llmobs_form embeddings = {
    LLMOBS_INTERPRETER,
    .keys =
        "input_type\0embedding_types\0truncate\0max_tokens\0output_dimension\0",
    .variant = &embed};

LLMOBS_FORMS(forms, embeddings);

static const struct llmobs_shape shapes[] = {
    LLMOBS_POST(LLM, "/v2/chat", "chat", "cohere.request"),
    LLMOBS_POST(EMBEDDING, "/v2/embed", "embedding", "cohere.request",
                .form = LLMOBS_FORM(embeddings)),
    LLMOBS_POST(EMBEDDING, "/v1/embed", "embedding", "cohere.request",
                .form = LLMOBS_FORM(embeddings)),
};

LLMOBS_DIALECT(cohere, .integration = "cohere", LLMOBS_SHAPES(shapes),
               .forms = forms, .form = &form, .sent_media = LLMOBS_MEDIA_KEPT,
               .answered_media = LLMOBS_MEDIA_TOLD);
