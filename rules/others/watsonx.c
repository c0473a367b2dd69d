/* IBM's watsonx.ai: chat, generation, embeddings and rerankers. Its chat is
 * OpenAI's but for paths and the model's name in the request.
 *
 * Source: the API reference of watsonx.ai (cloud.ibm.com/apidocs/watsonx-ai);
 * of the rerankers the types of npm's @ibm-cloud/watsonx-ai 1.7.16. */
#include <errno.h>
#include <string.h>

#include "rules/openai/chat.h"
#include "rules/read/cut_json.h"
#include "rules/read/embedding.h"
#include "rules/read/facts.h"
#include "rules/read/message.h"
#include "rules/read/request.h"
#include "rules/read/rerank.h"
#include "rules/read/text.h"
#include "rules/read/text_stream.h"
#include "rules/read/usage.h"

/* The model's name is not among the keys that the reader looks for. */
static const char *const chat_keys[] = {
    "model_id",
    "stream",
    "temperature",
    "top_p",
    "max_tokens",
    "n",
    "seed",
    "stop",
    "logprobs",
    "top_logprobs",
    "presence_penalty",
    "frequency_penalty",
    "response_format",
    "tool_choice",
    "time_limit",
    NULL,
};

static const char *const keys[] = {"model_id", "parameters", NULL};

static const char *const settings[] = {
    "decoding_method",    "temperature",    "top_k",       "top_p",
    "max_new_tokens",     "min_new_tokens", "random_seed", "stop_sequences",
    "repetition_penalty", "time_limit",     NULL,
};

static const struct llmobs_chat_variant variant = {
    .metadata = chat_keys + 1,
    .messages = &llmobs_message_openai,
    .usage = llmobs_usage_read,
};

/* The name of a deployment stands in the path. */
static bool names_model(const struct llmobs_reading *reading)
{
    return llmobs_json_gets(reading->request, "model_id") ||
           llmobs_request_deployment(reading->classified->url).len > 0;
}

static bool chats(const struct llmobs_reading *reading)
{
    return names_model(reading) && llmobs_reading_has(reading, "messages");
}

static bool generates(const struct llmobs_reading *reading)
{
    return names_model(reading) && llmobs_reading_has(reading, "input");
}

static bool embeds(const struct llmobs_reading *reading)
{
    return names_model(reading) && llmobs_reading_has(reading, "inputs");
}

static int begin(struct llmobs_reading *reading)
{
    llmobs_fact_asked(reading, llmobs_json_gets(reading->request, "model_id"));
    return 0;
}

static int name_model(struct llmobs_reading *reading)
{
    return llmobs_reading_model(reading,
                                llmobs_json_gets(reading->request, "model_id"));
}

/* -- generation ---------------------------------------------------------- */

static int read_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *request = reading->request;
    struct llmobs_span *span = reading->span;
    int rc = llmobs_request_metadata(llmobs_json_get(request, "parameters"),
                                     settings, span);

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    return llmobs_message_put(
        &span->input_messages, NULL,
        llmobs_text_of(llmobs_json_gets(request, "input")));
}

static const char *reason_of(const struct llmobs_json *result)
{
    const char *reason = llmobs_json_gets(result, "stop_reason");

    if (!reason || strcmp(reason, "not_finished") == 0)
        return NULL;
    if (strcmp(reason, "eos_token") == 0)
        return "stop";
    return strcmp(reason, "token_limit") == 0 ? "length" : reason;
}

/* Counts of a stream grow from event to event; 0 input tokens stand where an
 * event tells none. */
static void read_counts(struct llmobs_span *span,
                        const struct llmobs_json *result)
{
    int64_t in = llmobs_usage_count(result, "input_token_count");
    int64_t out = llmobs_usage_count(result, "generated_token_count");
    const struct llmobs_json *before =
        llmobs_json_get(span->metrics, "input_tokens");

    if (in <= 0 && before)
        in = llmobs_json_to_int(before);
    llmobs_span_metric(span, "input_tokens", in);
    llmobs_span_metric(span, "output_tokens", out);
    llmobs_span_metric(span, "total_tokens",
                       in >= 0 && out >= 0 ? in + out : -1);
}

static int read_names(struct llmobs_reading *reading,
                      const struct llmobs_json *body)
{
    const char *model = llmobs_json_gets(body, "model_id");

    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_RESPONSE_MODEL, model);
    return llmobs_reading_model(reading, model);
}

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    const struct llmobs_json *result =
        llmobs_json_at(llmobs_json_get(body, "results"), 0);
    struct llmobs_span *span = reading->span;
    int rc = read_names(reading, body);

    if (rc < 0 || !result)
        return rc;
    read_counts(span, result);
    llmobs_fact_finish(span, reason_of(result));
    return llmobs_message_put(
        &span->output_messages, NULL,
        llmobs_text_of(llmobs_json_gets(result, "generated_text")));
}

static int read_event(struct llmobs_reading *reading,
                      const struct llmobs_event *event)
{
    const struct llmobs_json *result =
        llmobs_json_at(llmobs_json_get(event->json, "results"), 0);
    const char *text = llmobs_json_gets(result, "generated_text");
    struct llmobs_text_stream *state = reading->state;
    int rc = read_names(reading, event->json);

    if (rc < 0 || !result)
        return rc;
    read_counts(reading->span, result);
    if (text && *text) {
        llmobs_reading_token(reading, event);
        rc = llmobs_text_stream_add(state, 0, llmobs_text_of(text));
    }
    if (rc < 0 || !reason_of(result))
        return rc;
    reading->done = true;
    return llmobs_text_stream_end(state, 0, reason_of(result));
}

static int finish_stream(struct llmobs_reading *reading)
{
    const struct llmobs_text_stream *state = reading->state;

    if (state->texts.count == 0)
        return 0;
    llmobs_text_stream_reasons(state, reading->span);
    reading->span->output_messages = llmobs_text_stream_messages(state, NULL);
    return reading->span->output_messages ? 0 : -ENOMEM;
}

static void free_state(void *state)
{
    llmobs_text_stream_fini(state);
}

/* -- embeddings ---------------------------------------------------------- */

static int read_inputs(struct llmobs_reading *reading)
{
    if (reading->classified->call->request_truncated)
        return 0;
    return llmobs_embedding_read_input(
        reading->span, llmobs_json_get(reading->request, "inputs"));
}

/* Embeddings and rerankers count their input alone. */
static int note_input(struct llmobs_span *span, int64_t tokens)
{
    llmobs_span_metric(span, "input_tokens", tokens);
    return llmobs_embedding_total(span);
}

static int read_names_and_count(struct llmobs_reading *reading,
                                const struct llmobs_json *body)
{
    int rc = read_names(reading, body);

    return rc < 0 ? rc
                  : note_input(reading->span,
                               llmobs_usage_count(body, "input_token_count"));
}

static int read_vectors(struct llmobs_reading *reading,
                        const struct llmobs_json *body)
{
    int rc = read_names_and_count(reading, body);

    return rc < 0 ? rc
                  : llmobs_embedding_tell_list(reading->span,
                                               llmobs_json_get(body, "results"),
                                               "embedding");
}

/* -- rerankers ----------------------------------------------------------- */

static bool reranks(const struct llmobs_reading *reading)
{
    return embeds(reading) && llmobs_reading_has(reading, "query");
}

static int read_ranks(struct llmobs_reading *reading,
                      const struct llmobs_json *body)
{
    int rc = read_names_and_count(reading, body);

    return rc < 0 ? rc : llmobs_rerank_document(reading, body);
}

static int read_rank_ends(struct llmobs_reading *reading)
{
    struct llmobs_json *count = llmobs_cut_json_last(
        reading->classified->call->response_tail, "input_token_count");
    int rc = note_input(reading->span, llmobs_usage_value(count));

    llmobs_json_free(count);
    return rc < 0 ? rc : llmobs_rerank_ends(reading);
}

static const char *const rank_settings[] = {"truncate_input_tokens",
                                            "return_options", NULL};

static const struct llmobs_rerank rerank = {.settings = "parameters",
                                            .keys = rank_settings};

/* -- the dialect --------------------------------------------------------- */

static const struct llmobs_form chat = {
    .keys = chat_keys,
    .confirm = chats,
    .begin = begin,
    .request = llmobs_chat_request,
    .document = llmobs_chat_document,
    .event = llmobs_chat_event,
    .model = name_model,
    .finish = llmobs_chat_finish,
    .ends = llmobs_chat_ends,
    .state_fini = llmobs_chat_fini,
    .state_size = sizeof(struct llmobs_stream),
    .variant = &variant,
};

static const struct llmobs_form form = {
    .keys = keys,
    .confirm = generates,
    .begin = begin,
    .request = read_request,
    .document = read_document,
    .event = read_event,
    .model = name_model,
    .finish = finish_stream,
    .state_fini = free_state,
    .state_size = sizeof(struct llmobs_text_stream),
};

static const struct llmobs_form embeddings = {
    .keys = keys,
    .confirm = embeds,
    .begin = begin,
    .request = read_inputs,
    .document = read_vectors,
    .model = name_model,
};

static const struct llmobs_form reranking = {
    .keys = keys,
    .confirm = reranks,
    .begin = begin,
    .request = llmobs_rerank_request,
    .document = read_ranks,
    .model = name_model,
    .ends = read_rank_ends,
    .variant = &rerank,
};

static const struct llmobs_shape shapes[] = {
    {.method = "POST",
     .path = "/text/chat",
     .operation = "chat",
     .span_name = "watsonx.chat",
     .kind = LLMOBS_KIND_LLM,
     .form = &chat,
     .any_host = true},
    {.method = "POST",
     .path = "/text/chat_stream",
     .operation = "chat",
     .span_name = "watsonx.chat",
     .kind = LLMOBS_KIND_LLM,
     .form = &chat,
     .any_host = true,
     .streams = true},
    {.method = "POST",
     .path = "/text/generation",
     .operation = "generate",
     .genai = "text_completion",
     .span_name = "watsonx.generate",
     .kind = LLMOBS_KIND_LLM,
     .any_host = true},
    {.method = "POST",
     .path = "/text/generation_stream",
     .operation = "generate",
     .genai = "text_completion",
     .span_name = "watsonx.generate",
     .kind = LLMOBS_KIND_LLM,
     .any_host = true,
     .streams = true},
    {.method = "POST",
     .path = "/text/embeddings",
     .operation = "embedding",
     .span_name = "watsonx.embed",
     .kind = LLMOBS_KIND_EMBEDDING,
     .form = &embeddings,
     .any_host = true},
    {.method = "POST",
     .path = "/text/rerank",
     .operation = "rerank",
     .span_name = "watsonx.rerank",
     .kind = LLMOBS_KIND_RETRIEVAL,
     .form = &reranking,
     .any_host = true,
     .shared = true},
    {.path = NULL},
};

const struct llmobs_dialect llmobs_dialect_watsonx = {
    .name = "watsonx",
    .integration = "watsonx",
    .genai = "ibm.watsonx.ai",
    .sent_media = LLMOBS_MEDIA_TOLD | LLMOBS_MEDIA_IMAGES | LLMOBS_MEDIA_DATA,
    .shapes = shapes,
    .form = &form,
};
