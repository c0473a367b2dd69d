/* Compares each call with the earlier call of its conversation. */
#include "cli/query/breaks.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query/cost.h"
#include "cli/query/stored.h"
#include "lib/base/grow.h"
#include "lib/base/mix.h"

#define SECOND INT64_C(1000000000)
#define LIFE (300 * SECOND) /* of a cache with marks */
#define LIFE_HOUR (3600 * SECOND)
#define LIFE_AUTOMATIC (600 * SECOND)
#define LEAST 1024 /* tokens that a cache keeps at least */
#define STEP 128   /* an automatic cache keeps multiples of it */
#define HEAD 500   /* bytes of a text that tell its kind */
#define TAIL_LEAST 12
#define NAMED 3 /* names that a cause shows */

/* -- the parts of a prompt ------------------------------------------------ */

static uint64_t hash_json(const struct llmobs_json *json, size_t *bytes)
{
    char *text = llmobs_json_dumps(json, 0);
    uint64_t hash;

    *bytes = text ? strlen(text) : 0;
    hash = text ? llmobs_mix_bytes(text, *bytes) : 0;
    free(text);
    return hash;
}

/* Adds a part of `text`; NULL: of all that the value has. */
static int add_part(struct llmobs_breaks *breaks,
                    struct llmobs_breaks_call *call, char kind,
                    const char *name, const struct llmobs_json *value,
                    const char *text, size_t message)
{
    int rc = llmobs_grow(&call->parts, &call->cap, call->whole,
                         sizeof(*call->parts));
    struct llmobs_breaks_part part = {
        .kind = kind,
        .message = message,
        .name = llmobs_texts_share(&breaks->texts, name ? name : "")};

    if (rc != 0 || !part.name)
        return -ENOMEM;
    part.hash = hash_json(value, &part.bytes) ^ (unsigned char)kind;
    part.bytes = text ? strlen(text) : part.bytes;
    call->parts[call->whole++] = part;
    return 0;
}

static bool is_fixed(char kind)
{
    return strchr("TtSB", kind) != NULL;
}

static char kind_of_text(const char *role, const char *text)
{
    char head[HEAD + 1];
    const char *at = text;

    if (strcmp(role, "assistant") == 0 || strcmp(role, "model") == 0)
        return 'A';
    snprintf(head, sizeof(head), "%s", text);
    if (strstr(head, "Contents of /") || strstr(head, "Instructions from: ") ||
        (strncmp(head, "# ", 2) == 0 && strstr(head, ".md")))
        return 'M';
    while (isspace((unsigned char)*at))
        at++;
    if (strcmp(role, "tool") != 0 && at[0] == '<' &&
        islower((unsigned char)at[1]))
        return 'R';
    return 'U';
}

static int add_each(struct llmobs_breaks *breaks,
                    struct llmobs_breaks_call *call, char kind,
                    const struct llmobs_json *list, size_t at)
{
    int rc = 0;

    LLMOBS_JSON_EACH (one, list, rc == 0)
        rc = add_part(breaks, call, kind, llmobs_json_gets(one, "name"), one,
                      NULL, at);
    return rc;
}

static int add_message(struct llmobs_breaks *breaks,
                       struct llmobs_breaks_call *call,
                       const struct llmobs_json *message, size_t at)
{
    const struct llmobs_json *images = llmobs_json_get(message, "image_parts");
    const struct llmobs_json *calls = llmobs_json_get(message, "tool_calls");
    const struct llmobs_json *results =
        llmobs_json_get(message, "tool_results");
    const char *role = llmobs_json_gets(message, "role");
    const char *text = llmobs_json_gets(message, "content");
    bool begun =
        call->whole > 0 && !is_fixed(call->parts[call->whole - 1].kind);
    char kind;

    role = role ? role : "";
    if (llmobs_json_len(images) > 0)
        return add_each(breaks, call, 'i', images, at);
    if (llmobs_json_len(calls) > 0)
        return add_each(breaks, call, 'c', calls, at);
    if (llmobs_json_len(results) > 0)
        return add_each(breaks, call, 'r', results, at);
    if (!text)
        return add_part(breaks, call, 'x', role, message, NULL, at);
    kind = kind_of_text(role, text);
    if (strcmp(role, "system") == 0 || strcmp(role, "developer") == 0) {
        if (begun && strcmp(role, "system") == 0)
            kind = kind == 'M' ? 'M' : 'R';
        else
            kind = strncmp(text, "x-anthropic-billing-header:", 27) == 0 ? 'B'
                                                                         : 'S';
    } else if (strcmp(role, "reasoning") == 0) {
        kind = 'h';
    }
    return add_part(breaks, call, kind, "", message, text, at);
}

static int by_hash(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return (a > b) - (a < b);
}

/* Sorts the hashes of the messages that tell one conversation from another. */
static int make_tail(struct llmobs_breaks_call *call)
{
    size_t kept = 0;

    call->tail = calloc(call->count + 1, sizeof(*call->tail));
    if (!call->tail)
        return -ENOMEM;
    for (size_t i = 0; i < call->count; i++)
        if (strchr("UArchz", call->parts[i].kind) &&
            call->parts[i].bytes > TAIL_LEAST)
            call->tail[call->tail_count++] = call->parts[i].hash;
    qsort(call->tail, call->tail_count, sizeof(*call->tail), by_hash);
    for (size_t i = 0; i < call->tail_count; i++)
        if (kept == 0 || call->tail[kept - 1] != call->tail[i])
            call->tail[kept++] = call->tail[i];
    call->tail_count = kept;
    return 0;
}

/* The parameters in the order in which they are told; the last one is the key.
 */
static const struct {
    const char *cause, *in, *name;
} params[LLMOBS_BREAKS_PARAMS] = {
    {"image-added", NULL, "images"},
    {"tool_choice", NULL, "tool_choice"},
    {"thinking-param", NULL, "thinking"},
    {"effort", "output_config", "effort"},
    {"effort", "reasoning", "effort"},
    {"context_management", NULL, "context_management"},
    {"cache-key", NULL, "prompt_cache_key"}};
#define KEY (LLMOBS_BREAKS_PARAMS - 1)

static void read_params(struct llmobs_breaks_call *call,
                        const struct llmobs_json *data)
{
    size_t bytes;

    for (size_t i = 0; i < LLMOBS_BREAKS_PARAMS; i++) {
        const struct llmobs_json *value = llmobs_json_get(
            params[i].in ? llmobs_json_get(data, params[i].in) : data,
            params[i].name);

        if (value && !llmobs_json_is_null(value))
            call->params[i] = hash_json(value, &bytes) | 1;
    }
    call->params[0] = 0;
    for (size_t i = 0; i < call->count; i++)
        call->params[0] |= call->parts[i].kind == 'i';
}

/* A provider that keeps the rest of the prompt names the answer before it. */
static int add_earlier(struct llmobs_breaks *breaks,
                       struct llmobs_breaks_call *call, const char *id)
{
    for (size_t i = breaks->count; id && i > 0; i--) {
        const struct llmobs_breaks_call *p = breaks->calls[i - 1];
        int rc = 0;

        if (!p->response_id || strcmp(p->response_id, id) != 0)
            continue;
        for (size_t k = 0; rc == 0 && k < p->whole; k++) {
            rc = llmobs_grow(&call->parts, &call->cap, call->whole,
                             sizeof(*call->parts));
            if (rc == 0)
                call->parts[call->whole++] = p->parts[k];
        }
        return rc;
    }
    return 0;
}

static const char *keep(struct llmobs_breaks *breaks, const char *text)
{
    return text ? llmobs_texts_share(&breaks->texts, text) : NULL;
}

static int read_call(struct llmobs_breaks *breaks,
                     struct llmobs_breaks_call *call,
                     const struct llmobs_json *event)
{
    const struct llmobs_json *meta = llmobs_json_get(event, "meta");
    const struct llmobs_json *data = llmobs_json_get(meta, "metadata");
    const struct llmobs_json *messages =
        llmobs_json_get(llmobs_json_get(meta, "input"), "messages");
    size_t at = 0;
    int rc;

    call->host =
        keep(breaks, llmobs_json_text(llmobs_stored_call(event, "host")));
    call->response_id = keep(
        breaks, llmobs_json_text(llmobs_stored_call(event, "response_id")));
    rc = add_earlier(breaks, call,
                     llmobs_json_gets(data, "previous_response_id"));
    LLMOBS_JSON_EACH (tool, llmobs_json_get(meta, "tool_definitions"), rc == 0)
        rc = add_part(breaks, call,
                      llmobs_json_get(tool, "schema") ||
                              llmobs_json_get(tool, "description")
                          ? 'T'
                          : 't',
                      llmobs_json_gets(tool, "name"), tool, NULL, 0);
    LLMOBS_JSON_EACH (message, messages, rc == 0)
        rc = add_message(breaks, call, message, at++);
    /* Anthropic's own interface does not count a line that differs each time.
     */
    if (call->host && strcmp(call->host, "api.anthropic.com") == 0)
        for (size_t i = call->whole; i > 0; i--)
            if (call->parts[i - 1].kind == 'B') {
                memmove(&call->parts[i - 1], &call->parts[i],
                        (call->whole - i) * sizeof(*call->parts));
                call->whole--;
            }
    call->count = call->whole;
    read_params(call, data);
    messages = llmobs_json_get(llmobs_json_get(meta, "output"), "messages");
    LLMOBS_JSON_EACH (message, messages, rc == 0)
        rc = add_message(breaks, call, message, at++);
    return rc == 0 ? make_tail(call) : rc;
}

static void free_call(struct llmobs_breaks_call *call)
{
    if (call) {
        llmobs_row_free(call->row);
        free(call->parts);
        free(call->tail);
        free(call);
    }
}

int llmobs_breaks_add(struct llmobs_breaks *breaks,
                      const struct llmobs_json *event,
                      struct llmobs_place place)
{
    struct llmobs_breaks_call *call = calloc(1, sizeof(*call));
    int rc = call ? llmobs_row_new(event, place, LLMOBS_ROW_FACTS,
                                   &breaks->texts, &call->row)
                  : -ENOMEM;

    if (rc == 0 && llmobs_row_is_call(call->row) && !call->row->failed &&
        call->row->input_tokens > 0) {
        rc = read_call(breaks, call, event);
        if (rc == 0)
            rc = llmobs_grow(&breaks->calls, &breaks->cap, breaks->count,
                             sizeof(*breaks->calls));
        if (rc == 0) {
            breaks->calls[breaks->count++] = call;
            return breaks->texts.failed ? -ENOMEM : 0;
        }
    }
    free_call(call);
    return rc == -EINVAL ? 0 : rc;
}

void llmobs_breaks_fini(struct llmobs_breaks *breaks)
{
    for (size_t i = 0; i < breaks->count; i++)
        free_call(breaks->calls[i]);
    free(breaks->calls);
    llmobs_texts_fini(&breaks->texts);
    memset(breaks, 0, sizeof(*breaks));
}

/* -- what differs --------------------------------------------------------- */

typedef const struct llmobs_breaks_call Call;

static size_t common_prefix(Call *a, Call *b)
{
    size_t i = 0;

    while (i < a->count && i < b->count && a->parts[i].hash == b->parts[i].hash)
        i++;
    return i;
}

static char kind_at(Call *call, size_t at)
{
    return at < call->count ? call->parts[at].kind : '\0';
}

static bool is_tool(char kind)
{
    return kind == 'T' || kind == 't';
}

/* The number of tools of a name among the first `end` parts. */
static size_t tools_named(Call *call, const char *name, size_t end)
{
    size_t count = 0;

    for (size_t i = 0; i < end && i < call->count; i++)
        count += is_tool(call->parts[i].kind) && call->parts[i].name == name;
    return count;
}

/* Adds the names of the tools that `a` has more often than `b`. Gives their
 * number. */
static size_t tools_beyond(Call *a, Call *b, const char *sign,
                           struct llmobs_buf *out)
{
    size_t count = 0;

    for (size_t i = 0; i < a->count; i++)
        if (is_tool(a->parts[i].kind) &&
            tools_named(a, a->parts[i].name, i + 1) >
                tools_named(b, a->parts[i].name, b->count) &&
            count++ < NAMED)
            (void)llmobs_buf_addf(out, "%s%s", count > 1 ? ", " : sign,
                                  a->parts[i].name);
    if (count > NAMED)
        (void)llmobs_buf_addf(out, " and %zu more", count - NAMED);
    return count;
}

static const char *tools_differ(Call *p, Call *c, struct llmobs_buf *why)
{
    struct llmobs_buf names;
    const char *cause = "tools-order", *words = "tools in another order";
    size_t added, gone;

    llmobs_buf_init(&names, SIZE_MAX / 2);
    added = tools_beyond(c, p, ": ", &names);
    gone = tools_beyond(p, c, added > 0 ? "; without " : ": ", &names);
    if (added > 0 && gone > 0)
        cause = "tools-replaced", words = "tools replaced";
    else if (added > 0)
        cause = "tool-added", words = "tools added";
    else if (gone > 0)
        cause = "tool-removed", words = "tools removed";
    for (size_t i = 0; added + gone == 0 && i < c->count; i++) {
        bool found = false;

        if (!is_tool(c->parts[i].kind))
            continue;
        for (size_t k = 0; k < p->count; k++)
            found |= p->parts[k].hash == c->parts[i].hash;
        if (!found) {
            cause = "tool-changed", words = "tool changed";
            (void)llmobs_buf_addf(&names, ": %s", c->parts[i].name);
            break;
        }
    }
    (void)llmobs_buf_addf(why, "%s%.*s", words, (int)names.len,
                          names.data ? names.data : "");
    llmobs_buf_fini(&names);
    return cause;
}

/* Where the prompts differ from part `k` on: the cause, and `why` in words. */
static const char *differ(Call *p, Call *c, size_t k, struct llmobs_buf *why)
{
    size_t first = 0;
    const struct llmobs_breaks_part *was, *is;

    if ((is_tool(kind_at(p, k)) || is_tool(kind_at(c, k))))
        return tools_differ(p, c, why);
    if (kind_at(c, k) == 'B') {
        (void)llmobs_buf_adds(why, "the billing line of the system prompt");
        return "billing-line";
    }
    if (kind_at(c, k) == 'S' || kind_at(p, k) == 'S') {
        (void)llmobs_buf_adds(why, "system prompt changed");
        return "system";
    }
    while (first < c->count && is_fixed(c->parts[first].kind))
        first++;
    if (first >= k && c->count * 10 < p->count * 6) {
        (void)llmobs_buf_addf(why, "compacted: %zu parts became %zu", p->count,
                              c->count);
        return "compacted";
    }
    if (k >= c->count || k >= p->count) {
        (void)llmobs_buf_addf(why, "messages cut: %zu parts became %zu",
                              p->count, c->count);
        return "history-cut";
    }
    was = &p->parts[k], is = &c->parts[k];
    if (was->kind == 'h' && is->kind != 'h') {
        (void)llmobs_buf_adds(why, "thinking dropped");
        return "thinking-dropped";
    }
    if (was->kind == 'r' && is->kind == 'r' && is->bytes < 240 &&
        is->bytes < was->bytes) {
        (void)llmobs_buf_addf(why, "result cleared, of message %zu",
                              is->message + 1);
        return "results-cleared";
    }
    (void)llmobs_buf_addf(why, "message %zu changed", is->message + 1);
    return is->kind == 'M' || is->kind == 'R' || is->message == 0 ||
                   first == k ||
                   (first < c->count &&
                    is->message == c->parts[first].message) ||
                   (is->kind == 'U' && k - first < 3)
               ? "message-first"
               : "history-edited";
}

/* -- the cause ------------------------------------------------------------ */

/* How sure it is that `c` goes on from `p`; 0: it does not. The share of common
 * messages decides, then the length of the common prefix. */
static double kinship(Call *p, Call *c)
{
    size_t i = 0, k = 0, both = 0, fixed = 0, prefix = common_prefix(p, c);
    bool system = false;

    while (i < p->tail_count && k < c->tail_count) {
        uint64_t a = p->tail[i], b = c->tail[k];

        both += a == b;
        i += a <= b;
        k += b <= a;
    }
    for (i = 0; i < p->count; i++) {
        fixed += is_fixed(p->parts[i].kind);
        system |= p->parts[i].kind == 'S';
    }
    k = p->tail_count + c->tail_count - both;
    if (both == 0)
        return system && prefix >= fixed ? 1e-6 * (double)prefix : 0;
    return 1 + (double)both / (double)k + 1e-6 * (double)prefix;
}

static bool is(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static int64_t count_or_0(int64_t count)
{
    return count > 0 ? count : 0;
}

/* True for a cache with marks, whose writes are counted. */
static bool has_marks(Call *call)
{
    const char *model = call->row->model;

    return is(call->row->provider, "anthropic") ||
           (model && (strstr(model, "claude") || strstr(model, "nova")));
}

static int64_t left_by(Call *call)
{
    const struct llmobs_row *row = call->row;

    return has_marks(call) ? count_or_0(row->cache_read_tokens) +
                                 count_or_0(row->cache_write_tokens)
                           : row->input_tokens / STEP * STEP;
}

static int64_t first_byte(Call *call)
{
    const struct llmobs_row *row = call->row;

    return row->start_ns + (row->first_token >= 0
                                ? (int64_t)(row->first_token * (double)SECOND)
                                : row->duration_ns);
}

/* What the lost tokens cost beyond reading them from the cache. */
static double cost_of(Call *call, struct llmobs_prices *prices)
{
    const struct llmobs_row *row = call->row;
    struct llmobs_price_tokens tokens = {
        .input = row->input_tokens,
        .output = 0,
        .cache_read = count_or_0(row->cache_read_tokens),
        .cache_write = count_or_0(row->cache_write_tokens),
        .cache_write_hour = count_or_0(row->cache_write_hour_tokens),
        .service = llmobs_price_service(row->tier)};
    const char *model = row->price_model ? row->price_model : row->model;
    double is = llmobs_prices_cost(prices, row->provider, model, row->local,
                                   &tokens),
           could;

    tokens.cache_read += call->lost;
    tokens.cache_write -=
        tokens.cache_write < call->lost ? tokens.cache_write : call->lost;
    if (tokens.cache_write_hour > 0)
        tokens.cache_write_hour = tokens.cache_write;
    could =
        llmobs_prices_cost(prices, row->provider, model, row->local, &tokens);
    return is < 0 || could < 0 ? -1 : is - could;
}

/* The first cause that fits; `earlier` are the earlier calls of its place. */
static const char *cause_of(Call *const *earlier, size_t count, Call *p,
                            Call *c, struct llmobs_buf *why)
{
    Call *ref = is(p->row->model, c->row->model) ? p : NULL;
    bool hour = false;
    int64_t used, life, gap;
    size_t k;

    for (size_t i = count; !ref && i > 0; i--)
        if (is(earlier[i - 1]->row->model, c->row->model) &&
            kinship(earlier[i - 1], c) > 0)
            ref = earlier[i - 1];
    if (!ref || (ref != p && common_prefix(ref, c) >= ref->count &&
                 count_or_0(c->row->cache_read_tokens) >=
                     left_by(ref) * 99 / 100 - 130)) {
        (void)llmobs_buf_addf(why, "model: %s after %s",
                              c->row->model ? c->row->model : "another",
                              p->row->model ? p->row->model : "another");
        return "model";
    }
    k = common_prefix(ref, c);
    used = first_byte(ref);
    for (size_t i = 0; i < count; i++) {
        Call *q = earlier[i];

        if (!is(q->row->model, c->row->model))
            continue;
        hour |= q->row->cache_write_hour_tokens > 0;
        if (common_prefix(q, ref) >=
                (q->count < ref->count ? q->count : ref->count) &&
            first_byte(q) > used)
            used = first_byte(q);
    }
    life = !has_marks(c) ? LIFE_AUTOMATIC : hour ? LIFE_HOUR : LIFE;
    gap = c->row->start_ns - used;
    if (gap > life) {
        (void)llmobs_buf_addf(
            why, "%lld min since the last use; kept for %lld min",
            (long long)(gap / SECOND / 60), (long long)(life / SECOND / 60));
        return "waited";
    }
    if (ref->params[KEY] != c->params[KEY]) {
        (void)llmobs_buf_adds(why, "prompt_cache_key changed");
        return "cache-key";
    }
    if (k < ref->count && is_fixed(kind_at(k < c->count ? c : ref, k)))
        return differ(ref, c, k, why);
    for (size_t i = 0; has_marks(c) && i < KEY; i++)
        if (ref->params[i] != c->params[i]) {
            (void)llmobs_buf_addf(why, "%s changed", params[i].name);
            return params[i].cause;
        }
    if (k < ref->count)
        return differ(ref, c, k, why);
    if (c->row->start_ns < first_byte(ref)) {
        (void)llmobs_buf_addf(
            why, "sent %.1f s before the first byte of the call that writes it",
            (double)(first_byte(ref) - c->row->start_ns) / (double)SECOND);
        return "parallel";
    }
    (void)llmobs_buf_addf(why, "provider: nothing changed, %lld s later",
                          (long long)(gap / SECOND));
    return "provider";
}

static int explain(struct llmobs_breaks *breaks, Call **earlier, size_t count,
                   struct llmobs_breaks_call *c, struct llmobs_prices *prices)
{
    double best = 0;
    struct llmobs_buf why;
    int64_t reach, slack;
    Call *p = NULL;

    for (size_t i = 0; i < count; i++) {
        double now = kinship(earlier[i], c);

        if (now > 0 && now >= best) /* of equal ones the newest */
            p = earlier[i], best = now;
    }
    if (!p || left_by(p) < LEAST)
        return 0;
    reach = left_by(p);
    for (size_t i = 0; i < count; i++)
        if (is(earlier[i]->row->model, c->row->model) &&
            earlier[i]->count > 0 &&
            common_prefix(earlier[i], c) >= earlier[i]->count &&
            left_by(earlier[i]) > reach)
            reach = left_by(earlier[i]);
    if (reach > c->row->input_tokens)
        reach = c->row->input_tokens;
    if (!has_marks(c))
        reach = reach / STEP * STEP;
    c->lost = reach - count_or_0(c->row->cache_read_tokens);
    slack = has_marks(c) ? 8 : 130;
    if (c->lost <= (reach / 100 > slack ? reach / 100 : slack)) {
        c->lost = 0;
        return 0;
    }
    llmobs_buf_init(&why, SIZE_MAX / 2);
    c->after = p;
    c->cause = cause_of(earlier, count, p, c, &why);
    c->why =
        why.data ? llmobs_texts_copy(&breaks->texts, why.data, why.len) : NULL;
    c->cost = cost_of(c, prices);
    llmobs_buf_fini(&why);
    return c->why ? 0 : -ENOMEM;
}

static int by_start(const void *left, const void *right)
{
    const struct llmobs_row *a = (*(Call *const *)left)->row;
    const struct llmobs_row *b = (*(Call *const *)right)->row;
    int order = (a->start_ns > b->start_ns) - (a->start_ns < b->start_ns);

    return order != 0 ? order
                      : strcmp(a->span_id ? a->span_id : "",
                               b->span_id ? b->span_id : "");
}

/* Links each call to the one before it of its session and host, whose texts are
 * shared: equal ones have one address. */
static int link_sessions(struct llmobs_breaks *breaks)
{
    size_t cap = 64;
    Call **last;

    while (cap < 2 * breaks->count)
        cap *= 2;
    last = calloc(cap, sizeof(*last));
    if (!last)
        return -ENOMEM;
    for (size_t i = 0; i < breaks->count; i++) {
        struct llmobs_breaks_call *c = breaks->calls[i];
        size_t at = (size_t)llmobs_mix((uintptr_t)c->host +
                                       llmobs_mix((uintptr_t)c->row->session));

        while (last[at & (cap - 1)] &&
               (last[at & (cap - 1)]->host != c->host ||
                last[at & (cap - 1)]->row->session != c->row->session))
            at++;
        c->before = last[at & (cap - 1)];
        if (c->count > 0)
            last[at & (cap - 1)] = c;
    }
    free(last);
    return 0;
}

int llmobs_breaks_explain(struct llmobs_breaks *breaks,
                          struct llmobs_prices *prices)
{
    Call *earlier[LLMOBS_BREAKS_BACK];
    size_t kept = 0;
    int rc;

    if (breaks->count > 0)
        qsort(breaks->calls, breaks->count, sizeof(*breaks->calls), by_start);
    for (size_t i = 0; i < breaks->count; i++)
        if (kept > 0 &&
            by_start(&breaks->calls[kept - 1], &breaks->calls[i]) == 0)
            free_call(breaks->calls[i]);
        else
            breaks->calls[kept++] = breaks->calls[i];
    breaks->count = kept;
    rc = link_sessions(breaks);
    for (size_t i = 0; rc == 0 && i < kept; i++) {
        struct llmobs_breaks_call *c = breaks->calls[i];
        size_t at = LLMOBS_BREAKS_BACK;

        if (c->count == 0) {
            breaks->unknown++;
            continue;
        }
        for (Call *q = c->row->session ? c->before : NULL; q && at > 0;
             q = q->before)
            earlier[--at] = q;
        /* Without a session it may go on from any call of its host. */
        for (size_t k = i; !c->row->session && k > 0 && at > 0; k--)
            if (breaks->calls[k - 1]->count > 0 &&
                breaks->calls[k - 1]->host == c->host)
                earlier[--at] = breaks->calls[k - 1];
        rc = explain(breaks, earlier + at, LLMOBS_BREAKS_BACK - at, c, prices);
    }
    return rc;
}
