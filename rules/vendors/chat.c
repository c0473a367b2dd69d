/* Reads chat completions of OpenAI's form. */
#include "rules/vendors/chat.h"

#include <errno.h>

#include "rules/vendors/openai.h"
#include "rules/read/facts.h"
#include "rules/read/hooks.h"
#include "rules/read/jobs.h"
#include "rules/read/values.h"
#include "rules/read/request.h"
#include "rules/read/sources.h"
#include "rules/read/text.h"
#include "rules/read/tools.h"
#include "rules/read/usage.h"

/* OpenAI's own chat completions (WIRE 6.3, 6.6, 6.7), which most other
 * providers speak too. */
const char llmobs_chat_openai_keys[] =
    "stream\0temperature\0top_p\0user\0audio\0frequency_penalty\0"
    "function_call\0logit_bias\0logprobs\0max_completion_tokens\0max_tokens\0"
    "modalities\0n\0parallel_tool_calls\0prediction\0presence_penalty\0"
    "reasoning_effort\0response_format\0seed\0service_tier\0stop\0store\0"
    "stream_options\0tool_choice\0top_logprobs\0web_search_options\0";

const struct llmobs_chat_variant llmobs_chat_openai = {
    .metadata = llmobs_chat_openai_keys,
    .messages = &llmobs_message_openai,
};

static const char *audio_format(const struct llmobs_reading *reading)
{
    return llmobs_json_gets(llmobs_json_get(reading->request, "audio"),
                            "format");
}

bool llmobs_completion_asks(const struct llmobs_reading *reading)
{
    /* llama.cpp's server answers as its own API does without "/v1". */
    return llmobs_openai_asks(reading, "prompt") &&
           !llmobs_text_has_any(reading->classified->call->response,
                                "\"tokens_evaluated\"\0");
}

bool llmobs_chat_asks(const struct llmobs_reading *reading)
{
    return llmobs_openai_asks(reading, "messages") &&
           (reading->classified->call->request_truncated ||
            llmobs_json_is_array(
                llmobs_json_get(reading->request, "messages")));
}

static int add_prompt(void *messages, struct llmobs_text text)
{
    return llmobs_message_add_text(messages, NULL, text);
}

int llmobs_chat_request(struct llmobs_reading *reading)
{
    const struct llmobs_chat_variant *variant = reading->form->variant;
    struct llmobs_span *span = reading->span;
    int rc = llmobs_request_metadata(reading->request, variant->metadata, span);

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    span->input_messages =
        variant->texts ? llmobs_json_array()
                       : llmobs_message_read_list(
                             llmobs_json_get(reading->request, "messages"),
                             variant->messages);
    if (!span->input_messages)
        return -ENOMEM;
    if (variant->texts)
        return llmobs_inputs_each(llmobs_json_get(reading->request, "prompt"),
                                  add_prompt, span->input_messages);
    return llmobs_tools_read_definitions(reading->request,
                                         &span->tool_definitions);
}

int llmobs_chat_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    const struct llmobs_json *choices = llmobs_json_get(body, "choices");
    const struct llmobs_chat_variant *variant = reading->form->variant;
    struct llmobs_json *list = llmobs_json_array();
    const char *id = llmobs_json_gets(body, "request_id");
    struct llmobs_json *models =
        llmobs_json_get(llmobs_json_get(body, "usage_breakdown"), "models");
    int rc =
        list ? llmobs_reading_model(reading, llmobs_json_gets(body, "model"))
             : -ENOMEM;

    LLMOBS_JSON_EACH (choice, choices, rc == 0) {
        const struct llmobs_json *said = llmobs_json_get(choice, "message");
        const char *text = llmobs_json_gets(choice, "text");

        if (!variant->mute)
            llmobs_fact_finish(reading->span,
                               llmobs_json_gets(choice, "finish_reason"));
        if (!text) /* some servers send a message instead */
            text = llmobs_json_gets(said, "content");
        rc = variant->texts
                 ? add_prompt(list, llmobs_text_of(text))
                 : llmobs_message_add_answer(list, said, audio_format(reading));
    }
    reading->span->output_messages = list;
    /* xAI answers with an id alone if a later call is to fetch the rest. */
    if (rc == 0 && !choices && id &&
        llmobs_json_is_true(llmobs_json_get(reading->request, "deferred"))) {
        llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_RESPONSE_ID, id);
        rc = llmobs_job_begun(reading->span, id, "deferred");
    }
    if (rc == 0 && models) /* Groq's systems: each model has its own price */
        rc = llmobs_json_set(reading->span->metadata, "usage_breakdown",
                             llmobs_json_share(models));
    if (rc == 0)
        rc = llmobs_sources_read(reading->span, body, LLMOBS_SOURCES_OPENAI);
    return rc < 0 ? rc
                  : llmobs_usage_read(llmobs_usage_find(body), reading->span);
}

/* Adds a chunk. Most differ from the last chunk with their tree, of which all
 * was read, in the text of a choice alone. */
static int add_chunk(struct llmobs_stream *stream,
                     const struct llmobs_event *event)
{
    static const struct llmobs_json_changes none;
    bool bare = event->json && event->json == stream->bare;
    const struct llmobs_json_changes *changes = bare ? event->alike : &none;
    const struct llmobs_json *padding;
    size_t same = 0;
    int rc;

    while (same < changes->count && (changes->places[same] == stream->text ||
                                     changes->places[same] == stream->padding))
        same++;
    if (bare && stream->text && same == changes->count)
        return llmobs_stream_say(stream, llmobs_json_text(*stream->text),
                                 false);
    rc = llmobs_stream_add(stream, event->json);
    padding = llmobs_json_get(event->json, "obfuscation");
    stream->text = stream->padding = NULL;
    for (size_t i = 0; i < changes->count; i++)
        if (*changes->places[i] == stream->said)
            stream->text = changes->places[i];
        else if (*changes->places[i] == padding)
            stream->padding = changes->places[i];
    return rc;
}

int llmobs_chat_event(struct llmobs_reading *reading,
                      const struct llmobs_event *event)
{
    const struct llmobs_chat_variant *variant = reading->form->variant;
    struct llmobs_stream *stream = reading->state;
    int rc;

    stream->texts = variant->texts;
    if (variant->texts) {
        const struct llmobs_json *second =
            llmobs_json_at(llmobs_json_get(reading->request, "prompt"), 1);

        stream->prompts = second && !llmobs_json_is_number(second);
    }
    if (!event->alike)
        stream->bare = NULL;
    else if (!stream->bare && !llmobs_usage_find(event->json))
        stream->bare = event->json;
    rc = add_chunk(stream, event);
    if (stream->begun)
        llmobs_reading_token(reading, event);
    reading->done = reading->done || stream->done ||
                    (variant->mute && llmobs_usage_find(event->json));
    return rc < 0 ? rc
                  : llmobs_sources_event(reading, event, LLMOBS_SOURCES_OPENAI);
}

int llmobs_chat_finish(struct llmobs_reading *reading)
{
    const struct llmobs_chat_variant *variant = reading->form->variant;
    struct llmobs_stream *stream = reading->state;
    int rc = 0;

    if (variant->asked_model)
        rc = llmobs_reading_model(reading,
                                  llmobs_json_gets(reading->request, "model"));
    if (rc == 0)
        rc = llmobs_reading_model(reading, stream->model);
    if (rc == 0)
        rc = llmobs_usage_read(stream->usage, reading->span);
    /* Without parts the reader makes an empty message, as Datadog's SDK does.
     */
    if (rc < 0 || stream->choices.count == 0)
        return rc < 0 ? rc : 0;
    if (!variant->mute || !reading->done)
        llmobs_stream_reasons(stream, reading->span);
    stream->keep_space = variant->keep_space;
    reading->span->output_messages =
        stream->texts ? llmobs_stream_texts(stream)
                      : llmobs_stream_messages(stream, audio_format(reading));
    return reading->span->output_messages ? 0 : -ENOMEM;
}
