/* Reads inputs and vector sizes of embeddings. */
#include "rules/read/embedding.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "rules/read/values.h"
#include "rules/read/media.h"
#include "rules/read/message_content.h"

#define SUMMARY_LEN 96

static int need_list(struct llmobs_span *span)
{
    if (!span->input_documents)
        span->input_documents = llmobs_json_array();
    return span->input_documents ? 0 : -ENOMEM;
}

int llmobs_embedding_add(struct llmobs_span *span, struct llmobs_text text)
{
    struct llmobs_json *document = llmobs_json_object();
    int rc = llmobs_json_set(
        document, "text",
        llmobs_json_stringn(text.data ? text.data : "", text.len));

    if (rc == 0)
        rc = need_list(span);
    return llmobs_json_add_made(span->input_documents, document, rc);
}

static int add_document(void *span, struct llmobs_text text)
{
    return llmobs_embedding_add(span, text);
}

int llmobs_embedding_read_input(struct llmobs_span *span,
                                const struct llmobs_json *input)
{
    int rc = need_list(span);

    return rc < 0 ? rc : llmobs_inputs_each(input, add_document, span);
}

static int add_part(struct llmobs_buf *text, const struct llmobs_json *part)
{
    const struct llmobs_json *image = llmobs_json_get(part, "image_url");
    const char *url = llmobs_json_text(image);
    const char *words = llmobs_json_gets(part, "text");
    int rc;

    if (!url)
        url = llmobs_json_gets(image, "url");
    if (!url)
        url = llmobs_json_gets(part, "image_base64");
    if (!url)
        url = llmobs_json_gets(part, "image");
    if (!words)
        words = llmobs_json_text(part);
    if (!url && words && strncasecmp(words, "data:", strlen("data:")) == 0)
        url = words;
    if (url)
        return llmobs_media_url(text, "image", url);
    if (!words)
        return 0;
    rc = text->len > 0 ? llmobs_message_content_append(text, "\n") : 0;
    return rc < 0 ? rc : llmobs_message_content_append(text, words);
}

int llmobs_embedding_read_contents(struct llmobs_span *span,
                                   const struct llmobs_json *inputs)
{
    int rc = need_list(span);

    LLMOBS_JSON_EACH (one, inputs, rc == 0) {
        const struct llmobs_json *parts = llmobs_json_get(one, "content");
        struct llmobs_buf text;

        llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
        if (!llmobs_json_is_array(parts))
            parts = one;
        if (!llmobs_json_is_array(parts))
            rc = add_part(&text, parts);
        LLMOBS_JSON_EACH (part, parts, rc == 0)
            rc = add_part(&text, part);
        if (rc == 0)
            rc = llmobs_embedding_add(span, llmobs_buf_text(&text));
        llmobs_buf_fini(&text);
    }
    return rc;
}

int llmobs_embedding_tell(struct llmobs_span *span, size_t count, size_t size)
{
    char summary[SUMMARY_LEN], with[SUMMARY_LEN / 2] = "";

    if (size > 0) {
        snprintf(with, sizeof(with), " with size %zu", size);
        llmobs_span_fact_int(&span->facts, LLMOBS_FACT_DIMENSIONS,
                             (int64_t)size);
    }
    snprintf(summary, sizeof(summary), "[%zu embedding(s) returned%s]", count,
             with);
    return llmobs_span_set(&span->output_value, summary);
}

int llmobs_embedding_tell_list(struct llmobs_span *span,
                               const struct llmobs_json *list, const char *key)
{
    const struct llmobs_json *first = llmobs_json_at(list, 0);

    if (!llmobs_json_is_array(list))
        return 0;
    if (key)
        first = llmobs_json_get(first, key);
    if (llmobs_json_is_array(llmobs_json_at(first, 0)))
        first = llmobs_json_at(first, 0);
    return llmobs_embedding_tell(
        span, llmobs_json_len(list),
        llmobs_json_is_array(first) &&
                !llmobs_json_is_object(llmobs_json_at(first, 0)) /* sparse */
            ? llmobs_json_len(first)
            : 0);
}

int llmobs_embedding_total(struct llmobs_span *span)
{
    struct llmobs_json *input = llmobs_json_get(span->metrics, "input_tokens");
    struct llmobs_json *total = llmobs_json_get(span->metrics, "total_tokens");

    if (!input == !total)
        return 0;
    return llmobs_json_set(span->metrics,
                           input ? "total_tokens" : "input_tokens",
                           llmobs_json_share(input ? input : total));
}
