/* Cloudflare's Workers AI by its own path; the models' answers are Cloudflare's
 * or OpenAI's: code, since a table cannot have both, nor a model's name in the
 * path.
 *
 * Source: developers.cloudflare.com/workers-ai, the models' API schemas. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/vendors/chat.h"
#include "rules/read/embedding.h"
#include "rules/read/facts.h"
#include "rules/read/match.h"
#include "rules/read/media.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"
#include "rules/read/text.h"
#include "rules/read/tools.h"
#include "rules/read/usage.h"
#include "rules/read/values.h"

/* Keys that are metadata. */
static const char keys[] =
    "stream\0temperature\0top_p\0top_k\0seed\0max_tokens\0frequency_penalty\0"
    "presence_penalty\0lora\0repetition_penalty\0response_format\0";

static const char no_keys[] = "";

static const struct llmobs_chat_variant variant = {
    .metadata = keys,
    .messages = &llmobs_message_openai,
    .usage = llmobs_usage_read,
    .keep_space = true,
};

static bool cloudflare_asks(const struct llmobs_reading *reading)
{
    return llmobs_reading_has(reading, "messages") ||
           llmobs_reading_has(reading, "prompt");
}

static bool cloudflare_embeds(const struct llmobs_reading *reading)
{
    return llmobs_reading_has(reading, "text");
}

/* Gives the model of the path, "@cf/meta/llama-3.1-8b-instruct". */
static char *cloudflare_path_model(const struct llmobs_reading *reading)
{
    return llmobs_url_decode(llmobs_match_rest(reading->classified->shape,
                                               reading->classified->url->path));
}

static int cloudflare_begin(struct llmobs_reading *reading)
{
    char *model = cloudflare_path_model(reading);

    llmobs_fact_asked(reading, model);
    free(model);
    return model ? 0 : -ENOMEM;
}

static int cloudflare_name_model(struct llmobs_reading *reading)
{
    char *model = cloudflare_path_model(reading);
    int rc = model ? llmobs_reading_model(reading, model) : -ENOMEM;

    free(model);
    return rc;
}

static int cloudflare_read_request(struct llmobs_reading *reading)
{
    const char *prompt = llmobs_json_gets(reading->request, "prompt");
    struct llmobs_span *span = reading->span;
    int rc = llmobs_chat_request(reading);

    if (rc < 0 || !prompt || !span->input_messages)
        return rc;
    return llmobs_json_add(span->input_messages,
                           llmobs_message_new("user", llmobs_text_of(prompt)));
}

/* -- the answer ---------------------------------------------------------- */

/* Sets the calls of tools, which have no ids. */
static int set_calls(struct llmobs_json *message,
                     const struct llmobs_json *calls)
{
    struct llmobs_json *list;
    int rc = 0;

    if (!llmobs_json_is_array(calls) || llmobs_json_len(calls) == 0)
        return 0;
    list = llmobs_json_array();
    for (size_t i = 0; rc == 0 && i < llmobs_json_len(calls); i++) {
        const struct llmobs_json *call = llmobs_json_at(calls, i);

        rc = llmobs_json_add(
            list,
            llmobs_tools_call(
                llmobs_json_gets(call, "name"), NULL, "function",
                llmobs_tools_arguments(llmobs_json_get(call, "arguments"))));
    }
    if (rc == 0)
        return llmobs_json_set(message, "tool_calls", list);
    llmobs_json_free(list);
    return rc;
}

/* Gives the text of an answer: itself, its JSON, or a word for a picture. */
static char *cloudflare_text_of(const struct llmobs_json *result)
{
    const struct llmobs_json *response = llmobs_json_get(result, "response");
    const char *image = llmobs_json_gets(result, "image");
    struct llmobs_buf text;
    char *copy = NULL;

    if (response && !llmobs_json_is_null(response))
        return llmobs_value_text(response);
    if (!image)
        return strdup("");
    llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
    if (llmobs_media_mark(&text, "image", NULL,
                          llmobs_media_base64(llmobs_text_of(image))) == 0)
        copy = strndup(text.data, text.len);
    llmobs_buf_fini(&text);
    return copy;
}

static int cloudflare_add_answer(struct llmobs_span *span,
                                 const struct llmobs_json *result)
{
    char *text = cloudflare_text_of(result);
    struct llmobs_json *message =
        text ? llmobs_message_new("assistant", llmobs_text_of(text)) : NULL;
    int rc = message ? set_calls(message, llmobs_json_get(result, "tool_calls"))
                     : -ENOMEM;

    free(text);
    if (rc == 0)
        return llmobs_json_add(span->output_messages, message);
    llmobs_json_free(message);
    return rc;
}

static int cloudflare_read_document(struct llmobs_reading *reading,
                                    const struct llmobs_json *body)
{
    const struct llmobs_json *result = llmobs_json_get(body, "result");
    struct llmobs_span *span = reading->span;
    int rc;

    if (!llmobs_json_is_object(result))
        return 0;
    if (llmobs_json_get(result, "choices"))
        return llmobs_chat_document(reading, result);
    span->output_messages = llmobs_json_array();
    rc = span->output_messages ? cloudflare_add_answer(span, result) : -ENOMEM;
    return rc < 0 ? rc : llmobs_usage_read(llmobs_usage_find(result), span);
}

static int cloudflare_read_event(struct llmobs_reading *reading,
                                 const struct llmobs_event *event)
{
    struct llmobs_stream *stream = reading->state;
    int rc = llmobs_stream_add(stream, event->json);

    if (rc == 0)
        rc = llmobs_stream_text(stream,
                                llmobs_json_gets(event->json, "response"));
    llmobs_chat_begun(reading, event);
    reading->done = reading->done || stream->done;
    return rc;
}

/* Cloudflare's own answers have no reason for their end. */
static int cloudflare_finish_stream(struct llmobs_reading *reading)
{
    const struct llmobs_stream *stream = reading->state;
    int rc = llmobs_chat_finish(reading);

    if (reading->done && !stream->done)
        llmobs_span_fact_unset(&reading->span->facts,
                               LLMOBS_FACT_FINISH_REASONS);
    return rc;
}

/* -- embeddings ---------------------------------------------------------- */

static int cloudflare_read_inputs(struct llmobs_reading *reading)
{
    if (reading->classified->call->request_truncated)
        return 0;
    return llmobs_embedding_read_input(
        reading->span, llmobs_json_get(reading->request, "text"));
}

static int cloudflare_read_vectors(struct llmobs_reading *reading,
                                   const struct llmobs_json *body)
{
    return llmobs_embedding_tell_list(
        reading->span, llmobs_json_get(llmobs_json_get(body, "result"), "data"),
        NULL);
}

/* -- the dialect --------------------------------------------------------- */

static const struct llmobs_form form = {
    .keys = keys,
    .confirm = cloudflare_asks,
    .begin = cloudflare_begin,
    .request = cloudflare_read_request,
    .document = cloudflare_read_document,
    .event = cloudflare_read_event,
    .model = cloudflare_name_model,
    .finish = cloudflare_finish_stream,
    .state_fini = llmobs_chat_fini,
    .state_size = sizeof(struct llmobs_stream),
    .variant = &variant,
};

static const struct llmobs_form embeddings = {
    .keys = no_keys,
    .confirm = cloudflare_embeds,
    .begin = cloudflare_begin,
    .request = cloudflare_read_inputs,
    .document = cloudflare_read_vectors,
    .model = cloudflare_name_model,
};

static const struct llmobs_shape shapes[] = {
    LLMOBS_SHAPE("POST", "/ai/run/**", "run", "cloudflare.run",
                 .kind = LLMOBS_KIND_LLM, .by_body = true),
    LLMOBS_SHAPE("POST", "/run/**", "embedding", "cloudflare.run",
                 .kind = LLMOBS_KIND_EMBEDDING, .form = &embeddings,
                 .by_body = true),
    /* Its gateway. */
    LLMOBS_SHAPE("POST", "/workers-ai/**", "run", "cloudflare.run",
                 .kind = LLMOBS_KIND_LLM, .by_body = true),
    {.path = ""},
};

LLMOBS_DIALECT(cloudflare, .integration = "cloudflare", .shapes = shapes,
               .form = &form,
               .sent_media = LLMOBS_MEDIA_TOLD | LLMOBS_MEDIA_IMAGES |
                             LLMOBS_MEDIA_DATA,
               .answered_media = LLMOBS_MEDIA_TOLD | LLMOBS_MEDIA_DATA);
