#include "rules/read/rerank.h"

#include <errno.h>
#include <string.h>

#include "rules/read/cut_json.h"
#include "rules/read/documents.h"
#include "rules/read/request.h"
#include "rules/read/text.h"
#include "rules/read/usage.h"
#include "rules/read/values.h"

const char *const llmobs_rerank_keys[] = {
    "top_n",
    "top_k",
    "truncation",
    "truncate",
    "max_tokens_per_doc",
    "raw_scores",
    "rank_fields",
    "return_documents",
    "return_text",
    NULL,
};

const char *const llmobs_rerank_signs[] = {"\"query\"", NULL};

bool llmobs_rerank_asks(const struct llmobs_reading *reading)
{
    return llmobs_reading_has(reading, "query") &&
           (llmobs_reading_has(reading, "documents") ||
            llmobs_reading_has(reading, "texts"));
}

int llmobs_rerank_request(struct llmobs_reading *reading)
{
    struct llmobs_span *span = reading->span;
    int rc =
        llmobs_request_metadata(reading->request, llmobs_rerank_keys, span);

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    return llmobs_value_input(span, llmobs_json_get(reading->request, "query"));
}

/* The document that the request has at this index; NULL: none is known. */
static const struct llmobs_json *asked(const struct llmobs_reading *reading,
                                       const struct llmobs_json *index)
{
    const struct llmobs_json *list =
        llmobs_json_get(reading->request, "documents");
    int64_t at = llmobs_json_to_int(index);

    if (!list)
        list = llmobs_json_get(reading->request, "texts");
    if (reading->beyond || !llmobs_json_is_int(index) || at < 0)
        return NULL;
    return llmobs_json_at(list, (size_t)at);
}

static const struct llmobs_json *either(const struct llmobs_json *object,
                                        const char *key, const char *other)
{
    const struct llmobs_json *value = llmobs_json_get(object, key);

    return value ? value : llmobs_json_get(object, other);
}

static int add_result(struct llmobs_reading *reading,
                      const struct llmobs_json *result)
{
    const struct llmobs_json *index = llmobs_json_get(result, "index");
    const struct llmobs_json *document = asked(reading, index);
    struct llmobs_found found = {
        .text = document ? document : either(result, "document", "text"),
        .name = either(document, "title", "name"),
        .id = llmobs_json_get(document, "id"),
        .score = either(result, "relevance_score", "score"),
    };

    if (!llmobs_json_is_object(result))
        return 0;
    if (!found.id && llmobs_json_is_int(index))
        found.id = index;
    return llmobs_documents_add(reading->span, &found);
}

/* Cohere counts searches. */
static int read_usage(const struct llmobs_json *body, struct llmobs_span *span)
{
    const struct llmobs_json *meta = llmobs_json_get(body, "meta");

    llmobs_span_metric(span, "search_units",
                       llmobs_usage_count(llmobs_json_get(meta, "billed_units"),
                                          "search_units"));
    return llmobs_usage_read(llmobs_json_get(body, "usage"), span);
}

int llmobs_rerank_document(struct llmobs_reading *reading,
                           const struct llmobs_json *body)
{
    int rc = llmobs_reading_model(reading, llmobs_json_gets(body, "model"));

    if (rc == 0)
        rc = read_usage(body, reading->span);
    if (rc < 0 || reading->classified->call->status >= 300)
        return rc;
    return llmobs_documents_each(
        reading,
        llmobs_json_is_array(body) ? body : either(body, "results", "data"),
        add_result);
}

int llmobs_rerank_ends(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_text tail = llmobs_text_strip(call->response_tail);
    struct llmobs_json *usage =
        llmobs_cut_json_last(call->response_tail, "usage");
    int rc = 0;

    reading->span->complete =
        llmobs_text_ends(tail, "}") || llmobs_text_ends(tail, "]");
    if (llmobs_json_is_object(usage))
        rc = llmobs_usage_read(usage, reading->span);
    llmobs_json_free(usage);
    return rc;
}
