/* Reads searches in vector databases. */
#include "rules/tables/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/documents.h"
#include "rules/read/request.h"
#include "rules/read/text.h"
#include "rules/read/values.h"

#define STORE_DEPTH_MAX 8

static const struct llmobs_store *store_of(const struct llmobs_reading *reading)
{
    return reading->form->variant;
}

const struct llmobs_json *llmobs_store_first(const struct llmobs_json *object,
                                             const char *names)
{
    const struct llmobs_json *value = NULL;

    for (; names && *names && !value; names = llmobs_words_next(names))
        value = llmobs_json_get(object, names);
    return value;
}

/* -- the request ---------------------------------------------------------- */

/* A member that is null asks for nothing. */
static bool asks_in(const struct llmobs_store *store,
                    const struct llmobs_json *search)
{
    const struct llmobs_json *value = NULL;

    for (const char *name = store->asks;
         *name && (!value || llmobs_json_is_null(value));
         name = llmobs_words_next(name))
        value = llmobs_json_get(search, name);
    return value && !llmobs_json_is_null(value);
}

static const struct llmobs_json *searches_of(
    const struct llmobs_reading *reading)
{
    const char *each = store_of(reading)->each;
    const struct llmobs_json *list =
        each ? llmobs_json_get(reading->request, each) : NULL;

    return llmobs_json_is_array(list) ? list : NULL;
}

bool llmobs_store_asks(const struct llmobs_reading *reading)
{
    const struct llmobs_store *store = store_of(reading);
    const struct llmobs_json *list = searches_of(reading);
    bool asks = asks_in(store, reading->request);

    if (reading->classified->call->request_truncated) {
        /* Of a cut list only the bytes can show a search. */
        const struct llmobs_call *call = reading->classified->call;

        LLMOBS_WORDS_EACH (name, store->asks)
            if (llmobs_reading_has(reading, name))
                return true;
        return store->each && llmobs_reading_has(reading, store->each) &&
               (llmobs_text_has_any(call->request, reading->form->signs) ||
                llmobs_text_has_any(call->request_tail, reading->form->signs));
    }
    LLMOBS_JSON_EACH (one, list, !asks)
        asks = asks_in(store, one);
    return asks;
}

static int gather(const struct llmobs_json *value, const char *names,
                  bool named, int depth, struct llmobs_json *texts)
{
    static const char filters[] = "filter\0filters\0where\0";
    const char *text = llmobs_json_text(value);
    int rc = 0;

    if (text && named && *text && strcmp(text, "*") != 0)
        return llmobs_json_add(texts, llmobs_json_string(text));
    if (depth == STORE_DEPTH_MAX)
        return 0;
    LLMOBS_JSON_EACH (one, value, rc == 0)
        rc = gather(one, names, named, depth + 1, texts);
    for (void *it = llmobs_json_iter(value); it && rc == 0;
         it = llmobs_json_next(value, it)) {
        const char *key = llmobs_json_iter_key(it);

        if (!llmobs_words_have(filters, key))
            rc = gather(llmobs_json_iter_value(it), names,
                        llmobs_words_have(names, key), depth + 1, texts);
    }
    return rc;
}

int llmobs_store_input(struct llmobs_span *span,
                       const struct llmobs_json *texts)
{
    return llmobs_value_input(span, llmobs_json_len(texts) == 0 ? NULL
                                    : llmobs_json_len(texts) == 1
                                        ? llmobs_json_at(texts, 0)
                                        : texts);
}

int llmobs_store_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *list = searches_of(reading);
    const char *keys = store_of(reading)->keys;
    int rc = llmobs_request_metadata(
        llmobs_json_len(list) == 1 ? llmobs_json_at(list, 0) : reading->request,
        keys ? keys : reading->form->keys, reading->span);
    struct llmobs_json *texts;

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    texts = llmobs_json_array();
    rc = texts ? gather(reading->request, store_of(reading)->texts, false, 0,
                        texts)
               : -ENOMEM;
    if (rc == 0)
        rc = llmobs_store_input(reading->span, texts);
    llmobs_json_free(texts);
    return rc;
}

/* -- the answer ----------------------------------------------------------- */

static bool is_empty(const struct llmobs_json *value)
{
    return (llmobs_json_is_array(value) || llmobs_json_is_object(value)) &&
           llmobs_json_len(value) == 0;
}

/* Copies an object without the members that `without` and `drops` name, and
 * without empty members, which held vectors only; copies another type whole. */
static struct llmobs_json *rest_of(const struct llmobs_json *value,
                                   const char *without, const char *drops)
{
    struct llmobs_json *out;
    int rc = 0;

    if (!llmobs_json_is_object(value))
        return llmobs_json_clone(value);
    out = llmobs_json_object();
    for (void *it = llmobs_json_iter(value); it && rc == 0;
         it = llmobs_json_next(value, it)) {
        const char *key = llmobs_json_iter_key(it);
        struct llmobs_json *one = llmobs_json_iter_value(it);

        if (llmobs_words_have(without, key) || llmobs_words_have(drops, key) ||
            is_empty(one))
            continue;
        rc = llmobs_json_set(out, key, llmobs_json_share(one));
    }
    return llmobs_json_done(out, rc);
}

/* Some stores write a score as a text. */
static struct llmobs_json *number_of(const struct llmobs_json *score)
{
    const char *text = llmobs_json_text(score);
    char *end = NULL;
    double number = text ? strtod(text, &end) : 0;

    if (!text)
        return llmobs_json_is_number(score) ? llmobs_json_clone(score) : NULL;
    return end == text || *end ? NULL : llmobs_json_real(number);
}

int llmobs_store_add(struct llmobs_span *span,
                     const struct llmobs_json *payload,
                     const struct llmobs_json *id,
                     const struct llmobs_json *score)
{
    static const char names[] = "title\0name\0file_name\0source\0";
    struct llmobs_json *number = number_of(score);
    int rc = llmobs_documents_add(
        span,
        &(struct llmobs_found){
            .text = is_empty(payload) ? NULL : payload,
            .name = llmobs_store_first(payload, names),
            .id = llmobs_json_is_string(id) || llmobs_json_is_number(id) ? id
                                                                         : NULL,
            .score = number,
        });

    llmobs_json_free(number);
    return rc;
}

static const char no_names[] = "";

/* `sure`: an object is a hit, whatever it has. */
static int read_hits(struct llmobs_reading *reading,
                     const struct llmobs_json *value, bool sure, int depth)
{
    const struct llmobs_store *store = store_of(reading);
    bool list = llmobs_json_is_array(value);
    int rc = list && !reading->span->failed
                 ? llmobs_documents_begin(reading->span)
                 : 0;

    if (rc < 0 || depth == STORE_DEPTH_MAX)
        return rc;
    for (size_t i = 0; list && rc == 0 && i < llmobs_json_len(value) &&
                       i < LLMOBS_DOCUMENTS_MAX;
         i++)
        rc = read_hits(reading, llmobs_json_at(value, i), sure, depth + 1);
    if (list || !llmobs_json_is_object(value))
        return rc;
    if (sure || (depth > 0 && !store->hits &&
                 llmobs_store_first(value, store->scores))) {
        /* Adds a hit. If it is its own payload, its text lacks its id and
         * score. */
        const struct llmobs_json *id = llmobs_store_first(value, store->ids);
        const struct llmobs_json *payload =
            store->payloads ? llmobs_store_first(value, store->payloads)
                            : value;
        struct llmobs_json *rest = rest_of(
            payload, store->payloads ? no_names : store->scores, store->drops);

        rc = rest || !payload ? 0 : -ENOMEM;
        if (!id && store->payloads)
            id = llmobs_store_first(payload, store->ids);
        if (rc == 0 && !store->payloads)
            LLMOBS_WORDS_EACH (name, store->ids)
                llmobs_json_unset(rest, name);
        if (rc == 0)
            rc = llmobs_store_add(reading->span, rest, id,
                                  llmobs_store_first(value, store->scores));
        llmobs_json_free(rest);
        return rc;
    }
    for (const char *name = store->lists; *name && rc == 0;
         name = llmobs_words_next(name))
        rc =
            read_hits(reading, llmobs_json_get(value, name),
                      store->hits && strcmp(name, store->hits) == 0, depth + 1);
    return rc;
}

/* If one of several searches failed, the span still has the documents that the
 * others found. */
int llmobs_store_document(struct llmobs_reading *reading,
                          const struct llmobs_json *body)
{
    const struct llmobs_store *store = store_of(reading);
    int rc = store->fail ? store->fail(reading, body) : 0;

    if (rc < 0 || reading->classified->call->status >= 300 ||
        (reading->span->failed && !store->each))
        return rc;
    return read_hits(reading, body, false, 0);
}
