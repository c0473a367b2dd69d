/* Web search services, as tools: the query in, the results out (WIRE 6.17).
 * Each has its own host. Code, since a query may stand in the URL, and several
 * members are the output. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/reading.h"
#include "rules/read/request.h"
#include "rules/read/values.h"
#include "rules/tables/store.h"

/* The variant of a form: names of members. */
struct tool {
    const char *inputs;  /* the first of these that the request has is read */
    const char *outputs; /* all of these that the answer has are read */
};

static const struct tool *tool_of(const struct llmobs_reading *reading)
{
    return reading->form->variant;
}

/* -- the request ---------------------------------------------------------- */

/* A query from the URL, where a blank may be a plus sign. */
static int read_text(struct llmobs_reading *reading, struct llmobs_text text)
{
    char *plain = strndup(text.data, text.len), *decoded = NULL;
    struct llmobs_json *value = NULL;
    int rc;

    for (char *at = plain; at && *at; at++)
        if (*at == '+')
            *at = ' ';
    if (plain)
        decoded = llmobs_url_decode(llmobs_text_of(plain));
    if (decoded)
        value = llmobs_json_string(decoded);
    rc = value ? llmobs_value_input(reading->span, value) : -ENOMEM;
    llmobs_json_free(value);
    free(decoded);
    free(plain);
    return rc;
}

static int web_search_begin(struct llmobs_reading *reading)
{
    const struct llmobs_classified *classified = reading->classified;

    if (!*classified->shape->queries || classified->call->request.len == 0)
        return 0;
    return read_text(reading, classified->call->request);
}

static int read_request(struct llmobs_reading *reading)
{
    const struct tool *tool = tool_of(reading);
    int rc;

    if (*reading->classified->shape->queries)
        return 0;
    rc = llmobs_request_metadata(reading->request, reading->form->keys,
                                 reading->span);
    return rc < 0 || reading->classified->call->request_truncated
               ? rc
               : llmobs_value_input(
                     reading->span,
                     llmobs_store_first(reading->request, tool->inputs));
}

/* -- the answer ----------------------------------------------------------- */

/* Finds a member, or a member of a member: "web/results". */
static struct llmobs_json *find(const struct llmobs_json *body,
                                const char *place, const char **name)
{
    const char *slash = strchr(place, '/');
    struct llmobs_json *value;
    char *outer;

    *name = slash ? slash + 1 : place;
    if (!slash)
        return llmobs_json_get(body, place);
    outer = strndup(place, (size_t)(slash - place));
    value =
        outer ? llmobs_json_get(llmobs_json_get(body, outer), slash + 1) : NULL;
    free(outer);
    return value;
}

/* Sets the output: the only member itself, or an object of several members. */
static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    const char *place = tool_of(reading)->outputs;
    const struct llmobs_json *error = llmobs_json_get(body, "error");
    const char *code = llmobs_json_gets(error, "code"); /* Brave */
    const char *text = llmobs_json_gets(error, "detail");
    struct llmobs_json *out, *only = NULL;
    int rc = 0;

    if (reading->classified->call->status >= 300)
        return code && text ? llmobs_span_fail(reading->span, code, text) : 0;
    out = llmobs_json_object();
    for (; *place && rc == 0; place = llmobs_words_next(place)) {
        const char *name;
        struct llmobs_json *value = find(body, place, &name);

        if (!value || llmobs_json_is_null(value))
            continue;
        only = value;
        rc = llmobs_json_set(out, name, llmobs_json_share(value));
    }
    if (rc == 0 && only)
        rc = llmobs_value_output(reading->span,
                                 llmobs_json_len(out) == 1 ? only : out);
    llmobs_json_free(out);
    return rc;
}

/* Exa says what a call costs, in USD. */
static int read_exa(struct llmobs_reading *reading,
                    const struct llmobs_json *body)
{
    const struct llmobs_json *total =
        llmobs_json_get(llmobs_json_get(body, "costDollars"), "total");
    int rc = read_document(reading, body);

    if (rc < 0 || !llmobs_json_is_number(total) ||
        llmobs_json_to_real(total) < 0)
        return rc;
    return llmobs_json_set(reading->span->metrics, "total_cost",
                           llmobs_json_clone(total));
}

/* -- the services -----------------------------------------------------------
 */

#define TOOL(verb, p, op, name)                                            \
    .method = (verb), .path = (p), .operation = (op), .span_name = (name), \
    .kind = LLMOBS_KIND_TOOL, .whole = true

/* `its_keys`: the keys that become metadata. */
#define SERVICE(id, read, its_keys, ...)                                     \
    static const struct tool id##_tool = {__VA_ARGS__};                      \
    static const struct llmobs_form id##_form = {                            \
        .keys = its_keys,                                                    \
        .begin = web_search_begin,                                           \
        .request = read_request,                                             \
        .document = read,                                                    \
        .ends = llmobs_reading_ends,                                         \
        .variant = &id##_tool,                                               \
    };                                                                       \
    LLMOBS_DIALECT(id, .integration = #id, .genai = "_OTHER",                \
                   .group = LLMOBS_GROUP_SEARCH, LLMOBS_SHAPES(id##_shapes), \
                   .form = &id##_form)

static const struct llmobs_shape brave_shapes[] = {
    {TOOL("GET", "/res/v1/web/search", "web_search", "brave.search"),
     .host = "api.search.brave.com", .bodyless = true, .queries = "q\0"},
    {TOOL("GET", "/res/v1/news/search", "news_search", "brave.news"),
     .host = "api.search.brave.com", .bodyless = true, .queries = "q\0"},
};
SERVICE(brave, read_document, "", .outputs = "web/results\0results\0");

static const struct llmobs_shape exa_shapes[] = {
    {TOOL("POST", "/search", "search", "exa.search"), .host = "api.exa.ai"},
    {TOOL("POST", "/contents", "contents", "exa.contents"),
     .host = "api.exa.ai"},
    {TOOL("POST", "/findSimilar", "find_similar", "exa.findSimilar"),
     .host = "api.exa.ai"},
    {TOOL("POST", "/answer", "answer", "exa.answer"), .host = "api.exa.ai"},
};
SERVICE(exa, read_exa,
        "type\0category\0numResults\0includeDomains\0excludeDomains\0",
        .inputs = "query\0url\0urls\0ids\0",
        .outputs = "answer\0results\0citations\0");

#define FIRECRAWL(version, op)                                             \
    {                                                                      \
        TOOL("POST", "/" version "/" op, version "_" op, "firecrawl." op), \
            .host = "api.firecrawl.dev"                                    \
    }
static const struct llmobs_shape firecrawl_shapes[] = {
    FIRECRAWL("v1", "search"), FIRECRAWL("v1", "scrape"),
    FIRECRAWL("v1", "map"),    FIRECRAWL("v2", "search"),
    FIRECRAWL("v2", "scrape"), FIRECRAWL("v2", "map"),
};
SERVICE(firecrawl, read_document, "limit\0formats\0sources\0location\0",
        .inputs = "query\0url\0urls\0", .outputs = "data\0links\0");

static const struct llmobs_shape ollama_search_shapes[] = {
    {TOOL("POST", "/api/web_search", "web_search", "ollama.web_search"),
     .host = "ollama.com"},
    {TOOL("POST", "/api/web_fetch", "web_fetch", "ollama.web_fetch"),
     .host = "ollama.com"},
};
SERVICE(ollama_search, read_document, "max_results\0", .inputs = "query\0url\0",
        .outputs = "results\0title\0content\0links\0");

static const struct llmobs_shape perplexity_search_shapes[] = {
    {TOOL("POST", "/search", "search", "perplexity.search"),
     .host = "api.perplexity.ai"},
};
SERVICE(perplexity_search, read_document,
        "max_results\0country\0search_domain_filter\0search_recency_filter\0",
        .inputs = "query\0", .outputs = "results\0");

/* The API key and the query stand in the URL; the query's name depends on the
 * search engine. */
#define SERPAPI(path, op)                                  \
    {                                                      \
        TOOL("GET", path, op, "serpapi.search"),           \
            .host = "serpapi.com", .bodyless = true,       \
            .queries = "q\0search_query\0p\0text\0query\0" \
    }
static const struct llmobs_shape serpapi_shapes[] = {
    SERPAPI("/search", "search"),
    SERPAPI("/search.json", "search_json"),
};
SERVICE(serpapi, read_document, "",
        .outputs = "answer_box\0organic_results\0news_results\0images_"
                   "results\0shopping_results\0local_results\0video_results\0");

#define SERPER(op)                                                          \
    {                                                                       \
        TOOL("POST", "/" op, op, "serper." op), .host = "google.serper.dev" \
    }
static const struct llmobs_shape serper_shapes[] = {
    SERPER("search"), SERPER("news"),     SERPER("images"),  SERPER("videos"),
    SERPER("places"), SERPER("shopping"), SERPER("scholar"),
};
SERVICE(
    serper, read_document, "num\0gl\0hl\0page\0tbs\0", .inputs = "q\0",
    .outputs = "answerBox\0organic\0news\0images\0videos\0places\0shopping\0");

static const struct llmobs_shape tavily_shapes[] = {
    {TOOL("POST", "/search", "search", "tavily.search"),
     .host = "api.tavily.com"},
    {TOOL("POST", "/extract", "extract", "tavily.extract"),
     .host = "api.tavily.com"},
};
SERVICE(tavily, read_document,
        "search_depth\0topic\0max_results\0time_range\0include_domains\0"
        "exclude_domains\0include_answer\0extract_depth\0",
        .inputs = "query\0urls\0url\0",
        .outputs = "answer\0results\0failed_results\0");
