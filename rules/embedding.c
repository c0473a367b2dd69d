#include "rules/embedding.h"

#include <errno.h>
#include <stdio.h>

#include "rules/inputs.h"

#define RESULT_MAX 96

static int add_document(void *documents, struct llmobs_text text)
{
    struct llmobs_json *document = llmobs_json_object();
    int rc = llmobs_json_set(
        document, "text",
        llmobs_json_stringn(text.data ? text.data : "", text.len));

    if (rc == 0)
        return llmobs_json_add(documents, document);
    llmobs_json_free(document);
    return rc;
}

int llmobs_embedding_documents(const struct llmobs_json *inputs,
                               struct llmobs_span *span)
{
    span->input_documents = llmobs_json_array();
    if (!span->input_documents)
        return -ENOMEM;
    return llmobs_inputs_each(inputs, add_document, span->input_documents);
}

int llmobs_embedding_result(size_t count, size_t size, struct llmobs_span *span)
{
    char text[RESULT_MAX];
    int n = snprintf(text, sizeof(text), "[%zu embedding(s) returned", count);

    if (size > 0)
        n += snprintf(text + n, sizeof(text) - (size_t)n, " with size %zu",
                      size);
    snprintf(text + n, sizeof(text) - (size_t)n, "]");
    return llmobs_span_set(&span->output_value, text);
}

int llmobs_embedding_total(struct llmobs_span *span)
{
    struct llmobs_json *input = llmobs_json_get(span->metrics, "input_tokens");

    if (!input || llmobs_json_get(span->metrics, "total_tokens"))
        return 0;
    return llmobs_json_set(span->metrics, "total_tokens",
                           llmobs_json_share(input));
}
