/* DashScope's own API: generation, embeddings and rerankers. A stream repeats
 * the whole answer in each event, unless the request asks for pieces. Code
 * reads the parts of a content, and the rerankers.
 *
 * Source: the API reference of Alibaba Cloud's Model Studio (DashScope). */
#include "rules/read/media.h"
#include "rules/read/message_content.h"
#include "rules/read/rerank.h"
#include "rules/tables/interpreter.h"

static const char keys[] = "parameters\0";
static const char signs[] = "\"input\"\0";

static const char settings[] =
    "temperature\0top_p\0top_k\0max_tokens\0seed\0stop\0n\0presence_penalty\0"
    "repetition_penalty\0result_format\0incremental_output\0enable_search\0"
    "enable_thinking\0thinking_budget\0tool_choice\0response_format\0";

static bool is_request(const struct llmobs_reading *reading)
{
    return llmobs_json_gets(reading->request, "model") &&
           llmobs_reading_has(reading, "input") &&
           (reading->classified->call->request_truncated ||
            llmobs_json_is_object(llmobs_json_get(reading->request, "input")));
}

/* -- generation ---------------------------------------------------------- */

/* Appends a part: {"text": ...}, {"image": URL}, {"audio": URL}, ... */
static int append_part(struct llmobs_message_content *content,
                       const struct llmobs_json *part)
{
    struct llmobs_buf *text = &content->text;
    const char *words = llmobs_json_gets(part, "text");
    const char *kind = llmobs_media_kind(part);
    int rc;

    if (kind)
        return llmobs_media_url(text, kind, llmobs_json_gets(part, kind));
    rc = words && text->len > 0 ? llmobs_message_content_append(text, "\n") : 0;
    return rc < 0 ? rc : llmobs_message_content_append(text, words);
}

static const struct llmobs_message_form messages = {
    .add = append_part,
    .reasoning = "reasoning_content",
};

#define REQUEST                         \
    LLMOBS_AT(INPUT, "/input/messages") \
    LLMOBS_AT(PROMPT, "/input/prompt")  \
    LLMOBS_AT(SETTINGS, "/parameters")  \
    LLMOBS_AT(PIECES, "/parameters/incremental_output")

#define MESSAGE "/output/choices/0/message/"

#define ANSWER                                                                 \
    LLMOBS_AT(ID, "/request_id")                                               \
    LLMOBS_AT(USAGE, "/usage")                                                 \
    LLMOBS_AT(CHOICES, "/output/choices")                                      \
    LLMOBS_AT(ROLE, MESSAGE "role")                                            \
    LLMOBS_AT(TEXT, MESSAGE "content/0/text|" MESSAGE "content|/output/text")  \
    LLMOBS_AT(REASONING, MESSAGE "reasoning_content")                          \
    LLMOBS_AT(CALLS, MESSAGE "tool_calls")                                     \
    LLMOBS_AT(REASON, "/output/choices/0/finish_reason|/output/finish_reason") \
    LLMOBS_AT(REASONS, "null=")

/* While an answer goes on, its reason is the text "null". */
static const struct llmobs_layout generate = {
    .places = REQUEST ANSWER,
    .messages = &messages,
    .settings = settings,
    .role = "assistant",
};

/* -- embeddings ---------------------------------------------------------- */

static const struct llmobs_layout embed = {
    .places = LLMOBS_AT(INPUT, "/input/texts") LLMOBS_AT(
        CONTENTS, "/input/contents") LLMOBS_AT(SETTINGS, "/parameters")
        LLMOBS_AT(ID, "/request_id") LLMOBS_AT(OUTPUT, "/output/embeddings")
            LLMOBS_AT(INPUT_TOKENS, "/usage/input_tokens|/usage/total_tokens"),
    .settings = "dimension\0text_type\0output_type\0",
};

/* -- rerankers ----------------------------------------------------------- */

static bool reranks(const struct llmobs_reading *reading)
{
    const struct llmobs_json *input =
        llmobs_json_get(reading->request, "input");

    return is_request(reading) &&
           (reading->classified->call->request_truncated ||
            (llmobs_json_get(input, "query") &&
             llmobs_json_is_array(llmobs_json_get(input, "documents"))));
}

static int read_ranks(struct llmobs_reading *reading,
                      const struct llmobs_json *body)
{
    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_RESPONSE_ID,
                     llmobs_json_gets(body, "request_id"));
    return llmobs_rerank_document(reading, body);
}

static const struct llmobs_rerank rerank = {
    .asks = "input",
    .settings = "parameters",
    .keys = llmobs_rerank_keys,
    .answers = "output",
};

/* -- the dialect --------------------------------------------------------- */

static const struct llmobs_form form = {
    LLMOBS_INTERPRETER,    .keys = keys,         .signs = signs,
    .confirm = is_request, .variant = &generate,
};

static const struct llmobs_form embeddings = {
    LLMOBS_INTERPRETER,    .keys = keys,      .signs = signs,
    .confirm = is_request, .variant = &embed,
};

static const struct llmobs_form reranking = {
    .keys = keys,
    .signs = signs,
    .confirm = reranks,
    .request = llmobs_rerank_request,
    .document = read_ranks,
    .ends = llmobs_rerank_ends,
    .variant = &rerank,
};

LLMOBS_FORMS(forms, embeddings, reranking);

static const struct llmobs_shape shapes[] = {
    LLMOBS_POST(LLM, "/aigc/text-generation/generation", "generate",
                "dashscope.generation", .any_host = true),
    LLMOBS_POST(LLM, "/aigc/multimodal-generation/generation", "generate",
                "dashscope.generation", .any_host = true),
    LLMOBS_POST(EMBEDDING, "/embeddings/text-embedding/text-embedding",
                "embedding", "dashscope.embedding",
                .form = LLMOBS_FORM(embeddings), .any_host = true),
    LLMOBS_POST(EMBEDDING,
                "/embeddings/multimodal-embedding/multimodal-embedding",
                "embedding", "dashscope.embedding",
                .form = LLMOBS_FORM(embeddings), .any_host = true),
    LLMOBS_POST(RETRIEVAL, "/rerank/text-rerank/text-rerank", "rerank",
                "dashscope.rerank", .form = LLMOBS_FORM(reranking),
                .any_host = true),
};

LLMOBS_DIALECT(dashscope, .integration = "dashscope", LLMOBS_SHAPES(shapes),
               .forms = forms, .form = &form, LLMOBS_ALL_MEDIA_TOLD);
