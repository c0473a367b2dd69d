/* Embeddings of Gemini and Vertex AI: embedContent, batchEmbedContents and
 * predict (WIRE 6.10). */
#include <errno.h>

#include "rules/vendors/gemini_parts.h"
#include "rules/vendors/google.h"
#include "rules/read/cut_json.h"
#include "rules/read/embedding.h"
#include "rules/read/usage.h"

static const char settings[] =
    "taskType\0title\0outputDimensionality\0mimeType\0autoTruncate\0";

static bool is_request(const struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    const struct llmobs_json *content =
        llmobs_json_get(reading->request, "content");

    if (call->request_truncated)
        return llmobs_cut_json_has(call->request, call->request_tail,
                                   "content") ||
               llmobs_cut_json_has(call->request, call->request_tail,
                                   "requests");
    return llmobs_json_is_object(content) || llmobs_json_is_string(content) ||
           llmobs_json_is_array(llmobs_json_get(reading->request, "requests"));
}

/* The objects with contents to embed: the request itself, or its list. */
static const struct llmobs_json *items_of(const struct llmobs_json *request)
{
    const struct llmobs_json *items = llmobs_json_get(request, "requests");

    if (!items)
        items = llmobs_json_get(request, "instances");
    return items ? items : request;
}

/* Appends the texts of an item's parts to an array. */
static int add_texts(const struct llmobs_json *item, struct llmobs_json *texts)
{
    const struct llmobs_json *content = llmobs_json_get(item, "content");
    struct llmobs_json *messages = llmobs_json_array();
    int rc;

    if (!content)
        content = llmobs_json_get(item, "text");
    rc =
        messages ? llmobs_gemini_add_content(messages, content, NULL) : -ENOMEM;
    LLMOBS_JSON_EACH (one, messages, rc == 0) {
        struct llmobs_json *text = llmobs_json_get(one, "content");

        if (text)
            rc = llmobs_json_add(texts, llmobs_json_share(text));
    }
    llmobs_json_free(messages);
    return rc;
}

/* Settings are in the request, in the first of its items, or in an object that
 * has only settings. */
static int read_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *request = reading->request;
    const struct llmobs_json *items = items_of(request);
    const struct llmobs_json *apart =
        llmobs_google_get(request, "embedContentConfig");
    int rc;
    struct llmobs_json *texts;

    if (!apart)
        apart = llmobs_json_get(request, "parameters");
    rc = llmobs_google_metadata(llmobs_google_at(items, 0), apart, settings,
                                reading->span);
    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    texts = llmobs_json_array();
    rc = texts ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < llmobs_google_len(items); i++)
        rc = add_texts(llmobs_google_at(items, i), texts);
    if (rc == 0)
        rc = llmobs_embedding_read_input(reading->span, texts);
    llmobs_json_free(texts);
    return rc;
}

/* The object that holds a vector's values and its statistics. */
static const struct llmobs_json *embedding_of(const struct llmobs_json *item)
{
    const struct llmobs_json *inner = llmobs_json_get(item, "embeddings");

    return llmobs_json_is_object(inner) ? inner : item;
}

static size_t size_of(const struct llmobs_json *item)
{
    const struct llmobs_json *values =
        llmobs_json_get(embedding_of(item), "values");

    if (!values)
        values = llmobs_json_get(item, "textEmbedding");
    return llmobs_json_is_array(values) ? llmobs_json_len(values) : 0;
}

static int64_t tokens_of(const struct llmobs_json *item)
{
    const struct llmobs_json *statistics =
        llmobs_json_get(embedding_of(item), "statistics");
    int64_t count = llmobs_usage_count(statistics, "tokenCount");

    return count >= 0 ? count : llmobs_usage_count(statistics, "token_count");
}

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    static const char *const names[] = {"embedding", "embeddings",
                                        "predictions"};
    const struct llmobs_json *list = NULL;
    int rc;
    const struct llmobs_json *usage;
    int64_t sum;

    for (size_t i = 0; !list && i < sizeof(names) / sizeof(names[0]); i++)
        list = llmobs_json_get(body, names[i]);
    usage = llmobs_json_get(body, "usageMetadata");
    sum = 0;
    for (size_t i = 0; i < llmobs_google_len(list); i++)
        sum = llmobs_usage_add(sum, tokens_of(llmobs_google_at(list, i)));
    if (sum == 0)
        sum = llmobs_usage_count(usage, "promptTokenCount");
    llmobs_span_metric(reading->span, "input_tokens", sum);
    llmobs_usage_kinds(usage, reading->span);
    llmobs_span_metric(reading->span, "billable_character_count",
                       llmobs_usage_count(llmobs_json_get(body, "metadata"),
                                          "billableCharacterCount"));
    rc = llmobs_embedding_total(reading->span);
    if (rc < 0 || reading->span->failed ||
        reading->classified->call->status >= 300)
        return rc;
    if (llmobs_google_len(list) == 0)
        return llmobs_span_set(&reading->span->output_value, "");
    return llmobs_embedding_tell(reading->span, llmobs_google_len(list),
                                 size_of(llmobs_google_at(list, 0)));
}

const struct llmobs_form llmobs_form_gemini_embed = {
    .keys =
        "taskType\0task_type\0title\0outputDimensionality\0mimeType\0"
        "output_dimensionality\0mime_type\0embedContentConfig\0parameters\0",
    .confirm = is_request,
    .begin = llmobs_google_begin,
    .request = read_request,
    .document = read_document,
    .model = llmobs_google_model,
};
