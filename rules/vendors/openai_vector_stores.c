/* Search in OpenAI's vector stores: the path
 * /vector_stores/{vector_store_id}/search and the schemas
 * VectorStoreSearchRequest, VectorStoreSearchResultsPage of openai-openapi. */
#include <errno.h>

#include "rules/read/documents.h"
#include "rules/read/reading.h"
#include "rules/read/request.h"
#include "rules/read/values.h"

static const char keys[] =
    "max_num_results\0rewrite_query\0ranking_options\0filters\0";

static const char signs[] = "\"query\"\0";

static bool is_search(const struct llmobs_reading *reading)
{
    return llmobs_reading_has(reading, "query");
}

static int openai_vector_stores_begin(struct llmobs_reading *reading)
{
    return llmobs_request_segment(reading->classified->url, 1,
                                  "vector_store_id", reading->span);
}

static int read_request(struct llmobs_reading *reading)
{
    int rc = llmobs_request_metadata(reading->request, keys, reading->span);

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    return llmobs_value_input(reading->span,
                              llmobs_json_get(reading->request, "query"));
}

static int add_result(struct llmobs_reading *reading,
                      const struct llmobs_json *result)
{
    struct llmobs_json *text;
    int rc;

    if (!llmobs_json_is_object(result))
        return 0;
    text = llmobs_value_lines(llmobs_json_get(result, "content"), "text");
    rc = text ? llmobs_documents_add(
                    reading->span,
                    &(struct llmobs_found){
                        .text = text,
                        .name = llmobs_json_get(result, "filename"),
                        .id = llmobs_json_get(result, "file_id"),
                        .score = llmobs_json_get(result, "score")})
              : -ENOMEM;
    llmobs_json_free(text);
    return rc;
}

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    return reading->classified->call->status >= 300
               ? 0
               : llmobs_documents_each(reading, llmobs_json_get(body, "data"),
                                       add_result);
}

const struct llmobs_form llmobs_form_openai_vector_stores = {
    .keys = keys,
    .signs = signs,
    .confirm = is_search,
    .begin = openai_vector_stores_begin,
    .request = read_request,
    .document = read_document,
    .ends = llmobs_reading_ends,
};
