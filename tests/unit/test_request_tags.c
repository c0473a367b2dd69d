/* Tests tags that requests carry. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/event/exchange.h"
#include "core/event/tags.h"
#include "core/event/to_span.h"
#include "lib/span/secrets.h"
#include "rules/read/request_tags.h"
#include "tests/unit/unit.h"

#define MANY 40 /* more headers than are kept */
#define KEY "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789"

static char *const own_tags[] = {"team:ops", NULL};
static struct llmobs_config config;
static enum llmobs_request_tags mode;
static struct llmobs_span span;

static void keep(struct llmobs_headers *headers, const char *lines)
{
    while (*lines) {
        char line[4096];
        size_t len = strcspn(lines, "\n");

        snprintf(line, sizeof(line), "%.*s", (int)len, lines);
        llmobs_headers_add_tag(headers, line, strcspn(line, ":"));
        lines += len + (lines[len] == '\n');
    }
}

/* Reads as the core does: what the library keeps of the headers, and the
 * body, where secrets are masked. */
static void read_request(const char *lines, const char *body, bool parsed)
{
    struct llmobs_headers headers = {.count = 0};
    char *text = strdup(body ? body : "");
    struct llmobs_call call = {.request = {text, strlen(text)},
                               .request_headers = headers.list};
    struct llmobs_json *json = NULL;

    keep(&headers, lines);
    call.request_header_count = headers.count;
    llmobs_secrets_mask(text, strlen(text));
    if (parsed && *text)
        ck_assert_int_eq(llmobs_json_parse(call.request, &json), 0);
    llmobs_request_tags_read(&call, json, &span);
    llmobs_tags_add_requested(&span, mode, &config);
    llmobs_json_free(json);
    llmobs_headers_clear(&headers);
    free(text);
}

static void expect_span(const char *wanted)
{
    char got[8192] = "";

    for (size_t i = 0; i < llmobs_json_len(span.extra_tags); i++)
        sprintf(got + strlen(got), "%s%s", *got ? " | " : "",
                llmobs_json_text(llmobs_json_at(span.extra_tags, i)));
    if (span.context.session_id[0])
        sprintf(got + strlen(got), " / %s", span.context.session_id);
    ck_assert_str_eq(got, wanted);
}

/* The tags of such a request, and behind " / " the session. */
static void expect(const char *lines, const char *body, const char *wanted)
{
    ck_assert_int_eq(llmobs_span_init(&span), 0);
    read_request(lines, body, true);
    expect_span(wanted);
    llmobs_span_fini(&span);
}

static void set_up(void)
{
    memset(&config, 0, sizeof(config));
    mode = LLMOBS_REQUEST_TAGS_PLAIN;
}

UNIT_FIXTURE(set_up, NULL);

TEST(openai)
{
    expect("", "{\"safety_identifier\": \"s\", \"user\": \"u\"}", "user_id:s");
    expect("", "{\"user\": \"u\", \"user_id\": \"v\"}", "user_id:u");
    expect("", "{\"user\": 77}", "user_id:77");
    expect("", "{\"prompt_cache_key\": \"p\"}", "");
    expect("OpenAI-Organization: org-123abc\nopenai-project: proj_9",
           "{\"metadata\": {\"Team\": \"blue\", \"run\": 7, \"live\": true}}",
           "openai.organization:org-123abc | openai.project:proj_9 | "
           "team:blue | run:7 | live:true");
}

TEST(anthropic)
{
    expect("", "{\"metadata\": {\"user_id\": \"u1\"}}", "user_id:u1");
    expect("",
           "{\"metadata\": {\"user_id\": \"user_2f00ab_account_11-2_"
           "session_57a1-ec\"}}",
           "user_id:2f00ab / 57a1-ec");
    expect("",
           "{\"metadata\": {\"user_id\": "
           "\"user_2f00ab_account__session_57a1\"}}",
           "user_id:2f00ab / 57a1");
    expect("", "{\"metadata\": {\"user_id\": \"user_2f00ab\"}}",
           "user_id:user_2f00ab");
    expect("", "{\"metadata\": {\"user_id\": \"x_account_y_session_z\"}}",
           "user_id:x_account_y_session_z");
    expect("",
           "{\"metadata\": {\"user_id\": \"{\\\"device_id\\\":\\\"d1\\\","
           "\\\"account_uuid\\\":\\\"\\\",\\\"session_id\\\":\\\"s1\\\"}\"}}",
           "user_id:d1 / s1");
    expect("", "{\"metadata\": {\"user_id\": \"{broken\"}}", "");
}

TEST(amazon_and_google)
{
    expect("", "{\"requestMetadata\": {\"tenant\": \"t1\"}}", "tenant:t1");
    expect("X-Amzn-Bedrock-Request-Metadata: {\"tenant\": \"t2\"}", NULL,
           "tenant:t2");
    expect("", "{\"labels\": {\"cost_center\": \"4711\"}}", "cost_center:4711");
    expect("", "{\"labels\": [\"cat\", \"dog\"]}", "");
}

TEST(gateways_sessions_and_users)
{
    expect("",
           "{\"session_id\": \"job-42\", \"user\": \"u-7\", "
           "\"trace\": {\"trace_name\": \"nightly\"}}",
           "user_id:u-7 | trace_name:nightly / job-42");
    expect("",
           "{\"litellm_metadata\": {\"session_id\": \"audit-1\", "
           "\"trace_user_id\": \"ada\", \"tags\": [\"a\"]}}",
           "user_id:ada | tag:a / audit-1");
    expect("",
           "{\"metadata\": {\"langfuse_user_id\": \"ada\", "
           "\"langfuse_session_id\": 7}}",
           "user_id:ada / 7");
    expect("X-Session-Id: s1", "{\"session_id\": \"s2\"}", " / s1");
    expect("x-litellm-session-id: s1\nx-litellm-end-user-id: ada", NULL,
           "user_id:ada / s1");
    expect("langfuse_session_id: s1\nlangfuse_trace_user_id: ada", NULL,
           "user_id:ada / s1");
    expect("x-litellm-customer-id: ada\n"
           "x-litellm-spend-logs-metadata: {\"session_id\": \"s\", "
           "\"plan\": \"gold\"}",
           NULL, "user_id:ada | plan:gold / s");
    expect("X-Session-Id: " KEY, "{\"session_id\": [1]}", "");
}

TEST(gateways)
{
    expect("Helicone-User-Id: ada\nHelicone-Session-Id: s-1\n"
           "Helicone-Property-Feature: search\n"
           "helicone-property-plan:gold",
           "{\"user\": \"u\"}",
           "user_id:ada | feature:search | plan:gold / s-1");
    expect("x-portkey-metadata: {\"_user\": \"ada\", \"step\": 2, "
           "\"session_id\": \"s\"}",
           NULL, "user_id:ada | step:2 / s");
    expect("cf-aig-metadata: {\"user\": \"ada\", \"paid\": false}", NULL,
           "user_id:ada | paid:false");
    expect("cf-aig-metadata: {\"user_id\": 9}", NULL, "user_id:9");
    expect("x-litellm-tags: session_id:s,a:b\nHelicone-Property-Session_Id: t",
           NULL, "a:b / s");
    expect("X-TFY-METADATA: {\"squad\": \"a\"}", NULL, "squad:a");
    expect("x-litellm-tags: a, team:blue ,b",
           "{\"metadata\": {\"tags\": [\"c\", \"job:9\", 5]}, "
           "\"litellm_session_id\": \"s\"}",
           "tag:a | team:blue | tag:b | tag:c | job:9 / s");
    expect("X-Title: My App\nHTTP-Referer: https://x.example", NULL,
           "app:My App");
    expect("X-OpenRouter-Title: Other", NULL, "app:Other");
    expect("HTTP-Referer: https://u:p@x.example:81/p?token=t#f", NULL,
           "app:x.example");
    expect("http-referer: https://[::1]:81/p", NULL, "app:[::1]:81");
    expect("Referer: https://x.example", NULL, "");
}

/* In the order of the table. */
TEST(the_first_counts)
{
    expect("cf-aig-metadata: {\"user\": \"c\", \"team\": \"c\"}\n"
           "x-portkey-metadata: {\"_user\": \"p\", \"team\": \"p\"}\n"
           "helicone-user-id: h",
           "{\"user\": \"b\", \"metadata\": {\"team\": \"b\"}}",
           "user_id:h | team:p");
    expect("x-title: header", "{\"metadata\": {\"app\": \"body\"}}",
           "app:header");
}

TEST(what_is_there_stays)
{
    static const char body[] =
        "{\"user\": \"u\", \"litellm_session_id\": \"s\", "
        "\"metadata\": {\"team\": \"t\", \"more\": 1, \"tag\": 2}}";

    config.tags = (char **)(uintptr_t)own_tags;
    ck_assert_int_eq(llmobs_span_init(&span), 0);
    span.extra_tags = llmobs_json_array();
    llmobs_json_add(span.extra_tags, llmobs_json_string("user_id:own"));
    strcpy(span.context.session_id, "own");
    read_request("", body, true);
    expect_span("user_id:own | more:1 | tag:2 / own");
    llmobs_span_fini(&span);
}

TEST(reserved_names)
{
    static const char *const names[] = {"ml_app",
                                        "agent_service",
                                        "service",
                                        "env",
                                        "version",
                                        "source",
                                        "language",
                                        "error",
                                        "error_type",
                                        "integration",
                                        "plugin",
                                        "unit",
                                        "pool",
                                        "key",
                                        "container_id",
                                        "pod_name",
                                        "kube_namespace",
                                        "entrypoint.name",
                                        "ml-proxy",
                                        "conversation_id",
                                        "ddtrace.version",
                                        "git.commit.sha"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char body[200], lines[200];

        sprintf(body, "{\"metadata\": {\"%s\": \"x\"}}", names[i]);
        sprintf(lines, "X-Litellm-Tags: %s:x\nHelicone-Property-%s: x",
                names[i], names[i]);
        expect(lines, body, "");
    }
    expect("", "{\"metadata\": {\"ENV\": \"x\", \" Service \": \"y\"}}", "");
}

TEST(caps)
{
    char body[8192] = "{\"user\": \"u\", \"metadata\": {", wanted[4096] = "";
    char lines[8192] = "";

    for (int i = 0; i < 17; i++) {
        sprintf(body + strlen(body), "%s\"k%d\": %d", i ? "," : "", i, i);
        if (i < 16)
            sprintf(wanted + strlen(wanted), " | k%d:%d", i, i);
    }
    memmove(wanted + 9, wanted, strlen(wanted) + 1);
    memcpy(wanted, "user_id:u", 9);
    expect("", strcat(body, "}}"), wanted);
    for (int i = 0; i < MANY; i++)
        sprintf(lines + strlen(lines), "Helicone-Property-k%d: %d\n", i, i);
    expect(lines, NULL, wanted + 12);
    sprintf(body, "{\"metadata\": {\"%064d\": 1, \"%065d\": 1}}", 0, 0);
    sprintf(wanted, "%064d:1", 0);
    expect("", body, wanted);
    sprintf(body, "{\"metadata\": {\"k\": \"%0199d\xc3\xa9\"}}", 0);
    sprintf(wanted, "k:%0199d", 0);
    expect("", body, wanted);
}

/* However many tags a request has, what it needs has a place. */
TEST(needed_headers_have_room)
{
    struct llmobs_headers headers = {.count = 0};

    for (int i = 0; i < MANY; i++)
        keep(&headers, "helicone-property-a: b");
    ck_assert_uint_eq(headers.count,
                      LLMOBS_HEADERS_MAX - LLMOBS_HEADERS_NEEDED);
    llmobs_headers_add(&headers, "content-encoding: gzip", 16);
    ck_assert_ptr_nonnull(
        llmobs_header_find(headers.list, headers.count, "content-encoding"));
    llmobs_headers_clear(&headers);
}

TEST(odd_names_and_values)
{
    expect("",
           "{\"metadata\": {\"a b\": 1, \"caf\xc3\xa9\": 1, \"a,b\": 1, "
           "\"a:b\": 1, \"\": 1, \"\\u0001\": 1, \"ok.-_1\": 1}}",
           "ok.-_1:1");
    expect("",
           "{\"metadata\": {\"o\": {\"a\": 1}, \"l\": [1], \"n\": null, "
           "\"e\": \"\", \"b\": \"  \", \"r\": 1.5, \"f\": false}}",
           "r:1.5 | f:false");
    expect("", "{\"metadata\": {\"k\": \" a\\nb\\u001b[31m\\u007f,c \"}}",
           "k:a_b_[31m_,c");
    expect("", "{\"user\": {\"id\": 1}, \"user_id\": [1], \"metadata\": 5}",
           "");
    expect("x-portkey-metadata: {\"_user\": \"ada\"\n"
           "cf-aig-metadata: [1]\nx-tfy-metadata: \"x\"\n"
           "x-amzn-bedrock-request-metadata:\nhelicone-user-id:\n"
           "helicone-property-: x\nhelicone-property-a:\nx-litellm-tags: ,:,a:",
           NULL, "");
    expect("x-portkey-metadata: {\"a\": {\"b\": 1}, \"c\": 2}", NULL, "c:2");
}

/* A comma would split a tag (tags.c); the other parts of a tag are here. */
TEST(an_event_has_them)
{
    struct llmobs_json *tags;
    char *text;

    ck_assert_int_eq(llmobs_span_init(&span), 0);
    read_request("x-litellm-tags: a,b",
                 "{\"metadata\": {\"k\": \"a,b\", \"user_id\": \"u:1\", "
                 "\"session_id\": \"s,1\"}}",
                 true);
    tags = llmobs_tags_make(&span, &config);
    text = llmobs_json_dumps(tags, 0);
    ck_assert_ptr_nonnull(strstr(text, "\"k:a_b\", "));
    ck_assert_ptr_nonnull(strstr(text, "\"session_id:s_1\", "));
    ck_assert_ptr_nonnull(strstr(text, "\"tag:a\", \"tag:b\", "));
    ck_assert_ptr_nonnull(strstr(text, "\"user_id:u:1\""));
    free(text);
    llmobs_json_free(tags);
    llmobs_span_fini(&span);
}

TEST(no_credential_becomes_a_tag)
{
    static const char *const headers[] = {
        "helicone-user-id: " KEY,
        "helicone-session-id: " KEY,
        "helicone-property-api-key: hunter2",
        "helicone-property-x: " KEY,
        "x-portkey-metadata: {\"_user\": \"" KEY "\", \"password\": \"ab\"}",
        "cf-aig-metadata: {\"api_key\": \"hunter2\", \"x\": \"" KEY "\"}",
        "x-litellm-tags: " KEY ",x:" KEY ",password:hunter2",
        "x-title: Bearer abcdef0123456789abcdef",
        "openai-project: " KEY,
        "http-referer: " KEY,
    };
    static const char *const bodies[] = {
        "{\"user\": \"" KEY "\"}",
        "{\"user\": \"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2ln\"}",
        "{\"metadata\": {\"user_id\": \"" KEY "\"}}",
        "{\"metadata\": {\"password\": \"a\", \"api_key\": \"hunter2\"}}",
        "{\"labels\": {\"x\": \"see " KEY "\"}}",
    };

    for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
        expect(headers[i], NULL, "");
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++)
        expect("", bodies[i], "");
    /* Ids and hashes are no keys. */
    expect("",
           "{\"user\": \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6"
           "c15b0f00a08\", \"litellm_session_id\": "
           "\"3f2504e0-4f89-11d3-9a0c-0305e82c3301\"}",
           "user_id:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6"
           "c15b0f00a08 / 3f2504e0-4f89-11d3-9a0c-0305e82c3301");
}

/* printf %s ada@example.com | sha256sum */
#define ADA "sha256:b5fc85e55755f9e0"

TEST(an_address_is_hashed)
{
    expect("", "{\"user\": \"ada@example.com\"}", "user_id:" ADA);
    expect("",
           "{\"metadata\": {\"owner\": \"ada@example.com\", "
           "\"session_id\": \"ada@example.com\"}}",
           "owner:" ADA " / " ADA);
    expect("",
           "{\"metadata\": {\"a\": \"pkg@1.2.3\", \"b\": \"@x.com\", "
           "\"c\": \"me @ x.com\", \"d\": \"a@b\"}}",
           "a:pkg@1.2.3 | b:@x.com | c:me @ x.com | d:a@b");
    /* printf %s ada%40example.com | sha256sum */
    expect("Helicone-User-Id: ada%40example.com", NULL,
           "user_id:sha256:3e6f0c722edc6f98");
    ck_assert_int_eq(llmobs_span_init(&span), 0);
    read_request("", "{\"user\": \"Ada <ada@mail.example.com>, x\"}", true);
    ck_assert_uint_eq(
        strlen(llmobs_json_text(llmobs_json_at(span.extra_tags, 0))),
        strlen("user_id:" ADA));
    llmobs_span_fini(&span);
}

TEST(modes)
{
    static const char body[] =
        "{\"user\": \"ada\", \"metadata\": {\"user_name\": \"ada\", "
        "\"email\": \"ada\", \"team\": \"ada\", \"session_id\": \"s\"}}";
    /* printf %s ada | sha256sum */
    static const char hashed[] =
        "user_id:sha256:fdee430d40bd57de | user_name:sha256:fdee430d40bd57de | "
        "email:sha256:fdee430d40bd57de | team:ada / s";

    expect("", body, "user_id:ada | user_name:ada | email:ada | team:ada / s");
    config.request_tags = LLMOBS_REQUEST_TAGS_HASH;
    expect("", body, hashed);
    config.request_tags = LLMOBS_REQUEST_TAGS_OFF;
    expect("", body, "");
    config.request_tags = LLMOBS_REQUEST_TAGS_PLAIN;
    config.privacy.content = LLMOBS_CONTENT_OFF;
    expect("", body, "user_id:sha256:fdee430d40bd57de / s");
    config.kept_tags = (char *)(uintptr_t) "other, TEAM,user_name";
    expect("", body,
           "user_id:sha256:fdee430d40bd57de | "
           "user_name:sha256:fdee430d40bd57de | team:ada / s");
    expect("Helicone-Property-Team: ada\nx-litellm-tags: a,job:9", NULL,
           "team:ada");
    config.privacy.content = LLMOBS_CONTENT_FULL;
    config.kept_tags = NULL;
    /* The other process's content was off. */
    mode = LLMOBS_REQUEST_TAGS_BARE;
    expect("", body, "user_id:sha256:fdee430d40bd57de / s");
    /* The stricter one of two processes counts. */
    mode = LLMOBS_REQUEST_TAGS_HASH;
    expect("", body, hashed);
    mode = LLMOBS_REQUEST_TAGS_OFF;
    expect("", body, "");
}

/* printf %s ada | openssl dgst -sha256 -hmac secret */
TEST(hashes_have_a_key)
{
    static const char body[] = "{\"user\": \"ada\", \"metadata\": "
                               "{\"owner\": \"ada@example.com\"}}";
    static char key
        [] = "secret",
     longer[] =
         "0123456789012345678901234567890123456789012345678901234567890123456";

    config.request_tags = LLMOBS_REQUEST_TAGS_HASH;
    config.hash_key = key;
    ck_assert_uint_eq(llmobs_tags_mode(&config),
                      LLMOBS_REQUEST_TAGS_HASH | LLMOBS_REQUEST_TAGS_KEYED);
    expect("", body,
           "user_id:hmac:3c30486140e27f6f | owner:hmac:d1da3149b0fa35cd");
    config.hash_key = longer;
    expect("", body,
           "user_id:hmac:112b62433b903822 | owner:hmac:b33670c2eef33bb1");
    /* A process that lacks the key makes no hash, nor tells a plain name that
     * an exporter might hash. */
    config.hash_key = NULL;
    mode = LLMOBS_REQUEST_TAGS_HASH | LLMOBS_REQUEST_TAGS_KEYED;
    expect("", body, "");
    config.request_tags = LLMOBS_REQUEST_TAGS_PLAIN;
    mode = LLMOBS_REQUEST_TAGS_KEYED;
    expect("", body, "");
    expect("", "{\"metadata\": {\"team\": \"blue\"}}", "team:blue");
    mode = LLMOBS_REQUEST_TAGS_PLAIN;
}

/* `user` and `wanted` are JSON; NULL: none. */
static void expect_parameter(const char *user, const char *wanted)
{
    struct llmobs_json *is = NULL, *have;
    char *text;

    ck_assert_int_eq(llmobs_span_init(&span), 0);
    if (!span.metadata)
        span.metadata = llmobs_json_object();
    ck_assert_int_eq(llmobs_json_parse(llmobs_text_of(user), &is), 0);
    ck_assert_int_eq(llmobs_json_set(span.metadata, "user", is), 0);
    llmobs_tags_add_requested(&span, mode, &config);
    have = llmobs_json_get(span.metadata, "user");
    ck_assert_int_eq(have != NULL, wanted != NULL);
    text = have ? llmobs_json_dumps(have, 0) : NULL;
    if (wanted)
        ck_assert_str_eq(text, wanted);
    free(text);
    llmobs_span_fini(&span);
}

/* A value that is hashed as a tag is not plain beside it. */
TEST(the_user_as_a_parameter)
{
    expect_parameter("\"ada\"", "\"ada\"");
    expect_parameter("\"ada@example.com\"", "\"" ADA "\"");
    expect_parameter("12", "12");
    expect_parameter("[\"ada@example.com\"]", NULL);
    mode = LLMOBS_REQUEST_TAGS_HASH;
    expect_parameter("\"ada\"", "\"sha256:fdee430d40bd57de\"");
    expect_parameter("12", NULL);
    expect_parameter("{\"name\": \"ada\"}", NULL);
    mode = LLMOBS_REQUEST_TAGS_OFF;
    expect_parameter("\"ada\"", NULL);
    expect_parameter("12", NULL);
}

/* Its middle is missing, or no dialect made an object of it. */
TEST(a_body_without_an_object)
{
    ck_assert_int_eq(llmobs_span_init(&span), 0);
    read_request("helicone-property-a: b",
                 "{\"user\": \"u\", \"messages\": [{\"user\": \"x\"}], "
                 "\"metadata\": {\"k\": \"v\"}}",
                 false);
    expect_span("user_id:u | a:b | k:v");
    llmobs_span_fini(&span);
    ck_assert_int_eq(llmobs_span_init(&span), 0);
    read_request("", "user=u&metadata=x", false);
    expect_span("");
    llmobs_span_fini(&span);
}

/* -- whole calls ----------------------------------------------------------- */

static void expect_call(const char *url, const char *body, const char *wanted)
{
    struct llmobs_rules_config with = {.proxy_urls = "https://gw.example"};
    struct llmobs_rules *rules = llmobs_rules_new(&with);
    struct llmobs_exchange *x = llmobs_exchange_new(1 << 20);
    struct llmobs_request known = {.method = "POST",
                                   .url = url,
                                   .content_type = "application/json",
                                   .body = {body, strlen(body)}};

    ck_assert(llmobs_rules_match(rules, &known, &x->match));
    strcpy(x->method, "POST");
    x->url = strdup(url);
    keep(&x->request_headers, "x-title: T");
    ck_assert_int_eq(llmobs_body_add(&x->request, body, strlen(body)), 0);
    x->status = 200;
    ck_assert_int_eq(llmobs_exchange_to_span(x, &span), 0);
    llmobs_json_free(span.extra_tags);
    span.extra_tags = NULL;
    llmobs_tags_add_requested(&span, x->tags, &config);
    expect_span(wanted);
    llmobs_span_fini(&span);
    llmobs_exchange_free(x);
    llmobs_rules_free(rules);
}

TEST(all_dialects_read_them)
{
    expect_call("https://api.openai.com/v1/chat/completions",
                "{\"model\": \"m\", \"messages\": [], \"user\": \"u\"}",
                "app:T | user_id:u");
    expect_call("https://api.openai.com/v1/responses",
                "{\"model\": \"m\", \"input\": \"x\", "
                "\"safety_identifier\": \"s\", \"metadata\": {\"k\": \"v\"}}",
                "app:T | user_id:s | k:v");
    expect_call("https://api.anthropic.com/v1/messages",
                "{\"model\": \"m\", \"messages\": [], \"metadata\": "
                "{\"user_id\": \"user_a_account_b_session_c\"}}",
                "app:T | user_id:a / c");
    expect_call("https://bedrock-runtime.us-east-1.amazonaws.com/model/m/"
                "converse",
                "{\"messages\": [], \"requestMetadata\": {\"k\": \"v\"}}",
                "app:T | k:v");
    expect_call("https://us-central1-aiplatform.googleapis.com/v1/projects/p/"
                "locations/l/publishers/google/models/m:generateContent",
                "{\"contents\": [], \"labels\": {\"k\": \"v\"}}",
                "app:T | k:v");
    expect_call("https://gw.example/anything",
                "{\"user\": \"u\", \"user\": \"" KEY "\"}",
                "app:T | user_id:u");
}
