/* The OpenAI chat completions dialect (llmobs-wire 6.3, 6.6, 6.7), which most
 * other providers speak too. */
#include <errno.h>

#include "rules/frame.h"
#include "rules/message.h"
#include "rules/openai.h"
#include "rules/openai_stream.h"
#include "rules/request.h"
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

static bool is_chat(const struct llmobs_frame *frame)
{
    return llmobs_openai_asks(frame, "messages") &&
           (frame->reading->call->request_truncated ||
            llmobs_json_is_array(llmobs_json_get(frame->request, "messages")));
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
            llmobs_openai_audio_format(frame));
    frame->span->output_messages = list;
    return rc < 0 ? rc
                  : llmobs_usage_read(llmobs_usage_find(body), frame->span);
}

static const struct llmobs_form form = {
    .keys = metadata_keys,
    .confirm = is_chat,
    .request = read_request,
    .document = read_document,
    .event = llmobs_openai_event,
    .finish = llmobs_openai_finish,
    .ends = llmobs_openai_ends,
    .state_fini = llmobs_openai_fini,
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
     .not_path = "/async/chat/completions", /* an order; no answer comes */
     .operation = "chat",
     .span_name = "%s.createChatCompletion",
     .helper = ".completions.parse",
     .helper_name = "%s.parseChatCompletion",
     .kind = LLMOBS_KIND_LLM,
     .any_host = true},
    {.method = "POST",
     .path = "/v1/sonar", /* Perplexity */
     .operation = "chat",
     .span_name = "%s.createChatCompletion",
     .kind = LLMOBS_KIND_LLM},
    {.path = NULL},
};

const struct llmobs_dialect llmobs_dialect_openai_chat = {
    .name = "openai_chat",
    .integration = "openai",
    .shapes = shapes,
    .read = chat_read,
};
