/* An API of which a user's rule says the kind, and where its bodies have what
 * (LLMOBS_RULES, docs/SPANS.md). No path selects it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/cut_json.h"
#include "rules/read/documents.h"
#include "rules/read/embedding.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"
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

static int set_input(struct llmobs_reading *reading,
                     const struct llmobs_json *value)
{
    struct llmobs_span *span = reading->span;

    if (kind_of(reading) == LLMOBS_KIND_LLM)
        return read_messages(value, &span->input_messages);
    if (kind_of(reading) != LLMOBS_KIND_EMBEDDING)
        return llmobs_value_input(span, value);
    return value ? llmobs_embedding_read_input(span, value) : 0;
}

/* -- bodies whose middle is missing --------------------------------------- */

/* Gives an object with those members of a body at whose ends they stand whole
 * that a pointer of the rule begins with; NULL without memory. */
static struct llmobs_json *ends_of(const struct llmobs_reading *reading,
                                   struct llmobs_text head,
                                   struct llmobs_text tail)
{
    static const enum llmobs_place places[] = {
        LLMOBS_PLACE_INPUT,        LLMOBS_PLACE_OUTPUT,
        LLMOBS_PLACE_MODEL,        LLMOBS_PLACE_DOCUMENTS,
        LLMOBS_PLACE_INPUT_TOKENS, LLMOBS_PLACE_OUTPUT_TOKENS,
        LLMOBS_PLACE_TOTAL_TOKENS};
    struct llmobs_json *out = llmobs_json_object();
    int rc = out ? 0 : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < sizeof(places) / sizeof(places[0]); i++) {
        char *name = llmobs_place_first(reading->classified->places, places[i]);
        const char *const names[] = {name, NULL};
        struct llmobs_json *one =
            name ? llmobs_cut_json_object(head, tail, names) : NULL;
        struct llmobs_json *value = llmobs_json_get(one, name);

        if (value)
            rc = llmobs_json_set(out, name, llmobs_json_share(value));
        llmobs_json_free(one);
        free(name);
    }
    if (rc == 0)
        return out;
    llmobs_json_free(out);
    return NULL;
}

/* True where the rule names a part of the body; "" is the whole of it. */
static bool names_part(const struct llmobs_reading *reading,
                       enum llmobs_place which)
{
    char *name = llmobs_place_first(reading->classified->places, which);
    bool names = name != NULL;

    free(name);
    return names;
}

static int read_cut_request(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *ends =
        ends_of(reading, call->request, call->request_tail);
    int rc = ends ? 0 : -ENOMEM;

    if (rc == 0 && names_part(reading, LLMOBS_PLACE_INPUT))
        rc = set_input(reading, at(reading, LLMOBS_PLACE_INPUT, ends));
    llmobs_json_free(ends);
    return rc;
}

static int read_request(struct llmobs_reading *reading)
{
    if (reading->classified->call->request_truncated)
        return read_cut_request(reading);
    return set_input(reading,
                     at_or_all(reading, LLMOBS_PLACE_INPUT, reading->request));
}

/* -- the answer ----------------------------------------------------------- */

static const struct llmobs_json *text_or_number(const struct llmobs_json *value)
{
    return llmobs_json_is_string(value) || llmobs_json_is_number(value) ? value
                                                                        : NULL;
}

static int add_document(struct llmobs_reading *reading,
                        const struct llmobs_json *one)
{
    const struct llmobs_found found = {
        .text = at_or_all(reading, LLMOBS_PLACE_TEXT, one),
        .name = at(reading, LLMOBS_PLACE_NAME, one),
        .id = text_or_number(at(reading, LLMOBS_PLACE_ID, one)),
        .score = at(reading, LLMOBS_PLACE_SCORE, one),
    };

    return found.text || llmobs_json_is_object(one)
               ? llmobs_documents_add(reading->span, &found)
               : 0;
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
        return llmobs_documents_each(
            reading, at(reading, LLMOBS_PLACE_DOCUMENTS, body), add_document);
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

/* The whole of an answer is no output where a part of it is missing. */
static int read_ends(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *ends =
        ends_of(reading, call->response, call->response_tail);
    bool named = kind_of(reading) == LLMOBS_KIND_RETRIEVAL ||
                 names_part(reading, LLMOBS_PLACE_OUTPUT);
    int rc = ends ? llmobs_reading_ends(reading) : -ENOMEM;

    if (rc == 0)
        rc = llmobs_reading_model(
            reading, llmobs_json_text(at(reading, LLMOBS_PLACE_MODEL, ends)));
    if (rc == 0)
        read_usage(reading, ends);
    if (rc == 0 && named && call->status < 300)
        rc = read_output(reading, ends);
    llmobs_json_free(ends);
    return rc;
}

/* -- streams -------------------------------------------------------------- */

/* The output of the events so far. */
struct state {
    struct llmobs_buf text;    /* their texts, one behind the other */
    struct llmobs_json *value; /* the last one that is no text; or NULL */
    bool any;                  /* there was an event */
};

static void state_fini(void *data)
{
    struct state *state = data;

    llmobs_buf_fini(&state->text);
    llmobs_json_free(state->value);
}

static int gather(struct llmobs_reading *reading,
                  const struct llmobs_event *event,
                  const struct llmobs_json *value)
{
    struct state *state = reading->state;
    const char *text = llmobs_json_text(value);

    if (!state->text.max)
        llmobs_buf_init(&state->text, LLMOBS_MESSAGE_CONTENT_MAX);
    if (!value || llmobs_json_is_null(value))
        return 0;
    if (text && *text)
        llmobs_reading_token(reading, event);
    if (text)
        return llmobs_message_content_append(&state->text, text);
    llmobs_json_free(state->value);
    state->value = llmobs_json_clone(value);
    return state->value ? 0 : -ENOMEM;
}

static int read_event(struct llmobs_reading *reading,
                      const struct llmobs_event *event)
{
    int rc;

    if (!event->json)
        return 0;
    ((struct state *)reading->state)->any = true;
    rc = llmobs_reading_model(
        reading,
        llmobs_json_text(at(reading, LLMOBS_PLACE_MODEL, event->json)));
    read_usage(reading, event->json);
    if (rc < 0 || event->failed || reading->classified->call->status >= 300)
        return rc;
    if (kind_of(reading) == LLMOBS_KIND_RETRIEVAL)
        return llmobs_documents_each(
            reading, at(reading, LLMOBS_PLACE_DOCUMENTS, event->json),
            add_document);
    if (kind_of(reading) == LLMOBS_KIND_EMBEDDING)
        return 0;
    return gather(reading, event,
                  at_or_all(reading, LLMOBS_PLACE_OUTPUT, event->json));
}

/* Texts are pieces of one; without any the last value is the output. Nothing
 * says which event is the last one but the end of the stream itself. */
static int finish(struct llmobs_reading *reading)
{
    struct state *state = reading->state;
    struct llmobs_span *span = reading->span;
    struct llmobs_json *text = NULL;
    const struct llmobs_json *value = state->value;
    int rc = 0;

    if (state->any && reading->classified->call->transport_ok)
        span->complete = true;
    if (state->text.len > 0) {
        text = llmobs_json_stringn(state->text.data, state->text.len);
        rc = text ? 0 : -ENOMEM;
        value = text;
    }
    if (rc == 0 && value)
        rc = kind_of(reading) == LLMOBS_KIND_LLM
                 ? read_messages(value, &span->output_messages)
                 : llmobs_value_output(span, value);
    llmobs_json_free(text);
    return rc;
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
    .event = read_event,
    .model = asked_model,
    .finish = finish,
    .ends = read_ends,
    .state_fini = state_fini,
    .state_size = sizeof(struct state),
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
