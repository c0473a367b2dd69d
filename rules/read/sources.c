/* Collects the sources of a response. */
#include "rules/read/sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/span/links.h"
#include "rules/read/text.h"

/* Names, up to an empty one, in which a star stands for each element of a list.
 */
typedef char path[8][20];

/* To the sources, from a whole answer or an event on. */
static const path openai[] = {
    {"choices", "*", "message", "annotations", "*"},
    {"choices", "*", "message", "context", "citations", "*"},
    {"choices", "*", "delta", "annotations", "*"},
    {"choices", "*", "delta", "context", "citations", "*"},
    {"search_results", "*"},
    {"citations", "*"},
    {"web_search", "*"},
    {"content", "*", "annotations", "*"},
    {"annotation"},
    {""}};
static const path anthropic[] = {
    {"content", "*", "citations", "*"}, {"delta", "citation"}, {""}};
static const path gemini[] = {
    {"candidates", "*", "groundingMetadata", "groundingChunks", "*"},
    {"candidates", "*", "urlContextMetadata", "urlMetadata", "*"},
    {""}};
static const path converse[] = {
    {"output", "message", "content", "*", "citationsContent", "citations", "*"},
    {"delta", "citation"},
    {"contentBlockDelta", "delta", "citation"},
    {""}};
static const path cohere[] = {{"message", "citations", "*", "sources", "*"},
                              {"delta", "message", "citations", "sources", "*"},
                              {""}};
static const path mistral[] = {
    {"outputs", "*", "content", "*"}, {"content"}, {""}};
static const path *const places[] = {
    [LLMOBS_SOURCES_OPENAI] = openai, [LLMOBS_SOURCES_ANTHROPIC] = anthropic,
    [LLMOBS_SOURCES_GEMINI] = gemini, [LLMOBS_SOURCES_CONVERSE] = converse,
    [LLMOBS_SOURCES_COHERE] = cohere, [LLMOBS_SOURCES_MISTRAL] = mistral,
};

/* Where a source has its URL; the first path that leads to a text counts. */
static const path urls[] = {{"url"},
                            {"url_citation", "url"},
                            {"web", "uri"},
                            {"retrievedContext", "uri"},
                            {"maps", "uri"},
                            {"location", "web", "url"},
                            {"document", "url"},
                            {"retrievedUrl"},
                            {"link"},
                            {"source"},
                            {""}};
static const path titles[] = {{"title"},
                              {"url_citation", "title"},
                              {"document_title"},
                              {"web", "title"},
                              {"retrievedContext", "title"},
                              {"maps", "title"},
                              {"document", "title"},
                              {"filename"},
                              {""}};
static const path ids[] = {{"file_id"},
                           {"file_citation", "file_id"},
                           {"filepath"},
                           {"retrievedContext", "documentName"},
                           {"maps", "placeId"},
                           {"id"},
                           {""}};

/* Elements of such lists that are none: what a tool of the server has made. */
static const char others[] = "file_path\0tool_file\0";

static const char *sources_text(const struct llmobs_json *from,
                                const path *paths)
{
    for (; ***paths; paths++) {
        const struct llmobs_json *at = from;

        for (size_t i = 0; at && *(*paths)[i]; i++)
            at = llmobs_json_get(at, (*paths)[i]);
        if (llmobs_has_text(llmobs_json_text(at)))
            return llmobs_json_text(at);
    }
    return NULL;
}

/* The secrets of a URL are masked, in most cases before it came here. */
static int set_url(struct llmobs_json *source, const char *url)
{
    size_t query = strcspn(url, "?#");
    char *copy = strdup(url);
    int rc = copy ? 0 : -ENOMEM;

    if (copy) {
        llmobs_links_mask(copy, strlen(copy), NULL);
        if (strstr(copy + query, "=*"))
            copy[query] = '\0';
        copy[llmobs_text_cut(llmobs_text_of(copy), LLMOBS_SOURCE_TEXT_MAX)
                 .len] = '\0';
        rc = llmobs_json_sets(source, "url", copy);
    }
    free(copy);
    return rc;
}

static int set(struct llmobs_json *source, const char *key, const char *text)
{
    struct llmobs_text cut =
        llmobs_text_cut(llmobs_text_of(text), LLMOBS_SOURCE_TEXT_MAX);

    return text ? llmobs_json_set(source, key,
                                  llmobs_json_stringn(cut.data, cut.len))
                : 0;
}

static bool have_same(const struct llmobs_json *a, const struct llmobs_json *b,
                      const char *key)
{
    const char *one = llmobs_json_gets(a, key), *two = llmobs_json_gets(b, key);

    return one && two ? strcmp(one, two) == 0 : one == two;
}

static bool are_same(const struct llmobs_json *a, const struct llmobs_json *b)
{
    return have_same(a, b, "url") &&
           (llmobs_json_get(a, "url") ||
            (have_same(a, b, "id") && have_same(a, b, "title")));
}

/* Adds a source. Where it has a name in the place of its URL, the name becomes
 * its id. */
static int sources_read(struct llmobs_span *span,
                        const struct llmobs_json *from)
{
    const char *url = llmobs_json_text(from), *id = sources_text(from, ids);
    const char *type = llmobs_json_gets(from, "type");
    struct llmobs_json *source;
    int rc = 0;
    struct llmobs_json *list;
    bool have;

    if (type && llmobs_words_have(others, type))
        return 0;
    if (!llmobs_has_text(url))
        url = sources_text(from, urls);
    if (url && !strstr(url, "://")) {
        id = id || strncmp(url, "data:", strlen("data:")) == 0 ? id : url;
        url = NULL;
    }
    /* The source need not be made again: some servers repeat all of them in
     * each event. */
    list = llmobs_json_get(span->metadata, "sources");
    have = llmobs_json_len(list) >= LLMOBS_SOURCES_MAX;
    LLMOBS_JSON_EACH (one, list, url && !have)
        have = llmobs_json_says(one, "url", url);
    if (have)
        return 0;
    source = llmobs_json_object();
    if (url)
        rc = set_url(source, url);
    if (rc == 0)
        rc = set(source, "title", sources_text(from, titles));
    if (rc == 0)
        rc = set(source, "id", id);
    if (rc == 0 && source) {
        size_t count = llmobs_json_len(list);
        bool known = llmobs_json_len(source) == 0;

        for (size_t i = 0; i < count && !known; i++)
            known = are_same(llmobs_json_at(list, i), source);
        if (known) {
            llmobs_json_free(source);
            return 0;
        }
        if (!list) {
            list = llmobs_json_array();
            rc = llmobs_json_set(span->metadata, "sources", list);
        }
        return llmobs_json_add_made(list, source, rc);
    }
    llmobs_json_free(source);
    return -ENOMEM;
}

struct walk {
    struct llmobs_span *span;
    bool texts; /* a text is a source, too */
    bool found;
};

/* The recursion is as deep as the path is long. */
static int sources_walk(struct walk *walk, const struct llmobs_json *from,
                        const char (*at)[20])
{
    int rc = 0;

    for (; from && **at && **at != '*'; at++)
        from = llmobs_json_get(from, *at);
    if (!from)
        return 0;
    if (!**at) {
        if (!walk->texts && !llmobs_json_is_object(from))
            return 0;
        walk->found = true;
        return sources_read(walk->span, from);
    }
    LLMOBS_JSON_EACH (one, from, rc == 0)
        rc = sources_walk(walk, one, at + 1);
    return rc;
}

static int find(struct walk *walk, const struct llmobs_json *body,
                enum llmobs_sources form)
{
    int rc = 0;

    walk->texts = form == LLMOBS_SOURCES_OPENAI;
    for (const path *to = places[form]; rc == 0 && ***to; to++)
        rc = sources_walk(walk, body, *to);
    return rc;
}

int llmobs_sources_read(struct llmobs_span *span,
                        const struct llmobs_json *body,
                        enum llmobs_sources form)
{
    struct walk walk = {.span = span};

    return find(&walk, body, form);
}

int llmobs_sources_event(struct llmobs_reading *reading,
                         const struct llmobs_event *event,
                         enum llmobs_sources form)
{
    struct walk walk = {.span = reading->span};
    int rc;

    if (event->alike && event->alike->tree == reading->sourceless)
        return 0;
    rc = find(&walk, event->json, form);
    reading->sourceless = event->alike && !walk.found ? event->alike->tree : 0;
    return rc;
}
