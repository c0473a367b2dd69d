/* The OpenAI chat completions dialect (llmobs-wire 6.3, 6.6, 6.7), which most
 * other providers speak too. */
#include <errno.h>

#include "rules/frame.h"
#include "rules/message.h"
#include "rules/openai_stream.h"
#include "rules/request.h"
#include "rules/scan.h"
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

static const char *audio_format(const struct llmobs_frame *frame)
{
    return llmobs_json_gets(llmobs_json_get(frame->request, "audio"), "format");
}

/* What tells a chat from any other JSON: its messages and its model, which an
 * Azure path may hold instead (llmobs-wire 6.1). */
static bool is_chat(const struct llmobs_frame *frame)
{
    const struct llmobs_call *call = frame->reading->call;
    bool deployed = llmobs_request_deployment(frame->reading->url).len > 0;

    if (!deployed &&
        !llmobs_json_is_string(llmobs_json_get(frame->request, "model")))
        return false;
    if (call->request_truncated)
        return llmobs_scan_has(call->request, call->request_tail, "messages");
    return llmobs_json_is_array(llmobs_json_get(frame->request, "messages"));
}

static int read_request(struct llmobs_frame *frame)
{
    struct llmobs_span *span = frame->span;
    int rc = llmobs_request_metadata(frame->request, metadata_keys, span);

    if (rc < 0 || frame->reading->call->request_truncated)
        return rc;
    span->input_messages =
        llmobs_message_read_inputs(llmobs_json_get(frame->request, "messages"));
    if (!span->input_messages)
        return -ENOMEM;
    return llmobs_tools_read_definitions(frame->request,
                                         &span->tool_definitions);
}

static int read_document(struct llmobs_frame *frame,
                         const struct llmobs_json *body)
{
    const struct llmobs_json *choices = llmobs_json_get(body, "choices");
    struct llmobs_json *list = llmobs_json_array();
    int rc = list ? llmobs_frame_model(frame, llmobs_json_gets(body, "model"))
                  : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < llmobs_json_len(choices); i++)
        rc = llmobs_message_add_answer(
            list, llmobs_json_get(llmobs_json_at(choices, i), "message"),
            audio_format(frame));
    frame->span->output_messages = list;
    return rc < 0 ? rc
                  : llmobs_usage_read(llmobs_usage_find(body), frame->span);
}

static int read_event(struct llmobs_frame *frame,
                      const struct llmobs_event *event)
{
    struct llmobs_stream *stream = frame->state;
    int rc = llmobs_stream_add(stream, event->json);

    if (stream->begun)
        llmobs_frame_token(frame, event);
    frame->done = frame->done || stream->done;
    return rc;
}

static int finish_stream(struct llmobs_frame *frame)
{
    const struct llmobs_stream *stream = frame->state;
    int rc = llmobs_frame_model(frame, stream->model);

    if (rc == 0)
        rc = llmobs_usage_read(stream->usage, frame->span);
    if (rc < 0 || (stream->choices.count == 0 && !frame->done))
        return rc;
    frame->span->output_messages =
        llmobs_stream_messages(stream, audio_format(frame));
    return frame->span->output_messages ? 0 : -ENOMEM;
}

static void free_stream(void *stream)
{
    llmobs_stream_fini(stream);
}

static int read_ends(struct llmobs_frame *frame)
{
    const struct llmobs_call *call = frame->reading->call;
    struct llmobs_json *model = llmobs_scan_first(call->response, "model");
    struct llmobs_json *usage = llmobs_scan_last(call->response_tail, "usage");
    struct llmobs_json *reason =
        llmobs_scan_last(call->response_tail, "finish_reason");
    int rc;

    if (!reason)
        reason = llmobs_scan_last(call->response, "finish_reason");
    if (!usage)
        usage = llmobs_scan_first(call->response, "usage");
    frame->span->complete = llmobs_json_is_string(reason);
    rc = llmobs_frame_model(frame, llmobs_json_text(model));
    if (rc == 0 && llmobs_json_is_object(usage))
        rc = llmobs_usage_read(usage, frame->span);
    llmobs_json_free(model);
    llmobs_json_free(usage);
    llmobs_json_free(reason);
    return rc;
}

static const struct llmobs_form form = {
    .keys = metadata_keys,
    .confirm = is_chat,
    .request = read_request,
    .document = read_document,
    .event = read_event,
    .finish = finish_stream,
    .ends = read_ends,
    .state_fini = free_stream,
    .state_size = sizeof(struct llmobs_stream),
    .unknown = "unknown_model",
};

static int chat_read(const struct llmobs_reading *reading,
                     struct llmobs_span *span)
{
    return llmobs_frame_read(&form, reading, span);
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
