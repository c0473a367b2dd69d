/* DashScope's own API: generation, embeddings and rerankers. A stream repeats
 * the whole answer in each event, unless the request asks for pieces: so the
 * generation is code, and a table has the embeddings.
 *
 * Source: the API reference of Alibaba Cloud's Model Studio (DashScope). */
#include <errno.h>
#include <string.h>

#include "rules/vendors/chat.h"
#include "rules/read/cut_json.h"
#include "rules/read/facts.h"
#include "rules/read/media.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"
#include "rules/read/request.h"
#include "rules/read/rerank.h"
#include "rules/read/text.h"
#include "rules/read/tools.h"
#include "rules/read/usage.h"
#include "rules/tables/interpreter.h"

static const char keys[] = "parameters\0";
static const char signs[] = "\"input\"\0";

static const char settings[] =
    "temperature\0top_p\0top_k\0max_tokens\0seed\0stop\0n\0presence_penalty\0"
    "repetition_penalty\0result_format\0incremental_output\0enable_search\0"
    "enable_thinking\0thinking_budget\0tool_choice\0response_format\0";

static const char embed_settings[] = "dimension\0text_type\0output_type\0";

/* A streamed answer. */
struct state {
    struct llmobs_stream stream; /* of pieces */
    struct llmobs_json *output;  /* the last whole one */
    struct llmobs_json *usage;
    bool pieces;
};

static bool dashscope_is_request(const struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;

    if (!llmobs_json_gets(reading->request, "model"))
        return false;
    if (call->request_truncated)
        return llmobs_cut_json_has(call->request, call->request_tail, "input");
    return llmobs_json_is_object(llmobs_json_get(reading->request, "input"));
}

/* -- messages ------------------------------------------------------------ */

/* Appends a part: {"text": ...}, {"image": URL}, {"audio": URL}, ... */
static int append_part(struct llmobs_buf *text, const struct llmobs_json *part)
{
    const char *words = llmobs_json_gets(part, "text");
    const char *kind = llmobs_media_kind(part);
    int rc;

    if (kind)
        return llmobs_media_url(text, kind, llmobs_json_gets(part, kind));
    rc = words && text->len > 0 ? llmobs_message_content_append(text, "\n") : 0;
    return rc < 0 ? rc : llmobs_message_content_append(text, words);
}

/* Gives the text of a list of parts. */
static struct llmobs_json *join_parts(const struct llmobs_json *parts)
{
    struct llmobs_json *string = NULL;
    struct llmobs_buf text;
    int rc = 0;

    llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
    for (size_t i = 0; rc == 0 && i < llmobs_json_len(parts); i++)
        rc = append_part(&text, llmobs_json_at(parts, i));
    if (rc == 0)
        string = llmobs_message_content_string(&text);
    llmobs_buf_fini(&text);
    return string;
}

/* Gives the message in OpenAI's form, which it has but for its parts. */
static struct llmobs_json *in_form(const struct llmobs_json *message)
{
    const struct llmobs_json *content = llmobs_json_get(message, "content");
    struct llmobs_json *out;
    int rc = 0;

    if (!llmobs_json_is_array(content))
        return llmobs_json_share((struct llmobs_json *)(uintptr_t)message);
    out = llmobs_json_object();
    for (void *it = llmobs_json_iter(message); rc == 0 && it;
         it = llmobs_json_next(message, it)) {
        const char *key = llmobs_json_iter_key(it);
        struct llmobs_json *value = llmobs_json_iter_value(it);

        rc = llmobs_json_set(out, key,
                             value == content ? join_parts(content)
                                              : llmobs_json_share(value));
    }
    if (rc == 0)
        return out;
    llmobs_json_free(out);
    return NULL;
}

static int dashscope_add_input(struct llmobs_json *list,
                               const struct llmobs_json *message)
{
    struct llmobs_json *own = in_form(message);
    int rc =
        own ? llmobs_message_add(list, own, &llmobs_message_openai) : -ENOMEM;

    llmobs_json_free(own);
    return rc;
}

static int dashscope_read_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *input =
        llmobs_json_get(reading->request, "input");
    const struct llmobs_json *parameters =
        llmobs_json_get(reading->request, "parameters");
    const struct llmobs_json *messages = llmobs_json_get(input, "messages");
    struct llmobs_span *span = reading->span;
    int rc = llmobs_request_metadata(parameters, settings, span);

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    span->input_messages = llmobs_json_array();
    if (!span->input_messages)
        return -ENOMEM;
    if (!messages)
        rc = llmobs_json_add(
            span->input_messages,
            llmobs_message_new(
                "user", llmobs_text_of(llmobs_json_gets(input, "prompt"))));
    for (size_t i = 0; rc == 0 && llmobs_json_is_array(messages) &&
                       i < llmobs_json_len(messages);
         i++)
        if (llmobs_json_is_object(llmobs_json_at(messages, i)))
            rc = dashscope_add_input(span->input_messages,
                                     llmobs_json_at(messages, i));
    return rc < 0 ? rc
                  : llmobs_tools_read_definitions(parameters,
                                                  &span->tool_definitions);
}

/* -- the answer ---------------------------------------------------------- */

/* An answer that goes on has the text "null" as its reason. */
static const char *dashscope_reason_of(const struct llmobs_json *choice)
{
    const char *reason = llmobs_json_gets(choice, "finish_reason");

    return reason && *reason && strcmp(reason, "null") != 0 ? reason : NULL;
}

static int dashscope_add_choice(struct llmobs_span *span,
                                const struct llmobs_json *choice)
{
    struct llmobs_json *message = in_form(llmobs_json_get(choice, "message"));
    int rc = 0;

    llmobs_fact_finish(span, dashscope_reason_of(choice));
    if (message)
        rc = llmobs_message_add_answer(span->output_messages, message, NULL);
    llmobs_json_free(message);
    return rc;
}

static int dashscope_read_output(struct llmobs_span *span,
                                 const struct llmobs_json *output)
{
    const struct llmobs_json *choices = llmobs_json_get(output, "choices");
    const char *text = llmobs_json_gets(output, "text");
    int rc = 0;

    span->output_messages = llmobs_json_array();
    if (!span->output_messages)
        return -ENOMEM;
    for (size_t i = 0; rc == 0 && llmobs_json_is_array(choices) &&
                       i < llmobs_json_len(choices);
         i++)
        rc = dashscope_add_choice(span, llmobs_json_at(choices, i));
    if (rc < 0 || !text)
        return rc;
    llmobs_fact_finish(span, dashscope_reason_of(output));
    return llmobs_json_add(
        span->output_messages,
        llmobs_message_new("assistant", llmobs_text_of(text)));
}

static void note_id(struct llmobs_span *span, const struct llmobs_json *body)
{
    llmobs_span_fact(&span->facts, LLMOBS_FACT_RESPONSE_ID,
                     llmobs_json_gets(body, "request_id"));
}

static int dashscope_read_document(struct llmobs_reading *reading,
                                   const struct llmobs_json *body)
{
    struct llmobs_span *span = reading->span;
    int rc = llmobs_usage_read(llmobs_json_get(body, "usage"), span);

    if (rc < 0 || reading->classified->call->status >= 300)
        return rc;
    note_id(span, body);
    return dashscope_read_output(span, llmobs_json_get(body, "output"));
}

/* -- streams ------------------------------------------------------------- */

/* Adds the pieces of an event, in the form of OpenAI's chunks. */
static int add_pieces(struct state *state, const struct llmobs_json *output)
{
    const struct llmobs_json *choice =
        llmobs_json_at(llmobs_json_get(output, "choices"), 0);
    struct llmobs_json *message = in_form(llmobs_json_get(choice, "message"));
    const struct llmobs_json *calls = llmobs_json_get(message, "tool_calls");
    struct llmobs_stream *stream = &state->stream;
    int rc = llmobs_stream_role(stream, llmobs_json_gets(message, "role"));

    if (rc == 0)
        rc = llmobs_stream_reasoning(
            stream, llmobs_json_gets(message, "reasoning_content"));
    if (rc == 0)
        rc = llmobs_stream_text(stream, llmobs_json_gets(message, "content"));
    if (rc == 0)
        rc = llmobs_stream_text(stream, llmobs_json_gets(output, "text"));
    for (size_t i = 0;
         rc == 0 && llmobs_json_is_array(calls) && i < llmobs_json_len(calls);
         i++) {
        const struct llmobs_json *call = llmobs_json_at(calls, i);

        rc = llmobs_stream_call(
            stream, llmobs_json_to_int(llmobs_json_get(call, "index")), call);
    }
    llmobs_json_free(message);
    if (rc < 0)
        return rc;
    return llmobs_stream_reason(stream,
                                dashscope_reason_of(choice ? choice : output));
}

/* True where an answer has begun. */
static bool says(const struct llmobs_json *output)
{
    const struct llmobs_json *message = llmobs_json_get(
        llmobs_json_at(llmobs_json_get(output, "choices"), 0), "message");

    return llmobs_has_text(llmobs_json_gets(output, "text")) ||
           llmobs_has_text(llmobs_json_gets(message, "content")) ||
           llmobs_json_len(llmobs_json_get(message, "content")) > 0 ||
           llmobs_has_text(llmobs_json_gets(message, "reasoning_content")) ||
           llmobs_json_len(llmobs_json_get(message, "tool_calls")) > 0;
}

static int dashscope_read_event(struct llmobs_reading *reading,
                                const struct llmobs_event *event)
{
    struct llmobs_json *output = llmobs_json_get(event->json, "output");
    const struct llmobs_json *choice =
        llmobs_json_at(llmobs_json_get(output, "choices"), 0);
    struct state *state = reading->state;

    state->pieces = llmobs_json_is_true(llmobs_json_get(
        llmobs_json_get(reading->request, "parameters"), "incremental_output"));
    note_id(reading->span, event->json);
    llmobs_json_keep(&state->usage, llmobs_json_get(event->json, "usage"));
    llmobs_json_keep(&state->output, output);
    if (says(output))
        llmobs_reading_token(reading, event);
    if (dashscope_reason_of(choice ? choice : output))
        reading->done = true;
    return state->pieces && output ? add_pieces(state, output) : 0;
}

static int dashscope_finish_stream(struct llmobs_reading *reading)
{
    const struct state *state = reading->state;
    int rc = llmobs_usage_read(state->usage, reading->span);

    if (rc < 0 || !state->output)
        return rc;
    if (!state->pieces)
        return dashscope_read_output(reading->span, state->output);
    llmobs_stream_reasons(&state->stream, reading->span);
    reading->span->output_messages =
        llmobs_stream_messages(&state->stream, NULL);
    return reading->span->output_messages ? 0 : -ENOMEM;
}

static void dashscope_free_state(void *at)
{
    struct state *state = at;

    llmobs_stream_fini(&state->stream);
    llmobs_json_free(state->output);
    llmobs_json_free(state->usage);
}

static int dashscope_read_ends(struct llmobs_reading *reading)
{
    struct llmobs_json *usage =
        llmobs_cut_json_last(reading->classified->call->response_tail, "usage");
    int rc = llmobs_usage_read(usage, reading->span);

    reading->span->complete = llmobs_json_is_object(usage);
    llmobs_json_free(usage);
    return rc;
}

/* -- embeddings ---------------------------------------------------------- */

static const struct llmobs_layout embed = {
    .places = LLMOBS_AT(INPUT, "/input/texts") LLMOBS_AT(
        CONTENTS, "/input/contents") LLMOBS_AT(SETTINGS, "/parameters")
        LLMOBS_AT(ID, "/request_id") LLMOBS_AT(OUTPUT, "/output/embeddings")
            LLMOBS_AT(INPUT_TOKENS, "/usage/input_tokens|/usage/total_tokens"),
    .settings = embed_settings,
};

/* -- rerankers ----------------------------------------------------------- */

static bool dashscope_reranks(const struct llmobs_reading *reading)
{
    const struct llmobs_json *input =
        llmobs_json_get(reading->request, "input");

    return dashscope_is_request(reading) &&
           (reading->classified->call->request_truncated ||
            (llmobs_json_get(input, "query") &&
             llmobs_json_is_array(llmobs_json_get(input, "documents"))));
}

static int dashscope_read_ranks(struct llmobs_reading *reading,
                                const struct llmobs_json *body)
{
    note_id(reading->span, body);
    return llmobs_rerank_document(reading, body);
}

static const struct llmobs_rerank rerank = {
    .asks = "input",
    .settings = "parameters",
    .keys = llmobs_rerank_keys,
    .answers = "output",
};

/* -- the dialect --------------------------------------------------------- */

static const struct llmobs_form form = {
    .keys = keys,
    .signs = signs,
    .confirm = dashscope_is_request,
    .request = dashscope_read_request,
    .document = dashscope_read_document,
    .event = dashscope_read_event,
    .finish = dashscope_finish_stream,
    .ends = dashscope_read_ends,
    .state_fini = dashscope_free_state,
    .state_size = sizeof(struct state),
};

static const struct llmobs_form embeddings = {
    LLMOBS_INTERPRETER, .keys = keys,
    .signs = signs,     .confirm = dashscope_is_request,
    .variant = &embed,
};

static const struct llmobs_form reranking = {
    .keys = keys,
    .signs = signs,
    .confirm = dashscope_reranks,
    .request = llmobs_rerank_request,
    .document = dashscope_read_ranks,
    .ends = llmobs_rerank_ends,
    .variant = &rerank,
};

static const struct llmobs_shape shapes[] = {
    LLMOBS_SHAPE("POST", "/aigc/text-generation/generation", "generate",
                 "dashscope.generation", .kind = LLMOBS_KIND_LLM,
                 .any_host = true),
    LLMOBS_SHAPE("POST", "/aigc/multimodal-generation/generation", "generate",
                 "dashscope.generation", .kind = LLMOBS_KIND_LLM,
                 .any_host = true),
    LLMOBS_SHAPE("POST", "/embeddings/text-embedding/text-embedding",
                 "embedding", "dashscope.embedding",
                 .kind = LLMOBS_KIND_EMBEDDING, .form = &embeddings,
                 .any_host = true),
    LLMOBS_SHAPE(
        "POST", "/embeddings/multimodal-embedding/multimodal-embedding",
        "embedding", "dashscope.embedding", .kind = LLMOBS_KIND_EMBEDDING,
        .form = &embeddings, .any_host = true),
    LLMOBS_SHAPE("POST", "/rerank/text-rerank/text-rerank", "rerank",
                 "dashscope.rerank", .kind = LLMOBS_KIND_RETRIEVAL,
                 .form = &reranking, .any_host = true),
    {.path = ""},
};

LLMOBS_DIALECT(dashscope, .integration = "dashscope", .shapes = shapes,
               .form = &form, .sent_media = LLMOBS_MEDIA_TOLD,
               .answered_media = LLMOBS_MEDIA_TOLD);
