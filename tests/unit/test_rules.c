#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "rules/custom.h"
#include "rules/read/places.h"
#include "rules/providers.h"
#include "rules/read/match.h"
#include "rules/read/cut_json.h"
#include "rules/read/text.h"
#include "rules/rules.h"
#include "tests/unit/unit.h"

#define CHAT "/v1/chat/completions"
#define BODY "{\"model\":\"m\",\"messages\":[]}"

static char complaints[1024];
static int complaint_count;

static void note(void *ctx, const char *text)
{
    (void)ctx;
    complaint_count++;
    strncat(complaints, text, sizeof(complaints) - strlen(complaints) - 1);
}

static struct llmobs_rules *make(const char *proxies, const char *json)
{
    static const char *const never[] = {"http://agent.test:8126",
                                        "http://otlp.test/v1/traces", NULL};
    struct llmobs_rules_config config = {
        .proxy_urls = proxies,
        .never_urls = never,
        .rules_json = llmobs_text_of(json),
        .complain = note,
    };

    complaints[0] = '\0';
    complaint_count = 0;
    return llmobs_rules_new(&config);
}

enum body { NONE, JSON, TEXT, PENDING, FORM };

/* One request and what becomes of it; rule 0: not ours. */
struct row {
    const char *method;
    const char *url;
    enum body body;
    const char *type;
    int rule; /* 1, 2 or 3; 11: generic */
    const char *provider;
};

static bool run(const struct llmobs_rules *rules, const struct row *row,
                struct llmobs_match *match)
{
    struct llmobs_request request = {
        .method = row->method,
        .url = row->url,
        .content_type = row->type,
        .body_pending = row->body == PENDING,
        .multipart = row->body == FORM,
    };

    if (row->body == JSON)
        request.body = llmobs_text_of(" \r\n" BODY);
    if (row->body == TEXT)
        request.body = llmobs_text_of("hello");
    return llmobs_rules_match(rules, &request, match);
}

static const char *why_of(int rule)
{
    switch (rule) {
    case 1:
        return "rule 1: configured proxy, known path";
    case 11:
        return "rule 1: configured proxy, bodies as text";
    case 2:
        return "rule 2:";
    default:
        return "rule 3:";
    }
}

static void check_rows(const struct llmobs_rules *rules, const struct row *rows,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        struct llmobs_match match;
        bool ours = run(rules, row, &match);

        ck_assert_msg(ours == (row->rule != 0), "%s %s body %d: %s",
                      row->method, row->url, row->body, match.why);
        ck_assert_ptr_nonnull(match.why);
        if (!ours)
            continue;
        ck_assert_msg(strncmp(match.why, why_of(row->rule),
                              strlen(why_of(row->rule))) == 0,
                      "%s: %s", row->url, match.why);
        ck_assert_ptr_nonnull(match.rule);
        ck_assert_int_eq(match.proxied, row->rule % 10 == 1);
        ck_assert_int_eq(match.confirm, row->rule == 3);
        ck_assert_int_eq(match.inject, match.proxied);
        ck_assert(!match.near || row->rule == 3);
        ck_assert_int_eq(match.kind, match.proxied ? LLMOBS_KIND_WORKFLOW
                                                   : LLMOBS_KIND_LLM);
        ck_assert_msg(match.provider == row->provider ||
                          (match.provider && row->provider &&
                           strcmp(match.provider, row->provider) == 0),
                      "%s: provider %s", row->url, match.provider);
    }
}

START_TEST(hosts_that_get_headers)
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
END_TEST

static const struct row table[] = {
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

START_TEST(requests_are_classified)
{
    struct llmobs_rules *rules =
        make("http://proxy.test:4000,https://api.x.ai/gw,"
             "https://api.datadoghq.com/proxy",
             NULL);

    check_rows(rules, table, sizeof(table) / sizeof(table[0]));
    ck_assert_int_eq(complaint_count, 0);
    llmobs_rules_free(rules);
}
END_TEST

START_TEST(a_test_gets_every_http_request)
{
    static const char *const never[] = {"http://agent.test:8126", NULL};
    static const struct row rows[] = {
        {"GET", "http://h/any", NONE, NULL, 1, NULL},
        {"FETCH", "https://h/", PENDING, "text/css", 1, NULL},
        {"POST", "http://h" CHAT, FORM, NULL, 1, NULL},
        {"POST", "http://h" CHAT, JSON, NULL, 1, NULL},
        {"GET", "http://agent.test:8126/info", NONE, NULL, 0, NULL},
        {"GET", "ftp://h/any", NONE, NULL, 0, NULL},
    };
    const struct llmobs_rules_config config = {.never_urls = never,
                                               .everything = true};
    struct llmobs_rules *rules = llmobs_rules_new(&config);
    struct llmobs_match match;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_int_eq(run(rules, &rows[i], &match), rows[i].rule != 0);
        ck_assert_int_eq(match.confirm, rows[i].body == JSON);
    }
    llmobs_rules_free(rules);
}
END_TEST

START_TEST(bad_proxy_entries_are_told_and_skipped)
{
    static const struct row row = {"POST", "http://b/x", JSON, NULL, 11, NULL};
    struct llmobs_rules *rules =
        make(" , ftp://u:secret@a,http://a b , http://b ,,", NULL);

    check_rows(rules, &row, 1);
    ck_assert_int_eq(complaint_count, 2);
    ck_assert_ptr_null(strstr(complaints, "secret"));
    ck_assert_ptr_nonnull(strstr(complaints, "entry 2"));
    llmobs_rules_free(rules);
}
END_TEST

static const char custom[] =
    "[{\"host\":\"*.Corp.test\",\"path\":\"/llm/*/ask\",\"dialect\":"
    "\"openai_chat\",\"provider\":\"corp\",\"name\":\"corp.ask\"},"
    "{\"path\":\"/raw\",\"method\":\"PUT\",\"dialect\":\"http\"},"
    "{\"path\":\"/raw\",\"method\":\"GET\",\"dialect\":\"http\"},"
    "{\"host\":\"api.groq.com\",\"dialect\":\"openai_chat\",\"operation\":"
    "\"chat\"}]";

START_TEST(rules_of_the_user_come_before_ours)
{
    static const struct row rows[] = {
        {"POST", "http://a.corp.test/llm/v2/ask?x", TEXT, NULL, 2, "corp"},
        {"PUT", "http://any.test/raw", FORM, NULL, 2, NULL},
        {"POST", "https://api.groq.com/anything", JSON, NULL, 2, "groq"},
        {"GET", "http://any.test/raw", NONE, NULL, 2, NULL},
    };
    static const struct row misses[] = {
        {"GET", "http://a.corp.test/llm/v2/ask", NONE, NULL, 0, NULL},
        {"POST", "http://a.corp.test/llm/ask", JSON, NULL, 0, NULL},
        {"POST", "http://a.corp.test/llm/v2/ask/x", JSON, NULL, 0, NULL},
        {"POST", "http://a.corp.test/llm/v2/ask", FORM, NULL, 0, NULL},
    };
    struct llmobs_rules *rules = make(NULL, custom);
    struct llmobs_match match;

    ck_assert_int_eq(complaint_count, 0);
    ck_assert(llmobs_rules_has_bodyless(rules));
    for (size_t i = 0; i < 4; i++) {
        ck_assert_msg(run(rules, &rows[i], &match), "%s", match.why);
        ck_assert_str_eq(match.why, "LLMOBS_RULES: a rule matched");
        ck_assert_int_eq(match.bodyless, i == 3);
        ck_assert_str_eq(match.provider ? match.provider : "",
                         rows[i].provider ? rows[i].provider : "");
        ck_assert(!match.confirm);
    }
    check_rows(rules, misses, 4);
    llmobs_rules_free(rules);
}
END_TEST

/* The first rule that matches counts, also before one that says never. */
START_TEST(a_rule_may_say_never)
{
    static const char never[] =
        "[{\"host\":\"api.groq.com\",\"path\":\"/a\",\"dialect\":\"http\"},"
        "{\"host\":\"api.groq.com\",\"never\":true},"
        "{\"host\":\"proxy.test\",\"path\":\"/in/*\",\"never\":true},"
        "{\"path\":\"/v1/responses/*\",\"method\":\"GET\",\"never\":true},"
        "{\"host\":\"mcp.test\",\"never\":true}]";
    static const struct row misses[] = {
        {"POST", "https://api.groq.com/openai/v1/chat/completions", JSON, NULL,
         0, NULL},
        {"POST", "http://proxy.test/in/v1/chat/completions", JSON, NULL, 0,
         NULL},
        {"PUT", "http://proxy.test/in/x", TEXT, NULL, 0, NULL},
        {"GET", "https://api.openai.com/v1/responses/r", NONE, NULL, 0, NULL},
        {"POST", "http://mcp.test/mcp", JSON, NULL, 0, NULL},
    };
    static const struct row hits[] = {
        {"POST", "https://api.groq.com/a", TEXT, NULL, 2, "groq"},
        {"POST", "http://proxy.test/inner" CHAT, JSON, NULL, 1, NULL},
        {"POST", "https://api.openai.com/v1/responses", JSON, NULL, 2, NULL},
    };
    struct llmobs_rules *rules = make("http://proxy.test", never);
    struct llmobs_match match;

    ck_assert_str_eq(complaints, "");
    ck_assert(!llmobs_rules_has_bodyless(rules));
    for (size_t i = 0; i < sizeof(misses) / sizeof(misses[0]); i++) {
        ck_assert_msg(!run(rules, &misses[i], &match), "%s", misses[i].url);
        ck_assert_str_eq(match.why, "LLMOBS_RULES: a rule says never");
        ck_assert(!match.inject && !match.near && !match.asks);
    }
    for (size_t i = 0; i < sizeof(hits) / sizeof(hits[0]); i++)
        ck_assert_msg(run(rules, &hits[i], &match), "%s", hits[i].url);
    llmobs_rules_free(rules);
}
END_TEST

#define SEARCH                                                            \
    "[{\"host\":\"search.test\",\"kind\":\"retrieval\",\"input\":\"/q\"," \
    "\"documents\":\"/hits\",\"name\":\"find\",\"multipart\":true}]"

/* Another process reads the call by the pointers of this one's rule. */
START_TEST(a_note_has_the_pointers)
{
    static const struct row rows[] = {
        {"POST", "http://search.test/x", JSON, NULL, 2, NULL},
        {"POST", "http://search.test/x", FORM, NULL, 2, NULL},
    };
    struct llmobs_rules *rules = make(NULL, SEARCH);

    ck_assert_str_eq(complaints, "");
    for (size_t i = 0; i < 2; i++) {
        struct llmobs_recalls *recalls = NULL;
        struct llmobs_match match, recalled;
        char note[512];

        ck_assert_msg(run(rules, &rows[i], &match), "%s", match.why);
        ck_assert_int_eq(match.form, i == 1);
        ck_assert_int_eq(match.kind, LLMOBS_KIND_RETRIEVAL);
        ck_assert_int_eq(llmobs_rules_note(&match, note, sizeof(note)), 0);
        ck_assert_int_eq(
            llmobs_rules_recall(&recalls, llmobs_text_of(note), &recalled), 0);
        ck_assert_str_eq(recalled.rule->places, "i/q\nd/hits\n");
        ck_assert_str_eq(recalled.rule->name, "find");
        ck_assert_ptr_eq(recalled.rule->shape, match.rule->shape);
        llmobs_recalls_free(recalls);
    }
    llmobs_rules_free(rules);
}
END_TEST

START_TEST(a_pointer_finds_as_the_rfc_says)
{
    static const struct {
        const char *pointer, *value; /* RFC 6901, 5 */
    } rows[] = {
        {"/foo", "[\"bar\", \"baz\"]"},
        {"/foo/0", "\"bar\""},
        {"/", "0"},
        {"/a~1b", "1"},
        {"/c%d", "2"},
        {"/m~0n", "8"},
        {"/foo/2", NULL},
        {"/foo/-", NULL},
        {"/foo/00", NULL},
        {"/foo/0/x", NULL},
        {"/foo/", NULL},
        {"/no", NULL},
        {"/foo/99999999999", NULL},
    };
    struct llmobs_json *json;
    char places[64];

    ck_assert_int_eq(
        llmobs_json_parse(llmobs_text_of("{\"foo\":[\"bar\",\"baz\"],\"\":0,"
                                         "\"a/b\":1,\"c%d\":2,\"m~n\":8}"),
                          &json),
        0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct llmobs_json *value;
        char *text;

        snprintf(places, sizeof(places), "o/x\ni%s\nm/y\n", rows[i].pointer);
        value = llmobs_place_of(places, LLMOBS_PLACE_INPUT, json);
        ck_assert_msg((value != NULL) == (rows[i].value != NULL), "%s",
                      rows[i].pointer);
        text = value ? llmobs_json_dumps(value, 0) : NULL;
        ck_assert_str_eq(text ? text : "", value ? rows[i].value : "");
        free(text);
    }
    ck_assert_ptr_eq(llmobs_place_of("i\n", LLMOBS_PLACE_INPUT, json), json);
    ck_assert_ptr_null(llmobs_place_of("o/x\n", LLMOBS_PLACE_INPUT, json));
    ck_assert_ptr_null(llmobs_place_of(NULL, LLMOBS_PLACE_INPUT, json));
    llmobs_json_free(json);
}
END_TEST

START_TEST(a_bad_rules_file_is_ignored_whole)
{
    static const char *const bad[] = {
        "",
        "{",
        "{}",
        "[1]",
        "[{\"host\":\"a\"}]",
        "[{\"dialect\":\"openai_chat\"}]",
        "[{\"host\":\"a\",\"dialect\":\"nope\"}]",
        "[{\"host\":\"a\",\"dialect\":\"openai_chat\",\"operation\":\"x\"}]",
        "[{\"host\":1,\"dialect\":\"openai_chat\"}]",
        "[{\"host\":\"\",\"dialect\":\"openai_chat\"}]",
        ("[{\"host\":\"ok.test\",\"dialect\":\"openai_chat\"},"
         "{\"hots\":\"a\",\"dialect\":\"openai_chat\"}]"),
    };
    static const struct row row = {"POST", "http://ok.test/x", JSON, NULL, 0,
                                   NULL};
    struct llmobs_rules *rules_of_none;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct llmobs_rules *rules = make(NULL, bad[i]);

        ck_assert_msg(complaint_count == 1, "%zu: %s", i, complaints);
        check_rows(rules, &row, 1);
        llmobs_rules_free(rules);
    }
    rules_of_none = make(NULL, "[]");
    ck_assert(!llmobs_rules_has_bodyless(rules_of_none));
    llmobs_rules_free(rules_of_none);
    ck_assert_int_eq(complaint_count, 0);
}
END_TEST

#define LONG "/456789012345678901234567890123456789012345678901234567"

/* Which rule and what is wrong with it. */
START_TEST(a_bad_rule_is_named)
{
    static const char *const rows[][2] = {
        {"{", "LLMOBS_RULES: ignored, it is not JSON"},
        {"[{\"host\":\"a\"}]",
         "LLMOBS_RULES: ignored, rule 1: it names no dialect"},
        {"[{\"host\":\"a\",\"dialect\":\"http\"},7]",
         "LLMOBS_RULES: ignored, rule 2: it is not an object"},
        {"[{\"host\":\"a\",\"never\":false}]",
         "LLMOBS_RULES: ignored, rule 1: a switch is not true"},
        {"[{\"never\":true}]", "LLMOBS_RULES: ignored, rule 1: it has no host, "
                               "no path and no header"},
        {"[{\"host\":\"a\",\"never\":true,\"dialect\":\"http\"}]",
         "LLMOBS_RULES: ignored, rule 1: it says never, and how to read the "
         "call"},
        {"[{\"host\":\"a\",\"never\":true,\"header\":\"x\"}]",
         "LLMOBS_RULES: ignored, rule 1: it says never, and how to read the "
         "call"},
        {"[{\"header\":\": x\",\"kind\":\"tool\"}]",
         "LLMOBS_RULES: ignored, rule 1: its header has no name"},
        {"[{\"header\":\"\",\"kind\":\"tool\"}]",
         "LLMOBS_RULES: ignored, rule 1: a column is not a text or is empty"},
        {"[{\"host\":\"a\",\"never\":true,\"input\":\"/x\"}]",
         "LLMOBS_RULES: ignored, rule 1: it says never, and how to read the "
         "call"},
        {"[{\"host\":\"a\",\"kind\":\"agent\"}]",
         "LLMOBS_RULES: ignored, rule 1: it names an unknown kind"},
        {"[{\"host\":\"a\",\"kind\":\"tool\",\"dialect\":\"http\"}]",
         "LLMOBS_RULES: ignored, rule 1: it names a kind, and a dialect or an "
         "operation"},
        {"[{\"host\":\"a\",\"dialect\":\"http\",\"input\":\"/x\"}]",
         "LLMOBS_RULES: ignored, rule 1: it has a pointer, but no kind"},
        {"[{\"host\":\"a\",\"kind\":\"tool\",\"input\":\"x\"}]",
         "LLMOBS_RULES: ignored, rule 1: a pointer does not begin with '/'"},
        {"[{\"host\":\"a\",\"kind\":\"tool\",\"input\":\"/~2\"}]",
         "LLMOBS_RULES: ignored, rule 1: a pointer has a '~' that is neither "
         "~0 nor ~1"},
        {"[{\"host\":\"a\",\"kind\":\"tool\",\"input\":\"/\\t\"}]",
         "LLMOBS_RULES: ignored, rule 1: a pointer has a control character"},
        {"[{\"host\":\"a\",\"kind\":\"tool\",\"input\":1}]",
         "LLMOBS_RULES: ignored, rule 1: a pointer is not a text"},
        {"[{\"host\":\"a\",\"kind\":\"retrieval\",\"input\":\"/x\"}]",
         "LLMOBS_RULES: ignored, rule 1: it is a retrieval without documents"},
        {"[{\"host\":\"a\",\"kind\":\"retrieval\",\"output\":\"/x\"}]",
         "LLMOBS_RULES: ignored, rule 1: it has an output, but a retrieval has "
         "documents"},
        {"[{\"host\":\"a\",\"kind\":\"tool\",\"document_id\":\"/x\"}]",
         "LLMOBS_RULES: ignored, rule 1: it has documents, but is no "
         "retrieval"},
        {"[{\"host\":\"a\",\"kind\":\"tool\",\"input\":\"" LONG LONG LONG LONG
             LONG "\"}]",
         "LLMOBS_RULES: ignored, rule 1: its pointers, with its name and "
         "provider, are too long"},
        {"[{\"host\":\"a\",\"kind\":\"tool\",\"input\":\"/x\",\"name\":\"" LONG
             LONG LONG LONG LONG LONG LONG LONG "\"}]",
         "LLMOBS_RULES: ignored, rule 1: its pointers, with its name and "
         "provider, are too long"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        llmobs_rules_free(make(NULL, rows[i][0]));
        ck_assert_str_eq(complaints, rows[i][1]);
    }
}
END_TEST

/* The bytes of a compressed body say nothing yet. */
START_TEST(a_coded_body_decides_at_the_end)
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
    struct llmobs_rules *rules = make("http://proxy.test", NULL);

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
END_TEST

#define AT "http://app.test/x"
#define GOOGLE AT "/v1/projects/p/locations/l/publishers/"

START_TEST(some_stand_without_their_body)
{
    static const struct {
        const char *url;
        bool stands;
    } rows[] = {
        {AT CHAT, true},
        {AT "/openai/deployments/d/chat/completions?api-version=1", true},
        {AT "/v1beta/models/gemini-2.5-pro:generateContent", true},
        {AT "/models/m:streamGenerateContent?alt=sse", true},
        {AT "/models/m:embedContent", true},
        {AT "/models/m:batchEmbedContents", true},
        {GOOGLE "anthropic/models/claude:streamRawPredict", true},
        {GOOGLE "mistralai/models/m:rawPredict", false},
        {AT "/model/anthropic.claude/converse", true},
        {AT "/model/arn:aws:x:y/z/converse-stream", true},
        {AT "/model/m/invoke", true},
        {AT "/model/titan-embed/invoke", true},
        {AT "/model/m/invoke-with-response-stream", true},
        {AT "/v1/messages", false},
        {AT "/v1/responses", false},
        {AT "/v1/embeddings", false},
        {AT "/v1/completions", false},
        {AT "/api/chat", false},
        {AT "/api/generate", false},
        {AT "/api/embed", false},
        {"http://localhost:11434/api/chat", true},
        {"http://localhost:11434/v1/responses", true},
        {"https://api.anthropic.com/v1/messages", true},
        {"https://api.openai.com/v1/responses", true},
        {"http://proxy.test/v1/messages", true},
        {"http://mine.test/v1/messages", true},
    };
    struct llmobs_rules *rules =
        make("http://proxy.test", "[{\"host\":\"mine.test\",\"dialect\":"
                                  "\"anthropic\"}]");

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row row = {"POST", rows[i].url, PENDING, NULL, 0, NULL};
        struct llmobs_recalls *recalls = NULL;
        struct llmobs_match match;
        char note[512];

        ck_assert_msg(run(rules, &row, &match), "%s", row.url);
        ck_assert_msg(llmobs_rules_stands(&match) == rows[i].stands, "%s",
                      row.url);
        ck_assert_int_eq(llmobs_rules_note(&match, note, sizeof(note)), 0);
        ck_assert_int_eq(
            llmobs_rules_recall(&recalls, llmobs_text_of(note), &match), 0);
        ck_assert_int_eq(llmobs_rules_stands(&match), rows[i].stands);
        llmobs_recalls_free(recalls);
    }
    llmobs_rules_free(rules);
}
END_TEST

/* Calls `check` for each shape of each dialect. */
static void each_shape(void (*check)(const struct llmobs_rules *rules,
                                     const struct llmobs_dialect *dialect,
                                     const struct llmobs_shape *shape),
                       const struct llmobs_rules *rules)
{
    for (size_t i = 0; llmobs_dialects[i]; i++)
        for (const struct llmobs_shape *s = llmobs_dialects[i]->shapes; s->path;
             s++)
            check(rules, llmobs_dialects[i], s);
}

/* The same for those of LLMOBS_OBSERVE. */
static void each_observed(void (*check)(const struct llmobs_rules *rules,
                                        const struct llmobs_dialect *dialect,
                                        const struct llmobs_shape *shape),
                          const struct llmobs_rules *rules)
{
    for (size_t i = 0; llmobs_observed[i]; i++)
        for (const struct llmobs_shape *s = llmobs_observed[i]->shapes; s->path;
             s++)
            check(rules, llmobs_observed[i], s);
}

static void check_first_look(const struct llmobs_rules *rules,
                             const struct llmobs_dialect *dialect,
                             const struct llmobs_shape *shape)
{
    char url[512];

    (void)rules;
    if (!shape->bodyless)
        return;
    snprintf(url, sizeof(url), "https://host.test/v1%s", shape->path);
    ck_assert_msg(llmobs_rules_fetches(url), "%s: rules/bodyless.c lacks %s",
                  dialect->name, shape->path);
}

START_TEST(a_request_without_a_body_has_one_look)
{
    static const char *const others[] = {
        "",
        "/",
        "responses/x",
        "http://h",
        "http://h/responses",
        "https://api.openai.com/v1/models",
        "http://h/r/e/s",
        "//r/",
    };

    each_shape(check_first_look, NULL);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        ck_assert_msg(!llmobs_rules_fetches(others[i]), "%s", others[i]);
    ck_assert(llmobs_rules_fetches("h/responses/x"));
}
END_TEST

/* The rule is one of llmobs_rules_note's own making. */
static void check_note(const struct llmobs_rules *rules,
                       const struct llmobs_dialect *dialect,
                       const struct llmobs_shape *shape)
{
    const struct llmobs_rule rule = {.dialect = dialect, .shape = shape};
    struct llmobs_match match = {.rule = &rule, .kind = shape->kind};
    struct llmobs_recalls *recalls = NULL;
    char note[512];

    (void)rules;
    ck_assert_int_eq(llmobs_rules_note(&match, note, sizeof(note)), 0);
    ck_assert_int_eq(
        llmobs_rules_recall(&recalls, llmobs_text_of(note), &match), 0);
    ck_assert_msg(match.rule->shape == shape, "%s: %s %s", dialect->name,
                  shape->method, shape->path);
    llmobs_recalls_free(recalls);
}

START_TEST(a_note_tells_each_shape)
{
    each_shape(check_note, NULL);
    each_observed(check_note, NULL);
}
END_TEST

/* A request without a body, or with a form, is ours where a shape says so. */
START_TEST(bodies_are_needed_by_most)
{
#define R "/v1/responses/"
    static const struct {
        struct row row;
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
    struct llmobs_rules *rules = make(NULL, NULL);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct llmobs_match match;
        bool ours = run(rules, &rows[i].row, &match);

        ck_assert_msg(ours == rows[i].ours, "%zu: %s", i, match.why);
        ck_assert_msg(match.bodyless == rows[i].bodyless, "%zu", i);
        ck_assert_msg(match.form == rows[i].form, "%zu", i);
        if (match.bodyless || match.form)
            ck_assert_msg(!match.confirm && llmobs_rules_stands(&match), "%zu",
                          i);
    }
    llmobs_rules_free(rules);
}
END_TEST

START_TEST(patterns_of_hosts_know_both_forms)
{
    struct llmobs_rules *rules =
        make(NULL, "[{\"host\":\"*.b\\u00fccher.example\","
                   "\"dialect\":\"http\"}]");
    struct row row = {"POST", "http://a.xn--bcher-kva.example/x", TEXT, NULL, 2,
                      NULL};
    struct llmobs_match match;

    ck_assert(run(rules, &row, &match));
    row.url = "http://a.b\xC3\xBC"
              "cher.example/x";
    ck_assert(run(rules, &row, &match));
    llmobs_rules_free(rules);
}
END_TEST

static bool confirms(const char *url, const char *body)
{
    struct llmobs_rules *rules = make(NULL, NULL);
    struct row row = {"POST", url, PENDING, NULL, 3, NULL};
    struct llmobs_call call = {.method = "POST", .url = url};
    struct llmobs_match match;
    struct llmobs_span span;
    int rc;

    ck_assert(run(rules, &row, &match));
    call.request = llmobs_text_of(body);
    ck_assert_int_eq(llmobs_span_init(&span), 0);
    rc = llmobs_rules_read(&match, &call, &span);
    ck_assert(rc == 0 || rc == -ENOENT);
    llmobs_span_fini(&span);
    llmobs_rules_free(rules);
    return rc == 0;
}

START_TEST(candidates_are_confirmed_by_their_body)
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
END_TEST

START_TEST(paths_match_by_their_end)
{
    static const struct llmobs_shape shape = {.path = "/model/*/invoke",
                                              .not_path = "/x/model/*/invoke"};

    ck_assert_uint_eq(
        llmobs_match_path(&shape, llmobs_text_of("/a/model/m%2F1/invoke")),
        strlen("/model/m%2F1/invoke"));
    ck_assert_uint_eq(
        llmobs_match_path(&shape, llmobs_text_of("/a/model/m/invoke//")),
        strlen("/model/m/invoke//"));
    ck_assert_uint_eq(
        llmobs_match_path(&shape, llmobs_text_of("/model//invoke")), 0);
    ck_assert_uint_eq(
        llmobs_match_path(&shape, llmobs_text_of("/model/a/b/invoke")), 0);
    ck_assert_uint_eq(
        llmobs_match_path(&shape, llmobs_text_of("/x/model/m/invoke")), 0);
    ck_assert_uint_eq(llmobs_match_path(&shape, llmobs_text_of("/invoke")), 0);
    ck_assert_uint_eq(llmobs_match_path(&shape, llmobs_text_of("")), 0);
}
END_TEST

static const struct {
    const char *path;
    const char *rest; /* NULL: it does not match */
} model_paths[] = {
    {"/model/m/invoke", "m"},
    {"/a/model/m%2F1/invoke/", "m%2F1"},
    {"/model/arn:aws:bedrock:x:1:inference-profile/m.1/invoke",
     "arn:aws:bedrock:x:1:inference-profile/m.1"},
    {"/model/a/model/b/invoke", "a/model/b"},
    {"/model/a/invoke/invoke", "a/invoke"},
    {"/model//invoke", NULL},
    {"/model/invoke", NULL},
    {"/models/m/invoke", NULL},
    {"/model/m/invoke-not", NULL},
    {"/model/M/converse", NULL},
    {"/invoke", NULL},
    {"", NULL},
};

START_TEST(rests_of_paths_are_taken)
{
    static const struct llmobs_shape shape = {.path = "/model/**/invoke"};
    static const struct llmobs_shape holds = {.path = "/model/**/invoke",
                                              .holds = "embed"};

    for (size_t i = 0; i < sizeof(model_paths) / sizeof(model_paths[0]); i++) {
        struct llmobs_text path = llmobs_text_of(model_paths[i].path);
        const char *rest = model_paths[i].rest;

        ck_assert_msg((llmobs_match_path(&shape, path) > 0) == (rest != NULL),
                      "%s", path.data);
        ck_assert(
            llmobs_text_is(llmobs_match_rest(&shape, path), rest ? rest : ""));
        ck_assert_uint_eq(llmobs_match_path(&holds, path), 0);
    }
    ck_assert_uint_eq(
        llmobs_match_path(&holds, llmobs_text_of("/x/model/a.Embed/invoke//")),
        strlen("/model/a.Embed/invoke//"));
    ck_assert_uint_eq(
        llmobs_match_path(&holds, llmobs_text_of("/embed/model/a/invoke")), 0);
}
END_TEST

START_TEST(stars_stand_for_bytes_of_a_segment)
{
    static const struct llmobs_shape shape = {.path = "/models/*embed*:go"};
    static const char *const paths[] = {"/v1/models/embed:go",
                                        "/models/text-embedding@1:go",
                                        "/models/embed:go:go/"};
    static const char *const others[] = {"/models/embed:going",
                                         "/models/text:go",
                                         "/models/embed/x:go",
                                         "/models/:go",
                                         "/models/embed:",
                                         "/xmodels/embed:go",
                                         "models/embed:go",
                                         "/embed:go",
                                         "/",
                                         ""};

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        ck_assert_uint_gt(llmobs_match_path(&shape, llmobs_text_of(paths[i])),
                          0);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        ck_assert_uint_eq(llmobs_match_path(&shape, llmobs_text_of(others[i])),
                          0);
}
END_TEST

START_TEST(times_are_found_by_offset)
{
    static const struct llmobs_mark marks[] = {{10, 100}, {20, 200}, {30, 300}};
    struct llmobs_call call = {.marks = marks, .mark_count = 3};

    ck_assert_int_eq(llmobs_call_time_at(&call, 1), 100);
    ck_assert_int_eq(llmobs_call_time_at(&call, 10), 100);
    ck_assert_int_eq(llmobs_call_time_at(&call, 11), 200);
    ck_assert_int_eq(llmobs_call_time_at(&call, 30), 300);
    ck_assert_int_eq(llmobs_call_time_at(&call, 31), 0);
    call.mark_count = 0;
    ck_assert_int_eq(llmobs_call_time_at(&call, 1), 0);
}
END_TEST

static void check_scan(struct llmobs_json *got, const char *expected)
{
    char *text = got ? llmobs_json_dumps(got, 0) : NULL;

    ck_assert_str_eq(text ? text : "none", expected);
    free(text);
    llmobs_json_free(got);
}

START_TEST(cut_documents_are_scanned)
{
    const char *const keys[] = {"model", "n", NULL};
    const char *head = "{\"a\":{\"model\":\"no\"},\"b\":\"\\\"model\\\":1\","
                       "\"model\" : \"yes\",\"n\":2,\"usage\":{\"x\":";
    const char *tail = "or\"}],\"m\":[{\"usage\":null}],\"t\":\"{\\\"usage\\\""
                       ":1}\",\"usage\":{\"p\":[\"}\"]},\"n\":{\"n\":9}}";

    check_scan(llmobs_cut_json_first(llmobs_text_of(head), "model"), "\"yes\"");
    check_scan(llmobs_cut_json_first(llmobs_text_of(head), "usage"), "none");
    check_scan(llmobs_cut_json_first(llmobs_text_of("{\"n\":12"), "n"), "none");
    check_scan(llmobs_cut_json_last(llmobs_text_of(tail), "usage"),
               "{\"p\": [\"}\"]}");
    check_scan(llmobs_cut_json_last(llmobs_text_of("{\"usage\":{\"p\":1},"
                                                   "\"say \\\"usage\":5}"),
                                    "usage"),
               "{\"p\": 1}");
    check_scan(llmobs_cut_json_last(llmobs_text_of("{\"usage\":{"), "usage"),
               "none");
    check_scan(llmobs_cut_json_object(llmobs_text_of("{\"a\":1"),
                                      llmobs_text_of("\"b\":2}"), NULL),
               "{}");
    check_scan(llmobs_cut_json_object(
                   llmobs_text_of("{\"messages\":[{\"a\":"),
                   llmobs_text_of("}],\"n\":3,\"model\":\"m\"}"), keys),
               "{\"model\": \"m\", \"n\": 3}");
    check_scan(llmobs_cut_json_object(
                   llmobs_text_of("{"),
                   llmobs_text_of("{\"model\":\"deep\"}],\"n\":3}"), keys),
               "{\"n\": 3}");
}
END_TEST

START_TEST(values_too_long_to_scan_are_left)
{
    static char text[40 * 1024];
    struct llmobs_text tail = {text, sizeof(text)};
    struct llmobs_json *found;

    memset(text, 'x', sizeof(text));
    memcpy(text, "\"usage\":\"", 9);
    text[8] = '"';
    text[17 * 1024] = '"';
    ck_assert_ptr_null(llmobs_cut_json_last(tail, "usage"));
    text[15 * 1024] = '"';
    found = llmobs_cut_json_last(tail, "usage");
    ck_assert_ptr_nonnull(found);
    llmobs_json_free(found);
}
END_TEST

/* Some milliseconds; a quadratic scan would take an hour.  The limit tells the
 * two apart on any machine, under any sanitizer. */
START_TEST(hostile_texts_are_scanned_in_bounded_time)
{
    static char text[8 * 1024 * 1024];
    int64_t start = llmobs_clock_mono_ns();

    for (size_t i = 0; i + 9 <= sizeof(text); i += 9)
        memcpy(text + i, "\"usage\":{", 9);
    check_scan(
        llmobs_cut_json_last((struct llmobs_text){text, sizeof(text)}, "usage"),
        "none");
    memset(text, '\\', sizeof(text));
    text[sizeof(text) - 1] = '"';
    check_scan(
        llmobs_cut_json_last((struct llmobs_text){text, sizeof(text)}, "usage"),
        "none");
    memset(text, '{', sizeof(text));
    check_scan(llmobs_cut_json_first((struct llmobs_text){text, sizeof(text)},
                                     "usage"),
               "none");
    ck_assert_int_lt(llmobs_clock_mono_ns() - start, 60000000000);
}
END_TEST

UNIT_SUITE(rules)
{
    Suite *s = suite_create("rules");

    UNIT_TEST(s, hosts_that_get_headers);
    UNIT_TEST(s, requests_are_classified);
    UNIT_TEST(s, a_test_gets_every_http_request);
    UNIT_TEST(s, bad_proxy_entries_are_told_and_skipped);
    UNIT_TEST(s, rules_of_the_user_come_before_ours);
    UNIT_TEST(s, a_rule_may_say_never);
    UNIT_TEST(s, a_note_has_the_pointers);
    UNIT_TEST(s, a_pointer_finds_as_the_rfc_says);
    UNIT_TEST(s, a_bad_rule_is_named);
    UNIT_TEST(s, a_coded_body_decides_at_the_end);
    UNIT_TEST(s, some_stand_without_their_body);
    UNIT_TEST(s, a_request_without_a_body_has_one_look);
    UNIT_TEST(s, a_note_tells_each_shape);
    UNIT_TEST(s, bodies_are_needed_by_most);
    UNIT_TEST(s, patterns_of_hosts_know_both_forms);
    UNIT_TEST(s, a_bad_rules_file_is_ignored_whole);
    UNIT_TEST(s, candidates_are_confirmed_by_their_body);
    UNIT_TEST(s, paths_match_by_their_end);
    UNIT_TEST(s, rests_of_paths_are_taken);
    UNIT_TEST(s, stars_stand_for_bytes_of_a_segment);
    UNIT_TEST(s, times_are_found_by_offset);
    UNIT_TEST(s, cut_documents_are_scanned);
    UNIT_TEST(s, values_too_long_to_scan_are_left);
    UNIT_TEST(s, hostile_texts_are_scanned_in_bounded_time);
    return s;
}
