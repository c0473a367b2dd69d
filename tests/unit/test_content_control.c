/* Tests LLMOBS_CONTENT and LLMOBS_REDACT. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/sanitizer.h"
#include "core/config/config.h"
#include "lib/span/content_filter.h"
#include "lib/span/redact.h"
#include "tests/unit/unit.h"

/* Sanitizers make frames several times as big. */
#if LLMOBS_ASAN || LLMOBS_TSAN
#define STACK (1024 * 1024)
#else
#define STACK (96 * 1024)
#endif

static char told[1024];

static void tell(void *ctx, const char *text)
{
    (void)ctx;
    strncat(told, text, sizeof(told) - strlen(told) - 1);
}

static struct llmobs_config *load(const char *a, const char *b)
{
    const char *const env[] = {a ? a : "A=B", b, NULL};
    struct llmobs_config *config;

    told[0] = '\0';
    config = llmobs_config_load(env, tell, NULL);
    ck_assert_ptr_nonnull(config);
    return config;
}

/* A configuration with these patterns. */
static struct llmobs_config *with_patterns(const char *patterns)
{
    char path[] = "/tmp/llmobs-redact.XXXXXX", env[64];
    int fd = mkstemp(path);
    struct llmobs_config *config;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, patterns, strlen(patterns)),
                     (ssize_t)strlen(patterns));
    close(fd);
    snprintf(env, sizeof(env), "LLMOBS_REDACT=%s", path);
    config = load(env, NULL);
    unlink(path);
    return config;
}

static struct llmobs_json *parse(const char *text)
{
    struct llmobs_json *json = NULL;

    ck_assert_msg(
        llmobs_json_parse((struct llmobs_text){text, strlen(text)}, &json) == 0,
        "%s", text);
    return json;
}

static void expect(const struct llmobs_config *config, const char *event,
                   const char *want)
{
    struct llmobs_json *a = parse(event), *b = parse(want);
    char *got, *expected = llmobs_json_dumps(b, 0);

    ck_assert_int_eq(llmobs_content_filter_event(&config->privacy, &a), 0);
    got = llmobs_json_dumps(a, 0);
    ck_assert_str_eq(got, expected);
    free(got);
    free(expected);
    llmobs_json_free(a);
    llmobs_json_free(b);
}

TEST(test_settings)
{
    static const struct {
        const char *variable;
        bool off;
        const char *told; /* part of the line */
    } rows[] = {
        {"LLMOBS_CONTENT=full", false, ""},
        {"LLMOBS_CONTENT=FULL", false, ""},
        {"LLMOBS_CONTENT=", false, ""},
        {"LLMOBS_CONTENT=off", true, ""},
        {"LLMOBS_CONTENT=Off", true, ""},
        {"LLMOBS_CONTENT=none", true, "LLMOBS_CONTENT: not a value"},
        {"LLMOBS_CONTENT=0", true, "LLMOBS_CONTENT: not a value"},
        {"LLMOBS_CONTENT=on", true, "LLMOBS_CONTENT: not a value"},
        {"LLMOBS_REDACT=/nonexistent/file", true,
         "LLMOBS_REDACT: /nonexistent/file: No such file or directory; "
         "LLMOBS_CONTENT is off"},
        {"LLMOBS_REDACT=/dev/null", true, "LLMOBS_REDACT: /dev/null: "},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct llmobs_config *c = load(rows[i].variable, NULL);

        ck_assert_msg((c->privacy.content == LLMOBS_CONTENT_OFF) == rows[i].off,
                      "%s", rows[i].variable);
        ck_assert(llmobs_privacy_applies(&c->privacy) == rows[i].off);
        ck_assert_ptr_null(c->privacy.redact);
        ck_assert_msg(strstr(told, rows[i].told) &&
                          (rows[i].told[0] || !told[0]),
                      "%s: %s", rows[i].variable, told);
        llmobs_config_free(c);
    }
}

/* A word that is none of the list is the strictest one. */
TEST(test_request_tags)
{
    static const struct {
        const char *variable;
        enum llmobs_request_tags mode;
    } rows[] = {
        {"LLMOBS_REQUEST_TAGS=", LLMOBS_REQUEST_TAGS_PLAIN},
        {"LLMOBS_REQUEST_TAGS=Plain", LLMOBS_REQUEST_TAGS_PLAIN},
        {"LLMOBS_REQUEST_TAGS=hash", LLMOBS_REQUEST_TAGS_HASH},
        {"LLMOBS_REQUEST_TAGS=none", LLMOBS_REQUEST_TAGS_OFF},
        {"LLMOBS_REQUEST_TAGS=0", LLMOBS_REQUEST_TAGS_OFF},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct llmobs_config *c = load(rows[i].variable, NULL);

        ck_assert_msg(c->request_tags == rows[i].mode, "%s", rows[i].variable);
        llmobs_config_free(c);
    }
}

/* One bad line: what cannot be redacted is not told, nor is the line. */
TEST(test_bad_pattern)
{
    struct llmobs_config *c = with_patterns("use email\nsecret-7 = (\n");

    ck_assert_int_eq(c->privacy.content, LLMOBS_CONTENT_OFF);
    ck_assert_ptr_null(c->privacy.redact);
    ck_assert_ptr_nonnull(
        strstr(told, "line 2: a parenthesis without its end"));
    ck_assert_ptr_null(strstr(told, "secret-7"));
    llmobs_config_free(c);
    c = with_patterns("use email\n");
    ck_assert_int_eq(c->privacy.content, LLMOBS_CONTENT_FULL);
    ck_assert(llmobs_privacy_applies(&c->privacy));
    ck_assert_str_eq(told, "");
    llmobs_config_free(c);
}

static const char event[] =
    "{\"trace_id\": \"t\", \"span_id\": \"1\", \"session_id\": \"bob@x.com\","
    " \"name\": \"of bob@x.com\", \"status\": \"error\", \"duration\": 12345,"
    " \"metrics\": {\"input_tokens\": 3}, \"_dd\": {\"span_id\": \"1\"},"
    " \"tags\": [\"env:a@b.com\", \"error_type:no bob@x.com\", "
    "\"who:b@x.com\"],"
    " \"meta\": {\"span\": {\"kind\": \"llm\"}, \"model_name\": \"m@x.com\","
    "  \"model_provider\": \"p\","
    "  \"input\": {\"messages\": [{\"role\": \"user\", \"content\":"
    "    \"I am bob@x.com\", \"tool_calls\": [{\"name\": \"t\", \"arguments\":"
    "    {\"bob@x.com\": {\"n\": 4111111111111111}}}]}]},"
    "  \"output\": {\"value\": \"{\\\"to\\\": \\\"bob\\\\u0040x.com\\\"}\"},"
    "  \"tool_definitions\": [{\"description\": \"mail bob@x.com\"}],"
    "  \"error\": {\"message\": \"no bob@x.com\", \"stack\": \"bob@x.com\","
    "    \"type\": \"no bob@x.com\"},"
    "  \"metadata\": {\"temperature\": 0.5, \"stream\": true, \"user\":"
    "    \"bob@x.com\", \"stop\": [\"bob@x.com\"], \"stop_reason\": \"stop\","
    "    \"transfer\": {\"curl_code\": 0}, \"caller\": {\"module\": \"a\"},"
    "    \"usage_by_model\": {\"m-1\": {\"output_tokens\": 7, \"a\": \"b c\"}},"
    "    \"other\": {\"bob@x.com\": 1}}}}";

TEST(test_off)
{
    struct llmobs_config *c = load("LLMOBS_CONTENT=off", NULL);

    expect(c, event,
           "{\"trace_id\": \"t\", \"span_id\": \"1\", \"session_id\": "
           "\"bob@x.com\", \"name\": \"of bob@x.com\", \"status\": \"error\","
           " \"duration\": 12345, \"metrics\": {\"input_tokens\": 3}, \"_dd\": "
           "{\"span_id\": \"1\"}, \"tags\": [\"env:a@b.com\", "
           "\"error_type:error\", \"who:b@x.com\"], \"meta\": {\"span\": "
           "{\"kind\": \"llm\"}, \"model_name\": \"m@x.com\", "
           "\"model_provider\": \"p\", \"error\": {\"message\": \"\", "
           "\"stack\": \"\", \"type\": \"error\"}, \"metadata\": "
           "{\"temperature\": 0.5, \"stream\": true, \"stop_reason\": \"stop\","
           " \"transfer\": {\"curl_code\": 0}, \"caller\": {\"module\": "
           "\"a\"}, \"usage_by_model\": {\"m-1\": {\"output_tokens\": 7}}}}}");
    expect(c,
           "{\"meta\": {\"error\": {\"type\": \"rate_limit_exceeded\","
           " \"message\": \"x\"}}, \"tags\": [\"error_type:a.b:c\", 5]}",
           "{\"meta\": {\"error\": {\"type\": \"rate_limit_exceeded\","
           " \"message\": \"\"}}, \"tags\": [\"error_type:a.b:c\", 5]}");
    expect(c,
           "{\"label\": \"l\", \"reasoning\": \"r\", \"metadata\": {\"a\":"
           " 1}, \"categorical_value\": \"a b\", \"json_value\": {\"n\": 1,"
           " \"t\": \"x\"}, \"score_value\": 0.5}",
           "{\"label\": \"l\", \"categorical_value\": \"other\","
           " \"json_value\": {\"n\": 1}, \"score_value\": 0.5}");
    llmobs_config_free(c);
}

TEST(test_redact)
{
    struct llmobs_config *c = with_patterns("use email\nuse cards\n");

    expect(c, event,
           "{\"trace_id\": \"t\", \"span_id\": \"1\", \"session_id\": "
           "\"bob@x.com\", \"name\": \"of [redacted:email]\", \"status\": "
           "\"error\", \"duration\": 12345, \"metrics\": {\"input_tokens\": 3},"
           " \"_dd\": {\"span_id\": \"1\"}, \"tags\": [\"env:a@b.com\", "
           "\"error_type:no [redacted:email]\", \"who:[redacted:email]\"],"
           " \"meta\": {\"span\": {\"kind\": \"llm\"}, \"model_name\": "
           "\"m@x.com\", \"model_provider\": \"p\","
           "  \"input\": {\"messages\": [{\"role\": \"user\", \"content\":"
           "    \"I am [redacted:email]\", \"tool_calls\": [{\"name\": \"t\","
           "    \"arguments\": {\"[redacted:email]\": {\"n\":"
           "    \"[redacted:cards]\"}}}]}]},"
           "  \"output\": {\"value\": \"{\\\"to\\\": \\\"[redacted:email]\\\"}"
           "\"}, \"tool_definitions\": [{\"description\": \"mail "
           "[redacted:email]\"}],"
           "  \"error\": {\"message\": \"no [redacted:email]\", \"stack\": "
           "\"[redacted:email]\", \"type\": \"no [redacted:email]\"},"
           "  \"metadata\": {\"temperature\": 0.5, \"stream\": true, \"user\":"
           "    \"[redacted:email]\", \"stop\": [\"[redacted:email]\"], "
           "\"stop_reason\": \"stop\", \"transfer\": {\"curl_code\": 0}, "
           "\"caller\": {\"module\": \"a\"}, \"usage_by_model\": {\"m-1\": "
           "{\"output_tokens\": 7, \"a\": \"b c\"}},"
           "    \"other\": {\"[redacted:email]\": 1}}}}");
    expect(c,
           "{\"label\": \"b@x.com\", \"reasoning\": \"b@x.com\", \"tags\":"
           " [\"who:b@x.com\"], \"json_value\": {\"t\": \"b@x.com\"}}",
           "{\"label\": \"[redacted:email]\","
           " \"reasoning\": \"[redacted:email]\","
           " \"tags\": [\"who:[redacted:email]\"],"
           " \"json_value\": {\"t\": \"[redacted:email]\"}}");
    llmobs_config_free(c);
}

/* Facts that a peer may have made are words without content, and redacted ones
 * with it; the core's own stay. */
TEST(test_facts_of_a_call)
{
    static const char facts[] =
        "{\"_call\": {\"flags\": 257, \"parent\": \"4111111111111111\","
        " \"resource\": \"a=b c,d=b@x.com\", \"request_model\": \"my b@x.com\","
        " \"response_id\": \"id b@x.com\", \"system_fingerprint\": \"fp_1\","
        " \"stream\": true, \"finish_reasons\": [\"stop\", \"to b@x.com\"]}}";
    struct llmobs_config *c = with_patterns("use email\nuse cards\n");

    expect(c, facts,
           "{\"_call\": {\"flags\": 257, \"parent\": \"4111111111111111\","
           " \"resource\": \"a=b c,d=b@x.com\","
           " \"request_model\": \"my [redacted:email]\","
           " \"response_id\": \"id [redacted:email]\","
           " \"system_fingerprint\": \"fp_1\", \"stream\": true,"
           " \"finish_reasons\": [\"stop\", \"to [redacted:email]\"]}}");
    expect(c, "{\"_call\": []}", "{\"_call\": {}}");
    llmobs_config_free(c);
    c = load("LLMOBS_CONTENT=off", NULL);
    expect(c, facts,
           "{\"_call\": {\"flags\": 257, \"parent\": \"4111111111111111\","
           " \"resource\": \"a=b c,d=b@x.com\","
           " \"request_model\": \"my b@x.com\","
           " \"system_fingerprint\": \"fp_1\", \"stream\": true,"
           " \"finish_reasons\": [\"stop\"]}}");
    llmobs_config_free(c);
}

/* A text that repeats another one: the name of the agent above, the tag of the
 * span that an evaluation is of. Ids are none, though they may look like cards.
 */
TEST(test_repeated)
{
    struct llmobs_config *c = with_patterns("use email\nuse cards\nuse keys\n");

    expect(
        c,
        "{\"meta\": {\"agent_attribution\": {\"pagent_name\": \"of b@x.com\","
        " \"pagent_span_id\": \"4111111111111111\"}, \"tool\":"
        " {\"version\": \"b@x.com\"}}}",
        "{\"meta\": {\"agent_attribution\": {\"pagent_name\":"
        " \"of [redacted:email]\", \"pagent_span_id\":"
        " \"4111111111111111\"}, \"tool\": {\"version\":"
        " \"[redacted:email]\"}}}");
    expect(c, "{\"meta\": {\"agent_attribution\": {\"pagent_name\": null}}}",
           "{\"meta\": {\"agent_attribution\": {\"pagent_name\": null}}}");
    llmobs_config_free(c);
}

TEST(test_joined)
{
    static const char *const rows[][2] = {
        {"\"tag\": {\"key\": \"who\", \"value\": \"b@x.com\"}",
         "\"tag\": {\"key\": \"who\", \"value\": \"[redacted:email]\"}"},
        {"\"tag\": {\"key\": \"api_key\", \"value\": \"abcdefgh\"}",
         "\"tag\": {\"key\": \"api_key\", \"value\": \"[redacted:keys]\"}"},
        {"\"tag\": {\"key\": \"b@x.com\", \"value\": \"v\"}",
         "\"tag\": {\"key\": \"[redacted]\", \"value\":"
         " \"[redacted:email]:v\"}"},
        {"\"tag\": {\"key\": \"env\", \"value\": \"b@x.com\"}",
         "\"tag\": {\"key\": \"env\", \"value\": \"b@x.com\"}"},
        {"\"tag\": {\"value\": \"b@x.com\"}",
         "\"tag\": {\"value\": \"[redacted:email]\"}"},
        {"\"span\": {\"span_id\": \"4111111111111111\"}",
         "\"span\": {\"span_id\": \"4111111111111111\"}"},
    };
    struct llmobs_config *c = with_patterns("use email\nuse cards\nuse keys\n");

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char from[256], to[256];

        snprintf(from, sizeof(from), "{\"join_on\": {%s}}", rows[i][0]);
        snprintf(to, sizeof(to), "{\"join_on\": {%s}}", rows[i][1]);
        expect(c, from, to);
    }
    llmobs_config_free(c);
}

/* A member whose name says that it is a secret, as in a tool's arguments. */
TEST(test_members)
{
    static const char text[] =
        "{\"meta\": {\"input\": {\"messages\": [{\"tool_calls\":"
        " [{\"arguments\": {\"password\": \"two words\", \"DB_PASSWORD\": 1234,"
        " \"cookie\": \"a\", \"max_tokens\": 5, \"password_hint\": \"dog\","
        " \"api_key\": {\"type\": \"string\"}, \"key\": \"b\"}}]}]},"
        " \"output\": {\"value\": \"{\\\"password\\\": \\\"x y\\\"}\"}}}";
    struct llmobs_config *c = with_patterns("use keys\n");

    expect(c, text,
           "{\"meta\": {\"input\": {\"messages\": [{\"tool_calls\":"
           " [{\"arguments\": {\"password\": \"[redacted:keys]\","
           " \"DB_PASSWORD\": \"[redacted:keys]\", \"cookie\":"
           " \"[redacted:keys]\", \"max_tokens\": 5, \"password_hint\":"
           " \"dog\", \"api_key\": {\"type\": \"string\"}, \"key\":"
           " \"b\"}}]}]}, \"output\": {\"value\":"
           " \"{\\\"password\\\": \\\"[redacted:keys]\\\"}\"}}}");
    llmobs_config_free(c);
    c = with_patterns("use bearer\n");
    expect(c, text, text);
    llmobs_config_free(c);
}

/* Metadata of a program's own, by names that the core gives to what it
 * measured. */
TEST(test_measured)
{
    static const char text[] =
        "{\"meta\": {\"metadata\": {\"caller\": {\"module\": \"a\","
        " \"function\": \"I am b@x.com\", \"offset\": 7, \"frames\":"
        " [\"a!f+0x2\", \"my words\"], \"more\": {\"a\": \"b\"}},"
        " \"transfer\": {\"curl_code\": 0, \"http_version\": \"1.1\","
        " \"said\": \"b@x.com is here\"}, \"truncated\": \"b@x.com\"}},"
        " \"json_value\": {\"caller\": {\"x\": \"b c\"}}}";
    struct llmobs_config *c = load("LLMOBS_CONTENT=off", NULL);

    expect(c, text,
           "{\"meta\": {\"metadata\": {\"caller\": {\"module\": \"a\","
           " \"offset\": 7, \"frames\": [\"a!f+0x2\"]}, \"transfer\":"
           " {\"curl_code\": 0, \"http_version\": \"1.1\"}}},"
           " \"json_value\": {\"caller\": {}}}");
    llmobs_config_free(c);
    c = with_patterns("use email\n");
    expect(c, text,
           "{\"meta\": {\"metadata\": {\"caller\": {\"module\": \"a\","
           " \"function\": \"I am [redacted:email]\", \"offset\": 7,"
           " \"frames\": [\"a!f+0x2\", \"my words\"], \"more\": {\"a\":"
           " \"b\"}}, \"transfer\": {\"curl_code\": 0, \"http_version\":"
           " \"1.1\", \"said\": \"[redacted:email] is here\"}, \"truncated\":"
           " \"[redacted:email]\"}}, \"json_value\": {\"caller\": {\"x\":"
           " \"b c\"}}}");
    llmobs_config_free(c);
}

/* The names of an event's form stay, whatever the patterns say. */
TEST(test_form)
{
    struct llmobs_config *c = with_patterns("word = [a-z]+\n");

    expect(
        c,
        "{\"meta\": {\"span\": {\"kind\": \"llm\"}, \"input\": {\"messages\":"
        " [{\"role\": \"user\", \"content\": \"HI you\"}]}}}",
        "{\"meta\": {\"span\": {\"kind\": \"llm\"}, \"input\": {\"messages\":"
        " [{\"role\": \"[redacted:word]\", \"content\": \"HI "
        "[redacted:word]\"}]}}}");
    llmobs_config_free(c);
}

/* Texts in which a match could hide. */
TEST(test_hidden)
{
    static const char *const rows[][2] = {
        {"{\"a\": \"b\\u0040x.com\"}", "{\"a\": \"[redacted:email]\"}"},
        {"\"b\\u0040x.com\"", "\"[redacted:email]\""},
        {" [\"{\\\"a\\\": \\\"b\\\\u0040x.com\\\"}\"]",
         "[\"{\\\"a\\\": \\\"[redacted:email]\\\"}\"]"},
        {"{\"a\": \"plain\",  \"b\":1}", "{\"a\": \"plain\",  \"b\":1}"},
        {"{\"a\": \"b\\u0040x.com", "[redacted]"},
        {"{\"a\": \"half", "{\"a\": \"half"},
        {"{\"d\": \"b@\"}\n{\"d\": \"x.com\"}\n", "[redacted]"},
        {"event: x\ndata: {\"d\": \"b@\"}\n\ndata: {\"d\": \"x.com\"}\n",
         "[redacted]"},
        {"{name} is b@x.com", "{name} is [redacted:email]"},
        {"\"quoted\" b@x.com", "\"quoted\" [redacted:email]"},
        {"mail=b%40x.com&x=1", "[redacted]"},
        {"GET /a?to=b%40x%2ecom, please", "[redacted]"},
        {"n=4111+1111+1111+1111&x", "[redacted]"},
        {"n=4111 + 1111 + 1111 + 1111", "n=4111 + 1111 + 1111 + 1111"},
        {"b@x.com has 100%25 or 5%", "[redacted:email] has 100%25 or 5%"},
        {"5% 5%4 %zz %", "5% 5%4 %zz %"},
        {"", ""},
    };
    struct llmobs_config *c = with_patterns("use email\nuse cards\n");

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char *got = llmobs_content_filter_text(&c->privacy, rows[i][0]);

        ck_assert_msg(got && strcmp(got, rows[i][1]) == 0, "%s: %s", rows[i][0],
                      got);
        free(got);
    }
    llmobs_config_free(c);
    c = load("LLMOBS_CONTENT=off", NULL);
    llmobs_config_free(c);
}

/* JSON in JSON in JSON...: what is too deep to be looked at is replaced. */
TEST(test_deep)
{
    struct llmobs_config *c = with_patterns("use email\n");
    char *text = strdup("{\"a\": \"b\\u0040x.com\"}");

    for (int i = 0; i < 8; i++) {
        struct llmobs_json *array = llmobs_json_array();
        char *got = llmobs_content_filter_text(&c->privacy, text);

        ck_assert_ptr_nonnull(got);
        ck_assert_ptr_null(strstr(got, "x.com"));
        ck_assert_ptr_nonnull(strstr(got, "[redacted"));
        free(got);
        ck_assert_int_eq(llmobs_json_add(array, llmobs_json_string(text)), 0);
        free(text);
        text = llmobs_json_dumps(array, 0);
        llmobs_json_free(array);
    }
    free(text);
    llmobs_config_free(c);
}

/* As deep as each text may be, and again in its innermost one: on a stack as
 * small as that of our thread. */
static char *make_deep(void)
{
    char *text = strdup("b@x.com");

    for (int i = 0; i <= LLMOBS_CONTENT_FILTER_NEST; i++) {
        struct llmobs_json *json = llmobs_json_string(text);

        for (int n = 0; n < LLMOBS_JSON_DEPTH_MAX; n++) {
            struct llmobs_json *array = llmobs_json_array();

            ck_assert_int_eq(llmobs_json_add(array, json), 0);
            json = array;
        }
        free(text);
        text = llmobs_json_dumps(json, 0);
        ck_assert_ptr_nonnull(text);
        llmobs_json_free(json);
    }
    return text;
}

static const struct llmobs_config *deep_config;

static void *clean_deep(void *text)
{
    return llmobs_content_filter_text(&deep_config->privacy, text);
}

TEST(test_small_stack)
{
    struct llmobs_config *c = with_patterns("use email\n");
    char *text = make_deep();
    pthread_attr_t attr;
    pthread_t thread;
    void *got;

    deep_config = c;
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, STACK), 0);
    ck_assert_int_eq(pthread_create(&thread, &attr, clean_deep, text), 0);
    ck_assert_int_eq(pthread_join(thread, &got), 0);
    ck_assert_ptr_nonnull(got);
    ck_assert_ptr_null(strstr(got, "x.com"));
    ck_assert_ptr_nonnull(strstr(got, LLMOBS_REDACTED));
    free(got);
    free(text);
    pthread_attr_destroy(&attr);
    llmobs_config_free(c);
}

TEST(test_event_text)
{
    struct llmobs_config *c = load("LLMOBS_CONTENT=off", NULL);
    const char *text = "{\"meta\": {\"input\": {\"value\": \"x\"}}}";
    UNIT_ENDS(llmobs_buf) out;

    llmobs_buf_init(&out, 1024);
    ck_assert_int_eq(
        llmobs_content_filter_json(
            &c->privacy, (struct llmobs_text){text, strlen(text)}, &out),
        0);
    ck_assert_str_eq(out.data, "{\"meta\": {}}");
    ck_assert_int_eq(
        llmobs_content_filter_json(&c->privacy,
                                   (struct llmobs_text){"{\"a\": ", 6}, &out),
        -EINVAL);
    llmobs_config_free(c);
}

/* A file on the disk may have anything where an event has an object. */
TEST(test_no_event)
{
    static const char *const rows[][2] = {
        {"{\"meta\": [\"a\"]}", "{\"meta\": {}}"},
        {"{\"meta\": {\"metadata\": [\"a\", {}]}}",
         "{\"meta\": {\"metadata\": {}}}"},
        {"{\"json_value\": {}, \"meta\": {\"error\": 1}}", NULL},
        {"{\"json_value\": [\"a\", 1], \"tags\": {\"a\": 1}}", NULL},
        {"{\"meta\": {\"error\": [\"a\"]}, \"tags\": 1}", NULL},
    };

    for (int off = 0; off < 2; off++) {
        struct llmobs_config *c = off ? load("LLMOBS_CONTENT=off", NULL)
                                      : with_patterns("use email\n");

        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
            UNIT_ENDS(llmobs_buf) out;

            llmobs_buf_init(&out, 1024);
            ck_assert_int_eq(
                llmobs_content_filter_json(
                    &c->privacy,
                    (struct llmobs_text){rows[i][0], strlen(rows[i][0])}, &out),
                0);
            if (rows[i][1])
                ck_assert_str_eq(out.data, rows[i][1]);
            ck_assert_int_eq(
                llmobs_content_filter_json(
                    &c->privacy, (struct llmobs_text){"[\"a\"]", 5}, &out),
                -EINVAL);
        }
        llmobs_config_free(c);
    }
}
