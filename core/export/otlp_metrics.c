/* Sums spans up as OTLP metrics, and sends them. */
#include "core/export/otlp_metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/export/fields.h"
#include "core/export/otlp_route.h"
#include "core/export/resource.h"
#include "core/export/source.h"
#include "lib/base/grow.h"
#include "lib/base/futex.h"
#include "lib/base/log.h"
#include "lib/base/mix.h"
#include "lib/base/work.h"
#include "lib/span/context.h"
#include "lib/text/json.h"
#include "lib/text/json_clean.h"

#define BOUNDS_MAX 14
/* The first wait after a request that failed; each further wait is twice as
 * long, up to the interval. */
#define RETRY_FIRST_MS 1000

/* -- series: the values of one metric, by their attributes -------------------
 */

/* The upper bounds of a histogram's buckets, each bound within its bucket; a
 * last bucket has all that is above. A counter has no bounds. */
struct bounds {
    size_t count;
    double list[BOUNDS_MAX];
};

struct series {
    struct llmobs_text key; /* the attributes */
    uint64_t hash;          /* of the key */
    uint64_t count;         /* of the values */
    double sum, min, max;   /* of the values */
    uint64_t buckets[BOUNDS_MAX + 1];
};

struct set {
    struct series **list;
    size_t count, cap;
    struct series overflow; /* the series with an empty key */
};

/* Gives the series of these attributes, which may be a new series, or
 * `overflow`, also for no attributes. */
static struct series *series_of(struct set *set, struct llmobs_text key)
{
    uint64_t hash = key.len;
    struct series *series = NULL;
    char *bytes;

    for (size_t i = 0; i < key.len; i++)
        hash = llmobs_mix(hash ^ (unsigned char)key.data[i]);
    for (size_t i = 0; i < set->count; i++) {
        series = set->list[i];
        if (series->hash == hash && series->key.len == key.len &&
            memcmp(series->key.data, key.data, key.len) == 0)
            return series;
    }
    if (key.len == 0 || set->count + 1 >= LLMOBS_OTLP_SERIES_MAX ||
        llmobs_grow(&set->list, &set->cap, set->count, sizeof(series)) != 0)
        return &set->overflow;
    series = calloc(1, sizeof(*series) + key.len);
    if (!series)
        return &set->overflow;
    bytes = (char *)(series + 1);
    memcpy(bytes, key.data, key.len);
    series->key = (struct llmobs_text){bytes, key.len};
    series->hash = hash;
    set->list[set->count++] = series;
    return series;
}

/* Adds values that have this count, sum, least and greatest value. */
static void add_values(struct series *to, uint64_t count, double sum,
                       double min, double max)
{
    if (to->count == 0 || min < to->min)
        to->min = min;
    if (to->count == 0 || max > to->max)
        to->max = max;
    to->count += count;
    to->sum += sum;
}

static void set_add(struct set *set, struct llmobs_text key,
                    const struct bounds *bounds, double value)
{
    struct series *series = series_of(set, key);
    size_t i = 0;

    while (i < bounds->count && value > bounds->list[i])
        i++;
    series->buckets[i]++;
    add_values(series, 1, value, value, value);
}

/* Adds the values of a series that does not belong to the set. */
static void set_join(struct set *set, const struct series *from)
{
    struct series *to = series_of(set, from->key);

    if (from->count == 0)
        return;
    for (size_t i = 0; i < sizeof(to->buckets) / sizeof(*to->buckets); i++)
        to->buckets[i] += from->buckets[i];
    add_values(to, from->count, from->sum, from->min, from->max);
}

static void set_clear(struct set *set)
{
    for (size_t i = 0; i < set->count; i++)
        free(set->list[i]);
    free(set->list);
    memset(set, 0, sizeof(*set));
}

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

#define TO_A_HOST                                                             \
    (LLMOBS_OTLP_INFERENCE | LLMOBS_OTLP_EMBEDDINGS | LLMOBS_OTLP_RETRIEVAL | \
     BEHIND_API)

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
    const struct bounds *bounds;
};

static const struct bounds short_times = {14,
                                          {0.01, 0.02, 0.04, 0.08, 0.16, 0.32,
                                           0.64, 1.28, 2.56, 5.12, 10.24, 20.48,
                                           40.96, 81.92}};
static const struct bounds agent_times = {
    13,
    {0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6}};
static const struct bounds tokens = {14,
                                     {1, 4, 16, 64, 256, 1024, 4096, 16384,
                                      65536, 262144, 1048576, 4194304, 16777216,
                                      67108864}};
static const struct bounds counter = {0, {0}};
static const struct bounds mcp_times = {
    14, {0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300}};

static const struct metric metrics_table[] = {
    {"gen_ai.client.operation.duration", IN_1_41, TO_A_HOST, CALL | ERROR,
     VALUE_DURATION, NULL, false, &short_times},
    {"gen_ai.client.operation.duration", IN_LATEST, BEHIND_API, CALL | ERROR,
     VALUE_DURATION, NULL, false, &short_times},
    {"gen_ai.client.embeddings.duration", IN_LATEST, LLMOBS_OTLP_EMBEDDINGS,
     CALL | ERROR, VALUE_DURATION, NULL, false, &short_times},
    {"gen_ai.retrieval.duration", IN_LATEST, LLMOBS_OTLP_RETRIEVAL,
     CALL | ERROR, VALUE_DURATION, NULL, false, &short_times},
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
    {"gen_ai.client.token.usage", IN_1_41, TO_A_HOST,
     CALL | 1u << ATTR_TOKEN_TYPE, VALUE_TOKENS, NULL, false, &tokens},
    {"gen_ai.client.inference.operation.input_tokens", IN_LATEST,
     LLMOBS_OTLP_INFERENCE, CALL, VALUE_TOKENS, "input_tokens", false, &tokens},
    {"gen_ai.client.inference.operation.output_tokens", IN_LATEST,
     LLMOBS_OTLP_INFERENCE, CALL, VALUE_TOKENS, "output_tokens", false,
     &tokens},
    {"gen_ai.client.embeddings.operation.input_tokens", IN_LATEST,
     LLMOBS_OTLP_EMBEDDINGS, CALL, VALUE_TOKENS, "input_tokens", false,
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
    {"gen_ai.invoke_agent.duration", IN_LATEST,
     LLMOBS_OTLP_AGENT | LLMOBS_OTLP_WORKFLOW, ERROR | 1u << ATTR_AGENT,
     VALUE_DURATION, NULL, false, &agent_times},
    {"gen_ai.execute_tool.duration", IN_LATEST, LLMOBS_OTLP_TOOL,
     ERROR | 1u << ATTR_TOOL | 1u << ATTR_TOOL_TYPE, VALUE_DURATION, NULL,
     false, &short_times},
    {"mcp.client.operation.duration", IN_1_41 | IN_LATEST, BY_MCP,
     ERROR | 1u << ATTR_OPERATION | 1u << ATTR_ADDRESS | 1u << ATTR_PORT |
         1u << ATTR_TOOL | 1u << ATTR_METHOD,
     VALUE_DURATION, NULL, false, &mcp_times},
};

#define METRICS (sizeof(metrics_table) / sizeof(*metrics_table))

/* The values of some spans, and the earliest time of any of them. */
struct values {
    struct set sets[METRICS];
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
    char key[KEY_MAX];  /* of the value that is being added */
    struct llmobs_otlp_writer writer;
};

/* -- life ------------------------------------------------------------------ */

void llmobs_otlp_metrics_forget(struct llmobs_otlp_metrics *metrics,
                                int64_t start_ns)
{
    const struct llmobs_config *config = metrics->config;
    unsigned long long high = llmobs_context_random();
    unsigned long long low = llmobs_context_random();

    memset(metrics, 0, sizeof(*metrics));
    metrics->config = config;
    metrics->now.start_ns = start_ns;
    /* A random UUID (version 4). */
    snprintf(metrics->instance, sizeof(metrics->instance),
             "%08llx-%04llx-4%03llx-%04llx-%012llx", high >> 32,
             high >> 16 & 0xffff, high & 0xfff, (low >> 48 & 0x3fff) | 0x8000,
             low & 0xffffffffffff);
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

static void clear_values(struct values *values)
{
    for (size_t i = 0; i < METRICS; i++)
        set_clear(&values->sets[i]);
    values->spans = 0;
}

void llmobs_otlp_metrics_free(struct llmobs_otlp_metrics *metrics)
{
    clear_values(&metrics->now);
    clear_values(&metrics->sent);
    free(metrics);
}

/* -- adding ---------------------------------------------------------------- */

/* A span, as far as the metrics need it. */
struct seen {
    struct llmobs_otlp_source source;
    const char *texts[ATTR_COUNT]; /* NULL: not known */
    char port[8];
};

static int read_span(struct seen *seen, const struct llmobs_config *config,
                     const struct llmobs_json *event)
{
    struct llmobs_otlp_source *source = &seen->source;
    int64_t port;
    int rc;

    memset(seen, 0, sizeof(*seen));
    rc = llmobs_otlp_source_read(source, config->otlp.semconv, event);
    if (rc)
        return rc;
    port = llmobs_json_to_int(source->fact[LLMOBS_FACT_PORT]);
    seen->texts[ATTR_OPERATION] = source->operation;
    seen->texts[ATTR_PROVIDER] = llmobs_otlp_source_provider(source);
    seen->texts[ATTR_REQUEST_MODEL] = source->model;
    seen->texts[ATTR_RESPONSE_MODEL] =
        llmobs_otlp_source_fact(source, LLMOBS_FACT_RESPONSE_MODEL);
    seen->texts[ATTR_ADDRESS] =
        llmobs_otlp_source_fact(source, LLMOBS_FACT_HOST);
    if (seen->texts[ATTR_ADDRESS] && port >= 1 && port <= 65535) {
        snprintf(seen->port, sizeof(seen->port), "%d", (int)port);
        seen->texts[ATTR_PORT] = seen->port;
    }
    if (source->failed)
        seen->texts[ATTR_ERROR] = llmobs_otlp_source_error(source);
    seen->texts[ATTR_MODALITY] = "unknown";
    seen->texts[ATTR_AGENT] = source->name;
    if (source->op == LLMOBS_OTLP_TOOL)
        seen->texts[ATTR_TOOL] =
            source->method ? source->subject : source->name;
    seen->texts[ATTR_METHOD] = source->method;
    seen->texts[ATTR_TOOL_TYPE] = "function";
    return 0;
}

/* Writes a key: for each attribute a letter, its text, which is cut before a
 * character, and a NUL. */
static struct llmobs_text write_key(char key[KEY_MAX], const struct seen *seen,
                                    unsigned attributes)
{
    char *end = key;

    for (unsigned i = 0; i < ATTR_COUNT; i++) {
        const char *text = seen->texts[i];
        size_t len;

        if (!(attributes & 1u << i) || !text)
            continue;
        len = strnlen(text, LLMOBS_OTLP_SERIES_TEXT + 1);
        if (len > LLMOBS_OTLP_SERIES_TEXT)
            len = llmobs_utf8_fit(text, LLMOBS_OTLP_SERIES_TEXT);
        *end++ = (char)('A' + i);
        memcpy(end, text, len);
        end += len;
        *end++ = '\0';
    }
    return (struct llmobs_text){key, (size_t)(end - key)};
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
    struct series gaps = {.count = 0};
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
    gaps.key = write_key(metrics->key, seen, metrics_table[i].attributes);
    set_join(&metrics->now.sets[i], &gaps);
    return true;
}

/* The tokens of one modality; < 0: the answer did not tell them apart. */
static double part_of(const struct seen *seen, const char *kind,
                      const char *count)
{
    char name[64];

    snprintf(name, sizeof(name), "%s_%s", kind, count);
    return number_of(llmobs_json_get(seen->source.metrics, name));
}

static void add_number(struct llmobs_otlp_metrics *metrics, size_t i,
                       const struct seen *seen, double value)
{
    set_add(&metrics->now.sets[i],
            write_key(metrics->key, seen, metrics_table[i].attributes),
            metrics_table[i].bounds, value);
}

/* False: the span has no such value. A counter has the tokens of each modality
 * that the answer told apart; those of the rest are unknown. */
static bool add_value(struct llmobs_otlp_metrics *metrics, size_t i,
                      struct seen *seen, const char *count)
{
    const struct metric *metric = &metrics_table[i];
    double value;

    if (metric->value == VALUE_CHUNK_GAPS)
        return add_chunk_gaps(metrics, i, seen);
    value = value_of(metric, seen, count);
    if (value < 0)
        return false;
    if (metric->attributes & MODALITY) {
        double all = value;

        LLMOBS_WORDS_EACH (kind, "text\0image\0audio\0video\0") {
            double part = part_of(seen, kind, count);

            if (part <= 0 || part > value)
                continue;
            seen->texts[ATTR_MODALITY] = kind;
            add_number(metrics, i, seen, part);
            value -= part;
        }
        seen->texts[ATTR_MODALITY] = "unknown";
        if (value < all && value <= 0)
            return true;
    }
    add_number(metrics, i, seen, value);
    return true;
}

/* False: no metric has a value from the span. */
static bool add_span(struct llmobs_otlp_metrics *metrics, struct seen *seen)
{
    unsigned form = 1u << metrics->config->otlp.semconv;
    const struct llmobs_otlp_source *source = &seen->source;
    unsigned op = source->op;
    bool any = false;

    if (source->client && (op & (LLMOBS_OTLP_AGENT | LLMOBS_OTLP_WORKFLOW)))
        op = BEHIND_API;
    if (source->client && source->method)
        op |= BY_MCP;
    for (size_t i = 0; i < METRICS; i++) {
        const struct metric *metric = &metrics_table[i];

        if (!(metric->forms & form) || !(metric->ops & op))
            continue;
        if (metric->value != VALUE_TOKENS || metric->tokens) {
            any |= add_value(metrics, i, seen, metric->tokens);
            continue;
        }
        seen->texts[ATTR_TOKEN_TYPE] = "input";
        any |= add_value(metrics, i, seen, "input_tokens");
        seen->texts[ATTR_TOKEN_TYPE] = "output";
        any |= add_value(metrics, i, seen, "output_tokens");
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
    rc = read_span(&seen, metrics->config, json);
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

/* Writes the attributes by their key. */
static void write_attributes(struct llmobs_otlp_writer *w,
                             struct llmobs_otlp_field list,
                             struct llmobs_text key)
{
    struct llmobs_otlp_attributes out = {.writer = w, .list = list};
    const char *at = key.data, *end = key.data + key.len;

    llmobs_otlp_list(w, list);
    if (key.len == 0)
        llmobs_otlp_attr_bool(&out, "otel.metric.overflow", true);
    while (at < end) {
        const char *name = attribute_names[*at - 'A'];
        size_t len = strlen(at + 1);

        if (*at == 'A' + ATTR_PORT)
            llmobs_otlp_attr_int(&out, name, strtol(at + 1, NULL, 10));
        else
            llmobs_otlp_attr_text(&out, name,
                                  (struct llmobs_text){at + 1, len});
        at += len + 2;
    }
    llmobs_otlp_close_list(w);
}

static void write_point(struct llmobs_otlp_writer *w,
                        const struct bounds *bounds,
                        const struct series *series, const int64_t times[2])
{
    const double most = 9.2e18; /* OTLP has no greater whole number */
    bool histogram = bounds->count > 0;

    llmobs_otlp_item(w, OTLP_DATA_POINTS);
    llmobs_otlp_fixed64(w, OTLP_POINT_START, (uint64_t)times[0]);
    llmobs_otlp_fixed64(w, OTLP_POINT_TIME, (uint64_t)times[1]);
    write_attributes(
        w, histogram ? OTLP_HISTOGRAM_ATTRIBUTES : OTLP_NUMBER_ATTRIBUTES,
        series->key);
    if (histogram) {
        llmobs_otlp_fixed64(w, OTLP_HISTOGRAM_COUNT, series->count);
        llmobs_otlp_double(w, OTLP_HISTOGRAM_SUM, series->sum);
        llmobs_otlp_fixed64s(w, OTLP_HISTOGRAM_BUCKETS, series->buckets,
                             bounds->count + 1);
        llmobs_otlp_doubles(w, OTLP_HISTOGRAM_BOUNDS, bounds->list,
                            bounds->count);
        llmobs_otlp_double(w, OTLP_HISTOGRAM_MIN, series->min);
        llmobs_otlp_double(w, OTLP_HISTOGRAM_MAX, series->max);
    } else {
        llmobs_otlp_fixed64(
            w, OTLP_NUMBER_AS_INT,
            (uint64_t)(series->sum < most ? series->sum : most));
    }
    llmobs_otlp_close(w);
}

/* AggregationTemporality */
enum temporality { DELTA = 1, CUMULATIVE = 2 };

/* Gives the number of points. */
static size_t write_metric(struct llmobs_otlp_writer *w, bool delta,
                           const struct metric *metric, const struct set *set,
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

/* Gives the values of this request. A delta's values are not in later requests,
 * except values that no receiver accepted. */
static struct values *begin_request(struct llmobs_otlp_metrics *metrics,
                                    int64_t now_ns)
{
    struct values *now = &metrics->now, *sent = &metrics->sent;

    metrics->written = now->spans;
    if (!metrics->config->otlp.delta)
        return now;
    for (size_t i = 0; i < METRICS; i++) {
        struct set *from = &now->sets[i];

        for (size_t k = 0; k < from->count; k++)
            set_join(&sent->sets[i], from->list[k]);
        set_join(&sent->sets[i], &from->overflow);
        set_clear(from);
    }
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
    struct values *values = begin_request(metrics, now_ns);
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
        clear_values(&metrics->sent);
        metrics->sent.start_ns = 0;
        return spans;
    }
    spans = metrics->written - metrics->reported;
    metrics->reported = metrics->written;
    return spans;
}

/* -- the exporter ---------------------------------------------------------- */

struct meter {
    struct llmobs_meter base; /* first */
    const struct llmobs_config *config;
    struct llmobs_otlp_route route;
    struct llmobs_otlp_metrics *metrics;
    size_t points;      /* in the last request */
    int64_t due_ns;     /* monotonic; INT64_MAX: nothing to send */
    int64_t backoff_ms; /* 0: the last request was accepted */
    bool sent;          /* the receiver has accepted a request */
};

static int write_metrics(struct llmobs_post *post,
                         const struct llmobs_text *events, size_t count,
                         struct llmobs_buf *body)
{
    struct llmobs_otlp_route *route = (struct llmobs_otlp_route *)post;
    struct meter *meter = (struct meter *)post->exporter;
    int rc = llmobs_otlp_metrics_write(meter->metrics, llmobs_clock_wall_ns(),
                                       llmobs_otlp_route_begin(route),
                                       &meter->points);

    (void)events;
    (void)body;
    return rc ? rc : llmobs_otlp_route_end(route, count);
}

static void accepted(struct llmobs_post *post,
                     const struct llmobs_http_reply *reply, size_t count)
{
    const struct meter *meter = (const struct meter *)post->exporter;

    (void)count;
    llmobs_otlp_accepted(post, reply, meter->points);
}

static const struct llmobs_post_form form = {
    .name = "otlp_metrics",
    LLMOBS_OTLP_FORM("otlp metrics"),
    .write = write_metrics,
    .accepted = accepted,
};

/* -- the spans ----------------------------------------------------------- */

static void set_owes(struct meter *meter)
{
    bool any = llmobs_otlp_metrics_unsent(meter->metrics) > 0;

    if (any && meter->due_ns == INT64_MAX)
        meter->due_ns =
            llmobs_futex_deadline(meter->config->otlp.metric_interval_ms);
    atomic_store(&meter->base.owes, any && meter->sent);
}

static int meter_send(struct llmobs_exporter *exporter,
                      const struct llmobs_text *events, size_t count)
{
    struct meter *meter = (struct meter *)exporter;
    int enough, rc = 0;

    llmobs_work_begin(LLMOBS_WORK_ALL);
    for (size_t i = 0; i < count && !rc; i++)
        rc = llmobs_otlp_metrics_add(meter->metrics, events[i]);
    enough = llmobs_work_end();
    if (rc && enough)
        return enough;
    if (rc)
        llmobs_log_once(LLMOBS_LOG_WARN, "unmeasured",
                        "exporter otlp_metrics: a span is in no metric");
    set_owes(meter);
    return (int)count;
}

static int64_t meter_due(const struct llmobs_meter *base)
{
    return ((const struct meter *)base)->due_ns;
}

/* A delta without values is not sent, so that an idle process sleeps. A
 * cumulative sum is sent, because a receiver may forget a silent series. */
static void set_due(struct meter *meter)
{
    meter->backoff_ms = 0;
    meter->due_ns =
        meter->config->otlp.delta
            ? INT64_MAX
            : llmobs_futex_deadline(meter->config->otlp.metric_interval_ms);
}

static struct llmobs_published meter_publish(struct llmobs_meter *base)
{
    const struct llmobs_text nothing = {"", 0};
    struct meter *meter = (struct meter *)base;
    struct llmobs_published published = {0, 0};
    int rc;

    base->base.retry_ms = 0;
    rc = llmobs_post_send(&meter->route.post, &nothing, 1);
    if (rc > 0) {
        meter->sent = true;
        published.sent = llmobs_otlp_metrics_accepted(meter->metrics);
        set_due(meter);
    } else if (rc == -EBADMSG && meter->config->otlp.delta) {
        published.lost = llmobs_otlp_metrics_accepted(meter->metrics);
        set_due(meter);
    } else if (rc == -EBADMSG) {
        set_due(meter);
    } else {
        int64_t most = meter->config->otlp.metric_interval_ms;
        int64_t ms = meter->backoff_ms ? meter->backoff_ms * 2 : RETRY_FIRST_MS;

        meter->backoff_ms = ms < most ? ms : most;
        ms = meter->base.base.retry_ms > 0 ? meter->base.base.retry_ms
                                           : meter->backoff_ms;
        meter->due_ns = llmobs_futex_deadline(ms);
    }
    set_owes(meter);
    return published;
}

static void reset(struct meter *meter)
{
    meter->due_ns = INT64_MAX;
    meter->backoff_ms = 0;
    meter->sent = false;
    atomic_store(&meter->base.owes, false);
    atomic_store(&meter->base.base.cut_ns, 0);
}

static void meter_forget(struct llmobs_exporter *exporter)
{
    struct meter *meter = (struct meter *)exporter;

    llmobs_otlp_route_forget(&meter->route);
    llmobs_otlp_metrics_forget(meter->metrics, llmobs_clock_wall_ns());
    reset(meter);
}

static void meter_free(struct llmobs_exporter *exporter)
{
    struct meter *meter = (struct meter *)exporter;

    if (meter->metrics)
        llmobs_otlp_metrics_free(meter->metrics);
    llmobs_otlp_route_fini(&meter->route);
    free(meter);
}

static const struct llmobs_exporter_ops ops = {
    .name = "otlp_metrics",
    .send = meter_send,
    .forget = meter_forget,
    .free = meter_free,
};

struct llmobs_meter *llmobs_otlp_metrics_exporter_new(
    const struct llmobs_config *config)
{
    struct meter *meter = calloc(1, sizeof(*meter));
    int rc;

    if (!meter)
        return NULL;
    meter->base.base.ops = &ops;
    meter->base.due = meter_due;
    meter->base.publish = meter_publish;
    meter->config = config;
    meter->metrics = llmobs_otlp_metrics_new(config, llmobs_clock_wall_ns());
    rc = llmobs_otlp_route_init(&meter->route, &meter->base.base, config,
                                LLMOBS_SIGNAL_METRICS, &form, NULL, "metrics");
    reset(meter);
    if (meter->metrics && !rc)
        return &meter->base;
    meter_free(&meter->base.base);
    return NULL;
}
