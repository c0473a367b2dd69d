/* OpenSearch and Elasticsearch: POST or GET .../_search. Takes only a search by
 * vectors: "knn" at the top (Elasticsearch), in a retriever, or as a clause of
 * the query, and OpenSearch's clause "neural". The documentations of both have
 * the forms (WIRE 6.17). A table, but code for the clauses, which nest. */

#include "rules/tables/store.h"

#define CLAUSES_MAX 12

static const char keys[] = "size\0from\0min_score\0";
static const char cut_keys[] = "size\0from\0min_score\0knn\0query\0retriever\0";
static const char texts[] = "query_text\0model_text\0";
static const char lists[] = "hits\0";
static const char payloads[] = "_source\0fields\0";
static const char ids[] = "_id\0";
static const char scores[] = "_score\0";
static const char signs[] = "\"knn\"\0\"neural\"\0";

/* Clauses that contain other clauses, each with the member that has them. */
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

static bool searches(const struct llmobs_json *clause, int depth);

static bool is_clause(const struct llmobs_json *clause, int depth)
{
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

/* Looks only where clauses are: a field of the documents may have any name. */
static bool searches(const struct llmobs_json *clause, int depth)
{
    if (depth == CLAUSES_MAX)
        return false;
    if (llmobs_json_is_object(clause))
        return is_clause(clause, depth);
    LLMOBS_JSON_EACH (one, clause, true)
        if (searches(one, depth + 1))
            return true;
    return false;
}

static bool is_search(const struct llmobs_reading *reading)
{
    const struct llmobs_json *knn = llmobs_json_get(reading->request, "knn");
    const struct llmobs_json *first =
        llmobs_json_is_array(knn) ? llmobs_json_at(knn, 0) : knn;

    return llmobs_json_get(first, "field") ||
           searches(llmobs_json_get(reading->request, "query"), 0) ||
           searches(llmobs_json_get(reading->request, "retriever"), 0);
}

static const struct llmobs_store store = {
    .asks = "",
    .keys = keys,
    .texts = texts,
    .lists = lists,
    .payloads = payloads,
    .ids = ids,
    .scores = scores,
    .place = "index",
};

static const struct llmobs_form form = {
    .keys = cut_keys,
    .signs = signs,
    .confirm = is_search,
    .begin = llmobs_store_begin,
    .request = llmobs_store_request,
    .document = llmobs_store_document,
    .ends = llmobs_reading_ends,
    .variant = &store,
};

#define SEARCH(verb, p)                                                 \
    {                                                                   \
        .method = (verb), .path = (p), .operation = "search",           \
        .span_name = "opensearch.search", .kind = LLMOBS_KIND_RETRIEVAL \
    }

static const struct llmobs_shape shapes[] = {
    SEARCH("POST", "/*/_search"),
    SEARCH("GET", "/*/_search"),
    SEARCH("POST", "/_search"),
    SEARCH("GET", "/_search"),
};

LLMOBS_DIALECT(opensearch, .integration = "opensearch", .genai = "_OTHER",
               .group = LLMOBS_GROUP_VECTOR, LLMOBS_SHAPES(shapes),
               .form = &form);
