/* Vector databases that a table describes whole: Azure AI Search, Cloudflare
 * Vectorize, Meilisearch, Milvus, Pinecone, Qdrant and Typesense (WIRE 6.17).
 *
 * Source: of Meilisearch and Typesense the types of npm's meilisearch 0.62.0
 * and typesense 3.1.0; typesense.org/docs, "Vector Search". */
#include <stdio.h>

#include "rules/tables/store.h"

#define CODE_LEN 32

#define STORE(dialect, id, its_signs, its_keys)                              \
    static const struct llmobs_form id##_form = {                            \
        .keys = its_keys,                                                    \
        .signs = its_signs,                                                  \
        .confirm = llmobs_store_asks,                                        \
        .begin = llmobs_store_begin,                                         \
        .request = llmobs_store_request,                                     \
        .document = llmobs_store_document,                                   \
        .ends = llmobs_reading_ends,                                         \
        .variant = &id};                                                     \
    LLMOBS_DIALECT(dialect, .integration = #dialect, .genai = "_OTHER",      \
                   .group = LLMOBS_GROUP_VECTOR, LLMOBS_SHAPES(id##_shapes), \
                   .form = &id##_form)

/* Notes a refusal within an answer whose status is 200. The error's type is the
 * refusal's code, if it has a code. */
static int fail_with(struct llmobs_span *span, const struct llmobs_json *code,
                     const char *message)
{
    char type[CODE_LEN] = "error";

    if (llmobs_json_is_int(code))
        snprintf(type, sizeof(type), "%lld",
                 (long long)llmobs_json_to_int(code));
    return llmobs_span_fail(span, type, message);
}

/* -- Azure AI Search: POST /indexes/{index}/docs/search -------------------- */

static const struct llmobs_store azure = {
    .asks = "vectorQueries\0",
    .texts = "search\0text\0",
    .lists = "value\0",
    .ids = "id\0",
    .scores = "@search.rerankerScore\0@search.score\0",
    .place = "index",
};

static const struct llmobs_shape azure_shapes[] = {
    LLMOBS_POST(RETRIEVAL, "/indexes/*/docs/search", "search",
                "azure_search.search", .host = "*.search.windows.net",
                .by_body = true),
    LLMOBS_POST(RETRIEVAL, "/indexes(*)/docs/search.post.search",
                "search_odata", "azure_search.search",
                .host = "*.search.windows.net", .by_body = true),
};

STORE(azure_search, azure, "\"vectorQueries\"\0",
      "top\0skip\0filter\0queryType\0select\0searchFields\0searchMode\0"
      "vectorFilterMode\0semanticConfiguration\0scoringProfile\0");

/* -- Cloudflare Vectorize: POST /vectorize/v2/indexes/{index}/query ---------
 */

static const struct llmobs_store vectorize = {
    .asks = "vector\0",
    .lists = "result\0matches\0",
    .payloads = "metadata\0",
    .ids = "id\0",
    .scores = "score\0",
    .place = "index",
};

static const struct llmobs_shape vectorize_shapes[] = {
    LLMOBS_POST(RETRIEVAL, "/vectorize/v2/indexes/*/query", "query",
                "vectorize.query", .host = "api.cloudflare.com"),
};

STORE(vectorize, vectorize, "\"vector\"\0",
      "topK\0namespace\0filter\0returnMetadata\0returnValues\0");

/* -- Meilisearch: POST /indexes/{index}/search, /multi-search ---------- */

/* Most of its searches are by words: these have a member of their own. */
static const struct llmobs_store meili = {
    .asks = "hybrid\0vector\0",
    .each = "queries",
    .texts = "q\0",
    .lists = "results\0hits\0",
    .hits = "hits",
    .ids = "id\0",
    .drops = "_vectors\0_formatted\0_matchesPosition\0_federation\0"
             "_rankingScoreDetails\0",
    .scores = "_rankingScore\0_semanticScore\0",
    .place = "index",
};

static const struct llmobs_shape meili_shapes[] = {
    LLMOBS_POST(RETRIEVAL, "/indexes/*/search", "search", "meilisearch.search"),
    LLMOBS_POST(RETRIEVAL, "/multi-search", "multi_search",
                "meilisearch.search"),
};

STORE(meilisearch, meili, "\"hybrid\"\0\"vector\"\0",
      "indexUid\0hybrid\0limit\0offset\0filter\0sort\0hitsPerPage\0"
      "rankingScoreThreshold\0");

/* -- Milvus, Zilliz Cloud: POST /v2/vectordb/entities/search --------------- */

/* A refusal has the status 200 and a code. */
static int milvus_fail(struct llmobs_reading *reading,
                       const struct llmobs_json *body)
{
    const struct llmobs_json *code = llmobs_json_get(body, "code");

    if (llmobs_json_to_int(code) == 0 || llmobs_json_to_int(code) == 200)
        return 0;
    return fail_with(reading->span, code, llmobs_json_gets(body, "message"));
}

static const struct llmobs_store milvus = {
    .asks = "collectionName\0",
    .texts = "data\0",
    .lists = "data\0",
    .ids = "id\0",
    .scores = "distance\0score\0",
    .fail = milvus_fail,
};

static const struct llmobs_shape milvus_shapes[] = {
    LLMOBS_POST(RETRIEVAL, "/v2/vectordb/entities/search", "search",
                "milvus.search", .telling = true),
    LLMOBS_POST(RETRIEVAL, "/v2/vectordb/entities/hybrid_search",
                "hybrid_search", "milvus.hybrid_search", .telling = true),
    LLMOBS_POST(RETRIEVAL, "/v2/vectordb/entities/advanced_search",
                "advanced_search", "milvus.hybrid_search", .telling = true),
};

STORE(milvus, milvus, "\"collectionName\"\0",
      "collectionName\0dbName\0annsField\0limit\0offset\0filter\0"
      "outputFields\0groupingField\0searchParams\0partitionNames\0");

/* -- Pinecone: POST /query, /records/namespaces/{namespace}/search --------- */

static const struct llmobs_store pinecone = {
    .asks = "vector\0id\0sparseVector\0query\0",
    .texts = "text\0",
    .lists = "matches\0result\0hits\0",
    .payloads = "metadata\0fields\0",
    .ids = "id\0_id\0",
    .scores = "score\0_score\0",
    .place = "namespace",
};

static const struct llmobs_shape pinecone_shapes[] = {
    LLMOBS_POST(RETRIEVAL, "/query", "query", "pinecone.query",
                .host = "*.pinecone.io", .whole = true),
    LLMOBS_POST(RETRIEVAL, "/records/namespaces/*/search", "search_records",
                "pinecone.search", .host = "*.pinecone.io"),
};

STORE(pinecone, pinecone, NULL,
      "topK\0namespace\0filter\0includeMetadata\0includeValues\0fields\0"
      "rerank\0");

/* -- Qdrant: POST /collections/{collection}/points/... --------------------- */

static int qdrant_fail(struct llmobs_reading *reading,
                       const struct llmobs_json *body)
{
    const char *error =
        llmobs_json_gets(llmobs_json_get(body, "status"), "error");

    return error ? llmobs_span_fail(reading->span, "qdrant_error", error) : 0;
}

static const struct llmobs_store qdrant = {
    .asks = "query\0vector\0prefetch\0searches\0positive\0",
    .texts = "text\0",
    .lists = "result\0points\0groups\0hits\0",
    .payloads = "payload\0",
    .ids = "id\0",
    .scores = "score\0",
    .place = "collection",
    .fail = qdrant_fail,
};

#define POINTS(path, op)                                                    \
    LLMOBS_POST(RETRIEVAL, "/collections/*/points/" path, op, "qdrant." op, \
                .telling = true)

static const struct llmobs_shape qdrant_shapes[] = {
    POINTS("query", "query"),
    POINTS("query/batch", "query_batch"),
    POINTS("query/groups", "query_groups"),
    POINTS("search", "search"),
    POINTS("search/batch", "search_batch"),
    POINTS("search/groups", "search_groups"),
    POINTS("recommend", "recommend"),
};

STORE(qdrant, qdrant,
      "\"query\"\0\"vector\"\0\"prefetch\"\0\"searches\"\0\"positive\"\0",
      "limit\0offset\0score_threshold\0using\0filter\0with_payload\0"
      "group_by\0group_size\0");

/* -- Typesense: POST /multi_search ----------------------------------------- */

/* Each search of a list has a status of its own. */
static int typesense_fail(struct llmobs_reading *reading,
                          const struct llmobs_json *body)
{
    const struct llmobs_json *list = llmobs_json_get(body, "results");

    LLMOBS_JSON_EACH (one, list, true) {
        const char *error = llmobs_json_gets(one, "error");

        if (error)
            return fail_with(reading->span, llmobs_json_get(one, "code"),
                             error);
    }
    return 0;
}

static const struct llmobs_store typesense = {
    .asks = "vector_query\0",
    .each = "searches",
    .texts = "q\0",
    .lists = "results\0hits\0",
    .hits = "hits",
    .payloads = "document\0",
    .ids = "id\0",
    .scores = "vector_distance\0",
    .fail = typesense_fail,
};

static const struct llmobs_shape typesense_shapes[] = {
    LLMOBS_POST(RETRIEVAL, "/multi_search", "multi_search", "typesense.search"),
};

STORE(typesense, typesense, "\"vector_query\"\0",
      "collection\0query_by\0filter_by\0per_page\0page\0limit\0offset\0");
