/* Writes and sends OTLP log records. */
#include "core/export/otlp_logs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/event/facts.h"
#include "core/export/fields.h"
#include "core/export/otlp_route.h"
#include "core/export/otlp_traces.h"
#include "core/export/resource.h"
#include "core/export/source.h"
#include "core/export/writer.h"
#include "lib/base/log.h"
#include "lib/span/content_filter.h"

/* Each level of a value takes up to four levels of the writer; a record needs
 * ten. */
#define DEPTH_MAX 12
#define WARNING 13 /* SeverityNumber */
#define NS_PER_MS INT64_C(1000000)
#define TRACE_FLAGS 0xff /* the flags that traceparent has */
/* No event has as many bytes. */
#define SPAN_TEXT_MAX ((size_t)1 << 28)

/* -- values of JSON as AnyValues, lists and maps included -------------------
 */

/* Writes the field of an AnyValue; null has no field. A container that is too
 * deep for the writer becomes the text of its JSON. */
static void put_any(struct llmobs_otlp_writer *w,
                    const struct llmobs_json *value, int depth)
{
    char *text;

    if (llmobs_json_is_container(value) && depth >= DEPTH_MAX) {
        text = llmobs_json_dumps(value, LLMOBS_JSON_KEEP_ORDER);
        llmobs_otlp_fail(w, text ? 0 : -ENOMEM);
        llmobs_otlp_string(w, OTLP_STRING_VALUE, llmobs_text_of(text));
        free(text);
    } else if (llmobs_json_is_container(value)) {
        llmobs_otlp_message(w, llmobs_json_is_object(value) ? OTLP_KVLIST_VALUE
                                                            : OTLP_ARRAY_VALUE);
        llmobs_otlp_list(w, OTLP_VALUES);
        LLMOBS_JSON_EACH (one, value, true) {
            llmobs_otlp_item(w, OTLP_VALUES);
            put_any(w, one, depth + 1);
            llmobs_otlp_close(w);
        }
        for (void *it = llmobs_json_iter(value); it;
             it = llmobs_json_next(value, it)) {
            llmobs_otlp_item(w, OTLP_VALUES);
            llmobs_otlp_string(w, OTLP_KEY,
                               llmobs_text_of(llmobs_json_iter_key(it)));
            llmobs_otlp_message(w, OTLP_VALUE);
            put_any(w, llmobs_json_iter_value(it), depth + 1);
            llmobs_otlp_close(w);
            llmobs_otlp_close(w);
        }
        llmobs_otlp_close_list(w);
        llmobs_otlp_close(w);
    } else if (llmobs_json_is_string(value)) {
        llmobs_otlp_string(w, OTLP_STRING_VALUE,
                           llmobs_text_of(llmobs_json_text(value)));
    } else if (llmobs_json_is_int(value)) {
        llmobs_otlp_int64(w, OTLP_INT_VALUE, llmobs_json_to_int(value));
    } else if (llmobs_json_is_number(value)) {
        llmobs_otlp_double(w, OTLP_DOUBLE_VALUE, llmobs_json_to_real(value));
    } else if (llmobs_json_is_true(value) || llmobs_json_is_false(value)) {
        llmobs_otlp_bool(w, OTLP_BOOL_VALUE, llmobs_json_is_true(value));
    }
}

/* Writes the field of an AnyValue that the writer wrote as JSON before, of a
 * span's attribute: a scalar or a list of texts. There whole numbers are
 * texts. */
static void put_written(struct llmobs_otlp_writer *w,
                        const struct llmobs_json *any)
{
    const struct llmobs_json *list = llmobs_json_get(any, "arrayValue");
    const struct llmobs_json *real = llmobs_json_get(any, "doubleValue");
    const struct llmobs_json *truth = llmobs_json_get(any, "boolValue");
    const char *whole = llmobs_json_gets(any, "intValue");
    const char *text = llmobs_json_gets(any, "stringValue");

    if (text) {
        llmobs_otlp_string(w, OTLP_STRING_VALUE, llmobs_text_of(text));
    } else if (whole) {
        llmobs_otlp_int64(w, OTLP_INT_VALUE, strtoll(whole, NULL, 10));
    } else if (real) {
        llmobs_otlp_double(w, OTLP_DOUBLE_VALUE, llmobs_json_to_real(real));
    } else if (truth) {
        llmobs_otlp_bool(w, OTLP_BOOL_VALUE, llmobs_json_is_true(truth));
    } else if (list) {
        llmobs_otlp_message(w, OTLP_ARRAY_VALUE);
        llmobs_otlp_list(w, OTLP_VALUES);
        LLMOBS_JSON_EACH (one, llmobs_json_get(list, "values"), true) {
            llmobs_otlp_item(w, OTLP_VALUES);
            put_written(w, one);
            llmobs_otlp_close(w);
        }
        llmobs_otlp_close_list(w);
        llmobs_otlp_close(w);
    }
}

/* -- the head of a record -------------------------------------------------- */

struct record {
    struct llmobs_otlp_writer *writer;
    const struct llmobs_config *config;
    struct llmobs_id128 trace;
    uint64_t span;
    int64_t time_ns;
    int64_t flags;
    struct llmobs_otlp_attributes attributes;
};

static void open_record(struct record *r, const char *name, int severity)
{
    struct llmobs_otlp_writer *w = r->writer;
    int64_t most = r->config->otlp.value_max;

    r->attributes = (struct llmobs_otlp_attributes){
        .writer = w,
        .list = OTLP_LOG_ATTRIBUTES,
        .value_max = most > 0 ? (size_t)most : 0,
    };
    llmobs_otlp_item(w, OTLP_LOG_RECORDS);
    llmobs_otlp_fixed64(w, OTLP_LOG_TIME, (uint64_t)r->time_ns);
    llmobs_otlp_fixed64(w, OTLP_LOG_OBSERVED, (uint64_t)r->time_ns);
    if (severity)
        llmobs_otlp_enum(w, OTLP_LOG_SEVERITY, severity);
    if (r->flags)
        llmobs_otlp_fixed32(w, OTLP_LOG_FLAGS, (uint32_t)r->flags);
    llmobs_otlp_put_trace_id(w, OTLP_LOG_TRACE_ID, r->trace);
    llmobs_otlp_put_span_id(w, OTLP_LOG_SPAN_ID, r->span);
    llmobs_otlp_string(w, OTLP_LOG_EVENT_NAME, llmobs_text_of(name));
    llmobs_otlp_list(w, OTLP_LOG_ATTRIBUTES);
}

/* Writes an attribute of any value. `written`: the value is an AnyValue that
 * the writer wrote as JSON before. */
static void put_attribute(struct record *r, const char *key,
                          const struct llmobs_json *value, bool written)
{
    struct llmobs_otlp_writer *w = r->writer;

    llmobs_otlp_item(w, OTLP_LOG_ATTRIBUTES);
    llmobs_otlp_string(w, OTLP_KEY, llmobs_text_of(key));
    llmobs_otlp_message(w, OTLP_VALUE);
    if (written)
        put_written(w, value);
    else
        put_any(w, value, 0);
    llmobs_otlp_close(w);
    llmobs_otlp_close(w);
}

static void close_record(struct record *r, int64_t dropped)
{
    llmobs_otlp_close_list(r->writer);
    if (dropped > 0)
        llmobs_otlp_uint32(r->writer, OTLP_LOG_DROPPED, (uint32_t)dropped);
    llmobs_otlp_close(r->writer);
}

/* -- evaluations ----------------------------------------------------------- */

static bool is_evaluation(const struct llmobs_json *event)
{
    return llmobs_json_gets(event, "metric_type") != NULL;
}

/* Reads the record's trace, which is traceparent's: a fact has it if LLM
 * Observability's trace, which the evaluation names, is another. */
static bool read_join(const struct llmobs_json *event, struct record *r)
{
    const struct llmobs_json *join =
        llmobs_json_get(llmobs_json_get(event, "join_on"), "span");
    const char *trace =
        llmobs_json_gets(llmobs_json_get(event, LLMOBS_FACTS_KEY), "apm_trace");

    if (!trace)
        trace = llmobs_json_gets(join, "trace_id");
    r->span = llmobs_otlp_source_id(llmobs_json_gets(join, "span_id"));
    r->time_ns =
        llmobs_json_to_int(llmobs_json_get(event, "timestamp_ms")) * NS_PER_MS;
    return r->span && trace && llmobs_otlp_source_trace(trace, &r->trace);
}

static const char *label_of(const struct llmobs_json *event)
{
    const struct llmobs_json *truth = llmobs_json_get(event, "boolean_value");
    const char *label = llmobs_json_gets(event, "categorical_value");

    if (!label)
        label = llmobs_json_gets(event, "assessment");
    if (label)
        return label;
    return llmobs_json_is_true(truth)    ? "true"
           : llmobs_json_is_false(truth) ? "false"
                                         : NULL;
}

/* A reason and a JSON value are texts that a model may have written. */
static void write_evaluation(struct record *r, const struct llmobs_json *event)
{
    const struct llmobs_json *value = llmobs_json_get(event, "json_value");
    const struct llmobs_json *score = llmobs_json_get(event, "score_value");
    const struct llmobs_json *truth = llmobs_json_get(event, "boolean_value");
    const char *key = "gen_ai.evaluation.score.value";

    open_record(r, "gen_ai.evaluation.result", 0);
    llmobs_otlp_attr_said(&r->attributes, "gen_ai.evaluation.name",
                          llmobs_json_gets(event, "label"));
    if (llmobs_json_is_number(score))
        llmobs_otlp_attr_double(&r->attributes, key,
                                llmobs_json_to_real(score));
    else if (llmobs_json_is_true(truth) || llmobs_json_is_false(truth))
        llmobs_otlp_attr_double(&r->attributes, key,
                                llmobs_json_is_true(truth) ? 1 : 0);
    llmobs_otlp_attr_said(&r->attributes, "gen_ai.evaluation.score.label",
                          label_of(event));
    if (r->config->otlp.event_content) {
        llmobs_otlp_attr_said(&r->attributes, "gen_ai.evaluation.explanation",
                              llmobs_json_gets(event, "reasoning"));
        if (llmobs_json_is_object(value))
            put_attribute(r, "llmobs.evaluation.value", value, false);
    }
    if (llmobs_text_is(llmobs_text_of(llmobs_json_gets(event, "eval_scope")),
                       "trace"))
        llmobs_otlp_attr_said(&r->attributes, "llmobs.evaluation.scope",
                              "trace");
    llmobs_otlp_attr_said(&r->attributes, "llmobs.ml_app",
                          llmobs_json_gets(event, "ml_app"));
    close_record(r, 0);
}

/* -- calls ----------------------------------------------------------------- */

/* True for a failure that the conventions have an event for: a failed request
 * to a host of models. */
static bool has_failed(const struct llmobs_otlp_source *s)
{
    return s->failed &&
           s->op & (LLMOBS_OTLP_INFERENCE | LLMOBS_OTLP_EMBEDDINGS |
                    LLMOBS_OTLP_RETRIEVAL);
}

static bool has_details(const struct llmobs_otlp_source *s,
                        const struct llmobs_config *config)
{
    return config->otlp.event_details && s->op == LLMOBS_OTLP_INFERENCE;
}

/* Gives the span as JSON; NULL when memory runs out. */
static struct llmobs_json *make_span(const struct llmobs_otlp_source *s,
                                     const struct llmobs_config *config)
{
    struct llmobs_otlp_writer *w = malloc(sizeof(*w));
    struct llmobs_json *span = NULL;
    struct llmobs_buf text;

    llmobs_buf_init(&text, SPAN_TEXT_MAX);
    if (w) {
        llmobs_otlp_begin(w, &text, true);
        llmobs_otlp_span(w, config, true, s->event);
        if (llmobs_otlp_end(w) != 0 ||
            llmobs_json_parse(llmobs_buf_text(&text), &span) != 0)
            span = NULL;
    }
    llmobs_buf_fini(&text);
    free(w);
    return span;
}

/* Writes the span's attributes, with its texts. An attribute whose text on a
 * span is a document is a structure here, as the convention wants it. */
static void write_details(struct record *r, const struct llmobs_otlp_source *s)
{
    static const char documents[] =
        "gen_ai.input.messages\0gen_ai.output.messages\0"
        "gen_ai.system_instructions\0gen_ai.tool.definitions\0";
    struct llmobs_json *span = make_span(s, r->config);

    if (!span) {
        llmobs_otlp_fail(r->writer, -ENOMEM);
        return;
    }
    open_record(r, "gen_ai.client.inference.operation.details", 0);
    LLMOBS_JSON_EACH (pair, llmobs_json_get(span, "attributes"), true) {
        const struct llmobs_json *value = llmobs_json_get(pair, "value");
        const char *key = llmobs_json_gets(pair, "key");
        const char *text = llmobs_json_gets(value, "stringValue");
        struct llmobs_json *document = NULL;

        if (text && key && llmobs_words_have(documents, key) &&
            llmobs_json_parse(llmobs_text_of(text), &document) == 0)
            put_attribute(r, key, document, false);
        else
            put_attribute(r, key, value, true);
        llmobs_json_free(document);
    }
    close_record(
        r, llmobs_json_to_int(llmobs_json_get(span, "droppedAttributesCount")));
    llmobs_json_free(span);
}

static void write_call(struct record *r, const struct llmobs_otlp_source *s)
{
    r->trace = s->trace_id;
    r->span = s->span_id;
    r->flags = llmobs_json_to_int(s->fact[LLMOBS_FACT_FLAGS]) & TRACE_FLAGS;
    r->time_ns = llmobs_json_to_int(llmobs_json_get(s->event, "start_ns")) +
                 llmobs_json_to_int(llmobs_json_get(s->event, "duration"));
    if (has_failed(s)) {
        const char *message =
            llmobs_json_gets(llmobs_json_get(s->meta, "error"), "message");

        open_record(r,
                    s->form >= LLMOBS_SEMCONV_LATEST &&
                            s->op == LLMOBS_OTLP_INFERENCE
                        ? "gen_ai.client.inference.exception"
                        : "gen_ai.client.operation.exception",
                    WARNING);
        llmobs_otlp_attr_said(&r->attributes, "exception.type",
                              llmobs_otlp_source_error(s));
        if (message &&
            (r->config->otlp.event_content || llmobs_content_is_code(message)))
            llmobs_otlp_attr_said(&r->attributes, "exception.message", message);
        close_record(r, 0);
    }
    if (has_details(s, r->config))
        write_details(r, s);
}

/* -- a request ------------------------------------------------------------- */

enum llmobs_otlp_saying llmobs_otlp_log_of(const struct llmobs_config *config,
                                           const struct llmobs_json *event)
{
    struct llmobs_otlp_source source;
    struct record record;

    if (is_evaluation(event))
        return read_join(event, &record) ? LLMOBS_OTLP_SAID
                                         : LLMOBS_OTLP_UNSAID;
    if (llmobs_otlp_source_read(&source, config->otlp.semconv, event) != 0)
        return LLMOBS_OTLP_NOTHING;
    return has_failed(&source) || has_details(&source, config)
               ? LLMOBS_OTLP_SAID
               : LLMOBS_OTLP_NOTHING;
}

static bool has_records(const struct llmobs_otlp_batch *batch,
                        const struct llmobs_json *event)
{
    return llmobs_otlp_log_of(batch->config, event) == LLMOBS_OTLP_SAID;
}

static void write_records(const struct llmobs_otlp_batch *batch,
                          struct llmobs_otlp_writer *w,
                          const struct llmobs_json *event)
{
    struct record r = {.writer = w, .config = batch->config};
    struct llmobs_otlp_source source;

    if (is_evaluation(event) && read_join(event, &r))
        write_evaluation(&r, event);
    else if (llmobs_otlp_source_read(&source, batch->config->otlp.semconv,
                                     event) == 0)
        write_call(&r, &source);
}

int llmobs_otlp_logs(const struct llmobs_config *config,
                     const struct llmobs_text *events, size_t count,
                     struct llmobs_buf *out, size_t *left_out)
{
    const struct llmobs_otlp_batch batch = {
        .config = config,
        .signal = LLMOBS_SIGNAL_LOGS,
        .lists = {OTLP_RESOURCE_LOGS, OTLP_SCOPE_LOGS, OTLP_LOG_RECORDS},
        .takes = has_records,
        .write = write_records,
    };

    return llmobs_otlp_batch_write(&batch, events, count, out, left_out);
}

/* -- the exporter ---------------------------------------------------------- */

struct logs {
    struct llmobs_exporter base; /* first */
    const struct llmobs_config *config;
    struct llmobs_otlp_route route;
    struct llmobs_otlp_picked said; /* events of a send with a record */
};

static int write_logs(struct llmobs_post *post,
                      const struct llmobs_text *events, size_t count,
                      struct llmobs_buf *body)
{
    struct llmobs_otlp_route *route = (struct llmobs_otlp_route *)post;
    size_t left_out;
    int rc = llmobs_otlp_logs(post->peer.config, events, count,
                              llmobs_otlp_route_begin(route), &left_out);

    (void)body;
    return rc ? rc : llmobs_otlp_route_end(route, count);
}

static const struct llmobs_post_form form = {
    .name = "otlp_logs",
    LLMOBS_OTLP_FORM("otlp logs"),
    .write = write_logs,
    .accepted = llmobs_otlp_accepted,
};

/* Picks the events that have a record; a text that is not an event needs none.
 * -ENOMEM. */
static int pick_events(struct logs *logs, const struct llmobs_text *events,
                       size_t count)
{
    logs->said.count = 0;
    for (size_t i = 0; i < count && i < LLMOBS_SEND_MAX; i++) {
        enum llmobs_otlp_saying saying = LLMOBS_OTLP_NOTHING;
        struct llmobs_json *event;
        int rc = llmobs_json_parse(events[i], &event);

        if (rc == -ENOMEM)
            return rc;
        if (rc == 0)
            saying = llmobs_otlp_log_of(logs->config, event);
        llmobs_json_free(event);
        if (saying == LLMOBS_OTLP_SAID) {
            llmobs_otlp_pick(&logs->said, events[i], i);
        } else if (saying == LLMOBS_OTLP_NOTHING) {
            llmobs_exporter_set_outcome(&logs->base, i, LLMOBS_OUTCOME_NOTHING);
        } else {
            llmobs_exporter_set_outcome(&logs->base, i, LLMOBS_OUTCOME_UNSAID);
            llmobs_log_once(LLMOBS_LOG_WARN, "unsaid",
                            "exporter otlp_logs: an evaluation joins by a tag, "
                            "or is feedback: no log can say it");
        }
    }
    return 0;
}

/* Events at the front that have no record do not wait for the receiver. */
static int logs_send(struct llmobs_exporter *exporter,
                     const struct llmobs_text *events, size_t count)
{
    struct logs *logs = (struct logs *)exporter;
    const struct llmobs_otlp_picked *said = &logs->said;
    int rc = pick_events(logs, events, count);

    if (rc)
        return rc;
    if (said->count > 0 && said->places[0] > 0)
        return (int)said->places[0];
    return llmobs_otlp_send_picked(&logs->route, said, count);
}

static void logs_forget(struct llmobs_exporter *exporter)
{
    llmobs_otlp_route_forget(&((struct logs *)exporter)->route);
}

static void logs_free(struct llmobs_exporter *exporter)
{
    struct logs *logs = (struct logs *)exporter;

    llmobs_otlp_route_fini(&logs->route);
    free(logs);
}

static const struct llmobs_exporter_ops ops = {
    .name = "otlp_logs",
    .send = logs_send,
    .forget = logs_forget,
    .free = logs_free,
};

struct llmobs_exporter *llmobs_otlp_logs_exporter_new(
    const struct llmobs_config *config)
{
    struct logs *logs = calloc(1, sizeof(*logs));
    int rc;

    if (!logs)
        return NULL;
    logs->base.ops = &ops;
    logs->config = config;
    rc = llmobs_otlp_route_init(&logs->route, &logs->base, config,
                                LLMOBS_SIGNAL_LOGS, &form, NULL, "log records");
    logs->base.wants_warm = false; /* most calls have nothing to log */
    if (!rc)
        return &logs->base;
    logs_free(&logs->base);
    return NULL;
}
