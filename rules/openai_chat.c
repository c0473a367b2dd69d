/* The OpenAI chat completions dialect (llmobs-wire 6.3, 6.6, 6.7), which most
 * other providers speak too. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/answer.h"
#include "rules/dialect.h"
#include "rules/error.h"
#include "rules/match.h"
#include "rules/message.h"
#include "rules/openai_stream.h"
#include "rules/request.h"
#include "rules/scan.h"
#include "rules/text.h"
#include "rules/tools.h"
#include "rules/usage.h"

static const char *const metadata_keys[] = {
    "stream",
    "temperature",
    "top_p",
    "user",
    "audio",
    "frequency_penalty",
    "function_call",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "modalities",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "reasoning_effort",
    "response_format",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream_options",
    "tool_choice",
    "top_logprobs",
    "web_search_options",
    NULL,
};

/* One call being read. */
struct chat {
    const struct llmobs_reading *reading;
    struct llmobs_span *span;
    struct llmobs_json *request; /* an object, or NULL */
    struct llmobs_answer answer;
    char *model; /* of the answer; NULL: it has none */
};

static const char *audio_format(const struct chat *chat)
{
    return llmobs_json_gets(llmobs_json_get(chat->request, "audio"), "format");
}

static int read_input(struct chat *chat)
{
    struct llmobs_span *span = chat->span;
    int rc = llmobs_request_metadata(chat->request, metadata_keys, span);

    if (rc < 0 || chat->reading->call->request_truncated)
        return rc;
    if (chat->request)
        span->input_messages = llmobs_message_read_inputs(
            llmobs_json_get(chat->request, "messages"));
    else
        span->input_messages = llmobs_request_text_message(chat->reading->call);
    if (!span->input_messages)
        return -ENOMEM;
    return llmobs_tools_read_definitions(chat->request,
                                         &span->tool_definitions);
}

static int set_model(struct chat *chat, const char *model)
{
    if (chat->model || !model || !*model)
        return 0;
    chat->model = strdup(model);
    return chat->model ? 0 : -ENOMEM;
}

static int read_usage(struct chat *chat, const struct llmobs_json *usage)
{
    return chat->reading->proxied ? 0 : llmobs_usage_read(usage, chat->span);
}

static int read_choices(struct chat *chat, const struct llmobs_json *body)
{
    const struct llmobs_json *choices = llmobs_json_get(body, "choices");
    struct llmobs_json *list = llmobs_json_array();
    int rc = list ? 0 : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < llmobs_json_len(choices); i++)
        rc = llmobs_message_add_answer(
            list, llmobs_json_get(llmobs_json_at(choices, i), "message"),
            audio_format(chat));
    chat->span->output_messages = list;
    return rc;
}

static int read_document(struct chat *chat)
{
    const struct llmobs_json *body = chat->answer.json;
    const struct llmobs_call *call = chat->reading->call;
    int rc;

    chat->span->complete = true;
    if (call->status < 300 && llmobs_error_in(body)) {
        rc = llmobs_error_read(body, call->response, call, chat->span);
        if (rc < 0)
            return rc;
    } else if (call->status < 300 && !llmobs_json_is_object(body)) {
        chat->span->output_messages = llmobs_answer_message(call);
        return chat->span->output_messages ? 0 : -ENOMEM;
    }
    rc = set_model(chat, llmobs_json_gets(body, "model"));
    if (rc == 0)
        rc = read_choices(chat, body);
    return rc < 0 ? rc : read_usage(chat, llmobs_usage_find(body));
}

/* From the start of the request to the first token's arrival (llmobs-wire
 * 1.7). */
static int read_first_token(struct chat *chat, uint64_t offset)
{
    const struct llmobs_call *call = chat->reading->call;
    int64_t at;

    if (offset == 0 || chat->reading->proxied)
        return 0;
    at = llmobs_call_time_at(call, offset);
    if (at == 0 || at < call->start_ns)
        return 0;
    return llmobs_json_set(
        chat->span->metrics, "time_to_first_token",
        llmobs_json_real((double)(at - call->start_ns) / 1e9));
}

static int read_stream(struct chat *chat)
{
    const struct llmobs_call *call = chat->reading->call;
    struct llmobs_stream stream;
    int rc;

    llmobs_stream_init(&stream, call);
    chat->span->streamed = true;
    rc = llmobs_stream_read(&stream, call->response, true, chat->span);
    if (rc == 0 && call->response_truncated)
        rc =
            llmobs_stream_read(&stream, call->response_tail, false, chat->span);
    if (rc < 0)
        goto out;
    chat->span->complete = stream.done;
    rc = set_model(chat, stream.model);
    if (rc == 0)
        rc = read_usage(chat, stream.usage);
    if (rc == 0)
        rc = read_first_token(chat, stream.first_at);
    if (rc < 0 || (stream.choice_count == 0 && !stream.done))
        goto out;
    chat->span->output_messages =
        llmobs_stream_messages(&stream, audio_format(chat));
    if (!chat->span->output_messages)
        rc = -ENOMEM;
out:
    llmobs_stream_fini(&stream);
    return rc;
}

/* An answer whose middle is gone: what stands at its ends. */
static int read_ends(struct chat *chat)
{
    const struct llmobs_call *call = chat->reading->call;
    struct llmobs_json *model = llmobs_scan_first(call->response, "model");
    struct llmobs_json *usage = llmobs_scan_last(call->response_tail, "usage");
    struct llmobs_json *reason =
        llmobs_scan_last(call->response_tail, "finish_reason");
    int rc;

    if (!reason)
        reason = llmobs_scan_last(call->response, "finish_reason");
    if (!usage)
        usage = llmobs_scan_first(call->response, "usage");
    chat->span->complete = llmobs_json_is_string(reason);
    rc = set_model(chat, llmobs_json_text(model));
    if (rc == 0 && llmobs_json_is_object(usage))
        rc = read_usage(chat, usage);
    llmobs_json_free(model);
    llmobs_json_free(usage);
    llmobs_json_free(reason);
    return rc;
}

static int read_other(struct chat *chat)
{
    if (chat->reading->call->status >= 300)
        return 0;
    chat->span->output_messages = llmobs_answer_message(chat->reading->call);
    return chat->span->output_messages ? 0 : -ENOMEM;
}

static int read_form(struct chat *chat)
{
    switch (chat->answer.form) {
    case LLMOBS_ANSWER_JSON:
        return read_document(chat);
    case LLMOBS_ANSWER_STREAM:
        return read_stream(chat);
    case LLMOBS_ANSWER_CUT:
        return read_ends(chat);
    case LLMOBS_ANSWER_OTHER:
        return read_other(chat);
    case LLMOBS_ANSWER_EMPTY:
        break;
    }
    return 0;
}

static int read_output(struct chat *chat)
{
    struct llmobs_span *span = chat->span;
    const struct llmobs_call *call = chat->reading->call;
    bool asked = llmobs_json_is_true(llmobs_json_get(chat->request, "stream"));
    int rc = llmobs_answer_read(call, asked, &chat->answer);

    if (rc == 0)
        rc = read_form(chat);
    if (rc == 0)
        rc = llmobs_error_of_status(chat->answer.json, call, span);
    if (rc < 0)
        return rc;
    if (span->output_messages &&
        !(span->failed && llmobs_json_len(span->output_messages) == 0))
        return 0;
    llmobs_json_free(span->output_messages);
    span->output_messages =
        llmobs_message_only(NULL, (struct llmobs_text){"", 0});
    return span->output_messages ? 0 : -ENOMEM;
}

/* The answer's, the request's, the deployment of an Azure path (llmobs-wire
 * 6.2, 8.6). */
static int name_model(struct chat *chat)
{
    const char *model = chat->model;
    char *deployment = NULL;
    int rc;

    if (chat->reading->proxied)
        return 0;
    if (!model)
        model = llmobs_json_gets(chat->request, "model");
    if (!model || !*model) {
        deployment =
            llmobs_url_decode(llmobs_request_deployment(chat->reading->url));
        if (!deployment)
            return -ENOMEM;
        model = *deployment ? deployment : "unknown_model";
    }
    rc = llmobs_span_set(&chat->span->model_name, model);
    free(deployment);
    return rc;
}

/* What tells a chat from any other JSON on an unknown host: its messages and
 * its model, which an Azure path may hold instead (llmobs-wire 6.1). */
static bool is_chat(const struct chat *chat)
{
    const struct llmobs_call *call = chat->reading->call;
    bool deployed = llmobs_request_deployment(chat->reading->url).len > 0;
    const struct llmobs_json *model;

    if (!chat->request)
        return false;
    model = llmobs_json_get(chat->request, "model");
    if (!deployed && !llmobs_json_is_string(model))
        return false;
    if (call->request_truncated)
        return llmobs_scan_has(call->request, call->request_tail, "messages");
    return llmobs_json_is_array(llmobs_json_get(chat->request, "messages"));
}

static int chat_read(const struct llmobs_reading *reading,
                     struct llmobs_span *span)
{
    struct chat chat = {.reading = reading, .span = span};
    int rc = llmobs_request_read(reading->call, metadata_keys, &chat.request);

    if (rc == 0 && reading->confirm && !is_chat(&chat))
        rc = -ENOENT;
    if (rc == 0 && !chat.request && reading->proxied)
        rc = -ENOTSUP;
    if (rc < 0)
        goto out;
    span->input_dropped = reading->call->request_truncated;
    span->output_dropped = reading->call->response_truncated;
    rc = read_input(&chat);
    if (rc == 0)
        rc = read_output(&chat);
    if (rc == 0)
        rc = name_model(&chat);
out:
    llmobs_answer_fini(&chat.answer);
    llmobs_json_free(chat.request);
    free(chat.model);
    return rc;
}

static const struct llmobs_shape shapes[] = {
    {.method = "POST",
     .path = "/chat/completions",
     .operation = "chat",
     .span_name = "%s.createChatCompletion",
     .helper = ".completions.parse",
     .helper_name = "%s.parseChatCompletion",
     .kind = LLMOBS_KIND_LLM,
     .any_host = true},
    {.path = NULL},
};

const struct llmobs_dialect llmobs_dialect_openai_chat = {
    .name = "openai_chat",
    .integration = "openai",
    .shapes = shapes,
    .read = chat_read,
};
