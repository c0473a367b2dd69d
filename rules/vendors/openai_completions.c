/* The OpenAI legacy completions dialect (WIRE 6.4, 6.7). */
#include <errno.h>

#include "rules/read/hooks.h"
#include "rules/vendors/chat.h"
#include "rules/vendors/openai.h"
#include "rules/read/facts.h"
#include "rules/read/inputs.h"
#include "rules/read/request.h"
#include "rules/read/text.h"
#include "rules/read/usage.h"

bool llmobs_completion_asks(const struct llmobs_reading *reading)
{
    /* llama.cpp's server answers as its own API does without "/v1". */
    return llmobs_openai_asks(reading, "prompt") &&
           !llmobs_text_has_any(reading->classified->call->response,
                                "\"tokens_evaluated\"\0");
}

static int add_prompt(void *messages, struct llmobs_text text)
{
    return llmobs_message_add_text(messages, NULL, text);
}

int llmobs_completion_request(struct llmobs_reading *reading)
{
    struct llmobs_span *span = reading->span;
    int rc =
        llmobs_request_metadata(reading->request, reading->form->keys, span);

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

int llmobs_completion_document(struct llmobs_reading *reading,
                               const struct llmobs_json *body)
{
    const struct llmobs_json *choices = llmobs_json_get(body, "choices");
    struct llmobs_json *list = llmobs_json_array();
    int rc =
        list ? llmobs_reading_model(reading, llmobs_json_gets(body, "model"))
             : -ENOMEM;

    LLMOBS_JSON_EACH (choice, choices, rc == 0) {
        llmobs_fact_finish(reading->span,
                           llmobs_json_gets(choice, "finish_reason"));
        rc = add_prompt(list, llmobs_text_of(text_of(choice)));
    }
    reading->span->output_messages = list;
    return rc < 0 ? rc
                  : llmobs_usage_read(llmobs_usage_find(body), reading->span);
}

int llmobs_completion_event(struct llmobs_reading *reading,
                            const struct llmobs_event *event)
{
    struct llmobs_stream *stream = reading->state;

    stream->texts = true;
    return llmobs_chat_event(reading, event);
}
