/* The facts of a call beside Datadog's event: which there are, and that the
 * text of an event comes apart again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/event/facts.h"
#include "tests/unit/unit.h"

static struct llmobs_config config;
static struct llmobs_span span;

static void setup(void)
{
    memset(&config, 0, sizeof(config));
    ck_assert_int_eq(llmobs_span_init(&span), 0);
}

static void teardown(void)
{
    llmobs_span_fini(&span);
}

static struct llmobs_text text_of(const char *text)
{
    return (struct llmobs_text){text, strlen(text)};
}

/* -- one value --------------------------------------------------------------
 */

START_TEST(long_texts_are_left_out)
{
    char text[LLMOBS_FACT_MAX + 2] = {0};
    const struct llmobs_json *list;

    memset(text, 'a', LLMOBS_FACT_MAX);
    llmobs_span_fact(&span, "response_id", text);
    ck_assert_str_eq(llmobs_json_gets(span.facts, "response_id"), text);
    text[LLMOBS_FACT_MAX] = 'a';
    llmobs_span_fact(&span, "system_fingerprint", text);
    llmobs_span_fact(&span, "system_fingerprint", "");
    llmobs_span_fact(&span, "system_fingerprint", NULL);
    ck_assert_ptr_null(llmobs_json_get(span.facts, "system_fingerprint"));
    for (int i = 0; i < LLMOBS_FACT_ITEMS + 9; i++)
        llmobs_span_fact_add(&span, "finish_reasons", i ? "stop" : text);
    list = llmobs_json_get(span.facts, "finish_reasons");
    ck_assert_uint_eq(llmobs_json_len(list), LLMOBS_FACT_ITEMS);
    ck_assert_str_eq(llmobs_json_text(llmobs_json_at(list, 0)), "_OTHER");
    ck_assert_str_eq(llmobs_json_text(llmobs_json_at(list, 1)), "stop");
    llmobs_span_fact_int(&span, "dimensions", -1);
    ck_assert_ptr_null(llmobs_json_get(span.facts, "dimensions"));
}
END_TEST

START_TEST(secrets_are_masked)
{
    static const char *const ids[] = {
        "chatcmpl-BqkXn8kUT5cC1lrAtGZ2dp6rWZ9aE",
        "msg_01XFDUDYJgAACzvnptvVoYEL",
        "resp_68af4030592c81938ec0a5fbab4a3e9f05438e46b5f69a3b", "gpt-4o-mini",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/"
        "us.meta.llama"};

    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
        llmobs_span_fact(&span, "response_id", ids[i]);
        ck_assert_str_eq(llmobs_json_gets(span.facts, "response_id"), ids[i]);
    }
    llmobs_span_fact(&span, "response_model", "sk-proj-SECRETSECRETSECRET1234");
    ck_assert_ptr_null(
        strstr(llmobs_json_gets(span.facts, "response_model"), "SECRET"));
    llmobs_span_fact_add(&span, "finish_reasons", "api_key=SECRETSECRET1234");
    ck_assert_ptr_null(
        strstr(llmobs_json_text(llmobs_json_at(
                   llmobs_json_get(span.facts, "finish_reasons"), 0)),
               "SECRET"));
}
END_TEST

/* -- of the core ------------------------------------------------------------
 */

static void expect(const char *want)
{
    struct llmobs_json *facts = llmobs_facts_make(&span, &config);
    char *text;

    llmobs_json_unset(facts, "executable");
    llmobs_json_unset(facts, "pid");
    text = llmobs_json_dumps(facts, 0);
    ck_assert_str_eq(text, want);
    free(text);
    llmobs_json_free(facts);
}

START_TEST(the_trace)
{
    span.context.unsampled = true;
    expect("{\"flags\": 256}");
    span.context.unsampled = false;
    span.context.priority = 1;
    span.context.parent_id = span.context.apm_parent_id = 7;
    expect("{\"flags\": 257}");
    span.context.remote = true;
    span.context.apm_parent_id = UINT64_MAX;
    expect("{\"flags\": 769, \"parent\": \"18446744073709551615\"}");
    span.context.span_id = 10;
    strcpy(span.context.vendors, "a=b");
    expect("{\"flags\": 769, \"parent\": \"18446744073709551615\", "
           "\"tracestate\": \"dd=p:000000000000000a;s:1;"
           "t.llmobs_parent_id:10;t.llmobs_trace_id:0,a=b\"}");
}
END_TEST

START_TEST(the_answer)
{
    span.streamed = span.proxied = span.traced = true;
    span.http_status = 200;
    config.otlp.service = "svc";
    config.otlp.resource = "a=b";
    expect("{\"flags\": 257, \"proxied\": true, \"resource\": \"a=b\", "
           "\"service\": \"svc\", \"status\": 200, \"stream\": true, "
           "\"tracestate\": \"dd=p:0000000000000000;s:0;"
           "t.llmobs_parent_id:undefined\"}");
}
END_TEST

START_TEST(the_process)
{
    struct llmobs_json *facts = llmobs_facts_make(&span, &config);

    ck_assert_int_eq(llmobs_json_to_int(llmobs_json_get(facts, "pid")),
                     getpid());
    ck_assert_str_eq(llmobs_json_gets(facts, "executable"), "unit");
    llmobs_json_free(facts);
    llmobs_json_unset(span.facts, "executable");
    config.pid = 77;
    facts = llmobs_facts_make(&span, &config);
    ck_assert_int_eq(llmobs_json_to_int(llmobs_json_get(facts, "pid")), 77);
    ck_assert_ptr_null(llmobs_json_get(facts, "executable"));
    llmobs_json_free(facts);
}
END_TEST

static const struct {
    const char *type;
    long status;
    const char *code;
} errors[] = {
    {"rate_limit_error", 429, "rate_limit_error"},
    {"http_503", 503, "503"},
    {"CURLE_OPERATION_TIMEDOUT", 0, "timeout"},
    {"CURLE_COULDNT_CONNECT", 0, "couldnt_connect"},
    {"aborted", 200, "aborted"},
    {"The model is gone", 404, "404"},
    {"The model is gone", 200, "_OTHER"},
    {"", 0, "_OTHER"},
};

START_TEST(the_error)
{
    struct llmobs_json *facts;

    span.http_status = errors[_i].status;
    llmobs_span_fail(&span, errors[_i].type, "a sentence");
    facts = llmobs_facts_make(&span, &config);
    ck_assert_str_eq(llmobs_json_gets(facts, "error_code"), errors[_i].code);
    llmobs_json_free(facts);
}
END_TEST

START_TEST(a_provider_names_its_error)
{
    struct llmobs_json *facts;

    llmobs_span_fact(&span, "error_code", "model_not_found");
    llmobs_span_fail(&span, "invalid_request_error", "no such model");
    facts = llmobs_facts_make(&span, &config);
    ck_assert_str_eq(llmobs_json_gets(facts, "error_code"), "model_not_found");
    llmobs_json_free(facts);
}
END_TEST

/* -- in a text --------------------------------------------------------------
 */

/* Adds the facts to the event and takes them out again. */
static void round_trip(const struct llmobs_json *facts, const char *event)
{
    struct llmobs_facts_parts parts;
    struct llmobs_json *whole;
    struct llmobs_buf buf;
    char *out;

    llmobs_buf_init(&buf, 1 << 20);
    ck_assert_int_eq(llmobs_facts_add(facts, text_of(event), &buf), 0);
    ck_assert_int_eq(
        llmobs_json_parse((struct llmobs_text){buf.data, buf.len}, &whole), 0);
    parts = llmobs_facts_split((struct llmobs_text){buf.data, buf.len});
    ck_assert_int_ge(asprintf(&out, "%.*s%.*s", (int)parts.lead.len,
                              parts.lead.data, (int)parts.rest.len,
                              parts.rest.len ? parts.rest.data : ""),
                     0);
    ck_assert_str_eq(out, event);
    free(out);
    out = llmobs_json_dumps(llmobs_json_get(whole, LLMOBS_FACTS_KEY), 0);
    if (llmobs_json_len(facts) > 0) {
        char *want = llmobs_json_dumps(facts, 0);

        ck_assert_str_eq(out, want);
        free(want);
    }
    free(out);
    llmobs_json_free(whole);
    llmobs_buf_fini(&buf);
}

START_TEST(a_text_comes_apart)
{
    static const char *const texts[] = {"",         "plain",    "}",
                                        "{",        "\"}",      "\\",
                                        "\\\"}, ",  "{\"_",     "\"_call\": {}",
                                        "\n\t\x01", "\xc3\xa9", "]},{[",
                                        "\\u0022",  "\\\\\\"};
    static const char *const events[] = {"{}", "{\"_dd\": {\"a\": \"}\"}}",
                                         "{\"a\": \"\\\"{\", \"b\": [{}]}"};

    for (size_t e = 0; e < sizeof(events) / sizeof(*events); e++) {
        round_trip(NULL, events[e]);
        round_trip(span.facts, events[e]);
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        llmobs_span_fact(&span, "provider", texts[i]);
        llmobs_span_fact(&span, texts[i], texts[i]);
        llmobs_span_fact_add(&span, "finish_reasons", texts[i]);
        llmobs_span_fact_int(&span, "port", (int64_t)i);
        for (size_t e = 0; e < sizeof(events) / sizeof(*events); e++)
            round_trip(span.facts, events[e]);
    }
}
END_TEST

/* Any other text stays whole, and no byte behind it is read. */
START_TEST(another_text_stays_whole)
{
    static const char whole[] =
        "{\"_call\": {\"a\": [\"\\\"}\", {}]}, \"_dd\": {}}";
    static const char *const others[] = {"",
                                         "x",
                                         "{}",
                                         "{\"_dd\": {\"_call\": {}}}",
                                         "{\"_call\": 1}",
                                         "{\"_call\": \"{}\"}",
                                         "{\"_calls\": {}}",
                                         "[{\"_call\": {}}]"};

    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        ck_assert_uint_eq(llmobs_facts_split(text_of(others[i])).lead.len,
                          strlen(others[i]));
    for (size_t len = 0; len < sizeof(whole) - 1; len++) {
        char *cut = malloc(len ? len : 1); /* the sanitizer sees its end */
        struct llmobs_facts_parts parts;

        memcpy(cut, whole, len);
        parts = llmobs_facts_split((struct llmobs_text){cut, len});
        ck_assert_uint_le(parts.lead.len + parts.rest.len, len);
        if (len < strlen("{\"_call\": {\"a\": [\"\\\"}\", {}]}"))
            ck_assert_uint_eq(parts.lead.len, len);
        free(cut);
    }
}
END_TEST

UNIT_SUITE(facts)
{
    Suite *s = suite_create("facts");
    TCase *c = tcase_create("facts");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, long_texts_are_left_out);
    tcase_add_test(c, secrets_are_masked);
    tcase_add_test(c, the_trace);
    tcase_add_test(c, the_answer);
    tcase_add_test(c, the_process);
    tcase_add_loop_test(c, the_error, 0, sizeof(errors) / sizeof(*errors));
    tcase_add_test(c, a_provider_names_its_error);
    tcase_add_test(c, a_text_comes_apart);
    tcase_add_test(c, another_text_stays_whole);
    suite_add_tcase(s, c);
    return s;
}
