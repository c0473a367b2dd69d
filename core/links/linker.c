#include "core/links/linker.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/work.h"
#include "core/links/link_user.h"

/* Changes between small letters, capitals and digits within an id: a random one
 * has them all along, a word or a count hardly any. */
#define CHANGES 7

/* The kinds of records. */
#define KIND_TOOL 't'

/* A call while it is linked. */
struct linking {
    struct llmobs_linker *linker;
    struct llmobs_span *span;
    struct llmobs_hash128 scope; /* whose call it is */
    int64_t end_ns;
};

void llmobs_linker_init(struct llmobs_linker *linker)
{
    llmobs_link_table_init(&linker->table);
}

void llmobs_linker_fini(struct llmobs_linker *linker)
{
    llmobs_link_table_fini(&linker->table);
}

void llmobs_linker_reset(struct llmobs_linker *linker)
{
    llmobs_link_table_reset(&linker->table);
}

/* -- whose call ------------------------------------------------------------ */

static void add_text(struct llmobs_siphash *hash, const char *text)
{
    llmobs_siphash_add(hash, text ? text : "", text ? strlen(text) + 1 : 1);
}

/* Scheme, host and port of a URL. */
static struct llmobs_text origin_of(const char *url)
{
    const char *host = strstr(url, "://");

    host = host ? host + 3 : url;
    return (struct llmobs_text){url,
                                (size_t)(host - url) + strcspn(host, "/?#")};
}

static struct llmobs_hash128 scope_of(const struct llmobs_linker *linker,
                                      const struct llmobs_linker_call *call)
{
    struct llmobs_text origin = origin_of(call->url ? call->url : "");
    struct llmobs_siphash hash;

    llmobs_link_table_hash(&linker->table, 's', &hash);
    llmobs_siphash_add(&hash, &call->account, sizeof(call->account));
    llmobs_siphash_add(&hash, origin.data, origin.len);
    llmobs_siphash_add(&hash, "", 1);
    if (llmobs_work_do(call->request.len))
        llmobs_link_user_add(call->request, &hash);
    return llmobs_siphash_now(&hash);
}

static void begin_key(const struct linking *l, char kind,
                      struct llmobs_siphash *hash)
{
    llmobs_link_table_hash(&l->linker->table, kind, hash);
    llmobs_siphash_add(hash, &l->scope, sizeof(l->scope));
}

/* -- the span's links -------------------------------------------------------
 */

static bool has_link(const struct llmobs_json *links, const char *span_id)
{
    for (size_t i = 0; i < llmobs_json_len(links); i++) {
        const char *id = llmobs_json_gets(llmobs_json_at(links, i), "span_id");

        if (id && strcmp(id, span_id) == 0)
            return true;
    }
    return false;
}

/* The form of Datadog's SDK for Python (WIRE 1.10). */
static struct llmobs_json *make_link(const char *span_id, const char *trace_id)
{
    struct llmobs_json *link = llmobs_json_object();
    struct llmobs_json *ends = llmobs_json_object();

    if (llmobs_json_sets(ends, "from", "output") == 0 &&
        llmobs_json_sets(ends, "to", "input") == 0 &&
        llmobs_json_sets(link, "span_id", span_id) == 0 &&
        llmobs_json_sets(link, "trace_id", trace_id) == 0 &&
        llmobs_json_set(link, "attributes", llmobs_json_share(ends)) == 0) {
        llmobs_json_free(ends);
        return link;
    }
    llmobs_json_free(ends);
    llmobs_json_free(link);
    return NULL;
}

static void add_link(struct llmobs_span *span,
                     const struct llmobs_link_record *to)
{
    char span_id[24], trace_id[LLMOBS_TRACE_HEX_LEN + 1];

    snprintf(span_id, sizeof(span_id), "%llu", (unsigned long long)to->span_id);
    llmobs_id128_hex(to->trace_id, trace_id);
    if (to->span_id == span->context.span_id ||
        llmobs_json_len(span->links) >= LLMOBS_LINKS_MAX ||
        has_link(span->links, span_id))
        return;
    if (!span->links)
        span->links = llmobs_json_array();
    (void)llmobs_json_add(span->links, make_link(span_id, trace_id));
}

/* -- tools ------------------------------------------------------------------
 */

static int class_of(char c)
{
    if (c >= '0' && c <= '9')
        return 1;
    if (c >= 'a' && c <= 'z')
        return 2;
    return c >= 'A' && c <= 'Z' ? 3 : 0;
}

bool llmobs_linker_is_unique(const char *id)
{
    int changes = 0;

    for (; id && id[0] && id[1]; id++) {
        int from = class_of(id[0]), to = class_of(id[1]);

        changes += from && to && from != to;
    }
    return changes >= CHANGES;
}

static bool is_model(const struct llmobs_json *message)
{
    const char *role = llmobs_json_gets(message, "role");

    return role &&
           (strcmp(role, "assistant") == 0 || strcmp(role, "model") == 0);
}

static struct llmobs_hash128 tool_key(const struct linking *l, const char *id)
{
    struct llmobs_siphash hash;

    begin_key(l, KIND_TOOL, &hash);
    add_text(&hash, id);
    return llmobs_siphash_now(&hash);
}

static uint64_t name_check(const struct linking *l, const char *name)
{
    struct llmobs_siphash hash;

    llmobs_link_table_hash(&l->linker->table, 'n', &hash);
    add_text(&hash, name);
    return llmobs_siphash_now(&hash).lo;
}

/* The tool's call or result of that id in a list of messages. */
static const struct llmobs_json *find_tool(const struct llmobs_json *messages,
                                           const char *list, const char *id)
{
    for (size_t i = 0; i < llmobs_json_len(messages); i++) {
        const struct llmobs_json *tools =
            llmobs_json_get(llmobs_json_at(messages, i), list);
        size_t count = llmobs_json_len(tools);

        if (!llmobs_work_do(8 * (1 + count)))
            return NULL;
        for (size_t k = 0; k < count; k++) {
            const struct llmobs_json *tool = llmobs_json_at(tools, k);
            const char *own = llmobs_json_gets(tool, "tool_id");

            if (own && strcmp(own, id) == 0)
                return tool;
        }
    }
    return NULL;
}

/* A tool that the server ran has its result in the answer. */
static void remember_tool(const struct linking *l,
                          const struct llmobs_json *call)
{
    const char *id = llmobs_json_gets(call, "tool_id");
    struct llmobs_link_record record = {
        .span_id = l->span->context.span_id,
        .trace_id = l->span->context.trace_id,
        .at_ns = l->end_ns,
    };

    if (!llmobs_linker_is_unique(id) ||
        find_tool(l->span->output_messages, "tool_results", id))
        return;
    record.key = tool_key(l, id);
    record.check = name_check(l, llmobs_json_gets(call, "name"));
    llmobs_link_table_put(&l->linker->table, &record);
}

static void remember_tools(const struct linking *l)
{
    const struct llmobs_json *messages = l->span->output_messages;
    size_t count = 0;

    for (size_t i = 0; i < llmobs_json_len(messages); i++) {
        const struct llmobs_json *calls =
            llmobs_json_get(llmobs_json_at(messages, i), "tool_calls");

        for (size_t k = 0;
             k < llmobs_json_len(calls) && count < LLMOBS_LINKS_MAX; k++)
            if (llmobs_work_do(LLMOBS_WORK_VALUE * 16)) {
                remember_tool(l, llmobs_json_at(calls, k));
                count++;
            }
    }
}

/* Where the request repeats the call, it must be of the same tool. */
static void link_result(const struct linking *l,
                        const struct llmobs_json *result)
{
    const char *id = llmobs_json_gets(result, "tool_id");
    const struct llmobs_json *call;
    struct llmobs_link_record record;

    if (!llmobs_linker_is_unique(id) ||
        !llmobs_link_table_find(&l->linker->table, tool_key(l, id),
                                l->span->start_ns, &record))
        return;
    call = find_tool(l->span->input_messages, "tool_calls", id);
    if (!call || record.check == name_check(l, llmobs_json_gets(call, "name")))
        add_link(l->span, &record);
}

/* The results that this request is the first to bring stand behind the last
 * message of the model's; a last message of its own is the begin of the answer
 * that the program wants. */
static void link_results(const struct linking *l)
{
    const struct llmobs_json *messages = l->span->input_messages;
    size_t at = llmobs_json_len(messages), count = 0;

    if (at > 0 && is_model(llmobs_json_at(messages, at - 1)))
        at--;
    while (at-- > 0 && !is_model(llmobs_json_at(messages, at))) {
        const struct llmobs_json *results =
            llmobs_json_get(llmobs_json_at(messages, at), "tool_results");

        for (size_t k = 0;
             k < llmobs_json_len(results) && count < LLMOBS_LINKS_MAX; k++)
            if (llmobs_work_do(LLMOBS_WORK_VALUE * 16)) {
                link_result(l, llmobs_json_at(results, k));
                count++;
            }
    }
}

/* -- all of it --------------------------------------------------------------
 */

void llmobs_linker_link(struct llmobs_linker *linker,
                        const struct llmobs_linker_call *call,
                        struct llmobs_span *span)
{
    struct linking l = {.linker = linker, .span = span};

    if ((span->kind != LLMOBS_KIND_LLM && !span->proxied) ||
        (!span->input_messages && !span->output_messages))
        return;
    llmobs_work_begin(LLMOBS_WORK_BODY / 8);
    l.scope = scope_of(linker, call);
    l.end_ns = span->start_ns + span->duration_ns;
    link_results(&l);
    if (!span->failed)
        remember_tools(&l);
    (void)llmobs_work_end();
}
