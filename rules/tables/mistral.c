/* Mistral's own API: chat, agents, fill-in-the-middle, embeddings, OCR,
 * classifications (WIRE 6.11, 6.12; npm's @mistralai/mistralai 2.7.0). It is
 * OpenAI's API with other settings, usage and a few details; other hosts that
 * serve Mistral's models have OpenAI's API unchanged. A table describes the
 * embeddings; the chat uses chat.h, and a table would not be shorter. */
#include <stdlib.h>
#include <string.h>

#include "rules/read/hooks.h"
#include "rules/vendors/chat.h"
#include "rules/read/media.h"
#include "rules/read/message_content.h"
#include "rules/read/request.h"
#include "rules/read/usage.h"

/* The form of a request with a prompt: the request is the only message. */
static const struct llmobs_message_form prompt = {
    .instead = "prompt",
};

int llmobs_mistral_request(struct llmobs_reading *reading)
{
    struct llmobs_json *list;
    int rc = llmobs_chat_request(reading);

    list = reading->span->input_messages;
    if (rc < 0 || !list ||
        strcmp(reading->classified->shape->operation, "fim") != 0)
        return rc;
    return llmobs_message_add(list, reading->request, &prompt);
}

/* -- OCR ----------------------------------------------------------------- */

static const char ocr_keys[] =
    "pages\0include_image_base64\0image_limit\0image_min_size\0"
    "output_format\0";

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
    if (rc == 0)
        rc = llmobs_message_put(&span->input_messages, "user",
                                llmobs_buf_text(&text));
    llmobs_buf_fini(&text);
    return rc;
}

/* Reads the pages' texts without their pictures. Mistral's OCR is paid for by
 * the page, so there are no tokens; Cohere's has them, an object around the
 * text, or blocks. */
static int read_pages(struct llmobs_reading *reading,
                      const struct llmobs_json *body)
{
    const struct llmobs_json *pages = llmobs_json_get(body, "pages");
    struct llmobs_json *counted =
        llmobs_json_get(llmobs_json_get(body, "usage_info"), "pages_processed");
    const struct llmobs_json *meta = llmobs_json_get(body, "meta");
    const struct llmobs_json *billed = llmobs_json_get(meta, "billed_units");
    const struct llmobs_json *tokens =
        billed ? billed : llmobs_json_get(meta, "tokens");
    struct llmobs_span *span = reading->span;
    struct llmobs_counts counts = LLMOBS_NO_COUNTS;
    struct llmobs_buf text;
    int rc = llmobs_reading_model(reading, llmobs_json_gets(body, "model"));

    if (rc < 0 || !llmobs_json_is_array(pages))
        return rc;
    llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
    for (size_t i = 0; rc == 0 && i < llmobs_json_len(pages); i++) {
        const struct llmobs_json *page = llmobs_json_at(pages, i);
        const struct llmobs_json *words = llmobs_json_get(page, "markdown");
        const struct llmobs_json *blocks = llmobs_json_get(page, "blocks");
        struct llmobs_json *shown;
        char *made;

        if (llmobs_json_is_object(words))
            words = llmobs_json_get(words, "content");
        /* Beside a text, blocks say where its pieces stand on the page. */
        shown = blocks && !llmobs_has_text(llmobs_json_text(words))
                    ? llmobs_media_words(blocks, "image")
                    : NULL;
        made = shown ? llmobs_json_dumps(shown, 0) : NULL;
        rc = i > 0 ? llmobs_message_content_append(&text, "\n\n") : 0;
        if (rc == 0)
            rc = llmobs_message_content_append(
                &text, made ? made : llmobs_json_text(words));
        free(made);
        llmobs_json_free(shown);
    }
    if (rc == 0)
        rc = llmobs_message_put(&span->output_messages, "assistant",
                                llmobs_buf_text(&text));
    llmobs_buf_fini(&text);
    counts.input = llmobs_usage_count(tokens, "input_tokens");
    counts.output = llmobs_usage_count(tokens, "output_tokens");
    llmobs_usage_put(&counts, span->metrics);
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
