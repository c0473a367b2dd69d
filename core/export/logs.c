#include "core/export/logs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/event/facts.h"
#include "core/export/batch.h"
#include "core/export/fields.h"
#include "core/export/source.h"
#include "core/export/span.h"
#include "core/export/value.h"
#include "lib/span/content_filter.h"

#define WARNING 13 /* SeverityNumber */
#define NS_PER_MS INT64_C(1000000)
#define TRACE_FLAGS 0xff /* the flags that traceparent has */
/* No event has as many bytes. */
#define SPAN_TEXT_MAX ((size_t)1 << 28)

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

static void close_record(struct record *r)
{
    llmobs_otlp_close_list(r->writer);
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

static void put_score(struct record *r, const struct llmobs_json *event)
{
    const struct llmobs_json *score = llmobs_json_get(event, "score_value");
    const struct llmobs_json *truth = llmobs_json_get(event, "boolean_value");
    const char *key = "gen_ai.evaluation.score.value";

    if (llmobs_json_is_number(score))
        llmobs_otlp_attr_double(&r->attributes, key,
                                llmobs_json_to_real(score));
    else if (llmobs_json_is_true(truth) || llmobs_json_is_false(truth))
        llmobs_otlp_attr_double(&r->attributes, key,
                                llmobs_json_is_true(truth) ? 1 : 0);
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

static void put_json(struct record *r, const char *key,
                     const struct llmobs_json *value)
{
    if (!llmobs_json_is_object(value))
        return;
    llmobs_otlp_item(r->writer, r->attributes.list);
    llmobs_otlp_string(r->writer, OTLP_KEY, llmobs_text_of(key));
    llmobs_otlp_value(r->writer, OTLP_VALUE, value);
    llmobs_otlp_close(r->writer);
}

/* A reason and a JSON value are texts that a model may have written. */
static void put_evaluation(struct record *r, const struct llmobs_json *event)
{
    open_record(r, "gen_ai.evaluation.result", 0);
    llmobs_otlp_attr_said(&r->attributes, "gen_ai.evaluation.name",
                          llmobs_json_gets(event, "label"));
    put_score(r, event);
    llmobs_otlp_attr_said(&r->attributes, "gen_ai.evaluation.score.label",
                          label_of(event));
    if (r->config->otlp.event_content) {
        llmobs_otlp_attr_said(&r->attributes, "gen_ai.evaluation.explanation",
                              llmobs_json_gets(event, "reasoning"));
        put_json(r, "llmobs.evaluation.value",
                 llmobs_json_get(event, "json_value"));
    }
    if (llmobs_text_is(llmobs_text_of(llmobs_json_gets(event, "eval_scope")),
                       "trace"))
        llmobs_otlp_attr_said(&r->attributes, "llmobs.evaluation.scope",
                              "trace");
    llmobs_otlp_attr_said(&r->attributes, "llmobs.ml_app",
                          llmobs_json_gets(event, "ml_app"));
    close_record(r);
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

static void put_failure(struct record *r, const struct llmobs_otlp_source *s)
{
    const char *message =
        llmobs_json_gets(llmobs_json_get(s->meta, "error"), "message");

    open_record(r, "gen_ai.client.operation.exception", WARNING);
    llmobs_otlp_attr_said(&r->attributes, "exception.type",
                          llmobs_otlp_source_error(s));
    if (message &&
        (r->config->otlp.event_content || llmobs_content_is_code(message)))
        llmobs_otlp_attr_said(&r->attributes, "exception.message", message);
    close_record(r);
}

/* Gives the span as JSON; NULL when memory runs out. */
static struct llmobs_json *span_of(const struct llmobs_otlp_source *s,
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
            llmobs_json_parse((struct llmobs_text){text.data, text.len},
                              &span) != 0)
            span = NULL;
    }
    llmobs_buf_fini(&text);
    free(w);
    return span;
}

/* True for an attribute whose text on a span is a document. On an event the
 * convention wants the structure itself. */
static bool is_document(const char *key)
{
    return llmobs_words_have(
        "gen_ai.input.messages\0gen_ai.output.messages\0"
        "gen_ai.system_instructions\0gen_ai.tool.definitions\0",
        key);
}

static void put_attribute(struct record *r, const struct llmobs_json *pair)
{
    const struct llmobs_json *value = llmobs_json_get(pair, "value");
    const char *key = llmobs_json_gets(pair, "key");
    const char *text = llmobs_json_gets(value, "stringValue");
    struct llmobs_json *document = NULL;

    llmobs_otlp_item(r->writer, r->attributes.list);
    llmobs_otlp_string(r->writer, OTLP_KEY, llmobs_text_of(key));
    if (text && key && is_document(key) &&
        llmobs_json_parse(llmobs_text_of(text), &document) == 0)
        llmobs_otlp_value(r->writer, OTLP_VALUE, document);
    else
        llmobs_otlp_value_again(r->writer, OTLP_VALUE, value);
    llmobs_otlp_close(r->writer);
    llmobs_json_free(document);
}

/* Writes the span's attributes, with its texts. */
static void put_details(struct record *r, const struct llmobs_otlp_source *s)
{
    struct llmobs_json *span = span_of(s, r->config);
    const struct llmobs_json *list = llmobs_json_get(span, "attributes");
    int64_t dropped =
        llmobs_json_to_int(llmobs_json_get(span, "droppedAttributesCount"));

    if (!span) {
        llmobs_otlp_fail(r->writer, -ENOMEM);
        return;
    }
    open_record(r, "gen_ai.client.inference.operation.details", 0);
    for (size_t i = 0; i < llmobs_json_len(list); i++)
        put_attribute(r, llmobs_json_at(list, i));
    llmobs_otlp_close_list(r->writer);
    if (dropped > 0)
        llmobs_otlp_uint32(r->writer, OTLP_LOG_DROPPED, (uint32_t)dropped);
    llmobs_otlp_close(r->writer);
    llmobs_json_free(span);
}

static void put_call(struct record *r, const struct llmobs_otlp_source *s)
{
    r->trace = s->trace_id;
    r->span = s->span_id;
    r->flags = llmobs_json_to_int(s->fact[LLMOBS_FACT_FLAGS]) & TRACE_FLAGS;
    r->time_ns = llmobs_json_to_int(llmobs_json_get(s->event, "start_ns")) +
                 llmobs_json_to_int(llmobs_json_get(s->event, "duration"));
    if (has_failed(s))
        put_failure(r, s);
    if (has_details(s, r->config))
        put_details(r, s);
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

static bool logs_takes(const struct llmobs_otlp_batch *batch,
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
        put_evaluation(&r, event);
    else if (llmobs_otlp_source_read(&source, batch->config->otlp.semconv,
                                     event) == 0)
        put_call(&r, &source);
}

int llmobs_otlp_logs(const struct llmobs_config *config,
                     const struct llmobs_text *events, size_t count,
                     struct llmobs_buf *out, size_t *left_out)
{
    const struct llmobs_otlp_batch batch = {
        .config = config,
        .signal = LLMOBS_SIGNAL_LOGS,
        .lists = {OTLP_RESOURCE_LOGS, OTLP_SCOPE_LOGS, OTLP_LOG_RECORDS},
        .takes = logs_takes,
        .write = write_records,
    };

    return llmobs_otlp_batch_write(&batch, events, count, out, left_out);
}
