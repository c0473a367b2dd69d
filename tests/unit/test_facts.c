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

/* -- one value --------------------------------------------------------------
 */

/* The facts of the span as an object, good until the next call. */
static const struct llmobs_json *facts(void)
{
    static struct llmobs_json *json;
    struct llmobs_facts none;
    struct llmobs_buf text;

    llmobs_json_free(json);
    json = NULL;
    llmobs_span_facts_init(&none);
    llmobs_buf_init(&text, 1 << 20);
    ck_assert_int_eq(llmobs_span_facts_write(&span.facts, &none, &text), 0);
    ck_assert_int_eq(
        llmobs_json_parse((struct llmobs_text){text.data, text.len}, &json), 0);
    llmobs_buf_fini(&text);
    return json;
}

static const char *element(const char *key, size_t i)
{
    return llmobs_json_text(llmobs_json_at(llmobs_json_get(facts(), key), i));
}

UNIT_FIXTURE(setup, teardown);

TEST(long_facts_are_left_out)
{
    char text[LLMOBS_FACT_MAX + 2] = {0};

    memset(text, 'a', LLMOBS_FACT_MAX);
    llmobs_span_fact(&span.facts, LLMOBS_FACT_RESPONSE_ID, text);
    ck_assert_str_eq(llmobs_json_gets(facts(), "response_id"), text);
    text[LLMOBS_FACT_MAX] = 'a';
    llmobs_span_fact(&span.facts, LLMOBS_FACT_SYSTEM_FINGERPRINT, text);
    llmobs_span_fact(&span.facts, LLMOBS_FACT_SYSTEM_FINGERPRINT, "");
    llmobs_span_fact(&span.facts, LLMOBS_FACT_SYSTEM_FINGERPRINT, NULL);
    ck_assert_ptr_null(llmobs_json_get(facts(), "system_fingerprint"));
    for (int i = 0; i < LLMOBS_FACT_ITEMS + 9; i++)
        llmobs_span_fact_add(&span.facts, LLMOBS_FACT_FINISH_REASONS,
                             i ? "stop" : text);
    ck_assert_uint_eq(
        llmobs_json_len(llmobs_json_get(facts(), "finish_reasons")),
        LLMOBS_FACT_ITEMS);
    ck_assert_str_eq(element("finish_reasons", 0), "_OTHER");
    ck_assert_str_eq(element("finish_reasons", 1), "stop");
    llmobs_span_fact_int(&span.facts, LLMOBS_FACT_DIMENSIONS, -1);
    ck_assert_ptr_null(llmobs_json_get(facts(), "dimensions"));
}

TEST(facts_are_masked)
{
    static const char *const ids[] = {
        "chatcmpl-BqkXn8kUT5cC1lrAtGZ2dp6rWZ9aE",
        "msg_01XFDUDYJgAACzvnptvVoYEL",
        "resp_68af4030592c81938ec0a5fbab4a3e9f05438e46b5f69a3b", "gpt-4o-mini",
        ("arn:aws:bedrock:us-east-1:123456789012:inference-profile/"
         "us.meta.llama")};

    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
        llmobs_span_fact(&span.facts, LLMOBS_FACT_RESPONSE_ID, ids[i]);
        ck_assert_str_eq(llmobs_json_gets(facts(), "response_id"), ids[i]);
    }
    llmobs_span_fact(&span.facts, LLMOBS_FACT_RESPONSE_MODEL,
                     "sk-proj-SECRETSECRETSECRET1234");
    ck_assert_ptr_null(
        strstr(llmobs_json_gets(facts(), "response_model"), "SECRET"));
    llmobs_span_fact_add(&span.facts, LLMOBS_FACT_FINISH_REASONS,
                         "api_key=SECRETSECRET1234");
    ck_assert_ptr_null(strstr(element("finish_reasons", 0), "SECRET"));
}

/* The lead is not searched again with the event. */
TEST(a_lead_has_no_secret)
{
#define KEY "sk-proj-SECRETSECRETSECRET1234"
    for (int i = 0; i < 6; i++) {
        struct llmobs_buf text;

        llmobs_buf_init(&text, 1 << 20);
        span.traced = true;
        span.context.remote = i == 1;
        strcpy(span.context.vendors, i == 0 ? "v=" KEY : "");
        strcpy(span.context.origin, i == 1 ? KEY : "");
        (void)llmobs_ml_app_normal(i == 2 ? KEY : "app", span.context.ml_app);
        config.otlp.service = (char *)(uintptr_t)(i == 3 ? KEY : NULL);
        config.otlp.resource = (char *)(uintptr_t)(i == 4 ? "a=" KEY : NULL);
        if (i == 5)
            llmobs_span_fact_add_word(&span.facts, LLMOBS_FACT_USERS, KEY);
        ck_assert_int_eq(llmobs_facts_lead(&span, &config, &text), 0);
        ck_assert_msg(!strstr(text.data, "SECRET"), "%d: %s", i, text.data);
        llmobs_buf_fini(&text);
    }
}

/* Lists grow beside other facts, and beside each other. */
TEST(lists_grow_in_turn)
{
    for (int i = 0; i < 3; i++) {
        llmobs_span_fact_add(&span.facts, LLMOBS_FACT_FINISH_REASONS, "a\"]");
        llmobs_span_fact_add(&span.facts, LLMOBS_FACT_FINISH_REASONS, "b");
        llmobs_span_fact_add(&span.facts, LLMOBS_FACT_ENCODING_FORMATS, "c");
        llmobs_span_fact_int(&span.facts, LLMOBS_FACT_PORT, 80 + i);
        llmobs_span_fact_word(&span.facts, LLMOBS_FACT_HOST, "h\x01");
    }
    ck_assert_uint_eq(
        llmobs_json_len(llmobs_json_get(facts(), "finish_reasons")), 6);
    ck_assert_str_eq(element("finish_reasons", 4), "a\"]");
    ck_assert_str_eq(element("finish_reasons", 5), "b");
    ck_assert_str_eq(element("encoding_formats", 2), "c");
    ck_assert_int_eq(llmobs_json_to_int(llmobs_json_get(facts(), "port")), 82);
    ck_assert_str_eq(llmobs_json_gets(facts(), "host"), "h\x01");
    llmobs_span_fact_unset(&span.facts, LLMOBS_FACT_FINISH_REASONS);
    llmobs_span_fact_add(&span.facts, LLMOBS_FACT_FINISH_REASONS, "d");
    ck_assert_str_eq(element("finish_reasons", 0), "d");
}

/* -- of the core ------------------------------------------------------------
 */

/* The lead of the span's event, closed. */
static struct llmobs_json *lead(void)
{
    struct llmobs_json *json;
    struct llmobs_buf text;

    llmobs_buf_init(&text, 1 << 20);
    ck_assert_int_eq(llmobs_facts_lead(&span, &config, &text), 0);
    llmobs_buf_cut(&text, text.len - 2);
    ck_assert_int_eq(llmobs_buf_addc(&text, '}'), 0);
    ck_assert_int_eq(
        llmobs_json_parse((struct llmobs_text){text.data, text.len}, &json), 0);
    llmobs_buf_fini(&text);
    return json;
}

static void expect(const char *want)
{
    struct llmobs_json *json = lead();
    struct llmobs_json *all = llmobs_json_get(json, LLMOBS_FACTS_KEY);
    char *text;

    llmobs_json_unset(all, "executable");
    llmobs_json_unset(all, "pid");
    llmobs_json_unset(all, "hostname");
    llmobs_json_unset(all, "uid");
    text = llmobs_json_dumps(all, 0);
    ck_assert_str_eq(text, want);
    free(text);
    llmobs_json_free(json);
}

static void expect_text(const char *key, const char *want)
{
    struct llmobs_json *json = lead();
    const char *text =
        llmobs_json_gets(llmobs_json_get(json, LLMOBS_FACTS_KEY), key);

    if (want)
        ck_assert_str_eq(text, want);
    else
        ck_assert_ptr_null(text);
    llmobs_json_free(json);
}

static void expect_int(const char *key, int64_t want)
{
    struct llmobs_json *json = lead();

    ck_assert_int_eq(llmobs_json_to_int(llmobs_json_get(
                         llmobs_json_get(json, LLMOBS_FACTS_KEY), key)),
                     want);
    llmobs_json_free(json);
}

TEST(the_trace)
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
    span.context.remote = false;
    span.context.vendors[0] = '\0';
    span.traced = true;
    strcpy(span.context.origin, "ghp_0aB1cD2eF3gH4iJ5");
    expect("{\"flags\": 257, \"parent\": \"18446744073709551615\", "
           "\"tracestate\": \"dd=p:000000000000000a;s:1;"
           "o:ghp_************4iJ5;"
           "t.llmobs_parent_id:10;t.llmobs_trace_id:0\"}");
}

TEST(facts_are_filtered)
{
    config.privacy.content = LLMOBS_CONTENT_OFF;
    llmobs_span_fact(&span.facts, LLMOBS_FACT_RESPONSE_ID, "id");
    llmobs_span_fact(&span.facts, LLMOBS_FACT_REASONING_LEVEL, "tell me all");
    llmobs_span_fact(&span.facts, LLMOBS_FACT_REQUEST_MODEL, "my model");
    expect("{\"flags\": 257, \"request_model\": \"my model\", "
           "\"response_id\": \"id\"}");
}

TEST(the_answer)
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

TEST(the_process)
{
    char name[256];

    expect_int("pid", getpid());
    expect_text("executable", "unit");
    expect_int("uid", getuid());
    ck_assert_int_eq(gethostname(name, sizeof(name)), 0);
    expect_text("hostname", name);
    config.pid = 77;
    expect_int("pid", 77);
    expect_text("executable", NULL);
    expect_text("hostname", NULL);
    config.uid = -1;
    expect_int("uid", 0); /* absent */
    config.uid = 78;
    config.machine = "m";
    expect_int("uid", 78);
    expect_text("hostname", "m");
}

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
    {"http_200", 200, "_OTHER"},
    {"", 0, "_OTHER"},
};

TEST_EACH(the_error, 0, sizeof(errors) / sizeof(*errors))
{
    span.http_status = errors[_i].status;
    llmobs_span_fail(&span, errors[_i].type, "a sentence");
    expect_text("error_code", errors[_i].code);
}

TEST(a_provider_names_its_error)
{
    llmobs_span_fact(&span.facts, LLMOBS_FACT_ERROR_CODE, "model_not_found");
    llmobs_span_fail(&span, "invalid_request_error", "no such model");
    expect_text("error_code", "model_not_found");
}

/* -- in a text --------------------------------------------------------------
 */

/* Puts the lead before an event and takes it off again. */
static void round_trip(const char *event)
{
    struct llmobs_facts_parts parts;
    struct llmobs_json *whole;
    UNIT_ENDS(llmobs_buf) buf;
    char *out;

    llmobs_buf_init(&buf, 1 << 20);
    ck_assert_int_eq(llmobs_facts_lead(&span, &config, &buf), 0);
    ck_assert_int_eq(llmobs_buf_adds(&buf, event + 1), 0);
    ck_assert_int_eq(
        llmobs_json_parse((struct llmobs_text){buf.data, buf.len}, &whole), 0);
    ck_assert_ptr_nonnull(llmobs_json_get(whole, LLMOBS_FACTS_KEY));
    parts = llmobs_facts_split((struct llmobs_text){buf.data, buf.len});
    ck_assert_int_ge(asprintf(&out, "%.*s%.*s", (int)parts.lead.len,
                              parts.lead.data, (int)parts.rest.len,
                              parts.rest.data),
                     0);
    ck_assert_str_eq(out, event);
    free(out);
    llmobs_json_free(whole);
}

TEST(facts_come_apart)
{
    static const char *const texts[] = {
        "plain",    "}",        "{",     "\"}",
        "\\",       "\\\"}, ",  "{\"_",  "\"_call\": {}",
        "\n\t\x01", "\xc3\xa9", "]},{[", "\\u0022",
        "\\\\\\\"", "\xff"};
    static const char *const events[] = {"{\"_dd\": {\"a\": \"}\"}}",
                                         "{\"a\": \"\\\"{\", \"b\": [{}]}"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        llmobs_span_fact(&span.facts, LLMOBS_FACT_PROVIDER, texts[i]);
        llmobs_span_fact_add(&span.facts, LLMOBS_FACT_FINISH_REASONS, texts[i]);
        llmobs_span_fact_int(&span.facts, LLMOBS_FACT_PORT, (int64_t)i);
        ck_assert_str_eq(element("finish_reasons", i),
                         *texts[i] == '\xff' ? "\xef\xbf\xbd" : texts[i]);
        for (size_t e = 0; e < sizeof(events) / sizeof(*events); e++)
            round_trip(events[e]);
    }
}

/* Any other text stays whole, and no byte behind it is read. */
TEST(another_text_stays_whole)
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
        ck_assert_uint_eq(
            llmobs_facts_split(llmobs_text_of(others[i])).lead.len,
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
