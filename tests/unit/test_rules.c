/* Which requests are calls, by method, host, path and body. */
#include <errno.h>
#include <stdio.h>

#include "rules/read/text.h"
#include "tests/unit/match_case.h"

TEST(hosts_that_get_headers)
{
    static const struct {
        const char *url;
        bool near, inject;
    } hosts[] = {
        {"http://localhost:8000/v1/chat/completions", true, false},
        {"http://u:p@LOCALHOST./v1/chat/completions", true, false},
        {"http://0x7f.1/v1/chat/completions", true, false},
        {"http://[::ffff:10.0.0.1]/v1/chat/completions", true, false},
        {"http://vllm.models.svc/v1/chat/completions", true, false},
        {"https://api.deepinfra.com/v1/chat/completions", false, false},
        {"http://localhost@evil.com/v1/chat/completions", false, false},
        {"http://gw.internal.evil.com/v1/chat/completions", false, false},
        {"http://evil%2ecom/v1/chat/completions", false, false},
        {"http://evil\xe3\x80\x82"
         "com/v1/chat/completions",
         false, false},
        {"http://134744072/v1/chat/completions", false, false},
        {"https://LLM.example.com/v1/chat/completions", false, true},
        {"https://api.openai.com/v1/chat/completions", false, true},
        {"https://llm.example.org/v1/chat/completions", false, false},
    };
    struct llmobs_rules_config config = {.inject_hosts =
                                             "*.Example.com, api.openai.com"};
    struct llmobs_rules *rules = llmobs_rules_new(&config);

    for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
        struct llmobs_request request = {.method = "POST",
                                         .url = hosts[i].url,
                                         .content_type = "application/json",
                                         .body = {"{}", 2}};
        struct llmobs_match match;

        ck_assert_msg(llmobs_rules_match(rules, &request, &match), "%s: %s",
                      hosts[i].url, match.why);
        ck_assert_msg(match.near == hosts[i].near, "%s", hosts[i].url);
        ck_assert_msg(match.inject == hosts[i].inject, "%s", hosts[i].url);
    }
    llmobs_rules_free(rules);
}

/* A name is the whole of a host's, and no other's. */
TEST(named_hosts)
{
    static const struct {
        const char *word, *host;
        bool named;
    } rows[] = {
        {"api.example.com", "https://api.example.com", true},
        {"API.Example.com", "https://aPI.example.COM:8443", true},
        {"api.example.com.", "https://api.example.com", true},
        {"api.example.com", "https://api.example.com.", true},
        {"api.example.com", "https://user:pw@api.example.com", true},
        {"api.example.com", "https://api.example.com@evil.test", false},
        {"api.example.com", "https://xapi.example.com", false},
        {"api.example.com", "https://a.api.example.com", false},
        {"api.example.com", "https://api.example.com.evil.test", false},
        {"api.example.com", "https://api.example.co", false},
        {"*.example.com", "https://a.b.example.com", true},
        {"*.example.com", "https://example.com", false},
        {"*.example.com", "https://badexample.com", false},
        {"a.test, gw:4000 ,b.test", "http://GW:4000", true},
        {"gw:4000", "http://gw", false},
        {"gw:4000", "http://gw:40000", false},
        {"gw:4000x", "http://gw:4000", false},
        {"gw:443", "https://gw", true},
        {"gw:443", "http://gw", false},
        {"gw:", "http://gw", false},
        {":4000", "http://gw:4000", false},
        {"*:4000", "http://gw:4000", true},
        {"*.test:80", "http://a.test", true},
        {"[::1]", "http://[::1]:4000", true},
        {"::1", "http://[0:0:0:0:0:0:0:1]:4000", true},
        {"[0::1]:4000", "http://[::1]:4000", true},
        {"[::1]:4000", "http://[::1]:4001", false},
        {"[::1]", "http://1", false},
        {"[::1]", "http://[::2]", false},
        {"::1", "http://127.0.0.1", false},
        {"127.0.0.1", "http://127.0.0.1:80", true},
        {"127.0.0.1", "http://127.0.0.10", false},
        {",,", "http://gw", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct llmobs_rules *rules = llmobs_rules_new(
            &(struct llmobs_rules_config){.inject_hosts = rows[i].word});
        char url[200];
        struct llmobs_request request = {.method = "POST",
                                         .url = url,
                                         .content_type = "application/json",
                                         .body = {"{}", 2}};
        struct llmobs_match match;

        snprintf(url, sizeof(url), "%s/v1/chat/completions", rows[i].host);
        ck_assert_msg(llmobs_rules_match(rules, &request, &match), "%s", url);
        ck_assert_msg(match.inject == rows[i].named, "%s: %s", rows[i].word,
                      url);
        llmobs_rules_free(rules);
    }
}

static const struct match_row table[] = {
    /* rule 0 */
    {"POST", "http://agent.test:8126" CHAT, JSON, NULL, 0, NULL},
    {"POST", "http://otlp.test/v1/traces", JSON, NULL, 0, NULL},
    {"POST", "https://llmobs-intake.datadoghq.com" CHAT, JSON, NULL, 0, NULL},
    {"POST", "https://a.b.us3.datadoghq.com" CHAT, JSON, NULL, 0, NULL},
    {"POST", "https://api.datadoghq.eu" CHAT, JSON, NULL, 0, NULL},
    {"POST", "https://api.datad0g.com" CHAT, JSON, NULL, 0, NULL},
    {"POST", "https://api.ddog-gov.com" CHAT, JSON, NULL, 0, NULL},
    {"POST", "https://notdatadoghq.com" CHAT, JSON, NULL, 3, NULL},
    {"POST", "https://api.datadoghq.com.evil.test" CHAT, JSON, NULL, 3, NULL},
    /* rule 0 before rule 1 */
    {"POST", "https://api.datadoghq.com/proxy", JSON, NULL, 0, NULL},
    /* rule 1 */
    {"POST", "http://proxy.test:4000" CHAT, JSON, NULL, 1, NULL},
    {"POST", "http://proxy.test:4000" CHAT, PENDING, "text/csv", 1, NULL},
    {"POST", "http://proxy.test:4000" CHAT, TEXT, NULL, 11, NULL},
    {"POST", "http://proxy.test:4000" CHAT, FORM, NULL, 11, NULL},
    {"PUT", "http://proxy.test:4000" CHAT, JSON, NULL, 11, NULL},
    {"PATCH", "http://proxy.test:4000/x", TEXT, NULL, 11, NULL},
    {"POST", "http://proxy.test:4000/chat", JSON, NULL, 11, NULL},
    {"POST", "http://proxy.test:4000", PENDING, NULL, 11, NULL},
    {"POST", "http://proxy.test:4000/chat", NONE, NULL, 0, NULL},
    {"GET", "http://proxy.test:4000" CHAT, NONE, NULL, 0, NULL},
    {"GET", "http://proxy.test:4000" CHAT, JSON, NULL, 0, NULL},
    {"HEAD", "http://proxy.test:4000" CHAT, NONE, NULL, 0, NULL},
    {"DELETE", "http://proxy.test:4000" CHAT, JSON, NULL, 0, NULL},
    {"POST", "https://proxy.test:4000" CHAT, JSON, NULL, 3, NULL},
    {"POST", "https://api.x.ai/gw" CHAT, JSON, NULL, 1, "xai"},
    /* rule 2 */
    {"POST", "https://api.openai.com" CHAT, JSON, NULL, 2, "openai"},
    {"POST", "https://eu.api.openai.com" CHAT, JSON, NULL, 2, "openai"},
    {"POST", "https://API.OPENAI.COM.:443" CHAT "/?a=b", JSON, NULL, 2,
     "openai"},
    {"POST", "https://api.openai.com" CHAT, TEXT, "text/plain", 2, "openai"},
    {"POST", "https://api.openai.com" CHAT, PENDING, "text/plain", 2, "openai"},
    {"POST", "https://api.openai.com" CHAT, FORM, NULL, 0, NULL},
    {"GET", "https://api.openai.com" CHAT, NONE, NULL, 0, NULL},
    {"POST", "https://api.openai.com/v1/models", JSON, NULL, 0, NULL},
    {"POST", "https://api.openai.com/v1/files", FORM, NULL, 0, NULL},
    {"POST", "https://api.openai.com" CHAT "/id", JSON, NULL, 0, NULL},
    {"POST", "https://api.openai.com/v1/xcompletions", JSON, NULL, 0, NULL},
    {"POST", "https://x.openai.azure.com/openai/deployments/d/chat/completions",
     JSON, NULL, 2, "azure_openai"},
    {"POST", "https://x.services.ai.azure.com" CHAT, JSON, NULL, 2,
     "azure_openai"},
    {"POST", "https://x.cognitiveservices.azure.com" CHAT, JSON, NULL, 2,
     "azure_openai"},
    {"POST", "https://models.inference.ai.azure.com/chat/completions", JSON,
     NULL, 2, "github"},
    {"POST", "https://api.groq.com/openai" CHAT, JSON, NULL, 2, "groq"},
    {"POST", "https://openrouter.ai/api" CHAT, JSON, NULL, 2, "openrouter"},
    {"POST", "https://api.deepseek.com/chat/completions", JSON, NULL, 2,
     "deepseek"},
    {"POST", "https://api.together.xyz" CHAT, JSON, NULL, 2, "together"},
    {"POST", "https://dashscope-intl.aliyuncs.com/compatible-mode" CHAT, JSON,
     NULL, 2, "dashscope"},
    {"POST",
     "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
     JSON, NULL, 2, "google"},
    {"POST",
     "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/l/"
     "endpoints/openapi/chat/completions",
     JSON, NULL, 2, "google"},
    {"POST", "https://bedrock-runtime.us-west-2.amazonaws.com/openai" CHAT,
     JSON, NULL, 2, "amazon_bedrock"},
    /* rule 3 */
    {"POST", "http://gw.test" CHAT, JSON, NULL, 3, NULL},
    {"POST", "http://gw.test" CHAT, JSON, "text/plain", 3, NULL},
    {"POST", "http://gw.test" CHAT, TEXT, "application/json", 0, NULL},
    {"POST", "http://gw.test" CHAT, NONE, NULL, 0, NULL},
    {"POST", "http://gw.test" CHAT, FORM, NULL, 0, NULL},
    {"POST", "http://gw.test" CHAT, PENDING, NULL, 3, NULL},
    {"POST", "http://gw.test" CHAT, PENDING, "", 3, NULL},
    {"POST", "http://gw.test" CHAT, PENDING, "Application/JSON; a=b", 3, NULL},
    {"POST", "http://gw.test" CHAT, PENDING, "text/plain", 0, NULL},
    {"PUT", "http://gw.test" CHAT, JSON, NULL, 0, NULL},
    {"POST", "http://localhost:11434" CHAT, JSON, NULL, 3, "ollama"},
    {"POST", "http://openai.com" CHAT, JSON, NULL, 3, NULL},
    {"POST", "https://x.openai.com.evil.test" CHAT, JSON, NULL, 3, NULL},
    {"POST", "https://gw.test/api.openai.com" CHAT, JSON, NULL, 3, NULL},
    /* rule 4 */
    {"POST", "http://gw.test/v1/other", JSON, NULL, 0, NULL},
    {"POST", "http://gw.test/?u=" CHAT, JSON, NULL, 0, NULL},
    {"POST", "ftp://gw.test" CHAT, JSON, NULL, 0, NULL},
    {"POST", "ws://api.openai.com" CHAT, JSON, NULL, 0, NULL},
    {"POST", "", JSON, NULL, 0, NULL},
    {"POST", "api.openai.com" CHAT, JSON, NULL, 0, NULL},
};

TEST(requests_are_classified)
{
    struct llmobs_rules *rules =
        match_make("http://proxy.test:4000,https://api.x.ai/gw,"
                   "https://api.datadoghq.com/proxy",
                   NULL);

    match_check(rules, table, sizeof(table) / sizeof(table[0]));
    ck_assert_int_eq(match_complaint_count, 0);
    llmobs_rules_free(rules);
}

TEST(a_rule_takes_every_http_request)
{
    static const char *const never[] = {"http://agent.test:8126", NULL};
    static const struct match_row rows[] = {
        {"GET", "http://h/any", NONE, NULL, 1, NULL},
        {"FETCH", "https://h/", PENDING, "text/css", 1, NULL},
        {"POST", "http://h" CHAT, FORM, NULL, 1, NULL},
        {"POST", "http://h" CHAT, JSON, NULL, 1, NULL},
        {"GET", "http://agent.test:8126/info", NONE, NULL, 0, NULL},
        {"GET", "ftp://h/any", NONE, NULL, 0, NULL},
    };
    const struct llmobs_rules_config config = {
        .never_urls = never,
        .rules_json = llmobs_text_of(
            "[{\"path\": \"*\", \"dialect\": \"http\", \"method\": \"GET\"},"
            " {\"path\": \"*\", \"dialect\": \"http\", \"method\": \"FETCH\"},"
            " {\"path\": \"*\", \"dialect\": \"http\"}]")};
    struct llmobs_rules *rules = llmobs_rules_new(&config);
    struct llmobs_match match;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_int_eq(match_run(rules, &rows[i], &match), rows[i].rule != 0);
        ck_assert(!match.confirm);
    }
    llmobs_rules_free(rules);
}

/* The bytes of a compressed body say nothing yet. */
TEST(a_coded_body_decides_at_the_end)
{
    static const struct {
        const char *url, *coding, *why;
    } rows[] = {
        {"http://gw.test" CHAT, "gzip", "rule 3: known path on another host"},
        {"http://gw.test" CHAT, "x-other\r\n",
         "rule 3: known path on another host"},
        {"http://gw.test" CHAT, "Identity ",
         "known path, but the body is no JSON object"},
        {"http://gw.test" CHAT, "",
         "known path, but the body is no JSON object"},
        {"http://gw.test" CHAT, NULL,
         "known path, but the body is no JSON object"},
        {"http://proxy.test" CHAT, "gzip",
         "rule 1: configured proxy, known path"},
        {"http://proxy.test" CHAT, "identity",
         "rule 1: configured proxy, bodies as text"},
    };
    struct llmobs_rules *rules = match_make("http://proxy.test", NULL);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct llmobs_request request = {
            .method = "POST",
            .url = rows[i].url,
            .content_type = "application/json",
            .content_encoding = rows[i].coding,
            .body = {"\x1f\x8b\x08", 3},
        };
        struct llmobs_match match;

        (void)llmobs_rules_match(rules, &request, &match);
        ck_assert_str_eq(match.why, rows[i].why);
    }
    llmobs_rules_free(rules);
}

/* A request without a body, or with a form, is ours where a shape says so. */
TEST(bodies_are_needed_by_most)
{
#define R "/v1/responses/"
    static const struct {
        struct match_row row;
        bool ours, bodyless, form;
    } rows[] = {
        {{"GET", "https://api.openai.com" R "resp_1", NONE, 0, 0, 0},
         true,
         true,
         false},
        {{"GET", "https://api.openai.com" R "x?stream=true", NONE, 0, 0, 0},
         true,
         true,
         false},
        {{"POST", "https://api.openai.com" R "x/cancel", NONE, 0, 0, 0},
         true,
         true,
         false},
        {{"GET", "http://a.test" R "resp_1", NONE, 0, 0, 0}, true, true, false},
        {{"GET", "http://a.test" R "resp_1", JSON, 0, 0, 0}, true, true, false},
        {{"POST", "http://a.test" R "resp_1/cancel", PENDING, 0, 0, 0},
         true,
         true,
         false},
        {{"GET", "http://a.test" R "17", NONE, 0, 0, 0}, false, false, false},
        {{"GET", "https://api.openai.com" R "x/input_items", NONE, 0, 0, 0},
         false,
         false,
         false},
        {{"HEAD", "https://api.openai.com" R "x", NONE, 0, 0, 0},
         false,
         false,
         false},
        {{"GET", "https://api.openai.com/v1/responses", NONE, 0, 0, 0},
         false,
         false,
         false},
        {{"POST", "https://api.openai.com/v1/audio/transcriptions", FORM, 0, 0,
          0},
         true,
         false,
         true},
        {{"POST", "http://a.test/v1/audio/transcriptions", FORM, 0, 0, 0},
         true,
         false,
         true},
        {{"POST", "http://a.test/v1/audio/transcriptions", TEXT,
          "multipart/form-data; boundary=x", 0, 0},
         true,
         false,
         true},
        {{"POST", "http://a.test/v1/audio/transcriptions", PENDING,
          "multipart/form-data; boundary=x", 0, 0},
         true,
         false,
         true},
        {{"POST", "http://a.test/v1/audio/transcriptions", JSON, NULL, 0, 0},
         true,
         false,
         false},
        {{"POST", "https://api.openai.com" CHAT, FORM, 0, 0, 0},
         false,
         false,
         false},
        {{"POST", "http://a.test" CHAT, FORM, 0, 0, 0}, false, false, false},
    };
    struct llmobs_rules *rules = match_make(NULL, NULL);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct llmobs_match match;
        bool ours = match_run(rules, &rows[i].row, &match);

        ck_assert_msg(ours == rows[i].ours, "%zu: %s", i, match.why);
        ck_assert_msg(match.bodyless == rows[i].bodyless, "%zu", i);
        ck_assert_msg(match.form == rows[i].form, "%zu", i);
        if (match.bodyless || match.form) /* elsewhere the answer decides */
            ck_assert_msg(
                match.confirm ==
                        (match.bodyless && strstr(rows[i].row.url, "a.test")) &&
                    llmobs_rules_stands(&match) == !match.confirm,
                "%zu", i);
    }
    llmobs_rules_free(rules);
}

static bool confirms(const char *url, const char *body)
{
    struct llmobs_rules *rules = match_make(NULL, NULL);
    struct match_row row = {"POST", url, PENDING, NULL, 3, NULL};
    struct llmobs_call call = {.method = "POST", .url = url};
    struct llmobs_match match;
    struct llmobs_span span;
    int rc;

    ck_assert(match_run(rules, &row, &match));
    call.request = llmobs_text_of(body);
    ck_assert_int_eq(llmobs_span_init(&span), 0);
    rc = llmobs_rules_read(&match, &call, &span);
    ck_assert(rc == 0 || rc == -ENOENT);
    llmobs_span_fini(&span);
    llmobs_rules_free(rules);
    return rc == 0;
}

TEST(candidates_are_confirmed_by_their_body)
{
    static const char chat[] = "http://gw.test" CHAT;
    static const char azure[] =
        "http://gw.test/openai/deployments/d/chat/completions";

    ck_assert(confirms(chat, BODY));
    ck_assert(confirms(chat, "\xEF\xBB\xBF " BODY));
    ck_assert(!confirms(chat, "{\"model\":\"m\"}"));
    ck_assert(!confirms(chat, "{\"messages\":[]}"));
    ck_assert(!confirms(chat, "{\"model\":1,\"messages\":[]}"));
    ck_assert(!confirms(chat, "{\"model\":\"m\",\"messages\":{}}"));
    ck_assert(!confirms(chat, "[" BODY "]"));
    ck_assert(!confirms(chat, BODY "x"));
    ck_assert(!confirms(chat, ""));
    ck_assert(!confirms(chat, NULL));
    ck_assert(confirms(azure, "{\"messages\":[]}"));
}
