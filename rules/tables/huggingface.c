/* Hugging Face's servers: text-generation-inference, text-embeddings-inference,
 * and the tasks of its inference API. Code, but for the embeddings, since the
 * answers differ by task within one path.
 *
 * Source: docs/openapi.json of huggingface/text-generation-inference and
 * huggingface/text-embeddings-inference; npm's @huggingface/inference 4.13.30,
 * providers/hf-inference.js. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rules/read/hooks.h"
#include "rules/read/cut_json.h"
#include "rules/read/documents.h"
#include "rules/read/facts.h"
#include "rules/read/media.h"
#include "rules/read/message.h"
#include "rules/read/request.h"
#include "rules/read/rerank.h"
#include "rules/read/text.h"
#include "rules/read/stream_parts.h"
#include "rules/read/usage.h"
#include "rules/read/values.h"

static const char keys[] = "stream\0parameters\0";
static const char own_keys[] = "stream\0";
/* SGLang has the same path. */
static const char signs[] = "\"inputs\"\0\"sampling_params\"\0";

static const char settings[] =
    "temperature\0top_k\0top_p\0typical_p\0max_new_tokens\0"
    "repetition_penalty\0frequency_penalty\0do_sample\0seed\0stop\0best_of\0"
    "truncate\0return_full_text\0min_length\0max_length\0";

bool llmobs_huggingface_has_inputs(const struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    const struct llmobs_json *inputs =
        llmobs_json_get(reading->request, "inputs");

    if (call->request_truncated)
        return llmobs_cut_json_has(call->request, call->request_tail, "inputs");
    return llmobs_json_is_string(inputs) ||
           llmobs_json_is_string(llmobs_json_at(inputs, 0));
}

/* -- the request --------------------------------------------------------- */

/* Gives the text of a value; words stand for the pictures and sounds that some
 * tasks have in it. */
static char *text_with_words(const struct llmobs_json *value)
{
    struct llmobs_json *words = llmobs_media_words(value, "data");
    char *text = words ? llmobs_value_text(words) : NULL;

    llmobs_json_free(words);
    return text;
}

/* The inputs of some tasks are objects. */
static int read_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *request = reading->request;
    const struct llmobs_json *inputs = llmobs_json_get(request, "inputs");
    struct llmobs_span *span = reading->span;
    int rc = llmobs_request_metadata(request, own_keys, span);

    if (rc == 0)
        rc = llmobs_request_metadata(llmobs_json_get(request, "parameters"),
                                     settings, span);
    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    if (!inputs && span->input_messages)
        return 0;
    llmobs_json_free(span->input_messages);
    span->input_messages =
        llmobs_message_take(inputs ? text_with_words(inputs) : strdup(""));
    return span->input_messages ? 0 : -ENOMEM;
}

/* -- the answer ---------------------------------------------------------- */

static int add_message(struct llmobs_json *list, const char *text)
{
    return llmobs_message_add_text(list, NULL, llmobs_text_of(text));
}

/* The answer counts the prompt's tokens, or lists them on request. */
static void read_details(struct llmobs_span *span,
                         const struct llmobs_json *details)
{
    const struct llmobs_json *prefill = llmobs_json_get(details, "prefill");
    const char *reason = llmobs_json_gets(details, "finish_reason");
    int64_t in = llmobs_usage_count(details, "input_length");
    int64_t out = llmobs_usage_count(details, "generated_tokens");

    if (in < 0 && llmobs_json_is_array(prefill) && llmobs_json_len(prefill) > 0)
        in = (int64_t)llmobs_json_len(prefill);
    llmobs_span_metric(span, "input_tokens", in);
    llmobs_span_metric(span, "output_tokens", out);
    llmobs_span_metric(span, "total_tokens",
                       in >= 0 && out >= 0 ? in + out : -1);
    if (details)
        llmobs_fact_finish(
            span, reason && strcmp(reason, "eos_token") == 0 ? "stop" : reason);
}

static bool is_vector(const struct llmobs_json *list)
{
    return llmobs_json_is_number(llmobs_json_at(list, 0));
}

/* Adds an answer without text: labels or scores; of vectors only the number. */
static int add_other(struct llmobs_reading *reading,
                     const struct llmobs_json *body)
{
    struct llmobs_span *span = reading->span;
    const struct llmobs_json *first = llmobs_json_at(body, 0);
    char *text;
    int rc;

    if (is_vector(body) || is_vector(first) ||
        is_vector(llmobs_json_at(first, 0)))
        return add_message(span->output_messages, "[embedding]");
    text = text_with_words(body);
    rc = text ? add_message(span->output_messages, text) : -ENOMEM;
    free(text);
    return rc;
}

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    const struct llmobs_json *one =
        llmobs_json_is_array(body) ? llmobs_json_at(body, 0) : body;
    const char *text;
    struct llmobs_span *span = reading->span;
    static const char *const names[] = {"generated_text", "summary_text",
                                        "translation_text", "answer", "text"};

    /* The text of a task's answer. */
    text = NULL;
    for (size_t i = 0; !text && i < sizeof(names) / sizeof(names[0]); i++)
        text = llmobs_json_gets(one, names[i]);
    if (reading->classified->call->status >= 300 || span->failed)
        return 0;
    span->output_messages = llmobs_json_array();
    read_details(span, llmobs_json_get(one, "details"));
    return text ? add_message(span->output_messages, text)
                : add_other(reading, body);
}

/* Reads an event, which has a token; the last event also has the whole text. */
static int read_event(struct llmobs_reading *reading,
                      const struct llmobs_event *event)
{
    const struct llmobs_json *token = llmobs_json_get(event->json, "token");
    const struct llmobs_json *details = llmobs_json_get(event->json, "details");
    const char *text = llmobs_json_gets(token, "text");
    bool special = llmobs_json_is_true(llmobs_json_get(token, "special"));
    struct llmobs_text_stream *stream = reading->state;
    int rc = 0;

    if (text && !special) {
        llmobs_reading_token(reading, event);
        rc = llmobs_text_stream_add(stream, 0, llmobs_text_of(text));
    }
    if (llmobs_json_gets(event->json, "generated_text")) {
        reading->done = true;
        read_details(reading->span, details);
    }
    return rc;
}

static int finish_stream(struct llmobs_reading *reading)
{
    const struct llmobs_text_stream *stream = reading->state;

    if (stream->texts.count == 0)
        return 0;
    if (!reading->done)
        llmobs_fact_finish(reading->span, NULL);
    reading->span->output_messages = llmobs_text_stream_messages(stream, NULL);
    return reading->span->output_messages ? 0 : -ENOMEM;
}

static int read_ends(struct llmobs_reading *reading)
{
    struct llmobs_json *details = llmobs_cut_json_last(
        reading->classified->call->response_tail, "details");

    read_details(reading->span, details);
    reading->span->complete = details != NULL;
    llmobs_json_free(details);
    return 0;
}

/* -- the model in the path ------------------------------------------------ */

/* Gives ".../models/OWNER/NAME[/pipeline/TASK]" and the older
 * ".../pipeline/TASK/OWNER/NAME" as "OWNER/NAME"; "" where the path has none.
 */
char *llmobs_huggingface_path_model(const struct llmobs_reading *reading)
{
    static const char models[] = "/models/", pipeline[] = "/pipeline/";
    struct llmobs_text path = reading->classified->url->path, name = {NULL, 0};
    const char *end = path.data + path.len;
    const char *at = memmem(path.data, path.len, models, sizeof(models) - 1);
    const char *task =
        memmem(path.data, path.len, pipeline, sizeof(pipeline) - 1);

    if (at) {
        at += sizeof(models) - 1;
        if (task && task >= at)
            end = task;
    } else if (task) {
        task += sizeof(pipeline) - 1;
        at = memchr(task, '/', (size_t)(end - task));
        at = at ? at + 1 : end;
    }
    if (at)
        name = (struct llmobs_text){at, (size_t)(end - at)};
    return llmobs_url_decode(name);
}

/* A body that is a picture or a sound is not kept: its type stands for it. */
static int begin_task(struct llmobs_reading *reading)
{
    static const char *const kinds[] = {"audio", "image", "video"};
    const struct llmobs_call *call = reading->classified->call;
    const char *type = llmobs_header_find(
        call->request_headers, call->request_header_count, "content-type");
    const char *kind = NULL;

    if (!call->multipart)
        return 0;
    for (size_t i = 0; type && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strncasecmp(type, kinds[i], strlen(kinds[i])) == 0)
            kind = kinds[i];
    return llmobs_message_put_mark(&reading->span->input_messages, NULL,
                                   kind ? kind : "data", kind ? type : NULL, 0);
}

/* -- classes ------------------------------------------------------------- */

static const char labels[] = "\"label\"\0";
static const char scores[] = "\"score\"\0";

/* A pair of texts is one input. Many servers have such a path; the labels in
 * the answer show that this is this API. */
bool llmobs_huggingface_predicts(const struct llmobs_reading *reading)
{
    const struct llmobs_json *inputs =
        llmobs_json_get(reading->request, "inputs");

    return (llmobs_huggingface_has_inputs(reading) ||
            llmobs_json_is_string(
                llmobs_json_at(llmobs_json_at(inputs, 0), 0))) &&
           llmobs_text_has_any(reading->classified->call->response, labels) &&
           llmobs_text_has_any(reading->classified->call->response, scores);
}

/* -- likeness ------------------------------------------------------------ */

static const char similar_signs[] = "\"source_sentence\"\0";

/* True for a comparison of sentences; of a cut body it knows only the names. */
static bool compares(const struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    const struct llmobs_json *inputs =
        llmobs_json_get(reading->request, "inputs");

    if (call->request_truncated)
        return llmobs_reading_has(reading, "inputs") &&
               (llmobs_text_has_any(call->request, similar_signs) ||
                llmobs_text_has_any(call->request_tail, similar_signs));
    return llmobs_json_gets(inputs, "source_sentence") &&
           llmobs_json_is_array(llmobs_json_get(inputs, "sentences"));
}

static int read_sentence(struct llmobs_reading *reading)
{
    const struct llmobs_json *inputs =
        llmobs_json_get(reading->request, "inputs");

    if (reading->classified->call->request_truncated)
        return 0;
    return llmobs_value_input(reading->span,
                              llmobs_json_get(inputs, "source_sentence"));
}

/* A score for each sentence, in their order. */
static int read_scores(struct llmobs_reading *reading,
                       const struct llmobs_json *body)
{
    const struct llmobs_json *sentences = llmobs_json_get(
        llmobs_json_get(reading->request, "inputs"), "sentences");
    size_t count = llmobs_json_is_array(body) ? llmobs_json_len(body) : 0;
    int rc = 0;

    if (reading->classified->call->status >= 300)
        return 0;
    for (size_t i = 0; rc == 0 && i < count && i < LLMOBS_DOCUMENTS_MAX; i++)
        rc = llmobs_documents_add(reading->span,
                                  &(struct llmobs_found){
                                      .text = llmobs_json_at(sentences, i),
                                      .score = llmobs_json_at(body, i),
                                  });
    return rc;
}

/* -- the dialect --------------------------------------------------------- */

#define FUNCTIONS                                                            \
    .keys = keys, .signs = signs, .request = read_request,                   \
    .document = read_document, .event = read_event, .finish = finish_stream, \
    .ends = read_ends,                                                       \
    LLMOBS_STATE(struct llmobs_text_stream, llmobs_text_stream_fini),        \
    .lists = true

const struct llmobs_form llmobs_form_huggingface = {
    FUNCTIONS, .confirm = llmobs_huggingface_has_inputs};

const struct llmobs_form llmobs_form_huggingface_task = {
    FUNCTIONS, .asked = llmobs_huggingface_path_model, .begin = begin_task};

static const char endpoints[] = ".endpoints.huggingface.cloud";

/* An endpoint serves one model, at the path "/". A request's "inputs" may also
 * be objects. */
static bool is_endpoint(const struct llmobs_reading *reading)
{
    return llmobs_text_ends(llmobs_text_of(reading->classified->url->host),
                            endpoints) &&
           llmobs_reading_has(reading, "inputs");
}

const struct llmobs_form llmobs_form_huggingface_endpoint = {
    FUNCTIONS, .confirm = is_endpoint};

const struct llmobs_form llmobs_form_huggingface_similarity = {
    .signs = similar_signs,
    .confirm = compares,
    .asked = llmobs_huggingface_path_model,
    .request = read_sentence,
    .document = read_scores,
    .ends = llmobs_rerank_ends,
    .lists = true,
};
