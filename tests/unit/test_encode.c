/* Tests events as the intake takes them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/event/encode.h"
#include "core/event/facts.h"
#include "llmobs.h"
#include "tests/unit/unit.h"

#define DROPPED                                                              \
    "[This value has been dropped because this span's size exceeds the 5MB " \
    "size limit.]"

static struct llmobs_config config;
static struct llmobs_span span;
static char *event_text;
static struct llmobs_json *event;

static struct llmobs_json *json(const char *text)
{
    struct llmobs_json *value;

    ck_assert_int_eq(
        llmobs_json_parse((struct llmobs_text){text, strlen(text)}, &value), 0);
    return value;
}

static void replace(struct llmobs_json **field, const char *text)
{
    llmobs_json_free(*field);
    *field = json(text);
}

static void begin(void)
{
    memset(&config, 0, sizeof(config));
    config.event_max = 5000000;
    config.service = (char *)"chat-cli";
    ck_assert_int_eq(llmobs_span_init(&span), 0);
    strcpy(span.context.sample_rate, "1");
    strcpy(span.context.sampled, "1");
    strcpy(span.context.ml_app, "my-ml-app");
    span.context.span_id = 1;
    span.integration = "openai";
}

/* Gives the text that the intake gets. */
static char *without_facts(struct llmobs_buf buf)
{
    struct llmobs_facts_parts parts =
        llmobs_facts_split((struct llmobs_text){buf.data, buf.len});
    char *text;

    ck_assert_uint_eq(parts.lead.len, 1);
    ck_assert_int_ge(
        asprintf(&text, "{%.*s", (int)parts.rest.len, parts.rest.data), 0);
    return text;
}

static int encode(void)
{
    struct llmobs_buf buf;
    int rc;

    llmobs_json_free(event);
    free(event_text);
    event = NULL;
    llmobs_buf_init(&buf, 1 << 30);
    rc = llmobs_encode_span(&span, &config, &buf);
    event_text = rc == 0 ? without_facts(buf) : NULL;
    llmobs_buf_fini(&buf);
    if (rc == 0)
        event = json(event_text);
    return rc;
}

static void end(void)
{
    llmobs_span_fini(&span);
    llmobs_json_free(event);
    free(event_text);
    event = NULL;
    event_text = NULL;
}

/* The value at "meta.input.value"; a number is an index. */
static const struct llmobs_json *at(const char *path)
{
    const struct llmobs_json *value = event;
    char copy[200], *save = NULL;

    snprintf(copy, sizeof(copy), "%s", path);
    for (char *part = strtok_r(copy, "/", &save); part;
         part = strtok_r(NULL, "/", &save))
        value = *part >= '0' && *part <= '9'
                    ? llmobs_json_at(value, (size_t)atoi(part))
                    : llmobs_json_get(value, part);
    return value;
}

static const char *text_at(const char *path)
{
    const char *text = llmobs_json_text(at(path));

    return text ? text : "(none)";
}

static bool has_tag(const char *tag)
{
    const struct llmobs_json *tags = at("tags");

    for (size_t i = 0; i < llmobs_json_len(tags); i++) {
        if (strcmp(llmobs_json_text(llmobs_json_at(tags, i)), tag) == 0)
            return true;
    }
    return false;
}

static void expect(const char *want)
{
    struct llmobs_json *value = json(want);
    char *sorted = llmobs_json_dumps(value, LLMOBS_JSON_ASCII);

    ck_assert_int_eq(encode(), 0);
    ck_assert_str_eq(event_text, sorted);
    free(sorted);
    llmobs_json_free(value);
}

/* Three whole events: a chat, a gateway's, a call that failed. */
TEST(example_of_a_streamed_chat)
{
    begin();
    config.env = (char *)"prod";
    config.version = (char *)"2.3";
    span.context.trace_id.hi = 0x6affe73a00000000;
    span.context.trace_id.lo = 0xc3d1e2f3a4b5c6d7;
    span.context.apm_trace_id = span.context.trace_id;
    span.context.span_id = 7310458811263470123u;
    span.start_ns = 1795155770123456789;
    span.duration_ns = 1842330121;
    llmobs_span_set(&span.name, "OpenAI.createChatCompletion");
    llmobs_span_set(&span.model_name, "gpt-4o-mini-2024-07-18");
    llmobs_span_set(&span.model_provider, "OpenAI");
    replace(&span.input_messages,
            "[{\"content\": \"You are terse.\", \"role\": \"system\"},"
            "{\"content\": \"Weather in Paris?\\n[image omitted: too large]\","
            "\"role\": \"user\"}]");
    replace(&span.output_messages,
            "[{\"content\": \"\", \"role\": \"assistant\", \"tool_calls\":"
            "[{\"arguments\": {\"city\": \"Paris\"}, \"name\": \"get_weather\","
            "\"tool_id\": \"call_a1b2\", \"type\": \"function\"}]}]");
    replace(&span.metadata,
            "{\"max_tokens\": 200, \"stream\": true, \"stream_options\":"
            "{\"include_usage\": true}, \"temperature\": 0.2,"
            "\"tool_choice\": \"auto\"}");
    replace(&span.tool_definitions,
            "[{\"description\": \"Current weather\", \"name\": \"get_weather\","
            "\"schema\": {\"properties\": {\"city\": {\"type\": \"string\"}},"
            "\"type\": \"object\"}}]");
    replace(&span.metrics,
            "{\"cache_read_input_tokens\": 0, \"input_tokens\": 61,"
            "\"output_tokens\": 15, \"reasoning_output_tokens\": 0,"
            "\"time_to_first_token\": 0.412, \"total_tokens\": 76}");
    expect("{\"_dd\": {\"apm_trace_id\": \"6affe73a00000000c3d1e2f3a4b5c6d7\","
           "\"sample_rate\": \"1\", \"sampling_decision\": \"1\","
           "\"span_id\": \"7310458811263470123\","
           "\"trace_id\": \"6affe73a00000000c3d1e2f3a4b5c6d7\"},"
           "\"duration\": 1842330121, \"meta\": {\"input\": {\"messages\": ["
           "{\"content\": \"You are terse.\", \"role\": \"system\"},"
           "{\"content\": \"Weather in Paris?\\n[image omitted: too large]\","
           "\"role\": \"user\"}]}, \"metadata\": {\"max_tokens\": 200,"
           "\"stream\": true, \"stream_options\": {\"include_usage\": true},"
           "\"temperature\": 0.2, \"tool_choice\": \"auto\"},"
           "\"model_name\": \"gpt-4o-mini-2024-07-18\","
           "\"model_provider\": \"openai\", \"output\": {\"messages\": ["
           "{\"content\": \"\", \"role\": \"assistant\", \"tool_calls\": ["
           "{\"arguments\": {\"city\": \"Paris\"}, \"name\": \"get_weather\","
           "\"tool_id\": \"call_a1b2\", \"type\": \"function\"}]}]},"
           "\"span\": {\"kind\": \"llm\"}, \"tool_definitions\": ["
           "{\"description\": \"Current weather\", \"name\": \"get_weather\","
           "\"schema\": {\"properties\": {\"city\": {\"type\": \"string\"}},"
           "\"type\": \"object\"}}]},"
           "\"metrics\": {\"cache_read_input_tokens\": 0, \"input_tokens\": 61,"
           "\"output_tokens\": 15, \"reasoning_output_tokens\": 0,"
           "\"time_to_first_token\": 0.412, \"total_tokens\": 76},"
           "\"name\": \"OpenAI.createChatCompletion\","
           "\"parent_id\": \"undefined\", \"span_id\": \"7310458811263470123\","
           "\"start_ns\": 1795155770123456789, \"status\": \"ok\", \"tags\": ["
           "\"agent_service:my-ml-app\", \"ddtrace.version:" LLMOBS_VERSION
           "\","
           "\"env:prod\", \"error:0\", \"integration:openai\", \"language:c\","
           "\"ml_app:my-ml-app\", \"service:chat-cli\", \"source:integration\","
           "\"version:2.3\"],"
           "\"trace_id\": \"6affe73a00000000c3d1e2f3a4b5c6d7\"}");
    end();
}

TEST(example_of_a_failed_proxy_call)
{
    begin();
    span.proxied = true;
    span.context.trace_id.hi = 0x6affe73b00000000;
    span.context.trace_id.lo = 0xa0a1a2a3a4a5a6a7;
    span.context.apm_trace_id = span.context.trace_id;
    span.context.span_id = 1155173304420532224u;
    span.start_ns = 1795155771000000000;
    span.duration_ns = 90211045;
    llmobs_span_set(&span.name, "OpenAI.createChatCompletion");
    llmobs_span_set(&span.model_name, "gpt-4o");
    llmobs_span_set(&span.model_provider, "openai");
    replace(&span.input_messages,
            "[{\"content\": \"Weather in Paris?\", \"role\": \"user\"}]");
    replace(&span.output_messages, "[{\"content\": \"\"}]");
    replace(&span.metadata, "{\"temperature\": 0.2}");
    replace(&span.metrics, "{\"input_tokens\": 5}");
    replace(&span.tool_definitions, "[{\"name\": \"f\"}]");
    replace(&span.input_prompt, "{\"id\": \"p\"}");
    replace(&span.extra_tags, "[\"ml-proxy:custom\"]");
    llmobs_span_fail(&span, "rate_limit_error", "Rate limit reached");
    expect(
        "{\"_dd\": {\"apm_trace_id\": \"6affe73b00000000a0a1a2a3a4a5a6a7\","
        "\"sample_rate\": \"1\", \"sampling_decision\": \"1\","
        "\"span_id\": \"1155173304420532224\","
        "\"trace_id\": \"6affe73b00000000a0a1a2a3a4a5a6a7\"},"
        "\"duration\": 90211045, \"meta\": {\"error\": {\"message\":"
        "\"Rate limit reached\", \"stack\": \"\", \"type\":"
        "\"rate_limit_error\"}, \"input\": {\"value\":"
        "\"[{\\\"content\\\": \\\"Weather in Paris?\\\","
        " \\\"role\\\": \\\"user\\\"}]\"},"
        "\"metadata\": {\"temperature\": 0.2},"
        "\"output\": {\"value\": \"[{\\\"content\\\": \\\"\\\"}]\"},"
        "\"span\": {\"kind\": \"workflow\"}}, \"metrics\": {},"
        "\"name\": \"OpenAI.createChatCompletion\","
        "\"parent_id\": \"undefined\", \"span_id\": \"1155173304420532224\","
        "\"start_ns\": 1795155771000000000, \"status\": \"error\", \"tags\": ["
        "\"agent_service:my-ml-app\", \"ddtrace.version:" LLMOBS_VERSION "\","
        "\"env:\", \"error:1\", \"error_type:rate_limit_error\","
        "\"integration:openai\", \"language:c\", \"ml-proxy:custom\","
        "\"ml_app:my-ml-app\", \"service:chat-cli\", \"source:integration\","
        "\"version:\"], \"trace_id\": \"6affe73b00000000a0a1a2a3a4a5a6a7\"}");
    end();
}

TEST(example_of_an_embedding_with_a_parent)
{
    begin();
    config.service = (char *)"indexer";
    config.env = (char *)"prod";
    span.kind = LLMOBS_KIND_EMBEDDING;
    span.context.trace_id.hi = 0x6affe73c00000000;
    span.context.trace_id.lo = 0x1234123412341234;
    span.context.apm_trace_id.hi = 0x6affe73c00000000;
    span.context.apm_trace_id.lo = 0xaaaabbbbccccdddd;
    span.context.span_id = 42;
    span.context.parent_id = 9007199254740993;
    strcpy(span.context.sample_rate, "0.5");
    strcpy(span.context.sampled, "0");
    strcpy(span.context.ml_app, "upstream-app");
    strcpy(span.context.session_id, "sess-77");
    span.start_ns = 1795155772000000000;
    span.duration_ns = 210000000;
    llmobs_span_set(&span.name, "OpenAI.createEmbedding");
    llmobs_span_set(&span.model_name, "text-embedding-3-small");
    llmobs_span_set(&span.model_provider, "openai");
    replace(&span.input_documents,
            "[{\"text\": \"hello world\"}, {\"text\": \"hello again\"}]");
    llmobs_span_set(&span.output_value,
                    "[2 embedding(s) returned with size 1536]");
    replace(&span.metadata,
            "{\"dimensions\": 1536, \"encoding_format\": \"float\"}");
    replace(&span.metrics, "{\"input_tokens\": 4, \"total_tokens\": 4}");
    expect(
        "{\"_dd\": {\"apm_trace_id\": \"6affe73c00000000aaaabbbbccccdddd\","
        "\"sample_rate\": \"0.5\", \"sampling_decision\": \"0\","
        "\"span_id\": \"42\","
        "\"trace_id\": \"6affe73c00000000aaaabbbbccccdddd\"},"
        "\"duration\": 210000000, \"meta\": {\"input\": {\"documents\": ["
        "{\"text\": \"hello world\"}, {\"text\": \"hello again\"}]},"
        "\"metadata\": {\"dimensions\": 1536, \"encoding_format\": \"float\"},"
        "\"model_name\": \"text-embedding-3-small\","
        "\"model_provider\": \"openai\", \"output\": {\"value\":"
        "\"[2 embedding(s) returned with size 1536]\"},"
        "\"span\": {\"kind\": \"embedding\"}},"
        "\"metrics\": {\"input_tokens\": 4, \"total_tokens\": 4},"
        "\"name\": \"OpenAI.createEmbedding\","
        "\"parent_id\": \"9007199254740993\", \"session_id\": \"sess-77\","
        "\"span_id\": \"42\", \"start_ns\": 1795155772000000000,"
        "\"status\": \"ok\", \"tags\": [\"agent_service:upstream-app\","
        "\"ddtrace.version:" LLMOBS_VERSION "\", \"env:prod\", \"error:0\","
        "\"integration:openai\", \"language:c\", \"ml_app:upstream-app\","
        "\"service:indexer\", \"session_id:sess-77\","
        "\"source:integration\", \"version:\"],"
        "\"trace_id\": \"6affe73c000000001234123412341234\"}");
    end();
}

TEST(roles_are_filled_for_llm_spans_only)
{
    begin();
    replace(&span.input_messages, "[{\"content\": \"a\"}, {\"role\": \"user\","
                                  "\"content\": \"b\"}, \"odd\"]");
    ck_assert_int_eq(encode(), 0);
    ck_assert_str_eq(text_at("meta/input/messages/0/role"), "");
    ck_assert_str_eq(text_at("meta/input/messages/1/role"), "user");
    /* The span's values are as they were. */
    ck_assert_ptr_null(
        llmobs_json_get(llmobs_json_at(span.input_messages, 0), "role"));
    span.proxied = true;
    ck_assert_int_eq(encode(), 0);
    ck_assert_ptr_null(strstr(text_at("meta/input/value"), "\"role\": \"\""));
    end();
}

TEST(text_is_raw_inside_and_escaped_outside)
{
    begin();
    span.proxied = true;
    replace(&span.input_messages, "[{\"content\": \"caf\xc3\xa9\"}]");
    ck_assert_int_eq(encode(), 0);
    for (const char *c = event_text; *c; c++)
        ck_assert_int_ge(*c, 0x20);
    ck_assert_ptr_nonnull(strstr(event_text, "caf\\u00e9"));
    ck_assert_ptr_null(strstr(event_text, "\\\\u00e9"));
    ck_assert_str_eq(text_at("meta/input/value"),
                     "[{\"content\": \"caf\xc3\xa9\"}]");
    end();
}

TEST(empty_sides_are_left_out)
{
    begin();
    ck_assert_int_eq(encode(), 0);
    ck_assert_ptr_null(at("meta/input"));
    ck_assert_ptr_null(at("meta/output"));
    ck_assert(llmobs_json_is_object(at("meta/metadata")));
    ck_assert(llmobs_json_is_object(at("metrics")));
    ck_assert_ptr_null(at("session_id"));
    ck_assert_ptr_null(at("collection_errors"));
    ck_assert_ptr_null(at("meta/error"));
    ck_assert_str_eq(text_at("meta/model_name"), "unknown");
    ck_assert_str_eq(text_at("meta/model_provider"), "unknown");
    ck_assert_str_eq(text_at("name"), "llm");
    replace(&span.output_messages, "[]");
    ck_assert_int_eq(encode(), 0);
    ck_assert(llmobs_json_is_array(at("meta/output/messages")));
    llmobs_span_set(&span.input_value, "");
    ck_assert_int_eq(encode(), 0);
    ck_assert_str_eq(text_at("meta/input/value"), "");
    end();
}

TEST(sampling_that_was_not_sent_is_absent)
{
    begin();
    span.context.sample_rate[0] = span.context.sampled[0] = '\0';
    ck_assert_int_eq(encode(), 0);
    ck_assert_ptr_null(at("_dd/sample_rate"));
    ck_assert_ptr_null(at("_dd/sampling_decision"));
    end();
}

TEST(tags_are_complete)
{
    char *tags[] = {(char *)"team:ml", (char *)"env:no",
                    (char *)"lonely:", (char *)"url:http://x:1", NULL};
    const struct llmobs_json *list;

    begin();
    config.tags = tags;
    config.service = NULL;
    config.git_url = (char *)"https://h/r";
    config.git_sha = (char *)"abc";
    replace(&span.extra_tags, "[\"http.status_code:200\", 5, \"team:own,x\"]");
    llmobs_span_fail(&span, "a,b", "m");
    ck_assert_int_eq(encode(), 0);
    ck_assert(has_tag("team:own_x"));
    ck_assert(!has_tag("team:ml"));
    ck_assert(has_tag("env:"));
    ck_assert(!has_tag("env:no"));
    ck_assert(has_tag("lonely:"));
    ck_assert(has_tag("url:http://x:1"));
    ck_assert(has_tag("service:"));
    ck_assert(has_tag("error_type:a_b"));
    ck_assert(has_tag("error:1"));
    ck_assert(has_tag("git.repository_url:https://h/r"));
    ck_assert(has_tag("git.commit.sha:abc"));
    ck_assert(has_tag("http.status_code:200"));
    list = at("tags");
    for (size_t i = 1; i < llmobs_json_len(list); i++)
        ck_assert_int_lt(strcmp(llmobs_json_text(llmobs_json_at(list, i - 1)),
                                llmobs_json_text(llmobs_json_at(list, i))),
                         0);
    end();
}

TEST(metrics_keys_have_no_dots)
{
    begin();
    replace(&span.metrics, "{\"a.b.c\": 1, \"text\": \"x\", \"nothing\": null,"
                           "\"real\": 0.5}");
    ck_assert_int_eq(encode(), 0);
    ck_assert_int_eq(llmobs_json_to_int(at("metrics/a_b_c")), 1);
    ck_assert_uint_eq(llmobs_json_len(at("metrics")), 2);
    end();
}

/* meta is depth 0: metadata/a is depth 2, and ten further levels make 12. */
TEST(deep_containers_become_text)
{
    char path[200] = "meta/metadata/a";

    begin();
    replace(&span.metadata,
            "{\"_dd\": 1, \"flat\": [1], \"a\":{\"a\":{\"a\":{\"a\":{\"a\":"
            "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"b\":[1,{\"c\":2}],"
            "\"n\":3}}}}}}}}}}}");
    ck_assert_int_eq(encode(), 0);
    for (int depth = 3; depth <= 11; depth++)
        strcat(path, "/a");
    ck_assert(llmobs_json_is_object(at(path)));
    ck_assert_int_eq(llmobs_json_to_int(at(strcat(path, "/n"))), 3);
    path[strlen(path) - 1] = 'b';
    ck_assert_str_eq(text_at(path), "[1, {\"c\": 2}]");
    ck_assert_ptr_null(at("meta/metadata/_dd"));
    ck_assert(llmobs_json_is_array(at("meta/metadata/flat")));
    end();
}

static void set_big(char **field, size_t len)
{
    char *text = malloc(len + 1);

    memset(text, 'x', len);
    text[len] = '\0';
    llmobs_span_set(field, text);
    free(text);
}

TEST(a_big_event_loses_its_io)
{
    begin();
    config.event_max = 20000;
    replace(&span.metadata, "{\"k\": 1}");
    llmobs_span_set(&span.input_value, "small");
    set_big(&span.output_value, 20000);
    ck_assert_int_eq(encode(), 0);
    ck_assert_str_eq(text_at("meta/input/value"), DROPPED);
    ck_assert_str_eq(text_at("meta/output/value"), DROPPED);
    ck_assert_str_eq(text_at("collection_errors/0"), "dropped_io");
    ck_assert_int_eq(llmobs_json_to_int(at("meta/metadata/k")), 1);
    end();
}

TEST(the_limit_is_exact)
{
    begin();
    set_big(&span.output_value, 1000);
    ck_assert_int_eq(encode(), 0);
    config.event_max = (int64_t)strlen(event_text);
    ck_assert_int_eq(encode(), 0);
    ck_assert_ptr_nonnull(at("collection_errors"));
    config.event_max = 5000000;
    ck_assert_int_eq(encode(), 0);
    config.event_max = (int64_t)strlen(event_text) + 1;
    ck_assert_int_eq(encode(), 0);
    ck_assert_ptr_null(at("collection_errors"));
    end();
}

TEST(then_its_metadata_and_then_its_texts)
{
    struct llmobs_json *list = llmobs_json_array();

    begin();
    config.event_max = 20000;
    set_big(&span.input_value, 20000);
    for (int i = 0; i < 3000; i++)
        llmobs_json_add(list, llmobs_json_string("padding"));
    llmobs_json_set(span.metadata, "list", llmobs_json_share(list));
    span.tool_definitions = list;
    ck_assert_int_eq(encode(), 0);
    ck_assert_uint_eq(llmobs_json_len(at("meta/metadata")), 0);
    ck_assert_ptr_null(at("meta/tool_definitions"));
    ck_assert_str_eq(text_at("meta/input/value"), DROPPED);
    set_big(&span.name, 20000);
    ck_assert_int_eq(encode(), 0);
    config.event_max = 1024;
    ck_assert_int_eq(encode(), 0);
    ck_assert_uint_eq(strlen(text_at("name")), 256);
    end();
}

TEST(io_that_was_lost_is_told)
{
    for (int side = 0; side < 2; side++) {
        begin();
        llmobs_span_set(&span.input_value, "asked");
        llmobs_span_set(&span.output_value, "answered");
        span.input_dropped = side == 0;
        span.output_dropped = side == 1;
        ck_assert_int_eq(encode(), 0);
        ck_assert_str_eq(text_at("meta/input/value"),
                         side == 0 ? DROPPED : "asked");
        ck_assert_str_eq(text_at("meta/output/value"),
                         side == 1 ? DROPPED : "answered");
        ck_assert_str_eq(text_at("collection_errors/0"), "dropped_io");
        end();
    }
}

TEST(agents_are_attributed)
{
    begin();
    span.context.pagent_span_id = 99;
    ck_assert_int_eq(encode(), 0);
    ck_assert(llmobs_json_is_null(at("meta/agent_attribution/pagent_name")));
    strcpy(span.context.pagent_name, "planner");
    ck_assert_int_eq(encode(), 0);
    ck_assert_str_eq(text_at("meta/agent_attribution/pagent_name"), "planner");
    ck_assert_str_eq(text_at("meta/agent_attribution/pagent_span_id"), "99");
    end();
}

TEST(bad_bytes_do_not_leave)
{
    begin();
    llmobs_span_set(&span.input_value, "a\xff\xc3");
    strcpy(span.context.ml_app, "x\xfey");
    span.duration_ns = -5;
    ck_assert_int_eq(encode(), 0);
    ck_assert_str_eq(text_at("meta/input/value"), "a\xef\xbf\xbd\xef\xbf\xbd");
    ck_assert(has_tag("ml_app:x\xef\xbf\xbdy"));
    ck_assert_int_eq(llmobs_json_to_int(at("duration")), 0);
    end();
}

/* A stream had the key in two pieces. A tag has no comma, the pair had one. */
#define KEY "Zq9xWv7uT5sR3pN1kM8j"
#define HIDDEN "****************kM8j"

TEST(what_is_joined_is_masked)
{
    begin();
    llmobs_span_set(&span.output_value, "it is sk-Zq9xWv7uT5sR3pN1, and "
                                        "{\"password\": \"abc\"}");
    strcpy(span.context.session_id, "{\"name\":\"key\",\"value\":\"" KEY "\"}");
    ck_assert_int_eq(encode(), 0);
    ck_assert(
        has_tag("session_id:{\"name\":\"key\"_\"value\":\"" HIDDEN "\"}"));
    ck_assert_str_eq(text_at("meta/output/value"),
                     "it is sk-************3pN1, and {\"password\": \"***\"}");
    end();
}

TEST(a_prompt_says_whose_it_is)
{
    begin();
    replace(&span.input_prompt, "{\"id\": \"p\"}");
    ck_assert_int_eq(encode(), 0);
    ck_assert_str_eq(text_at("meta/input/prompt/ml_app"), "my-ml-app");
    ck_assert_str_eq(text_at("meta/input/prompt/id"), "p");
    ck_assert_ptr_null(llmobs_json_get(span.input_prompt, "ml_app"));
    replace(&span.input_prompt, "{\"ml_app\": \"own\"}");
    ck_assert_int_eq(encode(), 0);
    ck_assert_str_eq(text_at("meta/input/prompt/ml_app"), "own");
    end();
}

/* A link, or a detail of the transfer, for which there was no memory or time is
 * left out: the span is sent without it. */
TEST(what_a_span_lacks_is_left_out)
{
    begin();
    replace(&span.links, "[{\"span_id\": \"2\"}]");
    (void)llmobs_json_add(span.links, NULL);
    replace(&span.metadata, "{\"transfer\": {\"redirects\": 1}}");
    (void)llmobs_json_set(llmobs_json_get(span.metadata, "transfer"), "tls_ms",
                          NULL);
    ck_assert_int_eq(encode(), 0);
    ck_assert_str_eq(text_at("span_links/0/span_id"), "2");
    ck_assert_int_eq(llmobs_json_to_int(at("meta/metadata/transfer/redirects")),
                     1);
    end();
}
