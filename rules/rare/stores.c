/* Hooks of stores.api. */
#include <errno.h>
#include <stdio.h>

#include "rules/read/documents.h"
#include "rules/read/hooks.h"
#include "rules/read/values.h"
#include "rules/tables/store.h"

#define CODE_LEN 32
#define CLAUSES_MAX 12

/* Notes a refusal within an answer whose status is 200. The error's type is the
 * refusal's code, if it has a code. */
static int stores_fail_with(struct llmobs_span *span,
                            const struct llmobs_json *code, const char *message)
{
    char type[CODE_LEN] = "error";

    if (llmobs_json_is_int(code))
        snprintf(type, sizeof(type), "%lld",
                 (long long)llmobs_json_to_int(code));
    return llmobs_span_fail(span, type, message);
}

/* A refusal has the status 200 and a code. */
int llmobs_milvus_fail(struct llmobs_reading *reading,
                       const struct llmobs_json *body)
{
    const struct llmobs_json *code = llmobs_json_get(body, "code");

    if (llmobs_json_to_int(code) == 0 || llmobs_json_to_int(code) == 200)
        return 0;
    return stores_fail_with(reading->span, code,
                            llmobs_json_gets(body, "message"));
}

int llmobs_qdrant_fail(struct llmobs_reading *reading,
                       const struct llmobs_json *body)
{
    const char *error =
        llmobs_json_gets(llmobs_json_get(body, "status"), "error");

    return error ? llmobs_span_fail(reading->span, "qdrant_error", error) : 0;
}

/* Each search of a list has a status of its own. */
int llmobs_typesense_fail(struct llmobs_reading *reading,
                          const struct llmobs_json *body)
{
    const struct llmobs_json *list = llmobs_json_get(body, "results");

    LLMOBS_JSON_EACH (one, list, true) {
        const char *error = llmobs_json_gets(one, "error");

        if (error)
            return stores_fail_with(reading->span, llmobs_json_get(one, "code"),
                                    error);
    }
    return 0;
}

/* Clauses that hold others, and the member where they do. */
static const char *const holders[][2] = {
    {"bool", "must"},
    {"bool", "should"},
    {"bool", "filter"},
    {"hybrid", "queries"},
    {"dis_max", "queries"},
    {"nested", "query"},
    {"script_score", "query"},
    {"function_score", "query"},
    {"standard", "query"},
    {"rrf", "retrievers"},
    {"linear", "retrievers"},
    {"constant_score", "filter"},
    {"text_similarity_reranker", "retriever"},
};

/* Looks only where clauses are: a field of the documents may have any name. */
static bool searches(const struct llmobs_json *clause, int depth)
{
    if (depth == CLAUSES_MAX)
        return false;
    if (llmobs_json_is_object(clause)) {
        if (llmobs_json_is_object(llmobs_json_get(clause, "knn")) ||
            llmobs_json_is_object(llmobs_json_get(clause, "neural")))
            return true;
        /* "linear" has a list of retrievers, each within an object that has its
         * weight, too. */
        if (searches(llmobs_json_get(clause, "retriever"), depth + 1))
            return true;
        for (size_t i = 0; i < sizeof(holders) / sizeof(holders[0]); i++)
            if (searches(llmobs_json_get(llmobs_json_get(clause, holders[i][0]),
                                         holders[i][1]),
                         depth + 1))
                return true;
        return false;
    }
    LLMOBS_JSON_EACH (one, clause, true)
        if (searches(one, depth + 1))
            return true;
    return false;
}

bool llmobs_opensearch_is_search(const struct llmobs_reading *reading)
{
    const struct llmobs_json *knn = llmobs_json_get(reading->request, "knn");
    const struct llmobs_json *first =
        llmobs_json_is_array(knn) ? llmobs_json_at(knn, 0) : knn;

    return llmobs_json_get(first, "field") ||
           searches(llmobs_json_get(reading->request, "query"), 0) ||
           searches(llmobs_json_get(reading->request, "retriever"), 0);
}

static const struct llmobs_json *chroma_list_of(const struct llmobs_json *body,
                                                const char *key, size_t query)
{
    return llmobs_json_at(llmobs_json_get(body, key), query);
}

static int chroma_read_query(struct llmobs_reading *reading,
                             const struct llmobs_json *body, size_t query)
{
    const struct llmobs_json *ids = chroma_list_of(body, "ids", query);
    int rc = 0;

    for (size_t i = 0;
         rc == 0 && i < llmobs_json_len(ids) && i < LLMOBS_DOCUMENTS_MAX; i++) {
        const struct llmobs_json *text =
            llmobs_json_at(chroma_list_of(body, "documents", query), i);

        if (!llmobs_json_is_string(text))
            text = llmobs_json_at(chroma_list_of(body, "metadatas", query), i);
        rc = llmobs_store_add(
            reading->span, text, llmobs_json_at(ids, i),
            llmobs_json_at(chroma_list_of(body, "distances", query), i));
    }
    return rc;
}

/* The name of an exception stands beside its message. */
static int chroma_fail(struct llmobs_span *span, const struct llmobs_json *body)
{
    const char *error = llmobs_json_gets(body, "error");
    const char *message = llmobs_json_gets(body, "message");

    return error && message ? llmobs_span_fail(span, error, message) : 0;
}

int llmobs_chroma_read_document(struct llmobs_reading *reading,
                                const struct llmobs_json *body)
{
    const struct llmobs_json *queries = llmobs_json_get(body, "ids");
    int rc;

    if (reading->classified->call->status >= 300)
        return chroma_fail(reading->span, body);
    if (!llmobs_json_is_array(queries))
        return 0;
    rc = llmobs_documents_begin(reading->span);
    for (size_t i = 0;
         rc == 0 && i < llmobs_json_len(queries) && i < LLMOBS_DOCUMENTS_MAX;
         i++)
        rc = chroma_read_query(reading, body, i);
    return rc;
}
