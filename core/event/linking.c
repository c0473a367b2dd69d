/* Reads what a call says about links, for the files of this room. */
#include "core/event/linking.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/work.h"
#include "lib/text/json_plain.h"

/* A program may use an answer before its transfer has ended, but at most this
 * much earlier. */
#define LATE_NS INT64_C(1000000000)

/* -- the end user --------------------------------------------------------- */

/* Where a walk through a document is. */
struct walk {
    const char *at, *end;
    int depth;
    bool within; /* "metadata" is the object open at depth 2 */
};

/* Reads the string that begins at the quote, and moves behind it. */
static struct llmobs_text read_quoted(struct walk *w)
{
    const char *from = w->at + 1;
    const char *to = llmobs_json_string_end(from, w->end);

    w->at = to < w->end ? to + 1 : to;
    return (struct llmobs_text){from, (size_t)(to - from)};
}

static void skip_blanks(struct walk *w)
{
    while (w->at < w->end && strchr(" \t\r\n", *w->at) && *w->at)
        w->at++;
}

/* Reads a string; before a colon it is a key. */
static void read_member(struct walk *w, struct llmobs_siphash *out)
{
    struct llmobs_text key = read_quoted(w), value;
    bool user;

    skip_blanks(w);
    if (w->at == w->end || *w->at != ':')
        return;
    w->at++;
    skip_blanks(w);
    user = ((w->depth == 1 || (w->depth == 2 && w->within)) &&
            llmobs_text_is(key, "user_id")) ||
           (w->depth == 1 && (llmobs_text_is(key, "user") ||
                              llmobs_text_is(key, "safety_identifier")));
    if (w->depth == 1)
        w->within = llmobs_text_is(key, "metadata");
    if (!user || w->at == w->end || *w->at != '"')
        return;
    value = read_quoted(w);
    llmobs_siphash_add(out, key.data, key.len);
    llmobs_siphash_add(out, "\0", 1);
    llmobs_siphash_add(out, value.data, value.len);
    llmobs_siphash_add(out, "\0", 1);
}

void llmobs_linking_add_user(struct llmobs_text body,
                             struct llmobs_siphash *out)
{
    struct walk w = {.at = body.data, .end = body.data + body.len};

    if (!body.data)
        return;
    while (w.at < w.end) {
        char c = *w.at;

        if (c == '"') {
            read_member(&w, out);
            continue;
        }
        w.depth += c == '{' || c == '[';
        w.depth -= c == '}' || c == ']';
        w.at++;
    }
}

/* -- whose call ------------------------------------------------------------ */

void llmobs_linking_add(struct llmobs_siphash *hash, const char *text)
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

struct llmobs_hash128 llmobs_linking_session(const struct llmobs_linking *l,
                                             struct llmobs_text id)
{
    struct llmobs_text origin = origin_of(l->call->url ? l->call->url : "");
    struct llmobs_siphash hash;

    llmobs_link_table_hash(l->table, 'x', &hash);
    llmobs_siphash_add(&hash, origin.data, origin.len);
    llmobs_siphash_add(&hash, "", 1);
    llmobs_siphash_add(&hash, id.data, id.len);
    return llmobs_siphash_now(&hash);
}

void llmobs_linking_set_scope(struct llmobs_linking *l)
{
    const struct llmobs_linker_call *call = l->call;
    struct llmobs_text origin = origin_of(call->url ? call->url : "");
    struct llmobs_siphash hash;

    llmobs_link_table_hash(l->table, 's', &hash);
    llmobs_siphash_add(&hash, &call->account, sizeof(call->account));
    llmobs_siphash_add(&hash, origin.data, origin.len);
    llmobs_siphash_add(&hash, "", 1);
    l->owner = llmobs_siphash_now(&hash);
    if (llmobs_work_do(call->request.len))
        llmobs_linking_add_user(call->request, &hash);
    l->scope = llmobs_siphash_now(&hash);
}

void llmobs_linking_begin(const struct llmobs_linking *l, char kind,
                          struct llmobs_siphash *hash)
{
    llmobs_link_table_hash(l->table, kind, hash);
    llmobs_siphash_add(hash, &l->scope, sizeof(l->scope));
}

/* -- records --------------------------------------------------------------- */

static bool is_same_trace(struct llmobs_id128 a, struct llmobs_id128 b)
{
    return a.hi == b.hi && a.lo == b.lo;
}

bool llmobs_linking_pick(const struct llmobs_linking *l,
                         struct llmobs_hash128 key,
                         struct llmobs_link_record *out)
{
    struct llmobs_link_record *found;
    size_t count = llmobs_link_table_find(l->table, key, &found);
    size_t others = 0, near = 0;
    bool crowded = false;

    for (size_t i = 0; i < count; i++) {
        if (found[i].span_id == l->span->context.span_id)
            continue;
        crowded = crowded || found[i].crowded;
        others++;
        if (near == 0 ||
            is_same_trace(found[i].trace_id, l->span->context.trace_id))
            *out = found[i];
        near += is_same_trace(found[i].trace_id, l->span->context.trace_id);
    }
    return (others == 1 && !crowded) || near == 1;
}

bool llmobs_linking_find(const struct llmobs_linking *l,
                         struct llmobs_hash128 key,
                         struct llmobs_link_record *out)
{
    return llmobs_linking_pick(l, key, out) &&
           llmobs_link_is_fresh(out, l->span->start_ns) &&
           out->at_ns <= l->span->start_ns + LATE_NS;
}

static struct llmobs_hash128 key_of_apm(const struct llmobs_linking *l,
                                        uint64_t span_id)
{
    struct llmobs_siphash hash;

    llmobs_link_table_hash(l->table, LLMOBS_LINK_APM, &hash);
    llmobs_siphash_add(&hash, &span_id, sizeof(span_id));
    return llmobs_siphash_now(&hash);
}

/* A caller's traceparent puts spans into the caller's trace. That is their
 * trace in OTLP, but in LLM Observability each process has its own trace. */
void llmobs_linking_put_apm(const struct llmobs_linking *l)
{
    const struct llmobs_context *context = &l->span->context;
    const struct llmobs_link_record record = {
        .key = key_of_apm(l, context->span_id),
        .span_id = context->span_id,
        .trace_id = context->apm_trace_id,
        .at_ns = l->end_ns > 0 ? l->end_ns : 1,
    };

    if (!is_same_trace(context->trace_id, context->apm_trace_id))
        llmobs_link_table_put(l->table, &record);
}

void llmobs_linking_put(const struct llmobs_linking *l,
                        struct llmobs_hash128 key, uint64_t check)
{
    const struct llmobs_link_record record = {
        .key = key,
        .span_id = l->span->context.span_id,
        .trace_id = l->span->context.trace_id,
        .at_ns = l->end_ns > 0 ? l->end_ns : 1,
        .check = check,
    };

    llmobs_link_table_put(l->table, &record);
    llmobs_linking_put_apm(l);
}

/* -- the span's links ------------------------------------------------------ */

/* Gives a link in the form of Datadog's SDK for Python (WIRE 1.10). */
static struct llmobs_json *make_link(const struct llmobs_link_record *to,
                                     const char *span_id, const char *from,
                                     const char *kind, const char *apm_trace)
{
    struct llmobs_json *link = llmobs_json_object();
    struct llmobs_json *ends = llmobs_json_object();
    char trace_id[LLMOBS_TRACE_HEX_LEN + 1];

    llmobs_id128_hex(to->trace_id, trace_id);
    if (llmobs_json_sets(ends, "from", from) == 0 &&
        llmobs_json_sets(ends, "kind", kind) == 0 &&
        llmobs_json_sets(ends, "apm_trace_id", apm_trace) == 0 &&
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

bool llmobs_linking_find_apm(const struct llmobs_linking *l, uint64_t span_id,
                             struct llmobs_id128 *out)
{
    struct llmobs_link_record *found;
    size_t count =
        llmobs_link_table_find(l->table, key_of_apm(l, span_id), &found);

    if (count != 1)
        return false;
    *out = found->trace_id;
    return true;
}

void llmobs_linking_link(const struct llmobs_linking *l,
                         const struct llmobs_link_record *found,
                         const char *from, const char *kind)
{
    const struct llmobs_link_record record = *found, *to = &record;
    struct llmobs_span *span = l->span;
    char span_id[24], apm[LLMOBS_TRACE_HEX_LEN + 1];
    struct llmobs_id128 carrier;
    bool other;

    snprintf(span_id, sizeof(span_id), "%llu", (unsigned long long)to->span_id);
    if (to->span_id == span->context.span_id ||
        llmobs_json_len(span->links) >= LLMOBS_LINKS_MAX)
        return;
    LLMOBS_JSON_EACH (one, span->links, true)
        if (llmobs_json_says(one, "span_id", span_id))
            return;
    if (!span->links)
        span->links = llmobs_json_array();
    other = !is_same_trace(to->trace_id, span->context.trace_id) &&
            llmobs_linking_find_apm(l, to->span_id, &carrier);
    if (other)
        llmobs_id128_hex(carrier, apm);
    (void)llmobs_json_add(
        span->links, make_link(to, span_id, from, kind, other ? apm : NULL));
}

bool llmobs_linking_is_model(const struct llmobs_json *message)
{
    const char *role = llmobs_json_gets(message, "role");

    return role &&
           (strcmp(role, "assistant") == 0 || strcmp(role, "model") == 0);
}

char *llmobs_linking_fact_text(const struct llmobs_linking *l,
                               enum llmobs_fact fact)
{
    const struct llmobs_facts *facts = &l->span->facts;
    struct llmobs_json *json = NULL;
    char *text = NULL;

    if (!llmobs_span_fact_is_set(facts, fact))
        return NULL;
    (void)llmobs_json_parse(
        (struct llmobs_text){facts->text.data + facts->values[fact].at,
                             facts->values[fact].len},
        &json);
    if (llmobs_json_text(json))
        text = strdup(llmobs_json_text(json));
    llmobs_json_free(json);
    return text;
}
