/* InvokeModel of Bedrock's embedding models (WIRE 6.12). */

#include "rules/vendors/bedrock.h"
#include "rules/read/embedding.h"
#include "rules/read/usage.h"

static bool is_embed(const struct llmobs_reading *reading)
{
    return llmobs_reading_has(reading, "inputText") ||
           llmobs_reading_has(reading, "texts") ||
           llmobs_reading_has(reading, "singleEmbeddingParams") ||
           llmobs_reading_has(reading, "segmentedEmbeddingParams");
}

/* The text that Nova's models read. */
static const struct llmobs_json *nova_text_of(const struct llmobs_json *request)
{
    const struct llmobs_json *params =
        llmobs_json_get(request, "singleEmbeddingParams");

    if (!params)
        params = llmobs_json_get(request, "segmentedEmbeddingParams");
    return llmobs_json_get(llmobs_json_get(params, "text"), "value");
}

/* Adds the documents; a request with images only has none. */
static int read_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *input =
        llmobs_json_get(reading->request, "inputText");

    if (reading->classified->call->request_truncated)
        return 0;
    if (!llmobs_json_is_string(input))
        input = llmobs_json_get(reading->request, "texts");
    if (!input)
        input = nova_text_of(reading->request);
    if (!llmobs_json_is_string(input) && !llmobs_json_is_array(input))
        return 0;
    return llmobs_embedding_read_input(reading->span, input);
}

/* The list of vectors; if they come in several types, the first type's. */
static const struct llmobs_json *list_of(const struct llmobs_json *body)
{
    const struct llmobs_json *list = llmobs_json_get(body, "embeddings");
    void *it = llmobs_json_iter(list);

    return llmobs_json_is_object(list) && it ? llmobs_json_iter_value(it)
                                             : list;
}

static int read_vectors(const struct llmobs_json *body,
                        struct llmobs_span *span)
{
    const struct llmobs_json *one = llmobs_json_get(body, "embedding");
    const struct llmobs_json *list = list_of(body);

    if (llmobs_json_is_array(one))
        return llmobs_embedding_tell(span, 1, llmobs_json_len(one));
    return llmobs_embedding_tell_list(
        span, list,
        llmobs_json_is_object(llmobs_json_at(list, 0)) ? "embedding" : NULL);
}

/* Takes the body's counts only where the headers have none. */
static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    struct llmobs_span *span = reading->span;
    int rc = read_vectors(body, span);

    if (!llmobs_json_get(span->metrics, "input_tokens"))
        llmobs_span_metric(span, "input_tokens",
                           llmobs_usage_count(body, "inputTextTokenCount"));
    return rc < 0 ? rc : llmobs_embedding_total(span);
}

static int read_ends(struct llmobs_reading *reading)
{
    int rc = llmobs_bedrock_ends(reading);

    return rc < 0 ? rc : llmobs_embedding_total(reading->span);
}

/* No keys: of a cut request nothing is kept. */
static const char keys[] = "";

const struct llmobs_form llmobs_form_bedrock_embed = {
    .keys = keys,
    .confirm = is_embed,
    .begin = llmobs_bedrock_begin,
    .request = read_request,
    .document = read_document,
    .ends = read_ends,
};
