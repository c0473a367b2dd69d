/* Reads rerank requests and results. */
#include "rules/read/rerank.h"

#include <errno.h>

#include "rules/read/cut_json.h"
#include "rules/read/documents.h"
#include "rules/read/media.h"
#include "rules/read/message_content.h"
#include "rules/read/request.h"
#include "rules/read/text.h"
#include "rules/read/usage.h"
#include "rules/read/values.h"

const char llmobs_rerank_keys[] =
    "top_n\0top_k\0truncation\0truncate\0max_tokens_per_doc\0raw_scores\0"
    "rank_fields\0return_documents\0return_text\0instruct\0";

static const char own_query[] = "query\0";
static const char own_documents[] =
    "documents\0texts\0inputs\0passages\0"; /* NVIDIA's are passages */

const char llmobs_rerank_signs[] = "\"query\"\0";

bool llmobs_rerank_asks(const struct llmobs_reading *reading)
{
    return llmobs_reading_has(reading, "query") &&
           (llmobs_reading_has(reading, "documents") ||
            llmobs_reading_has(reading, "texts") ||
            llmobs_reading_has(reading, "passages"));
}

static const struct llmobs_rerank *variant_of(
    const struct llmobs_reading *reading)
{
    static const struct llmobs_rerank plain = {.keys = llmobs_rerank_keys};

    return reading->form->variant ? reading->form->variant : &plain;
}

/* The member with this name; a NULL name gives the object itself. */
static const struct llmobs_json *member_or_self(
    const struct llmobs_json *object, const char *name)
{
    return name ? llmobs_json_get(object, name) : object;
}

/* The first of these members that the object has. */
static const struct llmobs_json *read_rerank_first(
    const struct llmobs_json *object, const char *names)
{
    const struct llmobs_json *value = NULL;

    LLMOBS_WORDS_EACH (name, names)
        if (!value)
            value = llmobs_json_get(object, name);
    return value;
}

/* Gives words for an object that is only a picture or sound, else the value. */
static struct llmobs_json *in_words(const struct llmobs_json *value)
{
    const char *kind =
        llmobs_json_len(value) == 1 ? llmobs_media_kind(value) : NULL;
    struct llmobs_json *words = NULL;
    struct llmobs_buf text;

    if (!kind)
        return llmobs_json_share((struct llmobs_json *)(uintptr_t)value);
    llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
    if (llmobs_media_url(&text, kind, llmobs_json_gets(value, kind)) == 0)
        words = llmobs_message_content_string(&text);
    llmobs_buf_fini(&text);
    return words;
}

int llmobs_rerank_request(struct llmobs_reading *reading)
{
    const struct llmobs_rerank *variant = variant_of(reading);
    const struct llmobs_json *query;
    struct llmobs_span *span = reading->span;
    struct llmobs_json *words;
    int rc = llmobs_request_metadata(
        member_or_self(reading->request, variant->settings), variant->keys,
        span);

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    query = read_rerank_first(member_or_self(reading->request, variant->asks),
                              variant->query ? variant->query : own_query);
    if (!query)
        return 0;
    words = in_words(query);
    rc = words ? llmobs_value_input(span, words) : -ENOMEM;
    llmobs_json_free(words);
    return rc;
}

/* The document that the request has at this index; NULL: not known. */
static const struct llmobs_json *requested_document(
    const struct llmobs_reading *reading, const struct llmobs_json *index)
{
    const char *names = variant_of(reading)->documents;
    const struct llmobs_json *list = read_rerank_first(
        member_or_self(reading->request, variant_of(reading)->asks),
        names ? names : own_documents);
    int64_t at = llmobs_json_to_int(index);

    if (reading->beyond || !llmobs_json_is_int(index) || at < 0)
        return NULL;
    return names && at == 0 && llmobs_json_is_string(list)
               ? list
               : llmobs_json_at(list, (size_t)at);
}

static int add_result(struct llmobs_reading *reading,
                      const struct llmobs_json *result)
{
    const struct llmobs_json *index = llmobs_json_get(result, "index");
    const struct llmobs_json *document = requested_document(reading, index);
    const struct llmobs_json *text =
        document ? document
                 : read_rerank_first(result, "document\0text\0input\0");
    struct llmobs_found found = {
        .name = read_rerank_first(document, "title\0name\0"),
        .id = llmobs_json_get(document, "id"),
        .score = read_rerank_first(result, "relevance_score\0score\0logit\0"),
    };

    struct llmobs_json *words = NULL;
    int rc;

    if (!llmobs_json_is_object(result))
        return 0;
    if (!found.id && llmobs_json_is_int(index))
        found.id = index;
    if (text) {
        words = in_words(text);
        if (!words)
            return -ENOMEM;
    }
    found.text = words;
    rc = llmobs_documents_add(reading->span, &found);
    llmobs_json_free(words);
    return rc;
}

int llmobs_rerank_document(struct llmobs_reading *reading,
                           const struct llmobs_json *body)
{
    const struct llmobs_json *meta = llmobs_json_get(body, "meta");
    int rc = llmobs_reading_model(reading, llmobs_json_gets(body, "model"));

    if (rc == 0)
        rc = llmobs_usage_units(llmobs_json_get(meta, "billed_units"),
                                reading->span);
    if (rc == 0)
        rc = llmobs_usage_read(llmobs_json_get(body, "usage"), reading->span);
    if (rc < 0 || reading->classified->call->status >= 300)
        return rc;
    body = member_or_self(body, variant_of(reading)->answers);
    return llmobs_documents_each(
        reading,
        llmobs_json_is_array(body)
            ? body
            : read_rerank_first(body, "results\0data\0rankings\0"),
        add_result);
}

int llmobs_rerank_ends(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_text tail = llmobs_text_strip(call->response_tail);
    struct llmobs_json *usage =
        llmobs_cut_json_last(call->response_tail, "usage");
    int rc = 0;

    reading->span->complete =
        llmobs_text_ends(tail, "}") || llmobs_text_ends(tail, "]");
    if (llmobs_json_is_object(usage))
        rc = llmobs_usage_read(usage, reading->span);
    llmobs_json_free(usage);
    return rc;
}
