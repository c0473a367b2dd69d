/* Vector databases that a table describes whole: Azure AI Search, Cloudflare
 * Vectorize, Meilisearch, Milvus, Pinecone, Qdrant and Typesense (WIRE 6.18).
 *
 * Source: of Meilisearch and Typesense the types of npm's meilisearch 0.62.0
 * and typesense 3.1.0; typesense.org/docs, "Vector Search". */
#include <stdio.h>

#include "rules/tables/store.h"

#define CODE_LEN 32

#define NAMES(...)        \
    (const char *const[]) \
    {                     \
        __VA_ARGS__, NULL \
    }

#define SEARCH(p, op, name)                                                \
    .method = "POST", .path = (p), .operation = (op), .span_name = (name), \
    .kind = LLMOBS_KIND_RETRIEVAL

/* The functions of each form here. */
#define FUNCTIONS                                                       \
    .confirm = llmobs_store_asks, .begin = llmobs_store_begin,          \
    .request = llmobs_store_request, .document = llmobs_store_document, \
    .ends = llmobs_reading_ends

/* A refusal within an answer whose status is 200. The type is its code, if it
 * has one. */
static int stores_fail_with(struct llmobs_span *span,
                            const struct llmobs_json *code, const char *message)
{
    char type[CODE_LEN] = "error";

    if (llmobs_json_is_int(code))
        snprintf(type, sizeof(type), "%lld",
                 (long long)llmobs_json_to_int(code));
    return llmobs_span_fail(span, type, message);
}

/* -- Azure AI Search: POST /indexes/{index}/docs/search -------------------- */

static const char *const azure_keys[] = {"top",
                                         "skip",
                                         "filter",
                                         "queryType",
                                         "select",
                                         "searchFields",
                                         "searchMode",
                                         "vectorFilterMode",
                                         "semanticConfiguration",
                                         "scoringProfile",
                                         NULL};

static const struct llmobs_store azure = {
    .asks = NAMES("vectorQueries"),
    .keys = azure_keys,
    .texts = NAMES("search", "text"),
    .lists = NAMES("value"),
    .ids = NAMES("id"),
    .scores = NAMES("@search.rerankerScore", "@search.score"),
    .place = "index",
};

static const struct llmobs_form azure_form = {
    FUNCTIONS,
    .keys = azure_keys,
    .signs = NAMES("\"vectorQueries\""),
    .variant = &azure,
};

static const struct llmobs_shape azure_shapes[] = {
    {SEARCH("/indexes/*/docs/search", "search", "azure_search.search"),
     .host = "*.search.windows.net", .by_body = true},
    {SEARCH("/indexes(*)/docs/search.post.search", "search_odata",
            "azure_search.search"),
     .host = "*.search.windows.net", .by_body = true},
    {.path = NULL},
};

LLMOBS_DIALECT(azure_search, .integration = "azure_search", .genai = "_OTHER",
               .group = LLMOBS_GROUP_VECTOR, .shapes = azure_shapes,
               .form = &azure_form);

/* -- Cloudflare Vectorize: POST /vectorize/v2/indexes/{index}/query ---------
 */

static const char *const vectorize_keys[] = {
    "topK", "namespace", "filter", "returnMetadata", "returnValues", NULL};

static const struct llmobs_store vectorize = {
    .asks = NAMES("vector"),
    .keys = vectorize_keys,
    .lists = NAMES("result", "matches"),
    .payloads = NAMES("metadata"),
    .ids = NAMES("id"),
    .scores = NAMES("score"),
    .place = "index",
};

static const struct llmobs_form vectorize_form = {
    FUNCTIONS,
    .keys = vectorize_keys,
    .signs = NAMES("\"vector\""),
    .variant = &vectorize,
};

static const struct llmobs_shape vectorize_shapes[] = {
    {SEARCH("/vectorize/v2/indexes/*/query", "query", "vectorize.query"),
     .host = "api.cloudflare.com"},
    {.path = NULL},
};

LLMOBS_DIALECT(vectorize, .integration = "vectorize", .genai = "_OTHER",
               .group = LLMOBS_GROUP_VECTOR, .shapes = vectorize_shapes,
               .form = &vectorize_form);

/* -- Meilisearch: POST /indexes/{index}/search, /multi-search ---------- */

/* Most of its searches are by words: these have a member of their own. */
static const char *const meili_keys[] = {
    "indexUid", "hybrid", "limit",       "offset",
    "filter",   "sort",   "hitsPerPage", "rankingScoreThreshold",
    NULL};

static const struct llmobs_store meili = {
    .asks = NAMES("hybrid", "vector"),
    .each = "queries",
    .keys = meili_keys,
    .texts = NAMES("q"),
    .lists = NAMES("results", "hits"),
    .hits = "hits",
    .ids = NAMES("id"),
    .drops = NAMES("_vectors", "_formatted", "_matchesPosition", "_federation",
                   "_rankingScoreDetails"),
    .scores = NAMES("_rankingScore", "_semanticScore"),
    .place = "index",
};

static const struct llmobs_form meili_form = {
    FUNCTIONS,
    .keys = meili_keys,
    .signs = NAMES("\"hybrid\"", "\"vector\""),
    .variant = &meili,
};

static const struct llmobs_shape meili_shapes[] = {
    {SEARCH("/indexes/*/search", "search", "meilisearch.search")},
    {SEARCH("/multi-search", "multi_search", "meilisearch.search")},
    {.path = NULL},
};

LLMOBS_DIALECT(meilisearch, .integration = "meilisearch", .genai = "_OTHER",
               .group = LLMOBS_GROUP_VECTOR, .shapes = meili_shapes,
               .form = &meili_form);

/* -- Milvus, Zilliz Cloud: POST /v2/vectordb/entities/search --------------- */

static const char *const milvus_keys[] = {"collectionName",
                                          "dbName",
                                          "annsField",
                                          "limit",
                                          "offset",
                                          "filter",
                                          "outputFields",
                                          "groupingField",
                                          "searchParams",
                                          "partitionNames",
                                          NULL};

/* A refusal has the status 200 and a code. */
static int milvus_fail(struct llmobs_reading *reading,
                       const struct llmobs_json *body)
{
    const struct llmobs_json *code = llmobs_json_get(body, "code");

    if (llmobs_json_to_int(code) == 0 || llmobs_json_to_int(code) == 200)
        return 0;
    return stores_fail_with(reading->span, code,
                            llmobs_json_gets(body, "message"));
}

static const struct llmobs_store milvus = {
    .asks = NAMES("collectionName"),
    .keys = milvus_keys,
    .texts = NAMES("data"),
    .lists = NAMES("data"),
    .ids = NAMES("id"),
    .scores = NAMES("distance", "score"),
    .fail = milvus_fail,
};

static const struct llmobs_form milvus_form = {
    FUNCTIONS,
    .keys = milvus_keys,
    .signs = NAMES("\"collectionName\""),
    .variant = &milvus,
};

static const struct llmobs_shape milvus_shapes[] = {
    {SEARCH("/v2/vectordb/entities/search", "search", "milvus.search"),
     .telling = true},
    {SEARCH("/v2/vectordb/entities/hybrid_search", "hybrid_search",
            "milvus.hybrid_search"),
     .telling = true},
    {SEARCH("/v2/vectordb/entities/advanced_search", "advanced_search",
            "milvus.hybrid_search"),
     .telling = true},
    {.path = NULL},
};

LLMOBS_DIALECT(milvus, .integration = "milvus", .genai = "_OTHER",
               .group = LLMOBS_GROUP_VECTOR, .shapes = milvus_shapes,
               .form = &milvus_form);

/* -- Pinecone: POST /query, /records/namespaces/{namespace}/search --------- */

static const char *const pinecone_keys[] = {
    "topK",          "namespace", "filter", "includeMetadata",
    "includeValues", "fields",    "rerank", NULL};

static const struct llmobs_store pinecone = {
    .asks = NAMES("vector", "id", "sparseVector", "query"),
    .keys = pinecone_keys,
    .texts = NAMES("text"),
    .lists = NAMES("matches", "result", "hits"),
    .payloads = NAMES("metadata", "fields"),
    .ids = NAMES("id", "_id"),
    .scores = NAMES("score", "_score"),
    .place = "namespace",
};

static const struct llmobs_form pinecone_form = {
    FUNCTIONS,
    .keys = pinecone_keys,
    .variant = &pinecone,
};

static const struct llmobs_shape pinecone_shapes[] = {
    {SEARCH("/query", "query", "pinecone.query"), .host = "*.pinecone.io",
     .whole = true},
    {SEARCH("/records/namespaces/*/search", "search_records",
            "pinecone.search"),
     .host = "*.pinecone.io"},
    {.path = NULL},
};

LLMOBS_DIALECT(pinecone, .integration = "pinecone", .genai = "_OTHER",
               .group = LLMOBS_GROUP_VECTOR, .shapes = pinecone_shapes,
               .form = &pinecone_form);

/* -- Qdrant: POST /collections/{collection}/points/... --------------------- */

static const char *const qdrant_keys[] = {
    "limit",        "offset",   "score_threshold", "using", "filter",
    "with_payload", "group_by", "group_size",      NULL};

static int qdrant_fail(struct llmobs_reading *reading,
                       const struct llmobs_json *body)
{
    const char *error =
        llmobs_json_gets(llmobs_json_get(body, "status"), "error");

    return error ? llmobs_span_fail(reading->span, "qdrant_error", error) : 0;
}

static const struct llmobs_store qdrant = {
    .asks = NAMES("query", "vector", "prefetch", "searches", "positive"),
    .keys = qdrant_keys,
    .texts = NAMES("text"),
    .lists = NAMES("result", "points", "groups", "hits"),
    .payloads = NAMES("payload"),
    .ids = NAMES("id"),
    .scores = NAMES("score"),
    .place = "collection",
    .fail = qdrant_fail,
};

static const struct llmobs_form qdrant_form = {
    FUNCTIONS,
    .keys = qdrant_keys,
    .signs = NAMES("\"query\"", "\"vector\"", "\"prefetch\"", "\"searches\"",
                   "\"positive\""),
    .variant = &qdrant,
};

#define POINTS(path, op)                                         \
    {                                                            \
        SEARCH("/collections/*/points/" path, op, "qdrant." op), \
            .telling = true                                      \
    }

static const struct llmobs_shape qdrant_shapes[] = {
    POINTS("query", "query"),
    POINTS("query/batch", "query_batch"),
    POINTS("query/groups", "query_groups"),
    POINTS("search", "search"),
    POINTS("search/batch", "search_batch"),
    POINTS("search/groups", "search_groups"),
    POINTS("recommend", "recommend"),
    {.path = NULL},
};

LLMOBS_DIALECT(qdrant, .integration = "qdrant", .genai = "_OTHER",
               .group = LLMOBS_GROUP_VECTOR, .shapes = qdrant_shapes,
               .form = &qdrant_form);

/* -- Typesense: POST /multi_search ----------------------------------------- */

static const char *const typesense_keys[] = {
    "collection", "query_by", "filter_by", "per_page",
    "page",       "limit",    "offset",    NULL};

/* Each search of a list has a status of its own. */
static int typesense_fail(struct llmobs_reading *reading,
                          const struct llmobs_json *body)
{
    const struct llmobs_json *list = llmobs_json_get(body, "results");

    for (size_t i = 0; llmobs_json_is_array(list) && i < llmobs_json_len(list);
         i++) {
        const struct llmobs_json *one = llmobs_json_at(list, i);
        const char *error = llmobs_json_gets(one, "error");

        if (error)
            return stores_fail_with(reading->span, llmobs_json_get(one, "code"),
                                    error);
    }
    return 0;
}

static const struct llmobs_store typesense = {
    .asks = NAMES("vector_query"),
    .each = "searches",
    .keys = typesense_keys,
    .texts = NAMES("q"),
    .lists = NAMES("results", "hits"),
    .hits = "hits",
    .payloads = NAMES("document"),
    .ids = NAMES("id"),
    .scores = NAMES("vector_distance"),
    .fail = typesense_fail,
};

static const struct llmobs_form typesense_form = {
    FUNCTIONS,
    .keys = typesense_keys,
    .signs = NAMES("\"vector_query\""),
    .variant = &typesense,
};

static const struct llmobs_shape typesense_shapes[] = {
    {SEARCH("/multi_search", "multi_search", "typesense.search")},
    {.path = NULL},
};

LLMOBS_DIALECT(typesense, .integration = "typesense", .genai = "_OTHER",
               .group = LLMOBS_GROUP_VECTOR, .shapes = typesense_shapes,
               .form = &typesense_form);
