/* Collects a retrieval's documents. */
#include "rules/read/documents.h"

#include <errno.h>
#include <stdlib.h>

#include "rules/read/text.h"
#include "rules/read/values.h"

/* Where stores and rerankers have the text of a document. */
static const char *const places[] = {"text",     "content", "page_content",
                                     "document", "chunk",   "chunk_text"};

static const struct llmobs_json *text_in(const struct llmobs_json *value)
{
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        const struct llmobs_json *text = llmobs_json_get(value, places[i]);

        if (llmobs_json_is_string(text))
            return text;
    }
    return value;
}

static int set_text(struct llmobs_json *document, const char *key,
                    const struct llmobs_json *value)
{
    struct llmobs_text cut;
    char *text;
    int rc;

    if (!value || llmobs_json_is_null(value))
        return 0;
    text = llmobs_value_text(value);
    if (!text)
        return -ENOMEM;
    cut = llmobs_text_cut(llmobs_text_of(text), LLMOBS_DOCUMENT_MAX);
    rc = llmobs_json_set(document, key, llmobs_json_stringn(cut.data, cut.len));
    free(text);
    return rc;
}

static int fill(struct llmobs_json *document, const struct llmobs_found *found)
{
    bool has_text = found->text && !llmobs_json_is_null(found->text);
    int rc = has_text ? set_text(document, "text", text_in(found->text))
                      : llmobs_json_sets(document, "text", "");

    if (rc == 0 && llmobs_json_is_string(found->name))
        rc = set_text(document, "name", found->name);
    if (rc == 0)
        rc = set_text(document, "id", found->id);
    if (rc == 0 && llmobs_json_is_number(found->score))
        rc =
            llmobs_json_set(document, "score", llmobs_json_clone(found->score));
    return rc;
}

int llmobs_documents_begin(struct llmobs_span *span)
{
    if (!span->output_documents)
        span->output_documents = llmobs_json_array();
    return span->output_documents ? 0 : -ENOMEM;
}

int llmobs_documents_add(struct llmobs_span *span,
                         const struct llmobs_found *found)
{
    struct llmobs_json *document;
    int rc = llmobs_documents_begin(span);

    if (rc < 0 ||
        llmobs_json_len(span->output_documents) >= LLMOBS_DOCUMENTS_MAX)
        return rc;
    document = llmobs_json_object();
    rc = document ? fill(document, found) : -ENOMEM;
    return llmobs_json_add_made(span->output_documents, document, rc);
}

int llmobs_documents_each(struct llmobs_reading *reading,
                          const struct llmobs_json *list,
                          int (*add)(struct llmobs_reading *reading,
                                     const struct llmobs_json *one))
{
    int rc =
        llmobs_json_is_array(list) ? llmobs_documents_begin(reading->span) : 0;

    for (size_t i = 0;
         rc == 0 && i < llmobs_json_len(list) && i < LLMOBS_DOCUMENTS_MAX; i++)
        rc = add(reading, llmobs_json_at(list, i));
    return rc;
}
