/* Hugging Face's servers: text-generation-inference, text-embeddings-inference,
 * and the tasks of its inference API.
 *
 * Source: docs/openapi.json of huggingface/text-generation-inference and
 * huggingface/text-embeddings-inference; @huggingface/inference 4.13. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/cut_json.h"
#include "rules/read/embedding.h"
#include "rules/read/facts.h"
#include "rules/read/message.h"
#include "rules/read/reading.h"
#include "rules/read/request.h"
#include "rules/read/text.h"
#include "rules/read/text_stream.h"
#include "rules/read/usage.h"
#include "rules/read/values.h"

static const char *const keys[] = {"stream", "parameters", NULL};
static const char *const own_keys[] = {"stream", NULL};
static const char *const signs[] = {"\"inputs\"", NULL};

static const char *const settings[] = {
    "temperature",
    "top_k",
    "top_p",
    "typical_p",
    "max_new_tokens",
    "repetition_penalty",
    "frequency_penalty",
    "do_sample",
    "seed",
    "stop",
    "best_of",
    "truncate",
    "return_full_text",
    "min_length",
    "max_length",
    NULL,
};

static const char *const embed_keys[] = {"normalize", "truncate", "dimensions",
                                         "prompt_name", NULL};

static bool has_inputs(const struct llmobs_reading *reading)
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
    span->input_messages =
        llmobs_message_take(inputs ? llmobs_value_text(inputs) : strdup(""));
    return span->input_messages ? 0 : -ENOMEM;
}

/* -- the answer ---------------------------------------------------------- */

static int add_message(struct llmobs_json *list, const char *text)
{
    return llmobs_json_add(list,
                           llmobs_message_new(NULL, llmobs_text_of(text)));
}

/* The text of a task's answer. */
static const char *text_of(const struct llmobs_json *answer)
{
    static const char *const names[] = {"generated_text", "summary_text",
                                        "translation_text", "answer", "text"};
    const char *text = NULL;

    for (size_t i = 0; !text && i < sizeof(names) / sizeof(names[0]); i++)
        text = llmobs_json_gets(answer, names[i]);
    return text;
}

static const char *reason_of(const struct llmobs_json *details)
{
    const char *reason = llmobs_json_gets(details, "finish_reason");

    return reason && strcmp(reason, "eos_token") == 0 ? "stop" : reason;
}

/* The tokens of the prompt are counted, or listed where that was asked for. */
static void read_details(struct llmobs_span *span,
                         const struct llmobs_json *details)
{
    const struct llmobs_json *prefill = llmobs_json_get(details, "prefill");
    int64_t in = llmobs_usage_count(details, "input_length");
    int64_t out = llmobs_usage_count(details, "generated_tokens");

    if (in < 0 && llmobs_json_is_array(prefill) && llmobs_json_len(prefill) > 0)
        in = (int64_t)llmobs_json_len(prefill);
    llmobs_span_metric(span, "input_tokens", in);
    llmobs_span_metric(span, "output_tokens", out);
    llmobs_span_metric(span, "total_tokens",
                       in >= 0 && out >= 0 ? in + out : -1);
    if (details)
        llmobs_fact_finish(span, reason_of(details));
}

static bool is_vector(const struct llmobs_json *list)
{
    return llmobs_json_is_number(llmobs_json_at(list, 0));
}

/* An answer that has no text: labels, scores, or vectors, which are counted
 * alone. */
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
    text = llmobs_value_text(body);
    rc = text ? add_message(span->output_messages, text) : -ENOMEM;
    free(text);
    return rc;
}

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    const struct llmobs_json *one =
        llmobs_json_is_array(body) ? llmobs_json_at(body, 0) : body;
    const char *text = text_of(one);
    struct llmobs_span *span = reading->span;

    if (reading->classified->call->status >= 300 || span->failed)
        return 0;
    span->output_messages = llmobs_json_array();
    if (!span->output_messages)
        return -ENOMEM;
    read_details(span, llmobs_json_get(one, "details"));
    return text ? add_message(span->output_messages, text)
                : add_other(reading, body);
}

/* Each event has a token; the last one has the whole text, too. */
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

static void free_state(void *state)
{
    llmobs_text_stream_fini(state);
}

/* -- the model in the path ------------------------------------------------ */

/* Gives ".../models/OWNER/NAME" as "OWNER/NAME"; "" where the path has none. */
static char *path_model(const struct llmobs_url *url)
{
    static const char mark[] = "/models/";
    struct llmobs_text name = {NULL, 0};
    const char *at = url->path.len > 0 ? memmem(url->path.data, url->path.len,
                                                mark, sizeof(mark) - 1)
                                       : NULL;

    if (at) {
        name.data = at + sizeof(mark) - 1;
        name.len = (size_t)(url->path.data + url->path.len - name.data);
        at = memmem(name.data, name.len, "/pipeline/", 10);
        if (at)
            name.len = (size_t)(at - name.data);
    }
    return llmobs_url_decode(name);
}

static int begin_task(struct llmobs_reading *reading)
{
    char *model = path_model(reading->classified->url);

    llmobs_fact_asked(reading, model);
    free(model);
    return model ? 0 : -ENOMEM;
}

static int task_model(struct llmobs_reading *reading)
{
    char *model = path_model(reading->classified->url);
    int rc = model ? llmobs_reading_model(reading, model) : -ENOMEM;

    free(model);
    return rc;
}

/* -- embeddings ---------------------------------------------------------- */

static int read_inputs(struct llmobs_reading *reading)
{
    int rc =
        llmobs_request_metadata(reading->request, embed_keys, reading->span);

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    return llmobs_embedding_read_input(
        reading->span, llmobs_json_get(reading->request, "inputs"));
}

/* Some servers answer the vector of a single text alone. */
static int read_vectors(struct llmobs_reading *reading,
                        const struct llmobs_json *body)
{
    if (is_vector(body))
        return llmobs_embedding_tell(reading->span, 1, llmobs_json_len(body));
    return llmobs_embedding_tell_list(reading->span, body, NULL);
}

/* -- the dialect --------------------------------------------------------- */

static const struct llmobs_form form = {
    .keys = keys,
    .signs = signs,
    .confirm = has_inputs,
    .request = read_request,
    .document = read_document,
    .event = read_event,
    .finish = finish_stream,
    .ends = read_ends,
    .state_fini = free_state,
    .state_size = sizeof(struct llmobs_text_stream),
    .lists = true,
};

static const struct llmobs_form task = {
    .keys = keys,
    .signs = signs,
    .begin = begin_task,
    .request = read_request,
    .document = read_document,
    .event = read_event,
    .model = task_model,
    .finish = finish_stream,
    .ends = read_ends,
    .state_fini = free_state,
    .state_size = sizeof(struct llmobs_text_stream),
    .lists = true,
};

static const struct llmobs_form embeddings = {
    .keys = embed_keys,
    .signs = signs,
    .confirm = has_inputs,
    .begin = begin_task,
    .request = read_inputs,
    .document = read_vectors,
    .model = task_model,
    .lists = true,
};

static const struct llmobs_shape shapes[] = {
    {.method = "POST",
     .path = "/generate",
     .operation = "generate",
     .genai = "text_completion",
     .span_name = "huggingface.generate",
     .kind = LLMOBS_KIND_LLM,
     .any_host = true,
     .whole = true},
    {.method = "POST",
     .path = "/generate_stream",
     .operation = "generate",
     .genai = "text_completion",
     .span_name = "huggingface.generate",
     .kind = LLMOBS_KIND_LLM,
     .any_host = true,
     .whole = true,
     .streams = true},
    {.method = "POST",
     .path = "/embed",
     .operation = "embedding",
     .span_name = "huggingface.embed",
     .kind = LLMOBS_KIND_EMBEDDING,
     .form = &embeddings,
     .any_host = true,
     .whole = true},
    {.method = "POST",
     .path = "/pipeline/feature-extraction",
     .operation = "embedding",
     .span_name = "huggingface.embed",
     .kind = LLMOBS_KIND_EMBEDDING,
     .form = &embeddings,
     .any_host = true},
    {.method = "POST",
     .path = "/models/*/*",
     .operation = "task",
     .genai = "text_completion",
     .span_name = "huggingface.task",
     .kind = LLMOBS_KIND_LLM,
     .form = &task},
    {.method = "POST",
     .path = "/serving-endpoints/*/invocations", /* Databricks */
     .operation = "generate",
     .genai = "text_completion",
     .span_name = "huggingface.generate",
     .kind = LLMOBS_KIND_LLM,
     .by_body = true},
    {.method = "POST",
     .path = "/endpoints/*/invocations", /* SageMaker */
     .operation = "generate",
     .genai = "text_completion",
     .span_name = "huggingface.generate",
     .kind = LLMOBS_KIND_LLM,
     .by_body = true},
    {.path = NULL},
};

const struct llmobs_dialect llmobs_dialect_huggingface = {
    .name = "huggingface",
    .integration = "huggingface",
    .shapes = shapes,
    .form = &form,
};
