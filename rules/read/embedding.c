#include "rules/read/embedding.h"

#include <errno.h>
#include <stdio.h>

#include "rules/read/inputs.h"

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
    if (rc == 0)
        return llmobs_json_add(span->input_documents, document);
    llmobs_json_free(document);
    return rc;
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
        llmobs_json_is_array(first) ? llmobs_json_len(first) : 0);
}

int llmobs_embedding_total(struct llmobs_span *span)
{
    struct llmobs_json *input = llmobs_json_get(span->metrics, "input_tokens");

    if (!input || llmobs_json_get(span->metrics, "total_tokens"))
        return 0;
    return llmobs_json_set(span->metrics, "total_tokens",
                           llmobs_json_share(input));
}
