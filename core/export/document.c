#include "core/export/document.h"

#include <string.h>

#include "lib/text/json_clean.h"

/* The least limit of a text in a document that does not fit. */
#define LEAST 16

void llmobs_document_put(struct llmobs_otlp_attributes *out, const char *key,
                         void (*write)(struct llmobs_document *document,
                                       const void *ctx),
                         const void *ctx)
{
    struct llmobs_document d = {.writer = out->writer, .limit = out->value_max};
    struct llmobs_buf *to = out->writer->out;
    size_t begin;

    if (!llmobs_otlp_doc_open(out, key))
        return;
    begin = to->len;
    write(&d, ctx);
    while (d.limit > 0 && d.longest / 2 >= LEAST && d.len > out->value_max &&
           out->writer->error == 0) {
        d.limit = d.longest / 2;
        d.longest = d.len = 0;
        llmobs_buf_cut(to, begin);
        write(&d, ctx);
    }
    llmobs_otlp_doc_close(out->writer);
}

/* The bytes of a text between quotation marks: equal in protobuf and in JSON,
 * where the document itself is quoted once more. */
static size_t quoted_len(struct llmobs_text text)
{
    size_t len = text.len + 2;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.data[i];

        if (byte == '"' || byte == '\\')
            len++;
        else if (byte < ' ')
            len += strchr("\n\r\t\b\f", byte) ? 1 : 5;
    }
    return len;
}

void llmobs_document_raw(struct llmobs_document *d, const char *json)
{
    if (d->limit > 0)
        d->len += strlen(json);
    llmobs_otlp_doc_raw(d->writer, json);
}

static void put_string(struct llmobs_document *d, struct llmobs_text text)
{
    if (d->limit > 0)
        d->len += quoted_len(text);
    llmobs_otlp_doc_string(d->writer, text);
}

void llmobs_document_string(struct llmobs_document *d, const char *text)
{
    put_string(d, llmobs_text_of(text));
}

/* Ends before the character that passes the limit. */
void llmobs_document_text(struct llmobs_document *d, const char *text)
{
    struct llmobs_text part = llmobs_text_of(text);

    if (d->limit > 0 && part.len > d->limit)
        part.len = llmobs_utf8_fit(text, d->limit);
    if (part.len > d->longest)
        d->longest = part.len;
    put_string(d, part);
}

/* -- values -------------------------------------------------------------- */

static void put_value(struct llmobs_document *d, const struct llmobs_json *json,
                      int depth);

static void put_array(struct llmobs_document *d, const struct llmobs_json *json,
                      int depth)
{
    llmobs_document_raw(d, "[");
    for (size_t i = 0; i < llmobs_json_len(json); i++) {
        if (i > 0)
            llmobs_document_raw(d, ", ");
        put_value(d, llmobs_json_at(json, i), depth + 1);
    }
    llmobs_document_raw(d, "]");
}

static void put_object(struct llmobs_document *d,
                       const struct llmobs_json *json, int depth)
{
    const char *before = "{";

    for (void *it = llmobs_json_iter(json); it;
         it = llmobs_json_next(json, it)) {
        llmobs_document_raw(d, before);
        llmobs_document_string(d, llmobs_json_iter_key(it));
        llmobs_document_raw(d, ": ");
        put_value(d, llmobs_json_iter_value(it), depth + 1);
        before = ", ";
    }
    llmobs_document_raw(d, *before == '{' ? "{}" : "}");
}

/* Writes a value uncut. Where a limit is set, counts its bytes. */
static void put_whole(struct llmobs_document *d, const struct llmobs_json *json)
{
    struct llmobs_buf text;
    int rc;

    if (d->limit == 0) {
        llmobs_otlp_doc_value(d->writer, json);
        return;
    }
    llmobs_buf_init(&text, SIZE_MAX);
    rc = llmobs_json_dump(json, LLMOBS_JSON_KEEP_ORDER, &text);
    if (rc == 0)
        llmobs_document_raw(d, text.data);
    llmobs_otlp_fail(d->writer, rc);
    llmobs_buf_fini(&text);
}

/* Walks through containers only to cut the texts in them. */
static void put_value(struct llmobs_document *d, const struct llmobs_json *json,
                      int depth)
{
    bool deep = d->limit == 0 || depth >= LLMOBS_DOCUMENT_DEPTH;

    if (llmobs_json_is_string(json))
        llmobs_document_text(d, llmobs_json_text(json));
    else if (llmobs_json_is_array(json) && !deep)
        put_array(d, json, depth);
    else if (llmobs_json_is_object(json) && !deep)
        put_object(d, json, depth);
    else
        put_whole(d, json);
}

void llmobs_document_value(struct llmobs_document *d,
                           const struct llmobs_json *value)
{
    put_value(d, value, 0);
}

/* Without a limit the text itself is copied, once it is known to be JSON: only
 * blanks may follow the cleaned text. */
static bool put_checked(struct llmobs_document *d, const char *text)
{
    struct llmobs_buf scratch;
    struct llmobs_text clean;
    int rc = llmobs_json_clean(llmobs_text_of(text), &scratch, &clean);

    if (rc == 0)
        llmobs_document_raw(d, clean.data);
    llmobs_buf_fini(&scratch);
    return rc == 0;
}

static bool put_parsed(struct llmobs_document *d, const char *text)
{
    struct llmobs_json *value;

    if (llmobs_json_parse(llmobs_text_of(text), &value))
        return false;
    llmobs_document_value(d, value);
    llmobs_json_free(value);
    return true;
}

bool llmobs_document_container(struct llmobs_document *d, const char *text)
{
    const char *first = text + strspn(text, " \t\r\n");

    if (*first != '{' && *first != '[')
        return false;
    return d->limit ? put_parsed(d, text) : put_checked(d, text);
}
