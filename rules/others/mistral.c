/* Mistral's own API: chat, agents, fill-in-the-middle, embeddings, OCR,
 * classifications (WIRE 6.11, 6.12; npm's @mistralai/mistralai 2.7.0). It is
 * OpenAI's but for settings, usage and a few details; other hosts that serve
 * its models have OpenAI's. */
#include <errno.h>
#include <string.h>

#include "rules/openai/chat.h"
#include "rules/openai/openai.h"
#include "rules/read/embedding.h"
#include "rules/read/media.h"
#include "rules/read/message_content.h"
#include "rules/read/request.h"
#include "rules/read/usage.h"
#include "rules/read/values.h"

/* Keys to look for; all but the first are metadata. */
static const char *const keys[] = {
    "stream",
    "temperature",
    "top_p",
    "max_tokens",
    "stop",
    "random_seed",
    "response_format",
    "presence_penalty",
    "frequency_penalty",
    "n",
    "parallel_tool_calls",
    "reasoning_effort",
    "prompt_mode",
    "guardrails",
    "safe_prompt",
    "suffix",
    NULL,
};

static const char *const embedding_keys[] = {"encoding_format", NULL};

/* Sets the counts as they were sent. */
static int read_usage(const struct llmobs_json *usage, struct llmobs_span *span)
{
    static const char *const rows[][2] = {
        {"input_tokens", "prompt_tokens"},
        {"output_tokens", "completion_tokens"},
        {"total_tokens", "total_tokens"},
        {"cache_read_input_tokens", "num_cached_tokens"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        llmobs_span_metric(span, rows[i][0],
                           llmobs_usage_count(usage, rows[i][1]));
    return 0;
}

static const struct llmobs_message_form messages = {
    .parts = LLMOBS_MESSAGE_CONTENT_THINKING,
    .tool_content = true,
};

/* A request with a prompt, which is itself the only message. */
static const struct llmobs_message_form prompt = {
    .tool_content = true,
    .instead = "prompt",
};

static const struct llmobs_chat_variant variant = {
    .usage = read_usage,
    .metadata = keys + 1,
    .messages = &messages,
    .asked_model = true,
    .keep_space = true,
};

static int read_request(struct llmobs_reading *reading)
{
    struct llmobs_json *list;
    int rc = llmobs_chat_request(reading);

    list = reading->span->input_messages;
    if (rc < 0 || !list ||
        strcmp(reading->classified->shape->operation, "fim") != 0)
        return rc;
    return llmobs_message_add(list, reading->request, &prompt);
}

static int read_inputs(struct llmobs_reading *reading)
{
    struct llmobs_span *span = reading->span;
    int rc = llmobs_request_metadata(reading->request, embedding_keys, span);

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    return llmobs_embedding_read_input(
        span, llmobs_json_get(reading->request, "input"));
}

static int read_vectors(struct llmobs_reading *reading,
                        const struct llmobs_json *body)
{
    struct llmobs_span *span = reading->span;
    int rc = llmobs_reading_model(reading, llmobs_json_gets(body, "model"));

    if (rc == 0)
        rc = read_usage(llmobs_usage_find(body), span);
    if (rc == 0)
        rc = llmobs_embedding_total(span);
    return rc < 0 ? rc
                  : llmobs_embedding_tell_list(
                        span, llmobs_json_get(body, "data"), "embedding");
}

/* -- OCR ----------------------------------------------------------------- */

static const char *const ocr_keys[] = {"pages", "include_image_base64",
                                       "image_limit", "image_min_size", NULL};

/* The document to read, by its URL or by the id of its file. */
static int read_document_url(struct llmobs_reading *reading)
{
    static const char *const kinds[] = {"document_url", "image_url"};
    const struct llmobs_json *document =
        llmobs_json_get(reading->request, "document");
    struct llmobs_span *span = reading->span;
    struct llmobs_buf text;
    int rc = llmobs_request_metadata(reading->request, ocr_keys, span);

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
    for (size_t i = 0; rc == 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct llmobs_json *at = llmobs_json_get(document, kinds[i]);
        const char *url = llmobs_json_text(at);

        if (at)
            rc = llmobs_media_url(&text, i == 0 ? "document" : "image",
                                  url ? url : llmobs_json_gets(at, "url"));
    }
    if (rc == 0 && text.len == 0)
        rc = llmobs_media_mark(&text, "document",
                               llmobs_json_gets(document, "file_id"), 0);
    if (rc == 0) {
        rc = llmobs_message_put(&span->input_messages, "user",
                                (struct llmobs_text){text.data, text.len});
    }
    llmobs_buf_fini(&text);
    return rc;
}

/* The pages' texts; their pictures are left out. OCR is paid for by the page,
 * which is no token. */
static int read_pages(struct llmobs_reading *reading,
                      const struct llmobs_json *body)
{
    const struct llmobs_json *pages = llmobs_json_get(body, "pages");
    struct llmobs_json *counted =
        llmobs_json_get(llmobs_json_get(body, "usage_info"), "pages_processed");
    struct llmobs_span *span = reading->span;
    struct llmobs_buf text;
    int rc = llmobs_reading_model(reading, llmobs_json_gets(body, "model"));

    if (rc < 0 || !llmobs_json_is_array(pages))
        return rc;
    llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
    for (size_t i = 0; rc == 0 && i < llmobs_json_len(pages); i++) {
        rc = i > 0 ? llmobs_message_content_append(&text, "\n\n") : 0;
        if (rc == 0)
            rc = llmobs_message_content_append(
                &text, llmobs_json_gets(llmobs_json_at(pages, i), "markdown"));
    }
    if (rc == 0) {
        rc = llmobs_message_put(&span->output_messages, "assistant",
                                (struct llmobs_text){text.data, text.len});
    }
    llmobs_buf_fini(&text);
    if (rc < 0 || !counted)
        return rc;
    return llmobs_json_set(span->metadata, "pages_processed",
                           llmobs_json_share(counted));
}

static const struct llmobs_form ocr = {
    .keys = ocr_keys,
    .request = read_document_url,
    .document = read_pages,
};

/* -- classifications ----------------------------------------------------- */

static int read_classified(struct llmobs_reading *reading)
{
    if (reading->classified->call->request_truncated)
        return 0;
    return llmobs_value_input(reading->span,
                              llmobs_json_get(reading->request, "input"));
}

/* The scores of each target are the answer itself. */
static int read_scores(struct llmobs_reading *reading,
                       const struct llmobs_json *body)
{
    int rc = llmobs_reading_model(reading, llmobs_json_gets(body, "model"));

    if (rc < 0 || reading->classified->call->status >= 300)
        return rc;
    return llmobs_value_output(reading->span, llmobs_json_get(body, "results"));
}

static const struct llmobs_form classifications = {
    .request = read_classified,
    .document = read_scores,
    .ends = llmobs_reading_ends,
};

static const struct llmobs_form form = {
    .keys = keys,
    .request = read_request,
    .document = llmobs_chat_document,
    .event = llmobs_chat_event,
    .finish = llmobs_chat_finish,
    .ends = llmobs_chat_ends,
    .state_fini = llmobs_chat_fini,
    .state_size = sizeof(struct llmobs_stream),
    .variant = &variant,
    .failed_role = "assistant",
};

static const struct llmobs_form embeddings = {
    .keys = embedding_keys,
    .request = read_inputs,
    .document = read_vectors,
    .ends = llmobs_chat_ends,
    .variant = &variant,
};

static const struct llmobs_shape shapes[] = {
    {.method = "POST",
     .path = "/chat/completions",
     .operation = "chat",
     .span_name = "mistralai.request",
     .kind = LLMOBS_KIND_LLM},
    {.method = "POST",
     .path = "/agents/completions",
     .operation = "agents",
     .span_name = "mistralai.request",
     .kind = LLMOBS_KIND_LLM},
    {.method = "POST",
     .path = "/fim/completions",
     .operation = "fim",
     .genai = "text_completion",
     .span_name = "mistralai.request",
     .kind = LLMOBS_KIND_LLM},
    {.method = "POST",
     .path = "/embeddings",
     .operation = "embedding",
     .span_name = "mistralai.request",
     .kind = LLMOBS_KIND_EMBEDDING,
     .form = &embeddings},
    {.method = "POST",
     .path = "/ocr",
     .operation = "ocr",
     .span_name = "mistralai.request",
     .kind = LLMOBS_KIND_LLM,
     .form = &ocr},
    {.method = "POST",
     .path = "/classifications",
     .operation = "classification",
     .span_name = "mistralai.request",
     .kind = LLMOBS_KIND_TASK,
     .form = &classifications},
    {.path = NULL},
};

const struct llmobs_dialect llmobs_dialect_mistral = {
    .name = "mistral",
    .integration = "mistralai",
    .genai = "mistral_ai",
    .shapes = shapes,
    .form = &form,
    .sent_media = LLMOBS_MEDIA_TOLD | LLMOBS_MEDIA_IMAGES | LLMOBS_MEDIA_DATA,
    .answered_media = LLMOBS_MEDIA_TOLD | LLMOBS_MEDIA_DATA,
};
