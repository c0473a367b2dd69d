/* Spans summed up: which metrics each form has of them, the edges of the
 * buckets, the bound of the series, and what a delta says once. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/work.h"
#include "core/export/otlp_metrics.h"
#include "lib/text/json.h"
#include "tests/unit/unit.h"

#define START 1000
#define TEXT_MAX ((size_t)1 << 24)

static struct llmobs_config config;
static struct llmobs_otlp_metrics *metrics;

static void begin(enum llmobs_semconv form, bool delta)
{
    memset(&config, 0, sizeof(config));
    config.otlp.semconv = form;
    config.otlp.delta = delta;
    config.otlp.signals[LLMOBS_SIGNAL_METRICS].json = true;
    metrics = llmobs_otlp_metrics_new(&config, START);
    ck_assert_ptr_nonnull(metrics);
}

static int add(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int add(const char *format, ...)
{
    char *text;
    va_list args;
    int rc;

    va_start(args, format);
    ck_assert_int_ge(vasprintf(&text, format, args), 0);
    va_end(args);
    rc = llmobs_otlp_metrics_add(metrics,
                                 (struct llmobs_text){text, strlen(text)});
    free(text);
    return rc;
}

/* A call of these facts and members. */
#define SPAN(facts, kind, rest)                                               \
    "{\"_call\": {\"provider\": \"openai\"" facts "}, \"_dd\": "              \
    "{\"apm_trace_id\": \"0af7651916cd43dd8448eb211c80319c\"}, \"name\": "    \
    "\"a name\", \"meta\": {\"span\": {\"kind\": \"" kind "\"}}, \"span_id\"" \
    ": \"17\", \"start_ns\": 5, \"status\": \"ok\"" rest "}"
#define MODELS                                                                \
    ", \"request_model\": \"gpt\", \"response_model\": \"gpt-1\", \"host\": " \
    "\"api\", \"port\": 443"
#define CALL                                                               \
    "gen_ai.operation.name=chat gen_ai.provider.name=openai "              \
    "gen_ai.request.model=gpt gen_ai.response.model=gpt-1 server.address=" \
    "api server.port=443"

/* -- what a request says ------------------------------------------------- */

static void show_attributes(const struct llmobs_json *list, FILE *out)
{
    for (size_t i = 0; i < llmobs_json_len(list); i++) {
        const struct llmobs_json *pair = llmobs_json_at(list, i);
        const struct llmobs_json *value = llmobs_json_get(pair, "value");
        const char *text = llmobs_json_gets(value, "stringValue");

        if (!text)
            text = llmobs_json_gets(value, "intValue");
        fprintf(out, " %s=%s", llmobs_json_gets(pair, "key"),
                text ? text
                : llmobs_json_is_true(llmobs_json_get(value, "boolValue"))
                    ? "yes"
                    : "?");
    }
}

static void show_histogram(const struct llmobs_json *point, FILE *out)
{
    const struct llmobs_json *buckets = llmobs_json_get(point, "bucketCounts");

    fprintf(out, " n=%s sum=%g %g..%g", llmobs_json_gets(point, "count"),
            llmobs_json_to_real(llmobs_json_get(point, "sum")),
            llmobs_json_to_real(llmobs_json_get(point, "min")),
            llmobs_json_to_real(llmobs_json_get(point, "max")));
    ck_assert_uint_eq(
        llmobs_json_len(buckets),
        llmobs_json_len(llmobs_json_get(point, "explicitBounds")) + 1);
    for (size_t i = 0; i < llmobs_json_len(buckets); i++) {
        const char *count = llmobs_json_text(llmobs_json_at(buckets, i));

        if (strcmp(count, "0") != 0)
            fprintf(out, " [%zu]%s", i, count);
    }
}

static void show_metric(const struct llmobs_json *metric, FILE *out)
{
    const struct llmobs_json *histogram = llmobs_json_get(metric, "histogram");
    const struct llmobs_json *data =
        histogram ? histogram : llmobs_json_get(metric, "sum");
    const struct llmobs_json *points = llmobs_json_get(data, "dataPoints");

    fprintf(
        out, "%s %s %s\n", llmobs_json_gets(metric, "name"),
        llmobs_json_gets(metric, "unit"),
        llmobs_json_to_int(llmobs_json_get(data, "aggregationTemporality")) == 1
            ? "delta"
            : "cumulative");
    ck_assert_int_eq(llmobs_json_is_true(llmobs_json_get(data, "isMonotonic")),
                     !histogram);
    for (size_t i = 0; i < llmobs_json_len(points); i++) {
        const struct llmobs_json *point = llmobs_json_at(points, i);

        fprintf(out, " %s-%s", llmobs_json_gets(point, "startTimeUnixNano"),
                llmobs_json_gets(point, "timeUnixNano"));
        show_attributes(llmobs_json_get(point, "attributes"), out);
        if (histogram)
            show_histogram(point, out);
        else
            fprintf(out, " =%s", llmobs_json_gets(point, "asInt"));
        fputc('\n', out);
    }
}

/* The metrics of a request, a line for each, and for each point. */
static char *written(int64_t now_ns)
{
    struct llmobs_json *request;
    const struct llmobs_json *list;
    struct llmobs_buf buf;
    size_t points, len;
    char *text;
    FILE *out = open_memstream(&text, &len);

    llmobs_buf_init(&buf, TEXT_MAX);
    ck_assert_int_eq(llmobs_otlp_metrics_write(metrics, now_ns, &buf, &points),
                     0);
    ck_assert_int_eq(
        llmobs_json_parse((struct llmobs_text){buf.data, buf.len}, &request),
        0);
    list = llmobs_json_at(llmobs_json_get(request, "resourceMetrics"), 0);
    list = llmobs_json_at(llmobs_json_get(list, "scopeMetrics"), 0);
    list = llmobs_json_get(list, "metrics");
    for (size_t i = 0; i < llmobs_json_len(list); i++)
        show_metric(llmobs_json_at(list, i), out);
    ck_assert_int_eq(points == 0, llmobs_json_len(list) == 0);
    llmobs_json_free(request);
    llmobs_buf_fini(&buf);
    fclose(out);
    return text;
}

static void wants(int64_t now_ns, const char *want)
{
    char *text = written(now_ns);

    ck_assert_str_eq(text, want);
    free(text);
}

/* -- the three forms ----------------------------------------------------- */

/* A stream, a failure, an embedding, an agent, a tool, a workflow, a retrieval,
 * a task and a call through a proxy. */
static void add_all(void)
{
    ck_assert_int_eq(
        add(SPAN(MODELS ", \"stream\": true, \"first_chunk_ns\": 30000000, "
                        "\"chunk_gaps_ns\": [60000000, 10000000, 30000000, 1, "
                        "1, 1]",
                 "llm",
                 ", \"duration\": 2000000000, \"metrics\": {\"input_tokens\": "
                 "5, \"output_tokens\": 0, \"total_tokens\": 5, "
                 "\"cache_read_input_tokens\": 3, "
                 "\"audio_input_tokens\": 1, \"text_input_tokens\": 2, "
                 "\"text_cache_read_input_tokens\": 3, "
                 "\"reasoning_output_tokens\": 2}")),
        0);
    ck_assert_int_eq(
        add("{\"_call\": {\"operation\": \"generate_content\", \"provider\": "
            "\"gcp.gemini\", \"error_code\": \"429\", \"first_chunk_ns\": 7}, "
            "\"_dd\": {\"apm_trace_id\": \"0af7651916cd43dd8448eb211c80319c\"}"
            ", \"duration\": 100, \"meta\": {\"span\": {\"kind\": \"llm\"}}, "
            "\"span_id\": \"18\", \"status\": \"error\"}"),
        0);
    ck_assert_int_eq(add(SPAN("", "embedding",
                              ", \"duration\": 10000000, \"metrics\": "
                              "{\"input_tokens\": 4}")),
                     0);
    ck_assert_int_eq(add(SPAN("", "agent", ", \"duration\": 100000000")), 0);
    ck_assert_int_eq(add(SPAN("", "tool", ", \"duration\": 100000000")), 0);
    ck_assert_int_eq(add(SPAN("", "workflow", ", \"duration\": 1000000001")),
                     0);
    ck_assert_int_eq(add(SPAN("", "retrieval", ", \"duration\": 1")), 0);
    ck_assert_int_eq(add(SPAN("", "task", ", \"duration\": 1")), 0);
    ck_assert_int_eq(
        add(SPAN(", \"proxied\": true", "workflow", ", \"duration\": 1")), 0);
}

#define FAILED \
    "gen_ai.operation.name=generate_content gen_ai.provider.name=gcp.gemini"
#define EMBEDDED "gen_ai.operation.name=embeddings gen_ai.provider.name=openai"
#define OLD                                                            \
    "gen_ai.client.operation.duration s cumulative\n"                  \
    " 1000-2000 " CALL " n=1 sum=2 2..2 [8]1\n"                        \
    " 1000-2000 " FAILED " error.type=429 n=1 sum=1e-07 1e-07..1e-07 " \
    "[0]1\n"                                                           \
    " 1000-2000 " EMBEDDED " n=1 sum=0.01 0.01..0.01 [0]1\n"
#define USAGE                                                            \
    "gen_ai.client.token.usage {token} cumulative\n"                     \
    " 1000-2000 " CALL " gen_ai.token.type=input n=1 sum=5 5..5 [2]1\n"  \
    " 1000-2000 " CALL " gen_ai.token.type=output n=1 sum=0 0..0 [0]1\n" \
    " 1000-2000 " EMBEDDED " gen_ai.token.type=input n=1 sum=4 4..4 [1]1\n"
#define FOUND                                     \
    " 1000-2000 gen_ai.operation.name=retrieval " \
    "gen_ai.provider.name=openai n=1 sum=1e-09 1e-09..1e-09 [0]1\n"

#define GAPS " 1000-2000 " CALL " n=3 sum=0.06 0.01..0.03 [0]1 [1]1 [2]1\n"

TEST(the_form_of_1_41)
{
    begin(LLMOBS_SEMCONV_1_41, false);
    add_all();
    wants(2000,
          OLD FOUND "gen_ai.client.operation.time_to_first_chunk s cumulative\n"
                    " 1000-2000 " CALL " n=1 sum=0.03 0.03..0.03 [2]1\n"
                    "gen_ai.client.operation.time_per_output_chunk s "
                    "cumulative\n" GAPS USAGE);
    llmobs_otlp_metrics_free(metrics);
}

#define MODALITY " gen_ai.token.modality=unknown"

TEST(the_latest_form)
{
    begin(LLMOBS_SEMCONV_LATEST, false);
    add_all();
    wants(2000,
          "gen_ai.client.embeddings.duration s cumulative\n"
          " 1000-2000 " EMBEDDED " n=1 sum=0.01 0.01..0.01 [0]1\n"
          "gen_ai.retrieval.duration s cumulative\n" FOUND
          "gen_ai.client.inference.duration s cumulative\n"
          " 1000-2000 " CALL " n=1 sum=2 2..2 [8]1\n"
          " 1000-2000 " FAILED " error.type=429 n=1 sum=1e-07 1e-07..1e-07 "
          "[0]1\n"
          "gen_ai.client.inference.time_to_first_chunk s cumulative\n"
          " 1000-2000 " CALL " n=1 sum=0.03 0.03..0.03 [2]1\n"
          "gen_ai.client.inference.time_per_output_chunk s cumulative\n" GAPS
          "gen_ai.client.inference.operation.input_tokens {token} cumulative\n"
          " 1000-2000 " CALL " n=1 sum=5 5..5 [2]1\n"
          "gen_ai.client.inference.operation.output_tokens {token} cumulative\n"
          " 1000-2000 " CALL " n=1 sum=0 0..0 [0]1\n"
          "gen_ai.client.embeddings.operation.input_tokens {token} "
          "cumulative\n"
          " 1000-2000 " EMBEDDED " n=1 sum=4 4..4 [1]1\n"
          "gen_ai.client.inference.usage.input_tokens {token} cumulative\n"
          " 1000-2000 " CALL " gen_ai.token.modality=text =2\n"
          " 1000-2000 " CALL " gen_ai.token.modality=audio =1\n"
          " 1000-2000 " CALL MODALITY " =2\n"
          " 1000-2000 " FAILED MODALITY " =0\n"
          "gen_ai.client.inference.usage.output_tokens {token} cumulative\n"
          " 1000-2000 " CALL MODALITY " =0\n"
          " 1000-2000 " FAILED MODALITY " =0\n"
          "gen_ai.client.inference.usage.cache_read.input_tokens {token} "
          "cumulative\n"
          " 1000-2000 " CALL " gen_ai.token.modality=text =3\n"
          "gen_ai.client.inference.usage.reasoning.output_tokens {token} "
          "cumulative\n"
          " 1000-2000 " CALL MODALITY " =2\n"
          "gen_ai.invoke_agent.duration s cumulative\n"
          " 1000-2000 gen_ai.agent.name=a name n=2 sum=1.1 0.1..1 [0]1 [4]1\n"
          "gen_ai.execute_tool.duration s cumulative\n"
          " 1000-2000 gen_ai.tool.name=a name gen_ai.tool.type=function n=1 "
          "sum=0.1 0.1..0.1 [4]1\n");
    ck_assert_uint_eq(llmobs_otlp_metrics_unsent(metrics), 7);
    llmobs_otlp_metrics_free(metrics);
}

/* -- values -------------------------------------------------------------- */

/* A value on a bound is in the bucket below it. */
TEST(the_edges_of_the_buckets)
{
    static const struct {
        const char *ns;
        int bucket;
    } cases[] = {
        {"0", 0},
        {"9999999", 0},
        {"10000000", 0},
        {"10000001", 1},
        {"20000000", 1},
        {"20000001", 2},
        {"40000000", 2},
        {"640000000", 6},
        {"640000001", 7},
        {"5120000000", 9},
        {"40960000000", 12},
        {"40960000001", 13},
        {"81920000000", 13},
        {"81920000001", 14},
        {"9007199254740992000", 14},
    };
    char want[64];
    char *text;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        begin(LLMOBS_SEMCONV_1_41, false);
        add(SPAN("", "llm", ", \"duration\": %s"), cases[i].ns);
        text = written(2000);
        snprintf(want, sizeof(want), " [%d]1\n", cases[i].bucket);
        ck_assert_msg(strstr(text, want), "%s: %s", cases[i].ns, text);
        free(text);
        llmobs_otlp_metrics_free(metrics);
    }
}

TEST(the_edges_of_counts)
{
    static const struct {
        const char *tokens;
        int bucket;
    } cases[] = {
        {"0", 0},         {"1", 0},
        {"2", 1},         {"4", 1},
        {"5", 2},         {"65536", 8},
        {"65537", 9},     {"67108864", 13},
        {"67108865", 14}, {"9007199254740992", 14},
    };
    char want[64];
    char *text;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        begin(LLMOBS_SEMCONV_1_41, false);
        add(SPAN("", "llm", ", \"metrics\": {\"output_tokens\": %s}"),
            cases[i].tokens);
        text = written(2000);
        snprintf(want, sizeof(want), " [%d]1\n", cases[i].bucket);
        ck_assert_msg(strstr(text, want), "%s: %s", cases[i].tokens, text);
        ck_assert(!strstr(text, "duration") && !strstr(text, "=input"));
        free(text);
        llmobs_otlp_metrics_free(metrics);
    }
}

/* Neither an unknown count nor one that is none is a value. */
TEST(unknown_is_no_value)
{
    begin(LLMOBS_SEMCONV_1_41, false);
    add(SPAN(", \"first_chunk_ns\": 5", "llm", ", \"metrics\": {}"));
    add(SPAN(", \"stream\": true", "llm", ""));
    add(SPAN(", \"chunk_gaps_ns\": [1, 1, 1]", "llm", ""));
    add(SPAN(", \"chunk_gaps_ns\": [1, 1, 1, \"1\"]", "llm", ""));
    add(SPAN(", \"chunk_gaps_ns\": [1, 1, 1, 1]", "embedding", ""));
    add(SPAN("", "llm", ", \"metrics\": {\"input_tokens\": null}"));
    add(SPAN("", "llm", ", \"metrics\": {\"input_tokens\": \"7\"}"));
    add(SPAN("", "llm", ", \"metrics\": {\"input_tokens\": -7}"));
    add(SPAN("", "llm", ", \"duration\": -1"));
    ck_assert_uint_eq(llmobs_otlp_metrics_unsent(metrics), 0);
    wants(2000, "");
    llmobs_otlp_metrics_free(metrics);
}

TEST(only_spans_are_taken)
{
    begin(LLMOBS_SEMCONV_1_41, false);
    ck_assert_int_eq(add("[]"), -EINVAL);
    ck_assert_int_eq(add("{\"metric_type\": \"score\"}"), -EINVAL);
    ck_assert_int_eq(add("{"), -EINVAL);
    ck_assert_uint_eq(llmobs_otlp_metrics_unsent(metrics), 0);
    wants(2000, "");
    llmobs_otlp_metrics_free(metrics);
}

/* Late work is given up as a whole: no value of the span is counted. */
TEST(a_late_span_is_in_no_series)
{
    begin(LLMOBS_SEMCONV_1_41, false);
    llmobs_work_begin(1);
    ck_assert_int_ne(add(SPAN("", "llm", ", \"duration\": 5")), 0);
    ck_assert_int_eq(llmobs_work_end(), -E2BIG);
    wants(2000, "");
    llmobs_otlp_metrics_free(metrics);
}

/* -- series -------------------------------------------------------------- */

TEST(a_series_of_equal_calls)
{
    begin(LLMOBS_SEMCONV_1_41, false);
    for (int i = 0; i < 3; i++)
        add(SPAN("", "llm", ", \"duration\": %d000000000"), i + 1);
    wants(2000, "gen_ai.client.operation.duration s cumulative\n"
                " 1000-2000 gen_ai.operation.name=chat "
                "gen_ai.provider.name=openai n=3 sum=6 1..3 [7]1 [8]1 [9]1\n");
    llmobs_otlp_metrics_free(metrics);
}

static size_t lines_of(const char *text)
{
    size_t lines = 0;

    for (; (text = strchr(text, '\n')); text++)
        lines++;
    return lines;
}

/* A peer that answers with a new model each time does not take all memory: the
 * values beyond the limit are in one series, and those of before go on. */
TEST(a_bounded_number_of_series)
{
    const int calls = LLMOBS_OTLP_SERIES_MAX + 100;
    char *text;

    begin(LLMOBS_SEMCONV_1_41, false);
    for (int i = 0; i < calls; i++)
        add(SPAN(", \"response_model\": \"m%d\"", "llm", ", \"duration\": 1"),
            i);
    add(SPAN(", \"response_model\": \"m0\"", "llm", ", \"duration\": 1"));
    text = written(2000);
    ck_assert_uint_eq(lines_of(text), 1 + LLMOBS_OTLP_SERIES_MAX);
    ck_assert_msg(strstr(text, " 1000-2000 otel.metric.overflow=yes n=101 "),
                  "%s", text);
    ck_assert_ptr_nonnull(strstr(text, "model=m0 n=2 "));
    ck_assert_ptr_nonnull(strstr(text, "model=m254 n=1 "));
    ck_assert_ptr_null(strstr(text, "model=m255 "));
    free(text);
    llmobs_otlp_metrics_free(metrics);
}

/* A long text is cut between two characters. */
TEST(a_long_text)
{
    char name[601] = "", want[300] = "";
    char *text;

    for (int i = 0; i < 85; i++) {
        strcat(name, "\u20ac");
        strcat(want, "\u20ac");
    }
    strcat(name, "\u20acmore");
    begin(LLMOBS_SEMCONV_1_41, false);
    add(SPAN(", \"response_model\": \"%s\"", "llm", ", \"duration\": 1"), name);
    text = written(2000);
    strcat(want, " n=1");
    ck_assert_msg(strstr(text, want), "%s", text);
    free(text);
    llmobs_otlp_metrics_free(metrics);
}

/* -- requests ------------------------------------------------------------ */

#define CHAT                                                               \
    " gen_ai.operation.name=chat gen_ai.provider.name=openai n=%d sum=%d " \
    "1..1 "                                                                \
    "[7]%d\n"

static void wants_chats(int64_t from, int64_t now, int n, bool delta)
{
    char want[256];

    snprintf(want, sizeof(want),
             "gen_ai.client.operation.duration s %s\n %d-%d" CHAT,
             delta ? "delta" : "cumulative", (int)from, (int)now, n, n, n);
    wants(now, want);
}

static void add_chats(int n)
{
    while (n--)
        add(SPAN("", "llm", ", \"duration\": 1000000000"));
}

TEST(cumulative_goes_on)
{
    begin(LLMOBS_SEMCONV_1_41, false);
    add_chats(2);
    wants_chats(START, 2000, 2, false);
    ck_assert_uint_eq(llmobs_otlp_metrics_unsent(metrics), 2);
    wants_chats(START, 3000, 2, false);
    add_chats(1); /* while the request is under way */
    ck_assert_uint_eq(llmobs_otlp_metrics_accepted(metrics), 2);
    ck_assert_uint_eq(llmobs_otlp_metrics_unsent(metrics), 1);
    wants_chats(START, 4000, 3, false);
    ck_assert_uint_eq(llmobs_otlp_metrics_accepted(metrics), 1);
    ck_assert_uint_eq(llmobs_otlp_metrics_unsent(metrics), 0);
    wants_chats(START, 5000, 3, false);
    llmobs_otlp_metrics_free(metrics);
}

/* A delta that nobody accepted is in the next one, with the values since; one
 * that was accepted is in none. */
TEST(a_delta_says_each_value_once)
{
    begin(LLMOBS_SEMCONV_1_41, true);
    wants(1500, "");
    add_chats(2);
    wants_chats(START, 2000, 2, true);
    add_chats(1);
    wants_chats(START, 3000, 3, true);
    ck_assert_uint_eq(llmobs_otlp_metrics_unsent(metrics), 3);
    add_chats(1); /* while the request is under way */
    ck_assert_uint_eq(llmobs_otlp_metrics_accepted(metrics), 3);
    ck_assert_uint_eq(llmobs_otlp_metrics_unsent(metrics), 1);
    wants_chats(3000, 4000, 1, true);
    ck_assert_uint_eq(llmobs_otlp_metrics_accepted(metrics), 1);
    wants(5000, "");
    ck_assert_uint_eq(llmobs_otlp_metrics_accepted(metrics), 0);
    add_chats(1);
    wants_chats(5000, 6000, 1, true);
    llmobs_otlp_metrics_free(metrics);
}

/* So it is where the values of two requests have more attributes than there is
 * room for. */
TEST(a_delta_of_many_series)
{
    char *text;

    begin(LLMOBS_SEMCONV_1_41, true);
    for (int i = 0; i < LLMOBS_OTLP_SERIES_MAX * 2; i++) {
        add(SPAN(", \"response_model\": \"m%d\"", "llm", ", \"duration\": 1"),
            i);
        if (i == LLMOBS_OTLP_SERIES_MAX)
            free(written(2000));
    }
    text = written(3000);
    ck_assert_uint_eq(lines_of(text), 1 + LLMOBS_OTLP_SERIES_MAX);
    ck_assert_msg(strstr(text, " 1000-3000 otel.metric.overflow=yes n=257 "),
                  "%s", text);
    free(text);
    llmobs_otlp_metrics_free(metrics);
}

/* Gives the value of a resource's attribute. */
static char *resource_of(const char *key)
{
    struct llmobs_json *request;
    const struct llmobs_json *list;
    struct llmobs_buf buf;
    char *found = NULL;
    size_t points;

    llmobs_buf_init(&buf, TEXT_MAX);
    ck_assert_int_eq(llmobs_otlp_metrics_write(metrics, 2000, &buf, &points),
                     0);
    ck_assert_int_eq(
        llmobs_json_parse((struct llmobs_text){buf.data, buf.len}, &request),
        0);
    list = llmobs_json_at(llmobs_json_get(request, "resourceMetrics"), 0);
    list = llmobs_json_get(llmobs_json_get(list, "resource"), "attributes");
    for (size_t i = 0; i < llmobs_json_len(list); i++) {
        const struct llmobs_json *pair = llmobs_json_at(list, i);

        if (strcmp(llmobs_json_gets(pair, "key"), key) == 0)
            found = strdup(llmobs_json_gets(llmobs_json_get(pair, "value"),
                                            "stringValue"));
    }
    llmobs_json_free(request);
    llmobs_buf_fini(&buf);
    return found;
}

/* A random UUID of version 4. */
static bool is_uuid(const char *text)
{
    const char *form = "xxxxxxxx-xxxx-4xxx-vxxx-xxxxxxxxxxxx";

    for (; *form && *text; form++, text++)
        if (*form == 'x'   ? !strchr("0123456789abcdef", *text)
            : *form == 'v' ? !strchr("89ab", *text)
                           : *form != *text)
            return false;
    return !*form && !*text;
}

TEST(the_resource_is_this_process)
{
    char service[] = "shop", version[] = "7";
    char *was, *is;

    begin(LLMOBS_SEMCONV_1_41, false);
    config.service = service;
    config.version = version;
    add(SPAN("", "llm", ", \"duration\": 1"));
    was = resource_of("service.name");
    ck_assert_str_eq(was, "shop");
    free(was);
    was = resource_of("service.version");
    ck_assert_str_eq(was, "7");
    free(was);
    was = resource_of("service.instance.id");
    is = resource_of("service.instance.id");
    ck_assert_str_eq(was, is);
    ck_assert_msg(is_uuid(is), "%s", is);
    free(was);
    free(is);
    llmobs_otlp_metrics_free(metrics);
}

/* In a child, which lets go of what it inherited: a sanitizer would call that a
 * leak in any other process. */
static bool begins_anew(const char *parent)
{
    char *instance, *none, *one;
    bool anew;

    llmobs_otlp_metrics_forget(metrics, 2500);
    none = written(2600);
    anew = llmobs_otlp_metrics_unsent(metrics) == 0 && *none == '\0';
    add_chats(1);
    one = written(3000);
    instance = resource_of("service.instance.id");
    return anew && strstr(one, " 2500-3000 ") && strstr(one, " n=1 ") &&
           llmobs_otlp_metrics_accepted(metrics) == 1 && is_uuid(instance) &&
           strcmp(instance, parent) != 0;
}

/* A child has an instance of its own, and none of its parent's values. */
TEST(a_child_begins_anew)
{
    char *instance;
    int status;
    pid_t pid;

    begin(LLMOBS_SEMCONV_1_41, false);
    add_chats(2);
    instance = resource_of("service.instance.id");
    pid = fork();
    if (pid == 0)
        _exit(begins_anew(instance) ? 0 : 1);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    wants_chats(START, 4000, 2, false);
    free(instance);
    llmobs_otlp_metrics_free(metrics);
}
