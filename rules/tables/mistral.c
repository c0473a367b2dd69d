/* Mistral's own API: chat, agents, fill-in-the-middle, embeddings, OCR,
 * classifications (WIRE 6.11, 6.12; npm's @mistralai/mistralai 2.7.0). It is
 * OpenAI's API with other settings, usage and a few details; other hosts that
 * serve Mistral's models have OpenAI's API unchanged. A table describes the
 * embeddings; the chat uses chat.h, and a table would not be shorter. */
#include <string.h>

#include "rules/vendors/chat.h"
#include "rules/read/media.h"
#include "rules/read/message_content.h"
#include "rules/read/request.h"
#include "rules/read/usage.h"
#include "rules/tables/interpreter.h"

/* Keys to look for; all but the first are metadata. */
static const char keys[] =
    "stream\0temperature\0top_p\0max_tokens\0stop\0random_seed\0"
    "response_format\0presence_penalty\0frequency_penalty\0n\0"
    "parallel_tool_calls\0reasoning_effort\0prompt_mode\0guardrails\0"
    "safe_prompt\0suffix\0";

/* Sets the counts as they were sent. */
static int read_usage(const struct llmobs_json *usage, struct llmobs_span *span)
{
    static const char *const rows[][2] = {
        {"input_tokens", "prompt_tokens"},
        {"output_tokens", "completion_tokens"},
        {"total_tokens", "total_tokens"},
        {"cache_read_input_tokens", "num_cached_tokens"},
    };

    const struct llmobs_json *details =
        llmobs_json_get(usage, "prompt_tokens_details");

    llmobs_span_metric(span, "cache_read_input_tokens",
                       llmobs_usage_count(details, "cached_tokens"));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        llmobs_span_metric(span, rows[i][0],
                           llmobs_usage_count(usage, rows[i][1]));
    return 0;
}

static const struct llmobs_message_form messages = {
    .parts = LLMOBS_MESSAGE_CONTENT_THINKING,
    .tool_content = true,
};

/* The form of a request with a prompt: the request is the only message. */
static const struct llmobs_message_form prompt = {
    .tool_content = true,
    .instead = "prompt",
};

static const struct llmobs_chat_variant variant = {
    .usage = read_usage,
    .metadata = keys + sizeof("stream"),
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

static const struct llmobs_layout embed = {
    .places = LLMOBS_AT(INPUT, "/input") LLMOBS_AT(MODEL, "/model")
        LLMOBS_AT(OUTPUT, "/data")
            LLMOBS_AT(INPUT_TOKENS, "/usage/prompt_tokens")
                LLMOBS_AT(OUTPUT_TOKENS, "/usage/completion_tokens")
                    LLMOBS_AT(TOTAL_TOKENS, "/usage/total_tokens")
                        LLMOBS_AT(CACHED_TOKENS, "/usage/num_cached_tokens"),
};

/* -- OCR ----------------------------------------------------------------- */

static const char ocr_keys[] =
    "pages\0include_image_base64\0image_limit\0image_min_size\0";

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
                                llmobs_buf_text(&text));
    }
    llmobs_buf_fini(&text);
    return rc;
}

/* Reads the pages' texts without their pictures. OCR is paid for by the page,
 * so there are no tokens. */
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
                                llmobs_buf_text(&text));
    }
    llmobs_buf_fini(&text);
    if (rc < 0 || !counted)
        return rc;
    return llmobs_json_set(span->metadata, "pages_processed",
                           llmobs_json_share(counted));
}

const struct llmobs_form llmobs_form_mistral_ocr = {
    .keys = ocr_keys,
    .request = read_document_url,
    .document = read_pages,
};

/* -- classifications ----------------------------------------------------- */

/* The scores of each target are the answer itself. */
static const struct llmobs_layout classify = {
    .places = LLMOBS_AT(INPUT, "/input") LLMOBS_AT(MODEL, "/model")
        LLMOBS_AT(OUTPUT, "/results"),
};

const struct llmobs_form llmobs_form_mistral_classifications = {
    .begin = llmobs_interpreter_begin,
    .request = llmobs_interpreter_request,
    .document = llmobs_interpreter_document,
    .ends = llmobs_reading_ends,
    LLMOBS_INTERPRETER_STATE,
    .variant = &classify,
};

const struct llmobs_form llmobs_form_mistral = {
    LLMOBS_CHAT,
    .keys = keys,
    .request = read_request,
    .variant = &variant,
    .failed_role = "assistant",
};

const struct llmobs_form llmobs_form_mistral_embeddings = {
    LLMOBS_INTERPRETER, .keys = "encoding_format\0", .variant = &embed};
