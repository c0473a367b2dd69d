/* An API of which a user's rule says the kind, and where its bodies have what
 * (LLMOBS_RULES, docs/SPANS.md). No path selects it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/documents.h"
#include "rules/read/embedding.h"
#include "rules/read/message.h"
#include "rules/read/places.h"
#include "rules/read/reading.h"
#include "rules/read/usage.h"
#include "rules/read/values.h"

static enum llmobs_kind kind_of(const struct llmobs_reading *reading)
{
    return reading->classified->shape->kind;
}

static const struct llmobs_json *at(const struct llmobs_reading *reading,
                                    enum llmobs_place which,
                                    const struct llmobs_json *body)
{
    return llmobs_place_of(reading->classified->places, which, body);
}

/* A rule that does not name the place means the whole body. */
static const struct llmobs_json *at_or_all(const struct llmobs_reading *reading,
                                           enum llmobs_place which,
                                           const struct llmobs_json *body)
{
    return llmobs_place_named(reading->classified->places, which)
               ? at(reading, which, body)
               : body;
}

/* Messages of OpenAI's form stay such; any other value is one message. */
static int read_messages(const struct llmobs_json *value,
                         struct llmobs_json **messages)
{
    if (!value || llmobs_json_is_null(value))
        return 0;
    if (llmobs_json_get(value, "content")) {
        *messages = llmobs_json_array();
        return *messages ? llmobs_message_add(*messages, value,
                                              &llmobs_message_openai)
                         : -ENOMEM;
    }
    if (llmobs_json_is_object(llmobs_json_at(value, 0)))
        *messages = llmobs_message_read_list(value, &llmobs_message_openai);
    else
        *messages = llmobs_message_take(llmobs_value_text(value));
    return *messages ? 0 : -ENOMEM;
}

static int read_request(struct llmobs_reading *reading)
{
    struct llmobs_span *span = reading->span;
    const struct llmobs_json *value =
        at_or_all(reading, LLMOBS_PLACE_INPUT, reading->request);

    if (reading->classified->call->request_truncated)
        return 0;
    if (kind_of(reading) == LLMOBS_KIND_LLM)
        return read_messages(value, &span->input_messages);
    if (kind_of(reading) != LLMOBS_KIND_EMBEDDING)
        return llmobs_value_input(span, value);
    return value ? llmobs_embedding_read_input(span, value) : 0;
}

static const struct llmobs_json *text_or_number(const struct llmobs_json *value)
{
    return llmobs_json_is_string(value) || llmobs_json_is_number(value) ? value
                                                                        : NULL;
}

static int add_documents(struct llmobs_reading *reading,
                         const struct llmobs_json *list)
{
    int rc =
        llmobs_json_is_array(list) ? llmobs_documents_begin(reading->span) : 0;

    for (size_t i = 0;
         rc == 0 && i < llmobs_json_len(list) && i < LLMOBS_DOCUMENTS_MAX;
         i++) {
        const struct llmobs_json *one = llmobs_json_at(list, i);
        const struct llmobs_found found = {
            .text = at_or_all(reading, LLMOBS_PLACE_TEXT, one),
            .name = at(reading, LLMOBS_PLACE_NAME, one),
            .id = text_or_number(at(reading, LLMOBS_PLACE_ID, one)),
            .score = at(reading, LLMOBS_PLACE_SCORE, one),
        };

        if (found.text || llmobs_json_is_object(one))
            rc = llmobs_documents_add(reading->span, &found);
    }
    return rc;
}

/* The numbers of vectors are never kept. */
static int tell_vectors(struct llmobs_reading *reading,
                        const struct llmobs_json *list)
{
    if (llmobs_json_is_number(llmobs_json_at(list, 0)))
        return llmobs_embedding_tell(reading->span, 1, llmobs_json_len(list));
    return llmobs_embedding_tell_list(
        reading->span, list,
        llmobs_json_is_object(llmobs_json_at(list, 0)) ? "embedding" : NULL);
}

static int read_output(struct llmobs_reading *reading,
                       const struct llmobs_json *body)
{
    struct llmobs_span *span = reading->span;

    switch (kind_of(reading)) {
    case LLMOBS_KIND_LLM:
        return read_messages(at_or_all(reading, LLMOBS_PLACE_OUTPUT, body),
                             &span->output_messages);
    case LLMOBS_KIND_EMBEDDING:
        return tell_vectors(reading, at(reading, LLMOBS_PLACE_OUTPUT, body));
    case LLMOBS_KIND_RETRIEVAL:
        return add_documents(reading,
                             at(reading, LLMOBS_PLACE_DOCUMENTS, body));
    default:
        return llmobs_value_output(
            span, at_or_all(reading, LLMOBS_PLACE_OUTPUT, body));
    }
}

static void read_usage(struct llmobs_reading *reading,
                       const struct llmobs_json *body)
{
    static const struct {
        enum llmobs_place place;
        const char *metric;
    } counts[] = {
        {LLMOBS_PLACE_INPUT_TOKENS, "input_tokens"},
        {LLMOBS_PLACE_OUTPUT_TOKENS, "output_tokens"},
        {LLMOBS_PLACE_TOTAL_TOKENS, "total_tokens"},
    };

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        llmobs_span_metric(
            reading->span, counts[i].metric,
            llmobs_usage_value(at(reading, counts[i].place, body)));
}

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    int rc = llmobs_reading_model(
        reading, llmobs_json_text(at(reading, LLMOBS_PLACE_MODEL, body)));

    read_usage(reading, body);
    if (rc < 0 || reading->classified->call->status >= 300)
        return rc;
    return read_output(reading, body);
}

static int asked_model(struct llmobs_reading *reading)
{
    return llmobs_reading_model(
        reading,
        llmobs_json_text(at(reading, LLMOBS_PLACE_MODEL, reading->request)));
}

static const struct llmobs_form form = {
    .request = read_request,
    .document = read_document,
    .model = asked_model,
    .lists = true,
};

/* The operation is the rule's kind. A path here only tells one from another. */
static const struct llmobs_shape shapes[] = {
    {.method = "POST",
     .path = "/llm",
     .operation = "llm",
     .span_name = "%p.llm",
     .kind = LLMOBS_KIND_LLM},
    {.method = "POST",
     .path = "/embedding",
     .operation = "embedding",
     .span_name = "%p.embedding",
     .kind = LLMOBS_KIND_EMBEDDING},
    {.method = "POST",
     .path = "/retrieval",
     .operation = "retrieval",
     .span_name = "%p.retrieval",
     .kind = LLMOBS_KIND_RETRIEVAL},
    {.method = "POST",
     .path = "/tool",
     .operation = "tool",
     .span_name = "%p.tool",
     .kind = LLMOBS_KIND_TOOL},
    {.method = "POST",
     .path = "/task",
     .operation = "task",
     .span_name = "%p.task",
     .kind = LLMOBS_KIND_TASK},
    {.method = "POST",
     .path = "/workflow",
     .operation = "workflow",
     .span_name = "%p.workflow",
     .kind = LLMOBS_KIND_WORKFLOW},
    {.path = NULL},
};

const struct llmobs_dialect llmobs_dialect_json = {
    .name = "json",
    .integration = "http",
    .genai = "_OTHER",
    .shapes = shapes,
    .form = &form,
};
