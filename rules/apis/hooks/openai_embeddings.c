/* Hooks of openai_embeddings.api. */
#include <string.h>

#include "rules/read/embedding.h"
#include "rules/read/hooks.h"
#include "rules/read/media.h"
#include "rules/read/reading.h"
#include "rules/read/usage.h"
#include "rules/vendors/openai.h"

bool llmobs_openai_embeddings_asks(const struct llmobs_reading *reading)
{
    return llmobs_openai_asks(reading, "input");
}

static const char *encoding_of(const struct llmobs_reading *reading)
{
    const char *format = llmobs_json_gets(reading->request, "encoding_format");

    return format && *format ? format : "float";
}

/* Sets the encoding, the default one too, and the dimensions where the request
 * has them. */
static int openai_embeddings_read_metadata(struct llmobs_reading *reading)
{
    struct llmobs_json *metadata = reading->span->metadata;
    struct llmobs_json *dimensions =
        llmobs_json_get(reading->request, "dimensions");
    int rc =
        llmobs_json_sets(metadata, "encoding_format", encoding_of(reading));

    if (rc < 0 || !dimensions || llmobs_json_is_null(dimensions) ||
        (llmobs_json_is_number(dimensions) &&
         !(llmobs_json_to_real(dimensions) > 0)))
        return rc;
    return llmobs_json_set(metadata, "dimensions",
                           llmobs_json_share(dimensions));
}

/* Snowflake's input has another name. */
int llmobs_openai_embeddings_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *input;
    int rc = openai_embeddings_read_metadata(reading);

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    input = llmobs_json_get(reading->request, "input");
    return llmobs_embedding_read_input(
        reading->span,
        input ? input : llmobs_json_get(reading->request, "text"));
}

/* The output has no size of vectors in another encoding than plain numbers
 * (WIRE 6.4). */
static int openai_embeddings_read_vectors(struct llmobs_reading *reading,
                                          const struct llmobs_json *data)
{
    const char *vector;
    uint64_t bytes;

    if (strcmp(encoding_of(reading), "float") == 0)
        return llmobs_embedding_tell_list(reading->span, data, "embedding");
    if (!llmobs_json_is_array(data))
        return 0;
    /* In base64 a vector is floats of four bytes (api: openai-openapi,
     * Embedding, encoding_format; openai-python, resources/embeddings.py),
     * unless the program asks for numbers of another type, as Voyage's API lets
     * it. */
    vector = llmobs_json_gets(llmobs_json_at(data, 0), "embedding");
    if (vector && strcmp(encoding_of(reading), "base64") == 0 &&
        !llmobs_json_get(reading->request, "output_dtype")) {
        bytes = llmobs_media_base64(llmobs_text_of(vector));
        if (bytes > 0 && bytes % 4 == 0)
            llmobs_span_fact_int(&reading->span->facts, LLMOBS_FACT_DIMENSIONS,
                                 (int64_t)(bytes / 4));
    }
    return llmobs_embedding_tell(reading->span, llmobs_json_len(data), 0);
}

/* llama.cpp's server answers a list at the path without a version. */
int llmobs_openai_embeddings_document(struct llmobs_reading *reading,
                                      const struct llmobs_json *body)
{
    int rc = llmobs_reading_model(reading, llmobs_json_gets(body, "model"));

    if (llmobs_json_is_array(body))
        return llmobs_embedding_tell_list(reading->span, body, "embedding");
    if (rc == 0)
        rc = llmobs_usage_read(llmobs_usage_find(body), reading->span);
    if (rc == 0)
        rc = llmobs_embedding_total(reading->span);
    return rc < 0 ? rc
                  : openai_embeddings_read_vectors(
                        reading, llmobs_json_get(body, "data"));
}

int llmobs_openai_embeddings_ends(struct llmobs_reading *reading)
{
    int rc = llmobs_openai_ends(reading);

    return rc < 0 ? rc : llmobs_embedding_total(reading->span);
}

bool llmobs_openai_embeddings_asks_inputs(const struct llmobs_reading *reading)
{
    return llmobs_openai_asks(reading, "inputs");
}
