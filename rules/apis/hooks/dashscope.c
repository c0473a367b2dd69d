/* Hooks of dashscope.api. */
#include "rules/read/hooks.h"
#include "rules/read/media.h"
#include "rules/read/message_content.h"
#include "rules/read/rerank.h"

/* Appends a part: {"text": ...}, {"image": URL}, {"audio": URL}, ... */
int llmobs_dashscope_part(struct llmobs_message_content *content,
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

bool llmobs_dashscope_reranks(const struct llmobs_reading *reading)
{
    const struct llmobs_json *input =
        llmobs_json_get(reading->request, "input");

    return llmobs_json_gets(reading->request, "model") &&
           llmobs_reading_has(reading, "input") &&
           (reading->classified->call->request_truncated ||
            (llmobs_json_get(input, "query") &&
             llmobs_json_is_array(llmobs_json_get(input, "documents"))));
}

int llmobs_dashscope_read_ranks(struct llmobs_reading *reading,
                                const struct llmobs_json *body)
{
    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_RESPONSE_ID,
                     llmobs_json_gets(body, "request_id"));
    return llmobs_rerank_document(reading, body);
}
