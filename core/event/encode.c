/* Writes a span as the JSON of Datadog's intake. */
#include "core/event/encode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/work.h"
#include "core/event/facts.h"
#include "core/event/limits.h"
#include "core/event/tags.h"
#include "core/trace/carrier.h"
#include "lib/span/content_filter.h"
#include "lib/span/mask.h"
#include "lib/span/secrets.h"

/* Containers this deep under meta become text (WIRE 1.4). */
#define META_DEPTH_MAX 12

/* The last row of the placeholders in WIRE 1.5. */
#define DROPPED                                                              \
    "[This value has been dropped because this span's size exceeds the 5MB " \
    "size limit.]"

/* More than all facts of a call have. */
#define LEAD_MAX ((size_t)1024 * 1024)
#define LEAD_USUAL 1023 /* bytes, and a NUL */

/* How much is left out so that an event fits (WIRE 2.4), in this order. */
enum cut { CUT_NOTHING, CUT_IO, CUT_REST, CUT_TEXTS };

struct encoding {
    const struct llmobs_span *span;
    const struct llmobs_config *config;
    enum llmobs_kind kind; /* as the event has it */
    enum cut cut;
    struct llmobs_text lead; /* of the text: the facts (facts.h) */
};

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

/* Gives a string value that holds the JSON text of a value. Its secrets are
 * searched here, where it is known which values were searched. */
static struct llmobs_json *as_text(const struct llmobs_json *json)
{
    struct llmobs_json *string = NULL;
    struct llmobs_buf text;

    llmobs_buf_init(&text, SIZE_MAX);
    text.raw = true;
    if (llmobs_json_dump_masked(json, 0, &text, llmobs_secrets_mask) == 0)
        string = llmobs_json_stringn(text.data, text.len);
    llmobs_buf_fini(&text);
    return llmobs_json_searched(string);
}

/* Gives a copy of the value in which containers that lie too deep are texts;
 * the same value if no container is too deep. */
static struct llmobs_json *limited(struct llmobs_json *json, int depth)
{
    struct llmobs_json *copy;

    if (!is_deep(json, depth))
        return llmobs_json_share(json);
    if (depth >= META_DEPTH_MAX)
        return as_text(json);
    if (llmobs_json_is_array(json)) {
        copy = llmobs_json_array();
        LLMOBS_JSON_EACH (one, json, llmobs_json_error(copy) == 0)
            (void)llmobs_json_add(copy, limited(one, depth + 1));
        return llmobs_json_done(copy, llmobs_json_error(copy));
    }
    copy = llmobs_json_object();
    for (void *it = llmobs_json_iter(json); it && llmobs_json_error(copy) == 0;
         it = llmobs_json_next(json, it))
        (void)llmobs_json_set(copy, llmobs_json_iter_key(it),
                              limited(llmobs_json_iter_value(it), depth + 1));
    return llmobs_json_done(copy, llmobs_json_error(copy));
}

/* Most names are words that can be no key: these are not searched as one. */
static struct llmobs_json *as_word(const char *text)
{
    struct llmobs_json *word = llmobs_json_string(text);

    return word && llmobs_mask_is_plain(text) ? llmobs_json_searched(word)
                                              : word;
}

/* -- input and output ---------------------------------------------------- */

static bool lacks_role(const struct llmobs_json *message)
{
    return llmobs_json_is_object(message) && !llmobs_json_gets(message, "role");
}

/* Gives the message list of an llm span, in which every message has a role. */
static struct llmobs_json *with_roles(struct llmobs_json *messages)
{
    size_t first = 0, count = llmobs_json_len(messages);
    struct llmobs_json *copy;

    while (first < count && !lacks_role(llmobs_json_at(messages, first)))
        first++;
    if (first == count)
        return llmobs_json_share(messages);
    copy = llmobs_json_clone(messages);
    for (size_t i = first; i < llmobs_json_len(copy); i++) {
        struct llmobs_json *message = llmobs_json_at(copy, i);

        if (lacks_role(message) && llmobs_json_sets(message, "role", "")) {
            llmobs_json_free(copy);
            return NULL;
        }
    }
    return copy;
}

/* A prompt names its ml_app (WIRE 1.5). A prompt without an id gets one that is
 * made of its ml_app (dd-trace-py, Prompt). */
static void set_prompt(const struct encoding *e, struct llmobs_json *io)
{
    const char *ml_app = e->span->context.ml_app;
    struct llmobs_json *prompt = limited(e->span->input_prompt, 2);
    struct llmobs_json *copy;
    char *id = NULL;

    if (!prompt || llmobs_json_get(prompt, "ml_app")) {
        (void)llmobs_json_set(io, "prompt", prompt);
        return;
    }
    copy = llmobs_json_clone(prompt);
    llmobs_json_free(prompt);
    (void)llmobs_json_sets(copy, "ml_app", ml_app);
    if (!llmobs_json_get(copy, "id")) {
        if (asprintf(&id, "%s_unnamed-prompt", ml_app) < 0)
            id = NULL;
        (void)llmobs_json_set(copy, "id", llmobs_json_string(id));
        free(id);
    }
    (void)llmobs_json_set(io, "prompt", copy);
}

/* Sets one side's container; a side without content is left out (WIRE 1.4). */
static void set_io(const struct encoding *e, struct llmobs_json *meta,
                   const char *side, struct llmobs_json *messages,
                   struct llmobs_json *documents, const char *value)
{
    bool input = strcmp(side, "input") == 0;
    bool dropped = input ? e->span->input_dropped : e->span->output_dropped;
    struct llmobs_json *io = llmobs_json_object();

    if (e->cut >= CUT_IO || dropped) {
        (void)llmobs_json_sets(io, "value", DROPPED);
        (void)llmobs_json_set(meta, side, io);
        return;
    }
    if (documents)
        (void)llmobs_json_set(io, "documents", limited(documents, 2));
    if (messages && e->kind == LLMOBS_KIND_LLM) {
        struct llmobs_json *list = with_roles(messages);

        (void)llmobs_json_set(io, "messages", list ? limited(list, 2) : NULL);
        llmobs_json_free(list);
    } else if (messages) {
        (void)llmobs_json_set(io, "value", as_text(messages));
    } else if (value) {
        (void)llmobs_json_sets(io, "value", value);
    }
    if (e->span->input_prompt && e->kind == LLMOBS_KIND_LLM && input)
        set_prompt(e, io);
    if (llmobs_json_len(io) > 0 || llmobs_json_error(io) != 0)
        (void)llmobs_json_set(meta, side, io);
    else
        llmobs_json_free(io);
}

/* -- the library's own words: no secret is searched in them ---------------- */

static void set_own(struct llmobs_json *object, const char *key,
                    const char *text)
{
    (void)llmobs_json_set(object, key,
                          llmobs_json_searched(llmobs_json_string(text)));
}

static void set_number(struct llmobs_json *object, const char *key, uint64_t id)
{
    char text[21];

    (void)llmobs_text_decimal(id, text);
    set_own(object, key, text);
}

/* -- meta ---------------------------------------------------------------- */

/* The intake reserves `_dd` in metadata: a program's own value there is left
 * out, except what the library makes of it (WIRE 1.4). */
static void set_metadata(const struct encoding *e, struct llmobs_json *meta)
{
    struct llmobs_json *from = e->cut < CUT_REST ? e->span->metadata : NULL;
    struct llmobs_json *metadata = llmobs_json_object();

    for (void *it = llmobs_json_iter(from);
         it && llmobs_json_error(metadata) == 0;
         it = llmobs_json_next(from, it)) {
        const char *key = llmobs_json_iter_key(it);

        if (strcmp(key, "_dd") != 0)
            (void)llmobs_json_set(metadata, key,
                                  limited(llmobs_json_iter_value(it), 2));
    }
    if (e->cut < CUT_REST) {
        /* Names the script of the process, unless the caller's frames have
         * named a script. */
        struct llmobs_json *caller = llmobs_json_get(metadata, "caller");
        int rc;

        if (e->config->script && !llmobs_json_get(caller, "entry") &&
            (!caller || llmobs_json_is_object(caller))) {
            caller = caller ? llmobs_json_share(caller) : llmobs_json_object();
            rc = llmobs_json_sets(caller, "entry", e->config->script);
            (void)llmobs_json_set(metadata, "caller",
                                  llmobs_json_done(caller, rc));
        }
    }
    if (e->span->metadata_dd && e->cut < CUT_REST)
        (void)llmobs_json_set(metadata, "_dd",
                              limited(e->span->metadata_dd, 2));
    (void)llmobs_json_set(meta, "metadata", metadata);
}

static struct llmobs_json *make_meta(const struct encoding *e)
{
    const struct llmobs_span *span = e->span;
    struct llmobs_json *meta = llmobs_json_object(), *inner;

    inner = llmobs_json_object();
    set_own(inner, "kind", llmobs_kind_name(e->kind));
    (void)llmobs_json_set(meta, "span", inner);
    if (e->kind == LLMOBS_KIND_LLM || e->kind == LLMOBS_KIND_EMBEDDING) {
        const char *model = span->model_name, *provider = span->model_provider;
        char *lower = strdup(provider && *provider ? provider : "unknown");

        (void)llmobs_json_set(meta, "model_name",
                              as_word(model && *model ? model : "unknown"));
        for (char *c = lower; c && *c; c++)
            if (*c >= 'A' && *c <= 'Z')
                *c = (char)(*c - 'A' + 'a');
        (void)llmobs_json_set(meta, "model_provider", as_word(lower));
        free(lower);
    }
    if (span->failed) {
        inner = llmobs_json_object();
        (void)llmobs_json_sets(inner, "message",
                               span->error_message ? span->error_message : "");
        (void)llmobs_json_sets(inner, "stack",
                               span->error_stack ? span->error_stack : "");
        (void)llmobs_json_sets(inner, "type",
                               span->error_type ? span->error_type : "");
        (void)llmobs_json_set(meta, "error", inner);
    }
    set_metadata(e, meta);
    if (span->context.pagent_span_id) {
        const char *name = span->context.pagent_name;

        inner = llmobs_json_object();
        (void)llmobs_json_set(inner, "pagent_name",
                              *name ? llmobs_json_string(name)
                                    : llmobs_json_null());
        set_number(inner, "pagent_span_id", span->context.pagent_span_id);
        (void)llmobs_json_set(meta, "agent_attribution", inner);
    }
    /* The tool's version, as the model's span above names it (WIRE 1.4). */
    if (e->kind == LLMOBS_KIND_TOOL && span->tool_version) {
        inner = llmobs_json_object();
        (void)llmobs_json_sets(inner, "version", span->tool_version);
        (void)llmobs_json_set(meta, "tool", inner);
    }
    if (e->cut < CUT_IO)
        (void)llmobs_json_sets(meta, "intent", span->intent);
    set_io(e, meta, "input", span->input_messages, span->input_documents,
           span->input_value);
    set_io(e, meta, "output", span->output_messages, span->output_documents,
           span->output_value);
    if (span->tool_definitions && e->kind == LLMOBS_KIND_LLM &&
        e->cut < CUT_REST)
        (void)llmobs_json_set(meta, "tool_definitions",
                              limited(span->tool_definitions, 1));
    return meta;
}

/* -- the event ----------------------------------------------------------- */

/* NULL when memory, or the work for a body, has run out. */
static struct llmobs_json *make_event(const struct encoding *e)
{
    const struct llmobs_span *span = e->span;
    const char *name = span->name ? span->name : llmobs_kind_name(e->kind);
    int64_t duration = span->duration_ns > 0 ? span->duration_ns : 0;
    struct llmobs_json *event = llmobs_json_object(), *list;
    struct llmobs_json *dd = llmobs_json_object();
    const struct llmobs_context *context = &e->span->context;
    char trace[LLMOBS_TRACE_HEX_LEN + 1];

    llmobs_id128_hex(context->trace_id, trace);
    set_own(event, "trace_id", trace);
    set_number(event, "span_id", context->span_id);
    if (context->parent_id)
        set_number(event, "parent_id", context->parent_id);
    else
        set_own(event, "parent_id", "undefined");
    if (context->session_id[0])
        (void)llmobs_json_sets(event, "session_id", context->session_id);
    llmobs_id128_hex(context->apm_trace_id, trace);
    set_number(dd, "span_id", context->span_id);
    (void)llmobs_json_sets(dd, "trace_id", trace);
    (void)llmobs_json_sets(dd, "apm_trace_id", trace);
    if (context->sample_rate[0])
        (void)llmobs_json_sets(dd, "sample_rate", context->sample_rate);
    if (context->sampled[0])
        (void)llmobs_json_sets(dd, "sampling_decision", context->sampled);
    if (strstr(context->experiment, LLMOBS_EXPERIMENT "id="))
        (void)llmobs_json_sets(dd, "scope", "experiments");
    (void)llmobs_json_set(event, "_dd", llmobs_json_searched(dd));
    (void)llmobs_json_set(event, "name", as_word(name));
    (void)llmobs_json_set(
        event, "start_ns",
        llmobs_json_searched(llmobs_json_int(span->start_ns)));
    (void)llmobs_json_set(event, "duration",
                          llmobs_json_searched(llmobs_json_int(duration)));
    set_own(event, "status", span->failed ? "error" : "ok");
    (void)llmobs_json_set(event, "meta", make_meta(e));
    /* A dot in a key makes the intake drop the batch; a proxied call has no
     * metrics (WIRE 1.7, 4.2). */
    list = llmobs_json_object();
    for (void *it = llmobs_json_iter(span->proxied ? NULL : span->metrics);
         it && llmobs_json_error(list) == 0;
         it = llmobs_json_next(span->metrics, it)) {
        struct llmobs_json *number = llmobs_json_iter_value(it);
        char *key = strdup(llmobs_json_iter_key(it));

        for (char *dot = key; dot && (dot = strchr(dot, '.'));)
            *dot = '_';
        if (llmobs_json_is_number(number))
            (void)llmobs_json_set(list, key ? key : "",
                                  key ? llmobs_json_share(number) : NULL);
        free(key);
    }
    (void)llmobs_json_set(event, "metrics", list);
    (void)llmobs_json_set(event, "tags", llmobs_tags_make(span, e->config));
    if (llmobs_json_len(span->links) > 0)
        (void)llmobs_json_set(event, "span_links",
                              llmobs_json_share(span->links));
    if (e->cut >= CUT_IO || span->input_dropped || span->output_dropped) {
        list = llmobs_json_array();
        (void)llmobs_json_add(list, llmobs_json_string("dropped_io"));
        (void)llmobs_json_set(event, "collection_errors", list);
    }
    return llmobs_json_done(event, llmobs_json_error(event));
}

static size_t event_max(const struct llmobs_config *config)
{
    return config->event_max > 0 ? (size_t)config->event_max : 0;
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
    size_t most = buf->max, at = len + before;
    int rc =
        event ? llmobs_content_filter_event(&config->privacy, &event) : -ENOMEM;

    if (!rc)
        rc = llmobs_limits_apply(&event, cut == CUT_TEXTS);
    if (!rc)
        rc = llmobs_buf_add(buf, lead.data, before);
    if (!rc && max < most - at)
        buf->max = at + max;
    if (!rc)
        /* A secret may have come in pieces, which are joined only in the
         * event. The lead of a span was searched (facts.h). */
        rc = llmobs_json_dump_masked(event, LLMOBS_JSON_ASCII, buf,
                                     llmobs_secrets_mask);
    if ((rc == -EFBIG && buf->max < most) || (!rc && buf->len - at >= max))
        rc = -E2BIG;
    buf->max = most;
    llmobs_json_free(event);
    if (rc) {
        llmobs_buf_cut(buf, len);
        return rc;
    }
    if (lead.len > 0)
        buf->data[at] = lead.data[before];
    return 0;
}

int llmobs_encode_dump(struct llmobs_json *event,
                       const struct llmobs_config *config,
                       struct llmobs_buf *buf)
{
    return dump(event, config, (struct llmobs_text){NULL, 0}, CUT_NOTHING, buf);
}

/* Leaves out more content each time, until the event fits. `bounded`: within
 * the work that a body may take. */
static int encode(const struct llmobs_span *span,
                  const struct llmobs_config *config, struct llmobs_buf *buf,
                  bool bounded)
{
    struct encoding e = {
        .span = span,
        .config = config,
        .kind = span->proxied ? LLMOBS_KIND_WORKFLOW : span->kind,
    };
    const struct llmobs_json *parts[] = {
        span->input_messages, span->input_documents, span->output_messages,
        span->output_documents};
    size_t max = event_max(config), len = 0;
    struct llmobs_buf lead;
    int cut, enough, rc;

    /* Where the texts alone are too long for an event, the span is cut before
     * anything is copied, redacted or written. */
    len += span->input_value ? strlen(span->input_value) : 0;
    len += span->output_value ? strlen(span->output_value) : 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && len <= max; i++)
        len += llmobs_limits_weight(parts[i], max - len);
    cut = len > max ? CUT_IO : CUT_NOTHING;
    llmobs_buf_init(&lead, LEAD_MAX);
    (void)llmobs_buf_reserve(&lead, LEAD_USUAL);
    rc = llmobs_facts_lead(span, config, &lead);
    e.lead = llmobs_buf_text(&lead);
    for (bool again = rc == 0; again;
         again = rc == -E2BIG && ++cut <= CUT_TEXTS) {
        e.cut = (enum cut)cut;
        if (bounded)
            llmobs_work_begin(cut == CUT_NOTHING ? LLMOBS_WORK_BODY
                                                 : LLMOBS_WORK_ALL);
        rc = dump(make_event(&e), config, e.lead, e.cut, buf);
        enough = bounded ? llmobs_work_end() : 0;
        rc = rc && enough ? enough : rc;
    }
    llmobs_buf_fini(&lead);
    return rc;
}

int llmobs_encode_span(const struct llmobs_span *span,
                       const struct llmobs_config *config,
                       struct llmobs_buf *buf)
{
    return encode(span, config, buf, false);
}

int llmobs_encode_call(const struct llmobs_span *span,
                       const struct llmobs_config *config,
                       struct llmobs_buf *buf)
{
    return encode(span, config, buf, true);
}
