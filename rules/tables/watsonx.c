/* IBM's watsonx.ai: chat, generation, embeddings and rerankers. Its chat is
 * OpenAI's, with other paths and another key for the model. Tables describe the
 * generation and the embeddings.
 *
 * Source: the API reference of watsonx.ai (cloud.ibm.com/apidocs/watsonx-ai);
 * of the rerankers the types of npm's @ibm-cloud/watsonx-ai 1.7.16; of
 * /ml/v1-beta, which no reference has any more, programs that call it. */
#include "rules/vendors/chat.h"
#include "rules/read/cut_json.h"
#include "rules/read/embedding.h"
#include "rules/read/facts.h"
#include "rules/read/message.h"
#include "rules/read/request.h"
#include "rules/read/rerank.h"
#include "rules/read/usage.h"
#include "rules/tables/interpreter.h"

/* The model's name is not among the keys that the reader looks for. */
static const char chat_keys[] =
    "model_id\0stream\0temperature\0top_p\0max_tokens\0n\0seed\0stop\0"
    "logprobs\0top_logprobs\0presence_penalty\0frequency_penalty\0"
    "response_format\0tool_choice\0time_limit\0";

static const char keys[] = "model_id\0parameters\0";

static const char settings[] =
    "decoding_method\0temperature\0top_k\0top_p\0max_new_tokens\0"
    "min_new_tokens\0random_seed\0stop_sequences\0repetition_penalty\0"
    "time_limit\0";

static const struct llmobs_chat_variant variant = {
    .metadata = chat_keys + sizeof("model_id"),
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

static int watsonx_begin(struct llmobs_reading *reading)
{
    llmobs_fact_asked(reading, llmobs_json_gets(reading->request, "model_id"));
    return 0;
}

static int name_model(struct llmobs_reading *reading)
{
    return llmobs_reading_model(reading,
                                llmobs_json_gets(reading->request, "model_id"));
}

/* Counts of a stream grow from event to event. */
static const struct llmobs_layout generate = {
    .places = LLMOBS_AT(INPUT, "/input") LLMOBS_AT(SETTINGS, "/parameters")
        LLMOBS_AT(MODEL, "/model_id")
            LLMOBS_AT(TEXT, "/results/0/generated_text")
                LLMOBS_AT(REASON, "/results/0/stop_reason") LLMOBS_AT(
                    REASONS, "eos_token=stop token_limit=length not_finished=")
                    LLMOBS_AT(INPUT_TOKENS, "/results/0/input_token_count")
                        LLMOBS_AT(OUTPUT_TOKENS,
                                  "/results/0/generated_token_count"),
    .settings = settings,
    .sums = true,
    .texts = true,
};

static const struct llmobs_layout embed = {
    .places = LLMOBS_AT(INPUT, "/inputs") LLMOBS_AT(MODEL, "/model_id")
        LLMOBS_AT(OUTPUT, "/results")
            LLMOBS_AT(INPUT_TOKENS, "/input_token_count"),
    .plain = 2,
};

/* -- rerankers ----------------------------------------------------------- */

/* Rerankers count their input alone. */
static int set_input(struct llmobs_span *span, int64_t tokens)
{
    llmobs_span_metric(span, "input_tokens", tokens);
    return llmobs_embedding_total(span);
}

static bool reranks(const struct llmobs_reading *reading)
{
    return names_model(reading) && llmobs_reading_has(reading, "inputs") &&
           llmobs_reading_has(reading, "query");
}

static int read_ranks(struct llmobs_reading *reading,
                      const struct llmobs_json *body)
{
    const char *model = llmobs_json_gets(body, "model_id");
    int rc = llmobs_reading_model(reading, model);

    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_RESPONSE_MODEL, model);
    if (rc == 0)
        rc = set_input(reading->span,
                       llmobs_usage_count(body, "input_token_count"));
    return rc < 0 ? rc : llmobs_rerank_document(reading, body);
}

static int read_rank_ends(struct llmobs_reading *reading)
{
    struct llmobs_json *count = llmobs_cut_json_last(
        reading->classified->call->response_tail, "input_token_count");
    int rc = set_input(reading->span, llmobs_usage_value(count));

    llmobs_json_free(count);
    return rc < 0 ? rc : llmobs_rerank_ends(reading);
}

static const struct llmobs_rerank rerank = {
    .settings = "parameters",
    .keys = "truncate_input_tokens\0return_options\0"};

/* -- the dialect --------------------------------------------------------- */

static const struct llmobs_form chat = {
    LLMOBS_CHAT,
    .keys = chat_keys,
    .confirm = chats,
    .begin = watsonx_begin,
    .request = llmobs_chat_request,
    .model = name_model,
    .variant = &variant,
};

static const struct llmobs_form form = {LLMOBS_INTERPRETER,
                                        .confirm = llmobs_interpreter_asks,
                                        .keys = keys, .variant = &generate};
static const struct llmobs_form embeddings = {
    LLMOBS_INTERPRETER, .confirm = llmobs_interpreter_asks, .keys = keys,
    .variant = &embed};

static const struct llmobs_form reranking = {
    .keys = keys,
    .confirm = reranks,
    .begin = watsonx_begin,
    .request = llmobs_rerank_request,
    .document = read_ranks,
    .model = name_model,
    .ends = read_rank_ends,
    .variant = &rerank,
};

LLMOBS_FORMS(forms, chat, embeddings, reranking);

static const struct llmobs_shape shapes[] = {
    LLMOBS_POST(LLM, "/text/chat", "chat", "watsonx.chat",
                .form = LLMOBS_FORM(chat), .any_host = true),
    LLMOBS_POST(LLM, "/text/chat_stream", "chat", "watsonx.chat",
                .form = LLMOBS_FORM(chat), .any_host = true, .streams = true),
    LLMOBS_POST(LLM, "/text/generation", "generate", "watsonx.generate",
                .genai = "text_completion", .any_host = true),
    /* From the time before the first version. */
    LLMOBS_POST(LLM, "/ml/v1-beta/generation/text", "generate",
                "watsonx.generate", .genai = "text_completion",
                .any_host = true),
    LLMOBS_POST(LLM, "/text/generation_stream", "generate", "watsonx.generate",
                .genai = "text_completion", .any_host = true, .streams = true),
    LLMOBS_POST(EMBEDDING, "/text/embeddings", "embedding", "watsonx.embed",
                .form = LLMOBS_FORM(embeddings), .any_host = true),
    LLMOBS_POST(RETRIEVAL, "/text/rerank", "rerank", "watsonx.rerank",
                .form = LLMOBS_FORM(reranking), .any_host = true,
                .shared = true),
};

LLMOBS_DIALECT(watsonx, .integration = "watsonx", .genai = "ibm.watsonx.ai",
               .sent_media = LLMOBS_MEDIA_KEPT, LLMOBS_SHAPES(shapes),
               .forms = forms, .form = &form);
