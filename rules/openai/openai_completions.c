/* The OpenAI legacy completions dialect (WIRE 6.4, 6.7). */
#include <errno.h>

#include "rules/openai/chat.h"
#include "rules/openai/openai.h"
#include "rules/read/facts.h"
#include "rules/read/inputs.h"
#include "rules/read/request.h"
#include "rules/read/text.h"
#include "rules/read/usage.h"

static const char *const metadata_keys[] = {
    "stream",
    "temperature",
    "top_p",
    "user",
    "best_of",
    "echo",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_tokens",
    "n",
    "presence_penalty",
    "seed",
    "stop",
    "stream_options",
    "suffix",
    NULL,
};

static bool is_completion(const struct llmobs_reading *reading)
{
    return llmobs_openai_asks(reading, "prompt");
}

static int add_prompt(void *messages, struct llmobs_text text)
{
    return llmobs_json_add(messages, llmobs_message_new(NULL, text));
}

static int read_request(struct llmobs_reading *reading)
{
    struct llmobs_span *span = reading->span;
    int rc = llmobs_request_metadata(reading->request, metadata_keys, span);

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    span->input_messages = llmobs_json_array();
    if (!span->input_messages)
        return -ENOMEM;
    return llmobs_inputs_each(llmobs_json_get(reading->request, "prompt"),
                              add_prompt, span->input_messages);
}

/* A choice's text; some servers send a message instead. */
static const char *text_of(const struct llmobs_json *choice)
{
    const char *text = llmobs_json_gets(choice, "text");

    return text ? text
                : llmobs_json_gets(llmobs_json_get(choice, "message"),
                                   "content");
}

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    const struct llmobs_json *choices = llmobs_json_get(body, "choices");
    struct llmobs_json *list = llmobs_json_array();
    int rc =
        list ? llmobs_reading_model(reading, llmobs_json_gets(body, "model"))
             : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < llmobs_json_len(choices); i++) {
        const struct llmobs_json *choice = llmobs_json_at(choices, i);

        llmobs_fact_finish(reading->span,
                           llmobs_json_gets(choice, "finish_reason"));
        rc = add_prompt(list, llmobs_text_of(text_of(choice)));
    }
    reading->span->output_messages = list;
    if (rc == 0)
        rc = llmobs_usage_read(llmobs_usage_find(body), reading->span);
    return rc < 0 ? rc : llmobs_usage_timings(body, reading->span);
}

static int read_event(struct llmobs_reading *reading,
                      const struct llmobs_event *event)
{
    struct llmobs_stream *stream = reading->state;

    stream->texts = true;
    return llmobs_chat_event(reading, event);
}

static const struct llmobs_form form = {
    .keys = metadata_keys,
    .confirm = is_completion,
    .request = read_request,
    .document = read_document,
    .event = read_event,
    .finish = llmobs_chat_finish,
    .ends = llmobs_chat_ends,
    .state_fini = llmobs_chat_fini,
    .state_size = sizeof(struct llmobs_stream),
    .variant = &llmobs_chat_openai,
    .unknown = "unknown_model",
};

static const struct llmobs_shape shapes[] = {
    {.method = "POST",
     .path = "/completions",
     .not_path = "/chat/completions",
     .operation = "completion",
     .genai = "text_completion",
     .span_name = "%s.createCompletion",
     .kind = LLMOBS_KIND_LLM,
     .any_host = true},
    {.method = "POST",
     .path = "/serving-endpoints/*/invocations", /* Databricks */
     .operation = "completion",
     .genai = "text_completion",
     .span_name = "%s.createCompletion",
     .kind = LLMOBS_KIND_LLM,
     .by_body = true},
    {.method = "POST",
     .path = "/endpoints/*/invocations", /* SageMaker */
     .operation = "completion",
     .genai = "text_completion",
     .span_name = "%s.createCompletion",
     .kind = LLMOBS_KIND_LLM,
     .by_body = true},
    {.path = NULL},
};

const struct llmobs_dialect llmobs_dialect_openai_completions = {
    .name = "openai_completions",
    .integration = "openai",
    .shapes = shapes,
    .form = &form,
};
