/* Weaviate: POST /v1/graphql with a Get that searches by a vector or a text, as
 * its documentation of GraphQL has it (WIRE 6.17). Other GraphQL servers have
 * such a path, too: only the operators of a search show that it is one. Code,
 * since these and the texts stand in a query of GraphQL. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "rules/tables/store.h"
#include "rules/read/documents.h"

static const char keys[] = "operationName\0";
static const char asks[] = "query\0";
static const char none[] = "";

/* The arguments of Get by which it searches. */
static const char operators[] =
    "nearVector\0nearText\0nearObject\0nearImage\0hybrid\0bm25\0";

static const char ids[] = "id\0";
static const char scores[] = "score\0certainty\0distance\0";

static const struct llmobs_store store = {
    .asks = asks,
    .texts = none,
    .lists = none,
    .ids = ids,
    .scores = scores,
};

/* The text behind the whole word `word` and the blanks after it; NULL: the text
 * has no such word. */
static const char *weaviate_behind(const char *text, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = text; at && (at = strstr(at, word)); at++) {
        bool begins =
            at == text || (!isalnum((unsigned char)at[-1]) && at[-1] != '_');

        if (begins && !isalnum((unsigned char)at[len]) && at[len] != '_')
            return at + len + strspn(at + len, " \t\r\n");
    }
    return NULL;
}

/* Where the value of an argument begins; NULL: there is no such argument. */
static const char *argument(const char *text, const char *name)
{
    for (text = weaviate_behind(text, name); text && *text != ':';)
        text = weaviate_behind(text, name);
    return text ? text + 1 + strspn(text + 1, " \t\r\n") : NULL;
}

static bool is_search(const struct llmobs_reading *reading)
{
    const char *query = llmobs_json_gets(reading->request, "query");
    const char *get = weaviate_behind(query, "Get");

    if (!get || *get != '{')
        return false;
    LLMOBS_WORDS_EACH (name, operators) {
        const char *value = argument(get, name);

        if (value && *value == '{')
            return true;
    }
    return false;
}

/* A string of GraphQL has the escapes of JSON's. */
static int add_text(struct llmobs_text quoted, struct llmobs_json *texts)
{
    struct llmobs_json *text = NULL;
    int rc = llmobs_json_parse(quoted, &text);

    if (rc == 0)
        return llmobs_json_add(texts, text);
    return rc == -ENOMEM ? rc : 0;
}

/* Adds the text of a value in quotes, or the texts of a list of such values. */
static int add_texts(const char *at, struct llmobs_json *texts)
{
    bool list = *at == '[';
    int rc = 0;

    at += list;
    do {
        const char *end;

        at += strspn(at, " \t\r\n,");
        if (*at != '"')
            break;
        end = at + 1;
        while (*end && *end != '"')
            end += end[0] == '\\' && end[1] ? 2 : 1;
        if (*end)
            rc = add_text((struct llmobs_text){at, (size_t)(end + 1 - at)},
                          texts);
        at = *end ? end + 1 : end;
    } while (list && rc == 0);
    return rc;
}

/* nearText has concepts, hybrid and bm25 have a query. */
static int read_request(struct llmobs_reading *reading)
{
    const char *query = llmobs_json_gets(reading->request, "query");
    const char *at = argument(weaviate_behind(query, "Get"), "concepts");
    struct llmobs_json *texts = llmobs_json_array();
    int rc = texts ? 0 : -ENOMEM;

    if (!at)
        at = argument(weaviate_behind(query, "Get"), "query");
    if (rc == 0 && at && !reading->classified->call->request_truncated)
        rc = add_texts(at, texts);
    if (rc == 0)
        rc = llmobs_store_input(reading->span, texts);
    llmobs_json_free(texts);
    return rc;
}

/* Adds all properties that the query asked for, without "_additional". */
static int add_object(struct llmobs_reading *reading,
                      const struct llmobs_json *object)
{
    const struct llmobs_json *more = llmobs_json_get(object, "_additional");
    const struct llmobs_json *id = llmobs_store_first(more, ids);
    struct llmobs_json *rest;
    int rc;

    if (!llmobs_json_is_object(object))
        return 0;
    rest = llmobs_json_object();
    rc = rest ? 0 : -ENOMEM;

    for (void *it = llmobs_json_iter(object); it && rc == 0;
         it = llmobs_json_next(object, it))
        if (strcmp(llmobs_json_iter_key(it), "_additional") != 0)
            rc = llmobs_json_set(rest, llmobs_json_iter_key(it),
                                 llmobs_json_share(llmobs_json_iter_value(it)));
    if (rc == 0)
        rc = llmobs_store_add(reading->span, rest, id,
                              llmobs_store_first(more, scores));
    llmobs_json_free(rest);
    return rc;
}

/* A query that fails has the status 200 and a list of errors. */
static int fail(struct llmobs_span *span, const struct llmobs_json *body)
{
    const struct llmobs_json *errors = llmobs_json_get(body, "errors");

    if (llmobs_json_len(errors) == 0)
        return 0;
    return llmobs_span_fail(
        span, "graphql_error",
        llmobs_json_gets(llmobs_json_at(errors, 0), "message"));
}

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    const struct llmobs_json *get =
        llmobs_json_get(llmobs_json_get(body, "data"), "Get");
    int rc;

    if (reading->classified->call->status >= 300)
        return 0;
    rc = fail(reading->span, body);
    for (void *it = llmobs_json_iter(get); it && rc == 0;
         it = llmobs_json_next(get, it))
        rc = llmobs_documents_each(reading, llmobs_json_iter_value(it),
                                   add_object);
    return rc;
}

static const char signs[] =
    "nearVector\0nearText\0nearObject\0nearImage\0hybrid\0bm25\0";

const struct llmobs_form llmobs_form_weaviate = {
    .keys = keys,
    .signs = signs,
    .confirm = is_search,
    .request = read_request,
    .document = read_document,
    .ends = llmobs_reading_ends,
    .variant = &store,
};
