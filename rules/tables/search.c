/* Reads calls of web search services. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/reading.h"
#include "rules/read/request.h"
#include "rules/read/values.h"
#include "rules/tables/search.h"
#include "rules/tables/store.h"

static const struct llmobs_search *web_search_tool_of(
    const struct llmobs_reading *reading)
{
    return reading->form->variant;
}

/* -- the request ---------------------------------------------------------- */

/* A query from the URL, where a blank may be a plus sign. */
static int web_search_read_text(struct llmobs_reading *reading,
                                struct llmobs_text text)
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

int llmobs_search_begin(struct llmobs_reading *reading)
{
    const struct llmobs_classified *classified = reading->classified;

    if (!*classified->shape->queries || classified->call->request.len == 0)
        return 0;
    return web_search_read_text(reading, classified->call->request);
}

int llmobs_search_request(struct llmobs_reading *reading)
{
    const struct llmobs_search *tool = web_search_tool_of(reading);
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
static struct llmobs_json *web_search_find(const struct llmobs_json *body,
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
int llmobs_search_document(struct llmobs_reading *reading,
                           const struct llmobs_json *body)
{
    const char *place = web_search_tool_of(reading)->outputs;
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
        struct llmobs_json *value = web_search_find(body, place, &name);

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
