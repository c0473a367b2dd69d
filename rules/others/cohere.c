/* Cohere's own chat, version 2, and its embeddings (WIRE 6.12). */
#include <errno.h>
#include <string.h>

#include "rules/openai/chat.h"
#include "rules/openai/openai.h"
#include "rules/read/cut_json.h"
#include "rules/read/embedding.h"
#include "rules/read/error.h"
#include "rules/read/facts.h"
#include "rules/read/media.h"
#include "rules/read/message_content.h"
#include "rules/read/request.h"
#include "rules/read/usage.h"

/* Keys to look for; all but the first are metadata. */
static const char *const keys[] = {
    "stream",
    "temperature",
    "max_tokens",
    "p",
    "k",
    "seed",
    "stop_sequences",
    "frequency_penalty",
    "presence_penalty",
    "response_format",
    "safety_mode",
    NULL,
};

static const struct llmobs_message_form messages = {
    .parts = LLMOBS_MESSAGE_CONTENT_THINKING | LLMOBS_MESSAGE_CONTENT_DOCUMENTS,
    .tool_name = "name",
    .instead = "tool_plan",
};

/* Sets the counted tokens, not the billed ones. */
static int read_usage(const struct llmobs_json *usage, struct llmobs_span *span)
{
    llmobs_span_metric(span, "cache_read_input_tokens",
                       llmobs_usage_count(usage, "cached_tokens"));
    return llmobs_usage_read(llmobs_json_get(usage, "tokens"), span);
}

static const struct llmobs_chat_variant variant = {
    .usage = read_usage,
    .metadata = keys + 1,
    .messages = &messages,
    .keep_space = true,
};

/* An answer while it arrives. Its content has parts by their index; the texts
 * of several are joined as in a whole answer. */
struct cohere {
    struct llmobs_stream stream;
    struct llmobs_buf plan; /* the tool plan, which is the text where there is
                             * none */
    int64_t part;           /* index of the last text */
    bool text;              /* a text came */
};

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    struct llmobs_json *list = llmobs_json_array();
    const struct llmobs_json *message = llmobs_json_get(body, "message");
    int rc = list ? 0 : -ENOMEM;

    if (rc == 0 && llmobs_json_is_object(message)) {
        llmobs_fact_finish(reading->span,
                           llmobs_json_gets(body, "finish_reason"));
        rc = llmobs_message_add(list, message, &messages);
    }
    reading->span->output_messages = list;
    return rc < 0 ? rc
                  : read_usage(llmobs_json_get(body, "usage"), reading->span);
}

static int add_text(struct cohere *state, int64_t part, const char *text)
{
    int rc = 0;

    if (!text || !*text)
        return 0;
    if (state->text && part != state->part)
        rc = llmobs_stream_text(&state->stream, "\n");
    state->text = true;
    state->part = part;
    return rc < 0 ? rc : llmobs_stream_text(&state->stream, text);
}

static int add_plan(struct cohere *state, const char *text)
{
    state->plan.max = LLMOBS_MESSAGE_CONTENT_MAX;
    state->stream.begun = state->stream.begun || (text && *text);
    return llmobs_message_content_append(&state->plan, text);
}

/* Adds an event's piece of the message. Its content is one part, or an empty
 * array when the message begins. */
static int add_message(struct cohere *state, int64_t index,
                       const struct llmobs_json *message)
{
    const struct llmobs_json *content = llmobs_json_get(message, "content");
    const struct llmobs_json *call = llmobs_json_get(message, "tool_calls");
    int rc =
        llmobs_stream_role(&state->stream, llmobs_json_gets(message, "role"));

    if (rc == 0)
        rc = llmobs_stream_reasoning(&state->stream,
                                     llmobs_json_gets(content, "thinking"));
    if (rc == 0)
        rc = add_text(state, index, llmobs_json_gets(content, "text"));
    if (rc == 0)
        rc = add_plan(state, llmobs_json_gets(message, "tool_plan"));
    if (rc == 0 && llmobs_json_is_object(call))
        rc = llmobs_stream_call(&state->stream, index, call);
    return rc;
}

static int end_message(struct llmobs_reading *reading,
                       const struct llmobs_event *event,
                       const struct llmobs_json *delta)
{
    struct cohere *state = reading->state;
    const char *reason = llmobs_json_gets(delta, "finish_reason");
    int rc = read_usage(llmobs_json_get(delta, "usage"), reading->span);

    reading->done = true;
    if (rc == 0)
        rc = llmobs_stream_reason(&state->stream, reason);
    if (rc == 0 && llmobs_error_in(delta))
        rc = llmobs_error_read(delta, event->data, reading->classified->call,
                               reading->span);
    return rc;
}

static int read_event(struct llmobs_reading *reading,
                      const struct llmobs_event *event)
{
    const struct llmobs_json *delta = llmobs_json_get(event->json, "delta");
    const struct llmobs_json *message = llmobs_json_get(delta, "message");
    const char *type = llmobs_json_gets(event->json, "type");
    int rc = 0;

    if (type && strcmp(type, "message-end") == 0)
        return end_message(reading, event, delta);
    if (llmobs_json_is_object(message))
        rc = add_message(
            reading->state,
            llmobs_json_to_int(llmobs_json_get(event->json, "index")), message);
    llmobs_chat_begun(reading, event);
    return rc;
}

static int finish_stream(struct llmobs_reading *reading)
{
    struct cohere *state = reading->state;
    int rc = 0;

    if (!state->text && state->plan.len > 0)
        rc = llmobs_stream_text(&state->stream, state->plan.data);
    return rc < 0 ? rc : llmobs_chat_messages(reading);
}

static void free_state(void *state)
{
    struct cohere *cohere = state;

    llmobs_stream_fini(&cohere->stream);
    llmobs_buf_fini(&cohere->plan);
}

static const struct llmobs_form form = {
    .keys = keys,
    .request = llmobs_chat_request,
    .document = read_document,
    .event = read_event,
    .finish = finish_stream,
    .ends = llmobs_chat_ends,
    .state_fini = free_state,
    .state_size = sizeof(struct cohere),
    .variant = &variant,
};

/* -- embeddings ---------------------------------------------------------- */

static const char *const embed_keys[] = {
    "input_type", "embedding_types",  "truncate",
    "max_tokens", "output_dimension", NULL,
};

static int add_images(struct llmobs_span *span, const struct llmobs_json *list)
{
    return list ? llmobs_embedding_read_contents(span, list) : 0;
}

static int read_inputs(struct llmobs_reading *reading)
{
    const struct llmobs_json *request = reading->request;
    const struct llmobs_json *texts = llmobs_json_get(request, "texts");
    struct llmobs_span *span = reading->span;
    int rc = llmobs_request_metadata(request, embed_keys, span);

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    if (texts)
        rc = llmobs_embedding_read_input(span, texts);
    if (rc == 0)
        rc = add_images(span, llmobs_json_get(request, "images"));
    return rc < 0 ? rc : add_images(span, llmobs_json_get(request, "inputs"));
}

static int read_billed(const struct llmobs_json *meta, struct llmobs_span *span)
{
    int64_t in =
        llmobs_usage_count(llmobs_json_get(meta, "tokens"), "input_tokens");

    if (in < 0)
        in = llmobs_usage_count(llmobs_json_get(meta, "billed_units"),
                                "input_tokens");
    llmobs_span_metric(span, "input_tokens", in);
    return llmobs_embedding_total(span);
}

/* The vectors, of which an answer has one list for each type that was asked
 * for. */
static int read_vectors(struct llmobs_reading *reading,
                        const struct llmobs_json *body)
{
    const struct llmobs_json *lists = llmobs_json_get(body, "embeddings");
    void *first = llmobs_json_iter(lists);
    int rc = read_billed(llmobs_json_get(body, "meta"), reading->span);

    if (rc < 0)
        return rc;
    if (llmobs_json_is_object(lists))
        lists = first ? llmobs_json_iter_value(first) : NULL;
    return llmobs_embedding_tell_list(reading->span, lists, NULL);
}

static int read_vectors_ends(struct llmobs_reading *reading)
{
    struct llmobs_json *meta =
        llmobs_cut_json_last(reading->classified->call->response_tail, "meta");
    int rc = read_billed(meta, reading->span);

    reading->span->complete = meta != NULL;
    llmobs_json_free(meta);
    return rc;
}

static const struct llmobs_form embeddings = {
    .keys = embed_keys,
    .request = read_inputs,
    .document = read_vectors,
    .ends = read_vectors_ends,
};

static const struct llmobs_shape shapes[] = {
    {.method = "POST",
     .path = "/v2/chat",
     .operation = "chat",
     .span_name = "cohere.request",
     .kind = LLMOBS_KIND_LLM},
    {.method = "POST",
     .path = "/v2/embed",
     .operation = "embedding",
     .span_name = "cohere.request",
     .kind = LLMOBS_KIND_EMBEDDING,
     .form = &embeddings},
    {.method = "POST",
     .path = "/v1/embed",
     .operation = "embedding",
     .span_name = "cohere.request",
     .kind = LLMOBS_KIND_EMBEDDING,
     .form = &embeddings},
    {.path = NULL},
};

const struct llmobs_dialect llmobs_dialect_cohere = {
    .name = "cohere",
    .integration = "cohere",
    .shapes = shapes,
    .form = &form,
    .sent_media = LLMOBS_MEDIA_TOLD | LLMOBS_MEDIA_IMAGES | LLMOBS_MEDIA_DATA,
    .answered_media = LLMOBS_MEDIA_TOLD,
};
