/* Hooks of openai_vector_stores.api: a result has a list of texts. */
#include <errno.h>

#include "rules/read/documents.h"
#include "rules/read/hooks.h"
#include "rules/read/values.h"

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

int llmobs_openai_vector_stores_document(struct llmobs_reading *reading,
                                         const struct llmobs_json *body)
{
    return reading->classified->call->status >= 300
               ? 0
               : llmobs_documents_each(reading, llmobs_json_get(body, "data"),
                                       add_result);
}
