#include "core/event/encode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/work.h"
#include "core/event/facts.h"
#include "core/event/limits.h"
#include "core/event/tags.h"
#include "lib/span/content_filter.h"
#include "lib/span/secrets.h"

/* Containers this deep under meta become text (WIRE 1.4). */
#define META_DEPTH_MAX 12

/* The last row of the placeholders in WIRE 1.5. */
#define DROPPED                                                              \
    "[This value has been dropped because this span's size exceeds the 5MB " \
    "size limit.]"

/* More than all facts of a call have. */
#define LEAD_MAX ((size_t)1024 * 1024)

/* How much is left out so that an event fits (WIRE 2.4), in this order. */
enum cut { CUT_NOTHING, CUT_IO, CUT_REST, CUT_TEXTS };

struct encoding {
    const struct llmobs_span *span;
    const struct llmobs_config *config;
    enum llmobs_kind kind; /* as the event has it */
    enum cut cut;
    struct llmobs_text lead; /* of the text: the facts (facts.h) */
};

/* Keeps the first error of many calls. */
static void encode_note(int *rc, int result)
{
    if (*rc == 0)
        *rc = result;
}

/* -- depth --------------------------------------------------------------- */

/* True when a container lies at META_DEPTH_MAX or deeper, where the recursion
 * ends. */
static bool is_deep(const struct llmobs_json *json, int depth)
{
    if (!llmobs_json_is_container(json))
        return false;
    if (depth >= META_DEPTH_MAX)
        return true;
    if (llmobs_json_is_array(json)) {
        for (size_t i = 0; i < llmobs_json_len(json); i++) {
            if (is_deep(llmobs_json_at(json, i), depth + 1))
                return true;
        }
        return false;
    }
    for (void *it = llmobs_json_iter(json); it;
         it = llmobs_json_next(json, it)) {
        if (is_deep(llmobs_json_iter_value(it), depth + 1))
            return true;
    }
    return false;
}

/* Gives a string value that holds the JSON text of a value. */
static struct llmobs_json *as_text(const struct llmobs_json *json)
{
    char *text = llmobs_json_dumps(json, 0);
    struct llmobs_json *string = text ? llmobs_json_string(text) : NULL;

    free(text);
    return string;
}

static struct llmobs_json *encode_limited(struct llmobs_json *json, int depth);

static struct llmobs_json *limited_array(struct llmobs_json *json, int depth)
{
    struct llmobs_json *copy = llmobs_json_array();
    int rc = copy ? 0 : -ENOMEM;

    for (size_t i = 0; !rc && i < llmobs_json_len(json); i++)
        rc = llmobs_json_add(
            copy, encode_limited(llmobs_json_at(json, i), depth + 1));
    if (!rc)
        return copy;
    llmobs_json_free(copy);
    return NULL;
}

static struct llmobs_json *limited_object(struct llmobs_json *json, int depth)
{
    struct llmobs_json *copy = llmobs_json_object();
    int rc = copy ? 0 : -ENOMEM;

    for (void *it = llmobs_json_iter(json); it && !rc;
         it = llmobs_json_next(json, it))
        rc = llmobs_json_set(
            copy, llmobs_json_iter_key(it),
            encode_limited(llmobs_json_iter_value(it), depth + 1));
    if (!rc)
        return copy;
    llmobs_json_free(copy);
    return NULL;
}

/* Gives a copy of the value in which containers that lie too deep are texts;
 * the same value where no container does. */
static struct llmobs_json *encode_limited(struct llmobs_json *json, int depth)
{
    if (!is_deep(json, depth))
        return llmobs_json_share(json);
    if (depth >= META_DEPTH_MAX)
        return as_text(json);
    if (llmobs_json_is_array(json))
        return limited_array(json, depth);
    return limited_object(json, depth);
}

/* -- input and output ---------------------------------------------------- */

static bool lacks_role(const struct llmobs_json *messages)
{
    for (size_t i = 0; i < llmobs_json_len(messages); i++) {
        const struct llmobs_json *message = llmobs_json_at(messages, i);

        if (llmobs_json_is_object(message) &&
            !llmobs_json_gets(message, "role"))
            return true;
    }
    return false;
}

/* Gives the message list of an llm span, in which every message has a role. */
static struct llmobs_json *with_roles(struct llmobs_json *messages)
{
    struct llmobs_json *copy;

    if (!lacks_role(messages))
        return llmobs_json_share(messages);
    copy = llmobs_json_clone(messages);
    for (size_t i = 0; i < llmobs_json_len(copy); i++) {
        struct llmobs_json *message = llmobs_json_at(copy, i);

        if (llmobs_json_is_object(message) &&
            !llmobs_json_gets(message, "role") &&
            llmobs_json_sets(message, "role", "")) {
            llmobs_json_free(copy);
            return NULL;
        }
    }
    return copy;
}

static int set_dropped(struct llmobs_json *meta, const char *side)
{
    struct llmobs_json *io = llmobs_json_object();
    int rc = llmobs_json_sets(io, "value", DROPPED);

    encode_note(&rc, llmobs_json_set(meta, side, io));
    return rc;
}

/* A prompt without an id has that of its ml_app (dd-trace-py, Prompt). */
static int name_prompt(struct llmobs_json *prompt, const char *ml_app)
{
    char *id;
    int rc;

    if (llmobs_json_get(prompt, "id"))
        return 0;
    if (asprintf(&id, "%s_unnamed-prompt", ml_app) < 0)
        return -ENOMEM;
    rc = llmobs_json_sets(prompt, "id", id);
    free(id);
    return rc;
}

/* A prompt names its ml_app (WIRE 1.5). */
static int encode_set_prompt(const struct encoding *e, struct llmobs_json *io)
{
    struct llmobs_json *prompt = encode_limited(e->span->input_prompt, 2);
    struct llmobs_json *copy;
    int rc;

    if (!prompt || llmobs_json_get(prompt, "ml_app"))
        return llmobs_json_set(io, "prompt", prompt);
    copy = llmobs_json_clone(prompt);
    llmobs_json_free(prompt);
    rc = llmobs_json_sets(copy, "ml_app", e->span->context.ml_app);
    encode_note(&rc, name_prompt(copy, e->span->context.ml_app));
    encode_note(&rc, llmobs_json_set(io, "prompt", copy));
    return rc;
}

/* Sets one side's container; a side without content is left out (WIRE 1.4). */
static int set_io(const struct encoding *e, struct llmobs_json *meta,
                  const char *side, struct llmobs_json *messages,
                  struct llmobs_json *documents, const char *value)
{
    bool input = strcmp(side, "input") == 0;
    bool dropped = input ? e->span->input_dropped : e->span->output_dropped;
    struct llmobs_json *io;
    int rc = 0;

    if (e->cut >= CUT_IO || dropped)
        return set_dropped(meta, side);
    io = llmobs_json_object();
    if (!io)
        return -ENOMEM;
    if (documents)
        encode_note(&rc, llmobs_json_set(io, "documents",
                                         encode_limited(documents, 2)));
    if (messages && e->kind == LLMOBS_KIND_LLM) {
        struct llmobs_json *list = with_roles(messages);

        encode_note(
            &rc, list ? llmobs_json_set(io, "messages", encode_limited(list, 2))
                      : -ENOMEM);
        llmobs_json_free(list);
    } else if (messages) {
        encode_note(&rc, llmobs_json_set(io, "value", as_text(messages)));
    } else if (value) {
        encode_note(&rc, llmobs_json_sets(io, "value", value));
    }
    if (e->span->input_prompt && e->kind == LLMOBS_KIND_LLM && input)
        encode_note(&rc, encode_set_prompt(e, io));
    if (rc || llmobs_json_len(io) == 0)
        llmobs_json_free(io);
    else
        rc = llmobs_json_set(meta, side, io);
    return rc;
}

/* -- meta ---------------------------------------------------------------- */

static int set_lower(struct llmobs_json *meta, const char *key,
                     const char *text)
{
    char *copy = strdup(text);
    int rc;

    if (!copy)
        return -ENOMEM;
    for (char *c = copy; *c; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    }
    rc = llmobs_json_sets(meta, key, copy);
    free(copy);
    return rc;
}

static int set_model(const struct encoding *e, struct llmobs_json *meta)
{
    const char *model = e->span->model_name;
    const char *provider = e->span->model_provider;
    int rc;

    if (e->kind != LLMOBS_KIND_LLM && e->kind != LLMOBS_KIND_EMBEDDING)
        return 0;
    rc = llmobs_json_sets(meta, "model_name",
                          model && *model ? model : "unknown");
    encode_note(&rc, set_lower(meta, "model_provider",
                               provider && *provider ? provider : "unknown"));
    return rc;
}

static int encode_set_error(const struct encoding *e, struct llmobs_json *meta)
{
    const char *type = e->span->error_type;
    const char *message = e->span->error_message;
    const char *stack = e->span->error_stack;
    struct llmobs_json *error;
    int rc;

    if (!e->span->failed)
        return 0;
    error = llmobs_json_object();
    rc = llmobs_json_sets(error, "message", message ? message : "");
    encode_note(&rc, llmobs_json_sets(error, "stack", stack ? stack : ""));
    encode_note(&rc, llmobs_json_sets(error, "type", type ? type : ""));
    encode_note(&rc, llmobs_json_set(meta, "error", error));
    return rc;
}

/* Names the script of the process, unless the caller's frames have told theirs.
 */
static int encode_set_entry(const struct encoding *e,
                            struct llmobs_json *metadata)
{
    struct llmobs_json *caller = llmobs_json_get(metadata, "caller");
    int rc = 0;

    if (!e->config->script || llmobs_json_get(caller, "entry") ||
        (caller && !llmobs_json_is_object(caller)))
        return 0;
    if (!caller) {
        caller = llmobs_json_object();
        rc = llmobs_json_set(metadata, "caller", caller);
    }
    return rc ? rc : llmobs_json_sets(caller, "entry", e->config->script);
}

/* The intake reserves `_dd` in metadata: a program's own value there is left
 * out, except what the library makes of it (WIRE 1.4). */
static int encode_set_metadata(const struct encoding *e,
                               struct llmobs_json *meta)
{
    struct llmobs_json *from = e->span->metadata;
    struct llmobs_json *metadata = llmobs_json_object();
    int rc = metadata ? 0 : -ENOMEM;

    if (e->cut >= CUT_REST)
        from = NULL;
    for (void *it = llmobs_json_iter(from); it && !rc;
         it = llmobs_json_next(from, it)) {
        const char *key = llmobs_json_iter_key(it);

        if (strcmp(key, "_dd") != 0)
            rc = llmobs_json_set(metadata, key,
                                 encode_limited(llmobs_json_iter_value(it), 2));
    }
    if (!rc && e->cut < CUT_REST)
        rc = encode_set_entry(e, metadata);
    if (!rc && e->span->metadata_dd && e->cut < CUT_REST)
        rc = llmobs_json_set(metadata, "_dd",
                             encode_limited(e->span->metadata_dd, 2));
    encode_note(&rc, llmobs_json_set(meta, "metadata", metadata));
    return rc;
}

static int set_attribution(const struct encoding *e, struct llmobs_json *meta)
{
    const struct llmobs_context *context = &e->span->context;
    struct llmobs_json *agent;
    char id[24];
    int rc;

    if (context->pagent_span_id == 0)
        return 0;
    snprintf(id, sizeof(id), "%llu",
             (unsigned long long)context->pagent_span_id);
    agent = llmobs_json_object();
    rc = llmobs_json_set(agent, "pagent_name",
                         context->pagent_name[0]
                             ? llmobs_json_string(context->pagent_name)
                             : llmobs_json_null());
    encode_note(&rc, llmobs_json_sets(agent, "pagent_span_id", id));
    encode_note(&rc, llmobs_json_set(meta, "agent_attribution", agent));
    return rc;
}

/* Adds the tool's version, as the model's span above names it (WIRE 1.4). */
static int encode_set_tool(const struct encoding *e, struct llmobs_json *meta)
{
    struct llmobs_json *tool;
    int rc;

    if (e->kind != LLMOBS_KIND_TOOL || !e->span->tool_version)
        return 0;
    tool = llmobs_json_object();
    rc = llmobs_json_sets(tool, "version", e->span->tool_version);
    encode_note(&rc, llmobs_json_set(meta, "tool", tool));
    return rc;
}

static struct llmobs_json *make_meta(const struct encoding *e)
{
    const struct llmobs_span *span = e->span;
    struct llmobs_json *meta = llmobs_json_object();
    struct llmobs_json *kind = llmobs_json_object();
    int rc = llmobs_json_sets(kind, "kind", llmobs_kind_name(e->kind));

    encode_note(&rc, llmobs_json_set(meta, "span", kind));
    encode_note(&rc, set_model(e, meta));
    encode_note(&rc, encode_set_error(e, meta));
    encode_note(&rc, encode_set_metadata(e, meta));
    encode_note(&rc, set_attribution(e, meta));
    encode_note(&rc, encode_set_tool(e, meta));
    encode_note(&rc, set_io(e, meta, "input", span->input_messages,
                            span->input_documents, span->input_value));
    encode_note(&rc, set_io(e, meta, "output", span->output_messages,
                            span->output_documents, span->output_value));
    if (span->tool_definitions && e->kind == LLMOBS_KIND_LLM &&
        e->cut < CUT_REST)
        encode_note(&rc,
                    llmobs_json_set(meta, "tool_definitions",
                                    encode_limited(span->tool_definitions, 1)));
    if (rc == 0)
        return meta;
    llmobs_json_free(meta);
    return NULL;
}

/* -- metrics ------------------------------------------------------------- */

/* A dot in a key makes the intake drop the batch; a proxied call has no
 * metrics (WIRE 1.7, 4.2). */
static struct llmobs_json *make_metrics(const struct encoding *e)
{
    const struct llmobs_json *from = e->span->proxied ? NULL : e->span->metrics;
    struct llmobs_json *metrics = llmobs_json_object();
    int rc = metrics ? 0 : -ENOMEM;

    for (void *it = llmobs_json_iter(from); it && !rc;
         it = llmobs_json_next(from, it)) {
        char *key;

        if (!llmobs_json_is_number(llmobs_json_iter_value(it)))
            continue;
        key = strdup(llmobs_json_iter_key(it));
        if (!key) {
            rc = -ENOMEM;
            break;
        }
        for (char *dot = key; (dot = strchr(dot, '.'));)
            *dot = '_';
        rc = llmobs_json_set(metrics, key,
                             llmobs_json_share(llmobs_json_iter_value(it)));
        free(key);
    }
    if (rc == 0)
        return metrics;
    llmobs_json_free(metrics);
    return NULL;
}

/* -- the event ----------------------------------------------------------- */

static int encode_set_number(struct llmobs_json *object, const char *key,
                             uint64_t id)
{
    char text[24];

    snprintf(text, sizeof(text), "%llu", (unsigned long long)id);
    return llmobs_json_sets(object, key, text);
}

static struct llmobs_json *make_dd(const struct llmobs_context *context)
{
    struct llmobs_json *dd = llmobs_json_object();
    char trace[LLMOBS_TRACE_HEX_LEN + 1];
    int rc;

    llmobs_id128_hex(context->apm_trace_id, trace);
    rc = encode_set_number(dd, "span_id", context->span_id);
    encode_note(&rc, llmobs_json_sets(dd, "trace_id", trace));
    encode_note(&rc, llmobs_json_sets(dd, "apm_trace_id", trace));
    if (context->sample_rate[0])
        encode_note(&rc,
                    llmobs_json_sets(dd, "sample_rate", context->sample_rate));
    if (context->sampled[0])
        encode_note(
            &rc, llmobs_json_sets(dd, "sampling_decision", context->sampled));
    if (rc == 0)
        return dd;
    llmobs_json_free(dd);
    return NULL;
}

static int set_identity(const struct encoding *e, struct llmobs_json *event)
{
    const struct llmobs_context *context = &e->span->context;
    char trace[LLMOBS_TRACE_HEX_LEN + 1];
    int rc;

    llmobs_id128_hex(context->trace_id, trace);
    rc = llmobs_json_sets(event, "trace_id", trace);
    encode_note(&rc, encode_set_number(event, "span_id", context->span_id));
    if (context->parent_id)
        encode_note(&rc,
                    encode_set_number(event, "parent_id", context->parent_id));
    else
        encode_note(&rc, llmobs_json_sets(event, "parent_id", "undefined"));
    if (context->session_id[0])
        encode_note(&rc,
                    llmobs_json_sets(event, "session_id", context->session_id));
    encode_note(&rc, llmobs_json_set(event, "_dd", make_dd(context)));
    return rc;
}

static int set_collection_errors(struct llmobs_json *event)
{
    struct llmobs_json *list = llmobs_json_array();
    int rc = llmobs_json_add(list, llmobs_json_string("dropped_io"));

    encode_note(&rc, llmobs_json_set(event, "collection_errors", list));
    return rc;
}

static struct llmobs_json *make_event(const struct encoding *e)
{
    const struct llmobs_span *span = e->span;
    struct llmobs_json *event = llmobs_json_object();
    int rc = event ? 0 : -ENOMEM;

    encode_note(&rc, set_identity(e, event));
    encode_note(&rc, llmobs_json_sets(event, "name",
                                      span->name ? span->name
                                                 : llmobs_kind_name(e->kind)));
    encode_note(&rc, llmobs_json_set(event, "start_ns",
                                     llmobs_json_int(span->start_ns)));
    encode_note(&rc, llmobs_json_set(event, "duration",
                                     llmobs_json_int(span->duration_ns > 0
                                                         ? span->duration_ns
                                                         : 0)));
    encode_note(
        &rc, llmobs_json_sets(event, "status", span->failed ? "error" : "ok"));
    encode_note(&rc, llmobs_json_set(event, "meta", make_meta(e)));
    encode_note(&rc, llmobs_json_set(event, "metrics", make_metrics(e)));
    encode_note(
        &rc, llmobs_json_set(event, "tags", llmobs_tags_make(span, e->config)));
    if (llmobs_json_len(span->links) > 0)
        encode_note(&rc, llmobs_json_set(event, "span_links",
                                         llmobs_json_share(span->links)));
    if (e->cut >= CUT_IO || span->input_dropped || span->output_dropped)
        encode_note(&rc, set_collection_errors(event));
    if (rc == 0)
        return event;
    llmobs_json_free(event);
    return NULL;
}

static size_t event_max(const struct llmobs_config *config)
{
    return config->event_max > 0 ? (size_t)config->event_max : 0;
}

/* Appends the text of an event of at most `max` bytes. */
static int dump_within(const struct llmobs_json *event, size_t max,
                       struct llmobs_buf *buf)
{
    size_t before = buf->max, from = buf->len;
    int rc;

    if (max < before - from)
        buf->max = from + max;
    rc = llmobs_json_dump(event, LLMOBS_JSON_ASCII, buf);
    if (rc == -EFBIG && buf->max < before)
        rc = -E2BIG;
    buf->max = before;
    return rc == 0 && buf->len - from >= max ? -E2BIG : rc;
}

/* Appends the text of an event, and frees the event. The intake's limit does
 * not count the lead, which the intake never gets. The lead's last byte takes
 * the place of the event's brace. A span with everything cut off is written in
 * any case: its limits are far below the intake's. */
static int dump(struct llmobs_json *event, const struct llmobs_config *config,
                struct llmobs_text lead, enum cut cut, struct llmobs_buf *buf)
{
    size_t max = cut == CUT_TEXTS ? SIZE_MAX : event_max(config);
    size_t len = buf->len, before = lead.len > 0 ? lead.len - 1 : 0;
    int rc =
        event ? llmobs_content_filter_event(&config->privacy, &event) : -ENOMEM;

    if (!rc)
        rc = llmobs_limits_apply(&event, cut == CUT_TEXTS);
    if (!rc)
        rc = llmobs_buf_add(buf, lead.data, before);
    if (!rc)
        rc = dump_within(event, max, buf);
    llmobs_json_free(event);
    if (rc)
        llmobs_buf_cut(buf, len);
    else if (lead.len > 0)
        buf->data[len + before] = lead.data[before];
    /* A secret may have come in pieces, which only the event has joined. */
    if (!rc)
        llmobs_secrets_mask(buf->data + len, buf->len - len);
    return rc;
}

int llmobs_encode_dump(struct llmobs_json *event,
                       const struct llmobs_config *config,
                       struct llmobs_buf *buf)
{
    return dump(event, config, (struct llmobs_text){NULL, 0}, CUT_NOTHING, buf);
}

/* True where the texts alone are too long for an event: then the span is cut
 * before anything is copied, redacted or written. */
static bool encode_is_over(const struct llmobs_span *span,
                           const struct llmobs_config *config)
{
    const struct llmobs_json *parts[] = {
        span->input_messages, span->input_documents, span->output_messages,
        span->output_documents};
    size_t max = event_max(config);
    size_t len = (span->input_value ? strlen(span->input_value) : 0) +
                 (span->output_value ? strlen(span->output_value) : 0);

    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && len <= max; i++)
        len += llmobs_limits_weight(parts[i], max - len);
    return len > max;
}

static int encode_cut(struct encoding *e, struct llmobs_buf *buf)
{
    return dump(make_event(e), e->config, e->lead, e->cut, buf);
}

/* Leaves out content until the work stays within its bound. */
static int encode_by_budget(struct encoding *e, struct llmobs_buf *buf)
{
    int enough, rc;

    llmobs_work_begin(e->cut == CUT_NOTHING ? LLMOBS_WORK_BODY
                                            : LLMOBS_WORK_ALL);
    rc = encode_cut(e, buf);
    enough = llmobs_work_end();
    return rc && enough ? enough : rc;
}

static int encode_encode(const struct llmobs_span *span,
                         const struct llmobs_config *config,
                         struct llmobs_buf *buf,
                         int (*one)(struct encoding *e, struct llmobs_buf *buf))
{
    struct encoding e = {
        .span = span,
        .config = config,
        .kind = span->proxied ? LLMOBS_KIND_WORKFLOW : span->kind,
    };
    int cut = encode_is_over(span, config) ? CUT_IO : CUT_NOTHING;
    struct llmobs_buf lead;
    int rc;

    llmobs_buf_init(&lead, LEAD_MAX);
    rc = llmobs_facts_lead(span, config, &lead);
    e.lead = (struct llmobs_text){lead.data, lead.len};
    for (bool again = rc == 0; again;
         again = rc == -E2BIG && ++cut <= CUT_TEXTS) {
        e.cut = (enum cut)cut;
        rc = one(&e, buf);
    }
    llmobs_buf_fini(&lead);
    return rc;
}

int llmobs_encode_span(const struct llmobs_span *span,
                       const struct llmobs_config *config,
                       struct llmobs_buf *buf)
{
    return encode_encode(span, config, buf, encode_cut);
}

int llmobs_encode_call(const struct llmobs_span *span,
                       const struct llmobs_config *config,
                       struct llmobs_buf *buf)
{
    return encode_encode(span, config, buf, encode_by_budget);
}
