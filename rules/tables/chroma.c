/* Chroma: POST /collections/{id}/query of /api/v1 and of /api/v2, as the
 * OpenAPI document of its server has it. Its answer has, for each query, lists
 * beside each other: ids, documents, distances, metadatas (WIRE 6.17). Code,
 * since no other store has such lists. */
#include "rules/tables/store.h"
#include "rules/read/documents.h"

static const char keys[] = "n_results\0where\0where_document\0include\0";

static const char asks[] = "query_embeddings\0";
static const char signs[] = "\"query_embeddings\"\0";
static const char none[] = "";

static const struct llmobs_store store = {
    .asks = asks,
    .texts = none,
    .lists = none,
    .ids = none,
    .scores = none,
    .place = "collection",
};

static const struct llmobs_json *list_of(const struct llmobs_json *body,
                                         const char *key, size_t query)
{
    return llmobs_json_at(llmobs_json_get(body, key), query);
}

static int read_query(struct llmobs_reading *reading,
                      const struct llmobs_json *body, size_t query)
{
    const struct llmobs_json *ids = list_of(body, "ids", query);
    int rc = 0;

    for (size_t i = 0;
         rc == 0 && i < llmobs_json_len(ids) && i < LLMOBS_DOCUMENTS_MAX; i++) {
        const struct llmobs_json *text =
            llmobs_json_at(list_of(body, "documents", query), i);

        if (!llmobs_json_is_string(text))
            text = llmobs_json_at(list_of(body, "metadatas", query), i);
        rc = llmobs_store_add(
            reading->span, text, llmobs_json_at(ids, i),
            llmobs_json_at(list_of(body, "distances", query), i));
    }
    return rc;
}

/* The name of an exception stands beside its message. */
static int fail(struct llmobs_span *span, const struct llmobs_json *body)
{
    const char *error = llmobs_json_gets(body, "error");
    const char *message = llmobs_json_gets(body, "message");

    return error && message ? llmobs_span_fail(span, error, message) : 0;
}

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    const struct llmobs_json *queries = llmobs_json_get(body, "ids");
    int rc;

    if (reading->classified->call->status >= 300)
        return fail(reading->span, body);
    if (!llmobs_json_is_array(queries))
        return 0;
    rc = llmobs_documents_begin(reading->span);
    for (size_t i = 0;
         rc == 0 && i < llmobs_json_len(queries) && i < LLMOBS_DOCUMENTS_MAX;
         i++)
        rc = read_query(reading, body, i);
    return rc;
}

static const struct llmobs_form form = {
    .keys = keys,
    .signs = signs,
    .confirm = llmobs_store_asks,
    .begin = llmobs_store_begin,
    .request = llmobs_store_request,
    .document = read_document,
    .ends = llmobs_reading_ends,
    .variant = &store,
};

/* Under /api/v2 the path first has the tenant and the database. */
static const struct llmobs_shape shapes[] = {
    LLMOBS_POST(RETRIEVAL, "/collections/*/query", "query", "chroma.query"),
};

LLMOBS_DIALECT(chroma, .integration = "chroma", .genai = "_OTHER",
               .group = LLMOBS_GROUP_VECTOR, LLMOBS_SHAPES(shapes),
               .form = &form);
