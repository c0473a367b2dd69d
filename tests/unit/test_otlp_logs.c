/* Events as log records: which events have one, and what it says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/export/otlp_logs.h"
#include "lib/text/json.h"
#include "tests/support/otlp_reader.h"
#include "tests/unit/unit.h"

#define TEXT_MAX ((size_t)1 << 24)
#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define OTHER "6affe73a00000000c3d1e2f3a4b5c6d7"

static struct llmobs_config config;

static void begin(enum llmobs_semconv form, bool content, bool details)
{
    memset(&config, 0, sizeof(config));
    config.otlp.semconv = form;
    config.otlp.event_content = content;
    config.otlp.event_details = details;
    config.otlp.value_max = INT64_MAX;
    config.otlp.signals[LLMOBS_SIGNAL_LOGS].json = true;
}

/* -- what a request says ------------------------------------------------- */

static void show_any(const struct llmobs_json *any, FILE *out);

static void show_values(const struct llmobs_json *list, FILE *out)
{
    for (size_t i = 0; i < llmobs_json_len(list); i++) {
        const struct llmobs_json *value = llmobs_json_at(list, i);

        fputs(i ? "," : "", out);
        if (llmobs_json_get(value, "key"))
            fprintf(out, "%s:", llmobs_json_gets(value, "key"));
        show_any(llmobs_json_get(value, "key") ? llmobs_json_get(value, "value")
                                               : value,
                 out);
    }
}

/* Lists in [], maps in {}, texts in quotes; null is nothing. */
static void show_any(const struct llmobs_json *any, FILE *out)
{
    const struct llmobs_json *list = llmobs_json_get(any, "arrayValue");
    const struct llmobs_json *map = llmobs_json_get(any, "kvlistValue");
    const struct llmobs_json *truth = llmobs_json_get(any, "boolValue");
    const struct llmobs_json *real = llmobs_json_get(any, "doubleValue");

    ck_assert_uint_le(llmobs_json_len(any), 1);
    if (list || map) {
        fputs(list ? "[" : "{", out);
        show_values(llmobs_json_get(list ? list : map, "values"), out);
        fputs(list ? "]" : "}", out);
    } else if (llmobs_json_get(any, "stringValue")) {
        fprintf(out, "'%s'", llmobs_json_gets(any, "stringValue"));
    } else if (llmobs_json_get(any, "intValue")) {
        fprintf(out, "%s", llmobs_json_gets(any, "intValue"));
    } else if (real) {
        fprintf(out, "%g",
                llmobs_json_is_int(real) ? (double)llmobs_json_to_int(real)
                                         : llmobs_json_to_real(real));
    } else if (truth) {
        fputs(llmobs_json_is_true(truth) ? "yes" : "no", out);
    }
}

static void show_record(const struct llmobs_json *record, FILE *out)
{
    const struct llmobs_json *list = llmobs_json_get(record, "attributes");

    fprintf(out, "%s %s %s %s %d %d\n", llmobs_json_gets(record, "eventName"),
            llmobs_json_gets(record, "traceId"),
            llmobs_json_gets(record, "spanId"),
            llmobs_json_gets(record, "timeUnixNano"),
            (int)llmobs_json_to_int(llmobs_json_get(record, "severityNumber")),
            (int)llmobs_json_to_int(llmobs_json_get(record, "flags")));
    ck_assert_str_eq(llmobs_json_gets(record, "observedTimeUnixNano"),
                     llmobs_json_gets(record, "timeUnixNano"));
    for (size_t i = 0; i < llmobs_json_len(list); i++) {
        const struct llmobs_json *pair = llmobs_json_at(list, i);

        fprintf(out, " %s=", llmobs_json_gets(pair, "key"));
        show_any(llmobs_json_get(pair, "value"), out);
        fputc('\n', out);
    }
}

/* The records of a request with these events, and those of protobuf, which must
 * say the same. */
static char *written(const struct llmobs_text *events, size_t count, int want,
                     size_t *left_out)
{
    struct llmobs_json *request, *other;
    const struct llmobs_json *list;
    struct llmobs_buf buf;
    const char *why;
    size_t len;
    char *text;
    FILE *out = open_memstream(&text, &len);

    llmobs_buf_init(&buf, TEXT_MAX);
    ck_assert_int_eq(llmobs_otlp_logs(&config, events, count, &buf, left_out),
                     want);
    if (want == 0) {
        request = otlp_read_json("logs",
                                 (struct llmobs_text){buf.data, buf.len}, &why);
        ck_assert_msg(request != NULL, "%s: %s", why, buf.data);
        llmobs_buf_cut(&buf, 0);
        config.otlp.signals[LLMOBS_SIGNAL_LOGS].json = false;
        ck_assert_int_eq(
            llmobs_otlp_logs(&config, events, count, &buf, left_out), 0);
        config.otlp.signals[LLMOBS_SIGNAL_LOGS].json = true;
        other = otlp_read_protobuf(
            "logs", (struct llmobs_text){buf.data, buf.len}, &why);
        ck_assert_msg(other != NULL, "%s", why);
        {
            char *a = llmobs_json_dumps(request, 0);
            char *b = llmobs_json_dumps(other, 0);

            ck_assert_str_eq(a, b);
            free(a);
            free(b);
        }
        list = llmobs_json_at(llmobs_json_get(request, "resourceLogs"), 0);
        list = llmobs_json_at(llmobs_json_get(list, "scopeLogs"), 0);
        list = llmobs_json_get(list, "logRecords");
        for (size_t i = 0; i < llmobs_json_len(list); i++)
            show_record(llmobs_json_at(list, i), out);
        llmobs_json_free(request);
        llmobs_json_free(other);
    }
    llmobs_buf_fini(&buf);
    fclose(out);
    return text;
}

static void says(const char *event, const char *want)
{
    struct llmobs_text one = {event, strlen(event)};
    size_t left_out;
    char *text = written(&one, 1, *want ? 0 : -22, &left_out);

    ck_assert_str_eq(text, want);
    ck_assert_uint_eq(left_out, *want == '\0');
    free(text);
}

static enum llmobs_otlp_saying saying_of(const char *event)
{
    struct llmobs_json *json;
    enum llmobs_otlp_saying saying;

    ck_assert_int_eq(
        llmobs_json_parse((struct llmobs_text){event, strlen(event)}, &json),
        0);
    saying = llmobs_otlp_log_of(&config, json);
    llmobs_json_free(json);
    return saying;
}

/* -- evaluations --------------------------------------------------------- */

#define EVALUATION(facts, join, rest)                                    \
    "{" facts "\"eval_scope\": \"span\", \"event_kind\": \"evaluation\"" \
    ", \"join_on\": " join ", \"label\": \"tone\", \"ml_app\": \"shop\"" \
    ", \"tags\": [\"ml_app:shop\"], \"timestamp_ms\": 5" rest "}"
#define BY_SPAN \
    "{\"span\": {\"span_id\": \"258\", \"trace_id\": \"" OTHER "\"}}"
#define BY_TAG "{\"tag\": {\"key\": \"k\", \"value\": \"v\"}}"
#define HEAD "gen_ai.evaluation.result " OTHER " 0000000000000102 5000000 0 0\n"
#define NAME " gen_ai.evaluation.name='tone'\n"
#define APP " llmobs.ml_app='shop'\n"

TEST(an_evaluation)
{
    static const struct {
        const char *event, *want;
    } cases[] = {
        {EVALUATION("", BY_SPAN,
                    ", \"metric_type\": \"score\", \"score_value\": 10"),
         HEAD NAME " gen_ai.evaluation.score.value=10\n" APP},
        {EVALUATION("", BY_SPAN,
                    ", \"assessment\": \"fail\", \"metric_type\": \"score\", "
                    "\"score_value\": -0.25"),
         HEAD NAME " gen_ai.evaluation.score.value=-0.25\n"
                   " gen_ai.evaluation.score.label='fail'\n" APP},
        {EVALUATION("", BY_SPAN,
                    ", \"boolean_value\": true, \"metric_type\": \"boolean\""),
         HEAD NAME " gen_ai.evaluation.score.value=1\n"
                   " gen_ai.evaluation.score.label='true'\n" APP},
        {EVALUATION("", BY_SPAN,
                    ", \"assessment\": \"pass\", \"boolean_value\": false, "
                    "\"metric_type\": \"boolean\""),
         HEAD NAME " gen_ai.evaluation.score.value=0\n"
                   " gen_ai.evaluation.score.label='pass'\n" APP},
        {EVALUATION("", BY_SPAN,
                    ", \"assessment\": \"pass\", \"categorical_value\": "
                    "\"kind\", \"metric_type\": \"categorical\""),
         HEAD NAME " gen_ai.evaluation.score.label='kind'\n" APP},
    };

    begin(LLMOBS_SEMCONV_1_41, false, false);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        says(cases[i].event, cases[i].want);
    begin(LLMOBS_SEMCONV_LATEST, false, false);
    says(cases[0].event, cases[0].want);
}

/* The record names the trace that traceparent carries, not the other one. */
TEST(the_trace_of_an_evaluation)
{
    begin(LLMOBS_SEMCONV_1_41, false, false);
    says(EVALUATION("\"_call\": {\"apm_trace\": \"" TRACE "\"}, ", BY_SPAN,
                    ", \"metric_type\": \"score\", \"score_value\": 1"),
         "gen_ai.evaluation.result " TRACE
         " 0000000000000102 5000000 0 0\n" NAME
         " gen_ai.evaluation.score.value=1\n" APP);
}

/* A reason and a value of JSON are content. */
TEST(content_of_an_evaluation)
{
    const char *event = EVALUATION(
        "", BY_SPAN,
        ", \"json_value\": {\"a\": [1, null, \"x\"]}, \"metric_type\": "
        "\"json\", \"reasoning\": \"because\"");

    begin(LLMOBS_SEMCONV_1_41, false, false);
    says(event, HEAD NAME APP);
    begin(LLMOBS_SEMCONV_1_41, true, false);
    says(event, HEAD NAME " gen_ai.evaluation.explanation='because'\n"
                          " llmobs.evaluation.value={a:[1,,'x']}\n" APP);
}

TEST(evaluations_that_cannot_be_said)
{
    const char *by_tag = EVALUATION(
        "", BY_TAG, ", \"metric_type\": \"score\", \"score_value\": 1");
    const char *by_span = EVALUATION(
        "", BY_SPAN, ", \"metric_type\": \"score\", \"score_value\": 1");

    begin(LLMOBS_SEMCONV_1_41, true, true);
    says(by_tag, "");
    ck_assert_int_eq(saying_of(by_tag), LLMOBS_OTLP_UNSAID);
    ck_assert_int_eq(saying_of(by_span), LLMOBS_OTLP_SAID);
}

/* -- calls --------------------------------------------------------------- */

#define SPAN(facts, kind, meta, rest)                                        \
    "{\"_call\": {\"provider\": \"openai\"" facts "}, \"_dd\": "             \
    "{\"apm_trace_id\": \"" TRACE "\"}, \"duration\": 7, \"meta\": "         \
    "{\"span\": {\"kind\": \"" kind "\"}" meta "}, \"name\": \"n\", "        \
    "\"parent_id\": \"undefined\", \"span_id\": \"258\", \"start_ns\": 100," \
    " \"tags\": [], \"trace_id\": \"" OTHER "\"" rest "}"
#define FAILED(message) \
    ", \"error\": {\"message\": \"" message "\", \"type\": \"x y\"}"
#define FAILURE(name)                                              \
    "gen_ai.client." name ".exception " TRACE " 0000000000000102 " \
    "107 13 1\n exception.type='429'\n"

TEST(a_failure)
{
    const char *event =
        SPAN(", \"error_code\": \"429\", \"flags\": 257", "llm",
             FAILED("too many of them"), ", \"status\": \"error\"");

    begin(LLMOBS_SEMCONV_1_41, false, false);
    says(event, FAILURE("operation"));
    begin(LLMOBS_SEMCONV_LATEST, true, false);
    says(event, FAILURE("inference") " exception.message='too many of them'\n");
}

TEST(events_with_nothing_to_say)
{
    static const char *const events[] = {
        SPAN("", "llm", "", ", \"status\": \"ok\""),
        SPAN("", "tool", FAILED("x"), ", \"status\": \"error\""),
        SPAN("", "workflow", FAILED("x"), ", \"status\": \"error\""),
        SPAN(", \"proxied\": true", "workflow", FAILED("x"),
             ", \"status\": \"error\""),
        "{\"no\": \"event\"}",
        "[]",
    };

    begin(LLMOBS_SEMCONV_1_41, true, false);
    for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
        says(events[i], "");
        ck_assert_int_eq(saying_of(events[i]), LLMOBS_OTLP_NOTHING);
    }
}

/* The details have the span's attributes, and its documents as structures. */
TEST(details)
{
    const char *event = SPAN(
        ", \"request_model\": \"gpt\", \"finish_reasons\": [\"stop\"]", "llm",
        ", \"input\": {\"messages\": [{\"role\": \"user\", \"content\": "
        "\"hi\"}]}, \"output\": {\"messages\": [{\"role\": "
        "\"assistant\", \"content\": \"\", \"tool_calls\": [{\"name\": "
        "\"f\", \"tool_id\": \"1\", \"arguments\": {\"n\": [1, 2.5, true, "
        "null]}}]}]}, \"metadata\": {\"temperature\": 0.5, "
        "\"max_tokens\": 9}",
        ", \"metrics\": {\"input_tokens\": 5}, \"status\": \"ok\"");
    struct llmobs_text one = {event, strlen(event)};
    static const char *const parts[] = {
        "gen_ai.client.inference.operation.details " TRACE
        " 0000000000000102 107 0 0\n",
        "gen_ai.operation.name='chat'\n",
        " gen_ai.request.max_tokens=9\n",
        " gen_ai.request.temperature=0.5\n",
        " gen_ai.usage.input_tokens=5\n",
        " gen_ai.response.finish_reasons=['stop']\n",
        (" gen_ai.input.messages=[{role:'user',parts:[{type:'text',content:"
         "'hi'}]}]\n"),
        "type:'tool_call'",
        "arguments:{n:[1,2.5,yes,]}",
    };
    size_t left_out;
    char *text;

    begin(LLMOBS_SEMCONV_1_41, true, true);
    text = written(&one, 1, 0, &left_out);
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        ck_assert_msg(strstr(text, parts[i]) != NULL, "no %s in %s", parts[i],
                      text);
    free(text);
    begin(LLMOBS_SEMCONV_1_41, true, false);
    says(event, "");
}

/* An argument that is nested deeper than a request may be. */
TEST(deep_details)
{
    char deep[512] = "", event[2048];
    struct llmobs_text one = {event, 0};
    size_t left_out;
    char *text;

    for (int i = 0; i < 60; i++)
        strcat(deep, "{\"a\":");
    strcat(deep, "\"end\"");
    for (int i = 0; i < 60; i++)
        strcat(deep, "}");
    snprintf(event, sizeof(event),
             SPAN("", "llm",
                  ", \"output\": {\"messages\": [{\"role\": \"assistant\", "
                  "\"tool_calls\": [{\"name\": \"f\", \"arguments\": %s}]}]}",
                  ", \"status\": \"ok\""),
             deep);
    one.len = strlen(event);
    begin(LLMOBS_SEMCONV_1_41, true, true);
    text = written(&one, 1, 0, &left_out);
    ck_assert_msg(strstr(text, "{a:{a:") != NULL, "%s", text);
    ck_assert_msg(strstr(text, "\"end\"") != NULL, "%s", text);
    free(text);
}

/* A failed call in the mode of details has both records. */
TEST(both_records_of_a_call)
{
    const char *events[] = {
        SPAN("", "llm", "", ", \"status\": \"ok\""),
        SPAN(", \"error_code\": \"timeout\"", "llm", FAILED("x"),
             ", \"status\": \"error\""),
        SPAN("", "task", "", ", \"status\": \"ok\""),
    };
    struct llmobs_text texts[3];
    size_t left_out;
    char *text;

    for (size_t i = 0; i < 3; i++)
        texts[i] = (struct llmobs_text){events[i], strlen(events[i])};
    begin(LLMOBS_SEMCONV_1_41, true, true);
    text = written(texts, 3, 0, &left_out);
    ck_assert_uint_eq(left_out, 1);
    ck_assert_ptr_nonnull(strstr(text, "exception.type='timeout'\n"));
    ck_assert_ptr_nonnull(
        strstr(strstr(text, "operation.exception"), "operation.details"));
    free(text);
}
