#include "core/export/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/export/fields.h"
#include "core/export/resource.h"
#include "core/export/series.h"
#include "core/export/source.h"
#include "lib/span/context.h"
#include "lib/text/json.h"
#include "lib/text/json_clean.h"

/* -- the tables ------------------------------------------------------------ */

/* Attributes, in the order in which a key has them. */
enum attribute {
    ATTR_OPERATION,
    ATTR_PROVIDER,
    ATTR_REQUEST_MODEL,
    ATTR_RESPONSE_MODEL,
    ATTR_ADDRESS,
    ATTR_PORT,
    ATTR_ERROR,
    ATTR_TOKEN_TYPE,
    ATTR_MODALITY,
    ATTR_AGENT,
    ATTR_TOOL,
    ATTR_TOOL_TYPE,
    ATTR_WORKFLOW,
    ATTR_METHOD,
    ATTR_COUNT
};

static const char *const attribute_names[ATTR_COUNT] = {
    [ATTR_OPERATION] = "gen_ai.operation.name",
    [ATTR_PROVIDER] = "gen_ai.provider.name",
    [ATTR_REQUEST_MODEL] = "gen_ai.request.model",
    [ATTR_RESPONSE_MODEL] = "gen_ai.response.model",
    [ATTR_ADDRESS] = "server.address",
    [ATTR_PORT] = "server.port",
    [ATTR_ERROR] = "error.type",
    [ATTR_TOKEN_TYPE] = "gen_ai.token.type",
    [ATTR_MODALITY] = "gen_ai.token.modality",
    [ATTR_AGENT] = "gen_ai.agent.name",
    [ATTR_TOOL] = "gen_ai.tool.name",
    [ATTR_TOOL_TYPE] = "gen_ai.tool.type",
    [ATTR_WORKFLOW] = "gen_ai.workflow.name",
    [ATTR_METHOD] = "mcp.method.name",
};

#define CALL                                                                 \
    (1u << ATTR_OPERATION | 1u << ATTR_PROVIDER | 1u << ATTR_REQUEST_MODEL | \
     1u << ATTR_RESPONSE_MODEL | 1u << ATTR_ADDRESS | 1u << ATTR_PORT)
#define ERROR (1u << ATTR_ERROR)
#define MODALITY (1u << ATTR_MODALITY)

/* The attributes of a span are never longer. */
#define KEY_MAX ((size_t)ATTR_COUNT * (LLMOBS_OTLP_SERIES_TEXT + 2))

/* A request to an agent or a workflow behind an API is a client's operation:
 * the metrics of agents and workflows only count those within the process.
 */
#define BEHIND_API (1u << 7)

/* A request by MCP, beside its operation. */
#define BY_MCP (1u << 8)

/* Requests to a host of models in which no model answers a prompt. */
#define OTHERS (LLMOBS_OTLP_EMBEDDINGS | LLMOBS_OTLP_RETRIEVAL | BEHIND_API)

/* The forms (LLMOBS_OTLP_SEMCONV) that have a metric. */
#define IN_1_41 (1u << LLMOBS_SEMCONV_1_41)
#define IN_LATEST (1u << LLMOBS_SEMCONV_LATEST)

/* The value of a span that a metric counts. */
enum value {
    VALUE_DURATION,
    VALUE_FIRST_CHUNK,
    VALUE_CHUNK_GAPS,
    VALUE_TOKENS
};

struct metric {
    const char *name;
    unsigned forms;
    unsigned ops; /* enum llmobs_otlp_op */
    unsigned attributes;
    enum value value;
    const char *tokens; /* VALUE_TOKENS: a member of the event's metrics; NULL:
                         * input and output, by an attribute */
    bool zero;          /* an unknown count adds 0 to the sum */
    const struct llmobs_otlp_bounds *bounds;
};

static const struct llmobs_otlp_bounds short_times = {
    14,
    {0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48,
     40.96, 81.92}};
static const struct llmobs_otlp_bounds agent_times = {
    13,
    {0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6}};
static const struct llmobs_otlp_bounds long_times = {
    11, {1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200}};
static const struct llmobs_otlp_bounds tokens = {14,
                                                 {1, 4, 16, 64, 256, 1024, 4096,
                                                  16384, 65536, 262144, 1048576,
                                                  4194304, 16777216, 67108864}};
static const struct llmobs_otlp_bounds counter = {0, {0}};
static const struct llmobs_otlp_bounds mcp_times = {
    14, {0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300}};

static const struct metric metrics_table[] = {
    {"gen_ai.client.operation.duration", IN_1_41,
     LLMOBS_OTLP_INFERENCE | OTHERS, CALL | ERROR, VALUE_DURATION, NULL, false,
     &short_times},
    {"gen_ai.client.operation.duration", IN_LATEST, OTHERS, CALL | ERROR,
     VALUE_DURATION, NULL, false, &short_times},
    {"gen_ai.client.inference.duration", IN_LATEST, LLMOBS_OTLP_INFERENCE,
     CALL | ERROR, VALUE_DURATION, NULL, false, &short_times},
    {"gen_ai.client.operation.time_to_first_chunk", IN_1_41,
     LLMOBS_OTLP_INFERENCE, CALL, VALUE_FIRST_CHUNK, NULL, false, &short_times},
    {"gen_ai.client.inference.time_to_first_chunk", IN_LATEST,
     LLMOBS_OTLP_INFERENCE, CALL, VALUE_FIRST_CHUNK, NULL, false, &short_times},
    {"gen_ai.client.operation.time_per_output_chunk", IN_1_41,
     LLMOBS_OTLP_INFERENCE, CALL, VALUE_CHUNK_GAPS, NULL, false, &short_times},
    {"gen_ai.client.inference.time_per_output_chunk", IN_LATEST,
     LLMOBS_OTLP_INFERENCE, CALL, VALUE_CHUNK_GAPS, NULL, false, &short_times},
    {"gen_ai.client.token.usage", IN_1_41, LLMOBS_OTLP_INFERENCE | OTHERS,
     CALL | 1u << ATTR_TOKEN_TYPE, VALUE_TOKENS, NULL, false, &tokens},
    {"gen_ai.client.inference.operation.input_tokens", IN_LATEST,
     LLMOBS_OTLP_INFERENCE, CALL, VALUE_TOKENS, "input_tokens", false, &tokens},
    {"gen_ai.client.inference.operation.output_tokens", IN_LATEST,
     LLMOBS_OTLP_INFERENCE, CALL, VALUE_TOKENS, "output_tokens", false,
     &tokens},
    {"gen_ai.client.inference.usage.input_tokens", IN_LATEST,
     LLMOBS_OTLP_INFERENCE, CALL | MODALITY, VALUE_TOKENS, "input_tokens", true,
     &counter},
    {"gen_ai.client.inference.usage.output_tokens", IN_LATEST,
     LLMOBS_OTLP_INFERENCE, CALL | MODALITY, VALUE_TOKENS, "output_tokens",
     true, &counter},
    {"gen_ai.client.inference.usage.cache_read.input_tokens", IN_LATEST,
     LLMOBS_OTLP_INFERENCE, CALL | MODALITY, VALUE_TOKENS,
     "cache_read_input_tokens", false, &counter},
    {"gen_ai.client.inference.usage.cache_write.input_tokens", IN_LATEST,
     LLMOBS_OTLP_INFERENCE, CALL | MODALITY, VALUE_TOKENS,
     "cache_write_input_tokens", false, &counter},
    {"gen_ai.client.inference.usage.reasoning.output_tokens", IN_LATEST,
     LLMOBS_OTLP_INFERENCE, CALL | MODALITY, VALUE_TOKENS,
     "reasoning_output_tokens", false, &counter},
    {"gen_ai.invoke_agent.duration", IN_LATEST, LLMOBS_OTLP_AGENT,
     ERROR | 1u << ATTR_AGENT, VALUE_DURATION, NULL, false, &agent_times},
    {"gen_ai.execute_tool.duration", IN_LATEST, LLMOBS_OTLP_TOOL,
     ERROR | 1u << ATTR_TOOL | 1u << ATTR_TOOL_TYPE, VALUE_DURATION, NULL,
     false, &short_times},
    {"gen_ai.invoke_workflow.duration", IN_LATEST, LLMOBS_OTLP_WORKFLOW,
     ERROR | 1u << ATTR_WORKFLOW, VALUE_DURATION, NULL, false, &long_times},
    {"mcp.client.operation.duration", IN_1_41 | IN_LATEST, BY_MCP,
     ERROR | 1u << ATTR_OPERATION | 1u << ATTR_ADDRESS | 1u << ATTR_PORT |
         1u << ATTR_TOOL | 1u << ATTR_METHOD,
     VALUE_DURATION, NULL, false, &mcp_times},
};

#define METRICS (sizeof(metrics_table) / sizeof(*metrics_table))

/* The values of some spans, and the earliest time of any of them. */
struct values {
    struct llmobs_otlp_set sets[METRICS];
    int64_t start_ns;
    uint64_t spans;
};

struct llmobs_otlp_metrics {
    const struct llmobs_config *config;
    struct values now;
    struct values sent; /* delta: the last request's, until it is accepted; no
                         * newer value joins them */
    uint64_t reported;  /* cumulative: spans in an accepted request, */
    uint64_t written;   /* and in the last request */
    char instance[40];  /* service.instance.id */
    struct llmobs_buf key;
    struct llmobs_otlp_writer writer;
};

/* -- life ------------------------------------------------------------------ */

/* A random UUID (version 4). */
static void name_instance(char out[40])
{
    unsigned long long high = llmobs_context_random();
    unsigned long long low = llmobs_context_random();

    snprintf(out, 40, "%08llx-%04llx-4%03llx-%04llx-%012llx", high >> 32,
             high >> 16 & 0xffff, high & 0xfff, (low >> 48 & 0x3fff) | 0x8000,
             low & 0xffffffffffff);
}

void llmobs_otlp_metrics_forget(struct llmobs_otlp_metrics *metrics,
                                int64_t start_ns)
{
    const struct llmobs_config *config = metrics->config;

    memset(metrics, 0, sizeof(*metrics));
    metrics->config = config;
    metrics->now.start_ns = start_ns;
    llmobs_buf_init(&metrics->key, KEY_MAX);
    name_instance(metrics->instance);
}

struct llmobs_otlp_metrics *llmobs_otlp_metrics_new(
    const struct llmobs_config *config, int64_t start_ns)
{
    struct llmobs_otlp_metrics *metrics = calloc(1, sizeof(*metrics));

    if (!metrics)
        return NULL;
    metrics->config = config;
    llmobs_otlp_metrics_forget(metrics, start_ns);
    return metrics;
}

static void clear(struct values *values)
{
    for (size_t i = 0; i < METRICS; i++)
        llmobs_otlp_set_clear(&values->sets[i]);
    values->spans = 0;
}

void llmobs_otlp_metrics_free(struct llmobs_otlp_metrics *metrics)
{
    clear(&metrics->now);
    clear(&metrics->sent);
    llmobs_buf_fini(&metrics->key);
    free(metrics);
}

/* -- adding ---------------------------------------------------------------- */

/* A span, as far as the metrics need it. */
struct seen {
    struct llmobs_otlp_source source;
    const char *texts[ATTR_COUNT]; /* NULL: not known */
    char port[8];
};

static void look_at_server(struct seen *seen)
{
    const struct llmobs_otlp_source *source = &seen->source;
    int64_t port = llmobs_json_to_int(source->fact[LLMOBS_FACT_PORT]);

    seen->texts[ATTR_ADDRESS] =
        llmobs_otlp_source_fact(source, LLMOBS_FACT_HOST);
    if (!seen->texts[ATTR_ADDRESS] || port < 1 || port > 65535)
        return;
    snprintf(seen->port, sizeof(seen->port), "%d", (int)port);
    seen->texts[ATTR_PORT] = seen->port;
}

static int look(struct seen *seen, const struct llmobs_config *config,
                const struct llmobs_json *event)
{
    struct llmobs_otlp_source *source = &seen->source;
    int rc;

    memset(seen, 0, sizeof(*seen));
    rc = llmobs_otlp_source_read(source, config->otlp.semconv, event);
    if (rc)
        return rc;
    seen->texts[ATTR_OPERATION] = source->operation;
    seen->texts[ATTR_PROVIDER] = llmobs_otlp_source_provider(source);
    seen->texts[ATTR_REQUEST_MODEL] = source->model;
    seen->texts[ATTR_RESPONSE_MODEL] =
        llmobs_otlp_source_fact(source, LLMOBS_FACT_RESPONSE_MODEL);
    look_at_server(seen);
    if (source->failed)
        seen->texts[ATTR_ERROR] = llmobs_otlp_source_error(source);
    seen->texts[ATTR_MODALITY] = "unknown";
    seen->texts[ATTR_AGENT] = seen->texts[ATTR_WORKFLOW] = source->name;
    if (source->op == LLMOBS_OTLP_TOOL)
        seen->texts[ATTR_TOOL] =
            source->method ? source->subject : source->name;
    seen->texts[ATTR_METHOD] = source->method;
    seen->texts[ATTR_TOOL_TYPE] = "function";
    return 0;
}

/* The bytes of a text that a key keeps, cut before a character. */
static size_t kept(const char *text)
{
    size_t len = strnlen(text, LLMOBS_OTLP_SERIES_TEXT + 1);

    return len <= LLMOBS_OTLP_SERIES_TEXT
               ? len
               : llmobs_utf8_fit(text, LLMOBS_OTLP_SERIES_TEXT);
}

/* Gives a key: for each attribute a letter, its text and a NUL. */
static struct llmobs_text key_of(struct llmobs_buf *buf,
                                 const struct seen *seen, unsigned attributes)
{
    int rc = 0;

    llmobs_buf_cut(buf, 0);
    for (unsigned i = 0; i < ATTR_COUNT && !rc; i++) {
        const char *text = seen->texts[i];

        if (!(attributes & 1u << i) || !text)
            continue;
        rc = llmobs_buf_addc(buf, (char)('A' + i));
        if (!rc)
            rc = llmobs_buf_add(buf, text, kept(text));
        if (!rc)
            rc = llmobs_buf_addc(buf, '\0');
    }
    return rc ? (struct llmobs_text){NULL, 0}
              : (struct llmobs_text){buf->data, buf->len};
}

/* A count of tokens, or a time; < 0: not known. */
static double number_of(const struct llmobs_json *number)
{
    return llmobs_json_is_number(number) ? llmobs_json_to_real(number) : -1;
}

static double seconds_of(const struct llmobs_json *number)
{
    double ns = number_of(number);

    return ns < 0 ? ns : ns / 1e9;
}

static double value_of(const struct metric *metric, const struct seen *seen,
                       const char *count)
{
    const struct llmobs_otlp_source *source = &seen->source;
    double value;

    switch (metric->value) {
    case VALUE_DURATION:
        return seconds_of(llmobs_json_get(source->event, "duration"));
    case VALUE_FIRST_CHUNK:
        return llmobs_json_is_true(source->fact[LLMOBS_FACT_STREAM])
                   ? seconds_of(source->fact[LLMOBS_FACT_FIRST_CHUNK_NS])
                   : -1;
    case VALUE_CHUNK_GAPS:
        return -1;
    case VALUE_TOKENS:
        break;
    }
    value = number_of(llmobs_json_get(source->metrics, count));
    return value < 0 && metric->zero ? 0 : value;
}

/* Adds a fact that is a histogram already: its sum, least and greatest value,
 * then the counts of the buckets. False: the span has none. */
static bool add_chunk_gaps(struct llmobs_otlp_metrics *metrics, size_t i,
                           const struct seen *seen)
{
    const struct llmobs_json *fact =
        seen->source.fact[LLMOBS_FACT_CHUNK_GAPS_NS];
    struct llmobs_otlp_series gaps = {.count = 0};
    size_t len = llmobs_json_len(fact);

    if (len < 4 || len - 3 > sizeof(gaps.buckets) / sizeof(*gaps.buckets))
        return false;
    gaps.sum = seconds_of(llmobs_json_at(fact, 0));
    gaps.min = seconds_of(llmobs_json_at(fact, 1));
    gaps.max = seconds_of(llmobs_json_at(fact, 2));
    for (size_t at = 3; at < len; at++) {
        const struct llmobs_json *count = llmobs_json_at(fact, at);

        if (!llmobs_json_is_int(count) || llmobs_json_to_int(count) < 0)
            return false;
        gaps.buckets[at - 3] = (uint64_t)llmobs_json_to_int(count);
        gaps.count += gaps.buckets[at - 3];
    }
    gaps.key = key_of(&metrics->key, seen, metrics_table[i].attributes);
    llmobs_otlp_set_join(&metrics->now.sets[i], &gaps);
    return true;
}

/* False: the span has no such value. */
static bool add(struct llmobs_otlp_metrics *metrics, size_t i,
                const struct seen *seen, const char *count)
{
    const struct metric *metric = &metrics_table[i];
    double value;

    if (metric->value == VALUE_CHUNK_GAPS)
        return add_chunk_gaps(metrics, i, seen);
    value = value_of(metric, seen, count);
    if (value < 0)
        return false;
    llmobs_otlp_set_add(&metrics->now.sets[i],
                        key_of(&metrics->key, seen, metric->attributes),
                        metric->bounds, value);
    return true;
}

/* The operation of a span, or BEHIND_API; with BY_MCP. */
static unsigned op_of(const struct llmobs_otlp_source *source)
{
    unsigned op = source->op;

    if (source->client && (op & (LLMOBS_OTLP_AGENT | LLMOBS_OTLP_WORKFLOW)))
        op = BEHIND_API;
    return source->client && source->method ? op | BY_MCP : op;
}

/* False: no metric has a value from the span. */
static bool add_span(struct llmobs_otlp_metrics *metrics, struct seen *seen)
{
    unsigned form = 1u << metrics->config->otlp.semconv;
    unsigned op = op_of(&seen->source);
    bool any = false;

    for (size_t i = 0; i < METRICS; i++) {
        const struct metric *metric = &metrics_table[i];

        if (!(metric->forms & form) || !(metric->ops & op))
            continue;
        if (metric->value != VALUE_TOKENS || metric->tokens) {
            any |= add(metrics, i, seen, metric->tokens);
            continue;
        }
        seen->texts[ATTR_TOKEN_TYPE] = "input";
        any |= add(metrics, i, seen, "input_tokens");
        seen->texts[ATTR_TOKEN_TYPE] = "output";
        any |= add(metrics, i, seen, "output_tokens");
    }
    return any;
}

int llmobs_otlp_metrics_add(struct llmobs_otlp_metrics *metrics,
                            struct llmobs_text event)
{
    struct llmobs_json *json;
    struct seen seen;
    int rc = llmobs_json_parse(event, &json);

    if (rc)
        return rc;
    rc = look(&seen, metrics->config, json);
    if (!rc && add_span(metrics, &seen))
        metrics->now.spans++;
    llmobs_json_free(json);
    return rc;
}

/* -- a request ------------------------------------------------------------- */

uint64_t llmobs_otlp_metrics_unsent(const struct llmobs_otlp_metrics *metrics)
{
    return metrics->now.spans + metrics->sent.spans - metrics->reported;
}

static void write_key(struct llmobs_otlp_attributes *out,
                      struct llmobs_text key)
{
    const char *at = key.data, *end = key.data + key.len;

    while (at < end) {
        unsigned i = (unsigned)(*at - 'A');
        size_t len = strlen(at + 1);

        if (i == ATTR_PORT)
            llmobs_otlp_attr_int(out, attribute_names[i],
                                 strtol(at + 1, NULL, 10));
        else
            llmobs_otlp_attr_text(out, attribute_names[i],
                                  (struct llmobs_text){at + 1, len});
        at += len + 2;
    }
}

/* Writes the attributes and the times, which all points have. */
static void write_head(struct llmobs_otlp_writer *w,
                       const struct llmobs_otlp_series *series,
                       struct llmobs_otlp_field list, const int64_t times[2])
{
    struct llmobs_otlp_attributes out = {.writer = w, .list = list};

    llmobs_otlp_fixed64(w, OTLP_POINT_START, (uint64_t)times[0]);
    llmobs_otlp_fixed64(w, OTLP_POINT_TIME, (uint64_t)times[1]);
    llmobs_otlp_list(w, list);
    if (series->key.len)
        write_key(&out, series->key);
    else
        llmobs_otlp_attr_bool(&out, "otel.metric.overflow", true);
    llmobs_otlp_close_list(w);
}

static void write_histogram(struct llmobs_otlp_writer *w,
                            const struct llmobs_otlp_bounds *bounds,
                            const struct llmobs_otlp_series *series,
                            const int64_t times[2])
{
    llmobs_otlp_item(w, OTLP_DATA_POINTS);
    write_head(w, series, OTLP_HISTOGRAM_ATTRIBUTES, times);
    llmobs_otlp_fixed64(w, OTLP_HISTOGRAM_COUNT, series->count);
    llmobs_otlp_double(w, OTLP_HISTOGRAM_SUM, series->sum);
    llmobs_otlp_fixed64s(w, OTLP_HISTOGRAM_BUCKETS, series->buckets,
                         bounds->count + 1);
    llmobs_otlp_doubles(w, OTLP_HISTOGRAM_BOUNDS, bounds->list, bounds->count);
    llmobs_otlp_double(w, OTLP_HISTOGRAM_MIN, series->min);
    llmobs_otlp_double(w, OTLP_HISTOGRAM_MAX, series->max);
    llmobs_otlp_close(w);
}

static void write_counter(struct llmobs_otlp_writer *w,
                          const struct llmobs_otlp_series *series,
                          const int64_t times[2])
{
    const double most = 9.2e18; /* OTLP has no greater whole number */
    double sum = series->sum < most ? series->sum : most;

    llmobs_otlp_item(w, OTLP_DATA_POINTS);
    write_head(w, series, OTLP_NUMBER_ATTRIBUTES, times);
    llmobs_otlp_fixed64(w, OTLP_NUMBER_AS_INT, (uint64_t)sum);
    llmobs_otlp_close(w);
}

static void write_point(struct llmobs_otlp_writer *w,
                        const struct llmobs_otlp_bounds *bounds,
                        const struct llmobs_otlp_series *series,
                        const int64_t times[2])
{
    if (bounds->count)
        write_histogram(w, bounds, series, times);
    else
        write_counter(w, series, times);
}

/* AggregationTemporality */
enum temporality { DELTA = 1, CUMULATIVE = 2 };

/* Gives the number of points. */
static size_t write_metric(struct llmobs_otlp_writer *w, bool delta,
                           const struct metric *metric,
                           const struct llmobs_otlp_set *set,
                           const int64_t times[2])
{
    bool overflow = set->overflow.count > 0;

    if (set->count == 0 && !overflow)
        return 0;
    llmobs_otlp_item(w, OTLP_METRICS);
    llmobs_otlp_string(w, OTLP_METRIC_NAME, llmobs_text_of(metric->name));
    llmobs_otlp_string(
        w, OTLP_METRIC_UNIT,
        llmobs_text_of(metric->value == VALUE_TOKENS ? "{token}" : "s"));
    llmobs_otlp_message(w, metric->bounds->count ? OTLP_METRIC_HISTOGRAM
                                                 : OTLP_METRIC_SUM);
    llmobs_otlp_list(w, OTLP_DATA_POINTS);
    for (size_t i = 0; i < set->count; i++)
        write_point(w, metric->bounds, set->list[i], times);
    if (overflow)
        write_point(w, metric->bounds, &set->overflow, times);
    llmobs_otlp_close_list(w);
    llmobs_otlp_enum(w, OTLP_TEMPORALITY, delta ? DELTA : CUMULATIVE);
    if (!metric->bounds->count)
        llmobs_otlp_bool(w, OTLP_IS_MONOTONIC, true);
    llmobs_otlp_close(w);
    llmobs_otlp_close(w);
    return set->count + overflow;
}

/* Gives the values of this request. A delta's values are not in later requests;
 * values that nobody accepted are sent again. */
static struct values *take(struct llmobs_otlp_metrics *metrics, int64_t now_ns)
{
    struct values *now = &metrics->now, *sent = &metrics->sent;

    metrics->written = now->spans;
    if (!metrics->config->otlp.delta)
        return now;
    for (size_t i = 0; i < METRICS; i++)
        llmobs_otlp_set_move(&sent->sets[i], &now->sets[i]);
    if (sent->start_ns == 0)
        sent->start_ns = now->start_ns;
    sent->spans += now->spans;
    now->spans = 0;
    now->start_ns = now_ns;
    return sent;
}

int llmobs_otlp_metrics_write(struct llmobs_otlp_metrics *metrics,
                              int64_t now_ns, struct llmobs_buf *out,
                              size_t *points)
{
    const struct llmobs_config *config = metrics->config;
    struct values *values = take(metrics, now_ns);
    const int64_t times[2] = {values->start_ns, now_ns};
    const struct llmobs_otlp_lists lists = {OTLP_RESOURCE_METRICS,
                                            OTLP_SCOPE_METRICS, OTLP_METRICS};
    struct llmobs_otlp_origin origin;
    struct llmobs_otlp_writer *w = &metrics->writer;

    *points = 0;
    llmobs_otlp_begin(w, out, config->otlp.signals[LLMOBS_SIGNAL_METRICS].json);
    llmobs_otlp_list(w, lists.resources);
    llmobs_otlp_origin_own(config, &origin);
    llmobs_otlp_open_records(w, &lists, &origin,
                             llmobs_text_of(metrics->instance));
    for (size_t i = 0; i < METRICS; i++)
        *points += write_metric(w, config->otlp.delta, &metrics_table[i],
                                &values->sets[i], times);
    llmobs_otlp_close_records(w, config->otlp.semconv);
    llmobs_otlp_close_list(w);
    return llmobs_otlp_end(w);
}

uint64_t llmobs_otlp_metrics_accepted(struct llmobs_otlp_metrics *metrics)
{
    uint64_t spans = metrics->sent.spans;

    if (metrics->config->otlp.delta) {
        clear(&metrics->sent);
        metrics->sent.start_ns = 0;
        return spans;
    }
    spans = metrics->written - metrics->reported;
    metrics->reported = metrics->written;
    return spans;
}
