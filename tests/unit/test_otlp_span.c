/* Events as spans of OTLP: each kind in each form. The whole of tests/rules is
 * held against the conventions by tests/otlp/conventions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/otlp/span.h"
#include "tests/unit/unit.h"

#define ALL "the same"

static struct llmobs_config config;
static struct llmobs_json *span;

static struct llmobs_text text_of(const char *text)
{
    return (struct llmobs_text){text, strlen(text)};
}

static struct llmobs_json *parse(const char *text)
{
    struct llmobs_json *value;

    ck_assert_msg(llmobs_json_parse(text_of(text), &value) == 0, "%s", text);
    return value;
}

/* Writes the span of an event; both forms of OTLP must take it. */
static void write_span(const char *event_text, enum llmobs_semconv form,
                       bool content)
{
    struct llmobs_json *event = parse(event_text);
    struct llmobs_otlp_writer writer;
    struct llmobs_buf out;

    config.otlp.semconv = form;
    llmobs_buf_init(&out, (size_t)1 << 24);
    llmobs_otlp_begin(&writer, &out, false);
    llmobs_otlp_span(&writer, &config, content, event);
    ck_assert_int_eq(llmobs_otlp_end(&writer), 0);
    llmobs_buf_cut(&out, 0);
    llmobs_otlp_begin(&writer, &out, true);
    llmobs_otlp_span(&writer, &config, content, event);
    ck_assert_int_eq(llmobs_otlp_end(&writer), 0);
    llmobs_json_free(span);
    span = parse(out.data);
    llmobs_buf_fini(&out);
    llmobs_json_free(event);
}

static struct llmobs_json *plain(const struct llmobs_json *value)
{
    void *it = llmobs_json_iter(value);
    const char *type = llmobs_json_iter_key(it);
    struct llmobs_json *inner = llmobs_json_iter_value(it);
    struct llmobs_json *list;

    if (strcmp(type, "intValue") == 0)
        return llmobs_json_int(atoll(llmobs_json_text(inner)));
    if (strcmp(type, "doubleValue") == 0)
        return llmobs_json_real(llmobs_json_to_real(inner));
    if (strcmp(type, "arrayValue") != 0)
        return llmobs_json_share(inner);
    list = llmobs_json_array();
    inner = llmobs_json_get(inner, "values");
    for (size_t i = 0; i < llmobs_json_len(inner); i++)
        llmobs_json_add(list, plain(llmobs_json_at(inner, i)));
    return list;
}

/* The attributes as an object; none comes twice. */
static struct llmobs_json *attributes_of(const struct llmobs_json *of)
{
    const struct llmobs_json *list = llmobs_json_get(of, "attributes");
    struct llmobs_json *out = llmobs_json_object();

    for (size_t i = 0; i < llmobs_json_len(list); i++) {
        const struct llmobs_json *pair = llmobs_json_at(list, i);
        const char *key = llmobs_json_gets(pair, "key");

        ck_assert_msg(!llmobs_json_get(out, key), "%s comes twice", key);
        llmobs_json_set(out, key, plain(llmobs_json_get(pair, "value")));
    }
    return out;
}

/* Takes the value. */
static void expect_json(const char *what, struct llmobs_json *value,
                        const char *expected)
{
    struct llmobs_json *wanted = parse(expected);
    char *want = llmobs_json_dumps(wanted, 0);
    char *have = llmobs_json_dumps(value, 0);

    ck_assert_msg(strcmp(want, have) == 0, "%s:\nexpected %s\ngot      %s",
                  what, want, have);
    free(want);
    free(have);
    llmobs_json_free(wanted);
    llmobs_json_free(value);
}

static void expect_attributes(const char *what, const char *expected)
{
    expect_json(what, attributes_of(span), expected);
}

/* One attribute; NULL: it is not there. A text is given as it is. */
static void expect(const char *name, const char *expected)
{
    struct llmobs_json *all = attributes_of(span);
    struct llmobs_json *value = llmobs_json_get(all, name);
    const char *text = llmobs_json_text(value);

    if (!expected)
        ck_assert_msg(value == NULL, "%s is there", name);
    else if (text)
        ck_assert_str_eq(text, expected);
    else
        expect_json(name, llmobs_json_share(value), expected);
    llmobs_json_free(all);
}

static void expect_field(const char *name, const char *expected)
{
    const char *text = llmobs_json_gets(span, name);

    if (!expected)
        ck_assert_ptr_null(text);
    else
        ck_assert_msg(text && strcmp(text, expected) == 0, "%s is %s", name,
                      text ? text : "absent");
}

#define TRACE "6b024b8700000000a6f1202ef6caabd8"
#define EVENT(kind, name, facts, meta, rest)                                   \
    "{\"_call\": {" facts "}, \"_dd\": {\"apm_trace_id\": \"" TRACE            \
    "\"}, \"duration\": 5, \"meta\": {\"span\": {\"kind\": \"" kind "\"}" meta \
    "}, \"name\": \"" name                                                     \
    "\", \"parent_id\": \"undefined\", \"span_id\": \"255\", "                 \
    "\"start_ns\": 1000, \"trace_id\": \"" TRACE "\"" rest "}"

/* -- kinds --------------------------------------------------------------- */

static const char chat[] = EVENT(
    "llm", "OpenAI.createChatCompletion",
    "\"operation\": \"chat\", \"provider\": \"openai\", \"request_model\": "
    "\"gpt-4o\", \"response_model\": \"gpt-4o-2024-08-06\", \"response_id\": "
    "\"c-1\", \"finish_reasons\": [\"tool_call\"], \"host\": "
    "\"api.openai.com\", \"port\": 443, \"status\": 200, \"stream\": true, "
    "\"first_chunk_ns\": 250000000, \"request_service_tier\": \"flex\", "
    "\"response_service_tier\": \"default\", \"system_fingerprint\": \"fp\", "
    "\"api_type\": \"chat_completions\", \"output_type\": \"json\", "
    "\"reasoning_level\": \"low\", \"flags\": 769, \"parent\": \"4096\", "
    "\"tracestate\": \"dd=s:1\"",
    ", \"metadata\": {\"max_completion_tokens\": 9, \"max_tokens\": 7, \"n\": "
    "2, \"reasoning_effort\": \"low\", \"seed\": 0, \"stop\": \"END\", "
    "\"stream\": true, \"temperature\": 0, \"tool_choice\": \"auto\", "
    "\"top_k\": 40, \"top_p\": \"odd\", \"logit_bias\": {\"1\": 2}, \"user\": "
    "null}, \"model_name\": \"gpt-4o-2024-08-06\", \"model_provider\": "
    "\"openai\", \"agent_attribution\": {\"pagent_name\": \"planner\"}, "
    "\"input\": {\"messages\": [{\"content\": \"hi\", \"role\": \"user\"}]}, "
    "\"output\": {\"messages\": [{\"content\": \"\", \"role\": \"assistant\", "
    "\"tool_calls\": [{\"arguments\": {\"a\": 1}, \"name\": \"f\", "
    "\"tool_id\": \"t\", \"type\": \"function\"}]}]}, \"tool_definitions\": "
    "[{\"name\": \"f\", \"description\": \"\", \"schema\": {}}]",
    ", \"metrics\": {\"cache_read_input_tokens\": 3, "
    "\"cache_write_input_tokens\": 2, \"input_tokens\": 10, "
    "\"output_tokens\": 0, \"reasoning_output_tokens\": 1, \"stars\": 4.5, "
    "\"total_cost\": 0.25, \"time_to_first_token\": 0.5, \"total_tokens\": "
    "10}, \"session_id\": \"s-1\", \"status\": \"ok\", \"tags\": "
    "[\"agent_service:app\", \"error:0\", \"integration:openai\", "
    "\"ml_app:app\", \"session_id:s-1\", \"team:a:b\", \"version:1\"]");

/* What every form of the call above has. */
#define CHAT                                                                   \
    "\"gen_ai.operation.name\": \"chat\", \"gen_ai.provider.name\": "          \
    "\"openai\", \"gen_ai.request.model\": \"gpt-4o\", "                       \
    "\"gen_ai.response.model\": \"gpt-4o-2024-08-06\", "                       \
    "\"gen_ai.response.id\": \"c-1\", \"gen_ai.response.finish_reasons\": "    \
    "[\"tool_call\"], \"gen_ai.output.type\": \"json\", "                      \
    "\"gen_ai.agent.name\": \"planner\", \"gen_ai.request.max_tokens\": 7, "   \
    "\"gen_ai.request.choice.count\": 2, \"gen_ai.request.seed\": 0, "         \
    "\"gen_ai.request.stop_sequences\": [\"END\"], "                           \
    "\"gen_ai.request.temperature\": 0.0, \"gen_ai.usage.input_tokens\": 10, " \
    "\"gen_ai.usage.output_tokens\": 0, \"http.response.status_code\": 200, "  \
    "\"server.address\": \"api.openai.com\", \"server.port\": 443, "           \
    "\"session.id\": \"s-1\", \"openai.request.service_tier\": \"flex\", "     \
    "\"openai.response.service_tier\": \"default\", "                          \
    "\"openai.response.system_fingerprint\": \"fp\", "                         \
    "\"llmobs.span.kind\": \"llm\", \"llmobs.ml_app\": \"app\", "              \
    "\"llmobs.integration\": \"openai\", \"llmobs.name\": "                    \
    "\"OpenAI.createChatCompletion\", \"llmobs.metric.stars\": 4.5, "          \
    "\"llmobs.usage.total_cost\": 0.25, \"llmobs.time_to_first_token\": 0.5, " \
    "\"llmobs.metadata.max_completion_tokens\": 9, \"llmobs.tag.team\": "      \
    "\"a:b\""

#define SINCE_1_41                                                       \
    ", \"gen_ai.request.stream\": true, "                                \
    "\"gen_ai.response.time_to_first_chunk\": 0.25, "                    \
    "\"gen_ai.usage.cache_read.input_tokens\": 3, "                      \
    "\"gen_ai.usage.reasoning.output_tokens\": 1, \"openai.api.type\": " \
    "\"chat_completions\""

START_TEST(a_call_has_the_names_of_its_form)
{
    write_span(chat, LLMOBS_SEMCONV_1_37, false);
    expect_attributes("1.37", "{" CHAT ", \"gen_ai.request.top_k\": 40.0, "
                              "\"llmobs.metadata.stream\": true, "
                              "\"llmobs.usage.cache_read_input_tokens\": 3, "
                              "\"llmobs.usage.cache_write_input_tokens\": 2, "
                              "\"llmobs.usage.reasoning_output_tokens\": 1}");
    write_span(chat, LLMOBS_SEMCONV_1_41, false);
    expect_attributes("1.41",
                      "{" CHAT SINCE_1_41 ", \"gen_ai.request.top_k\": 40.0, "
                      "\"gen_ai.usage.cache_creation.input_tokens\": 2}");
    write_span(chat, LLMOBS_SEMCONV_LATEST, false);
    expect_attributes("latest",
                      "{" CHAT SINCE_1_41 ", \"gen_ai.request.top_k\": 40, "
                      "\"gen_ai.request.reasoning.level\": \"low\", "
                      "\"gen_ai.usage.cache_write.input_tokens\": 2}");
}
END_TEST

START_TEST(a_span_has_the_ids_of_its_trace)
{
    write_span(chat, LLMOBS_SEMCONV_1_41, false);
    expect_field("traceId", TRACE);
    expect_field("spanId", "00000000000000ff");
    expect_field("parentSpanId", "0000000000001000");
    expect_field("traceState", "dd=s:1");
    expect_field("name", "chat gpt-4o");
    expect_field("startTimeUnixNano", "1000");
    expect_field("endTimeUnixNano", "1005");
    ck_assert_int_eq(llmobs_json_to_int(llmobs_json_get(span, "kind")), 3);
    ck_assert_int_eq(llmobs_json_to_int(llmobs_json_get(span, "flags")), 0x301);
    ck_assert_ptr_null(llmobs_json_get(span, "status"));
    ck_assert_ptr_null(llmobs_json_get(span, "links"));
    ck_assert_ptr_null(llmobs_json_get(span, "droppedAttributesCount"));
}
END_TEST

/* An event of an older version: its root has no parent, and nothing is made
 * up. */
START_TEST(an_event_without_facts_says_what_it_can)
{
    write_span("{\"_dd\": {\"trace_id\": \"x\"}, \"duration\": 0, \"meta\": "
               "{\"model_name\": \"m\", \"model_provider\": "
               "\"amazon_bedrock\", \"span\": {\"kind\": \"llm\"}}, "
               "\"metrics\": {}, \"name\": \"n\", \"parent_id\": "
               "\"undefined\", \"span_id\": \"1\", \"start_ns\": 1, "
               "\"trace_id\": \"11111111111111111111111111111111\"}",
               LLMOBS_SEMCONV_1_41, true);
    expect_field("traceId", "11111111111111111111111111111111");
    expect_field("parentSpanId", NULL);
    expect_attributes("no facts",
                      "{\"gen_ai.operation.name\": \"chat\", "
                      "\"gen_ai.provider.name\": \"aws.bedrock\", "
                      "\"gen_ai.request.model\": \"m\", \"llmobs.span.kind\": "
                      "\"llm\", \"llmobs.name\": \"n\"}");
}
END_TEST

/* An event of each other kind, whose attributes are without content those of
 * `bare`, and with it also those of `texts`. `since_1_41`: for both newer
 * forms; `in_1_37`: for the oldest. */
static const struct kind_case {
    const char *event, *name[2];
    int kind;
    const char *bare[2], *texts[2];
} kinds[] = {
    {EVENT("embedding", "embed",
           "\"provider\": \"openai\", \"request_model\": \"e\", "
           "\"response_model\": \"e-1\", \"dimensions\": 8, "
           "\"encoding_formats\": [\"float\"]",
           ", \"metadata\": {\"encoding_format\": \"float\", \"dimensions\": "
           "8}, \"input\": {\"documents\": [{\"text\": \"a\"}]}, \"output\": "
           "{\"value\": \"[1 embedding]\"}",
           ", \"metrics\": {\"input_tokens\": 2, \"output_tokens\": 0}"),
     {"embeddings e", "embeddings e"},
     3,
     {"\"gen_ai.operation.name\": \"embeddings\", \"gen_ai.provider.name\": "
      "\"openai\", \"gen_ai.request.model\": \"e\", "
      "\"gen_ai.request.encoding_formats\": [\"float\"], "
      "\"gen_ai.usage.input_tokens\": 2, \"llmobs.usage.output_tokens\": 0, "
      "\"llmobs.metadata.dimensions\": 8, \"llmobs.span.kind\": \"embedding\", "
      "\"llmobs.name\": \"embed\"",
      "\"gen_ai.operation.name\": \"embeddings\", \"gen_ai.provider.name\": "
      "\"openai\", \"gen_ai.request.model\": \"e\", "
      "\"gen_ai.request.encoding_formats\": [\"float\"], "
      "\"gen_ai.usage.input_tokens\": 2, \"llmobs.usage.output_tokens\": 0, "
      "\"llmobs.metadata.dimensions\": 8, \"llmobs.span.kind\": \"embedding\", "
      "\"llmobs.name\": \"embed\", \"gen_ai.response.model\": \"e-1\", "
      "\"gen_ai.embeddings.dimension.count\": 8"},
     {", \"llmobs.input.documents\": \"[{\\\"text\\\": \\\"a\\\"}]\", "
      "\"llmobs.output.value\": \"[1 embedding]\"",
      ALL}},
    {EVENT("agent", "planner", "",
           ", \"input\": {\"value\": \"goal\"}, \"output\": {\"value\": "
           "\"done\"}",
           ""),
     {"invoke_agent planner", "invoke_agent planner"},
     1,
     {"\"gen_ai.operation.name\": \"invoke_agent\", \"gen_ai.provider.name\": "
      "\"unknown\", \"gen_ai.agent.name\": \"planner\", "
      "\"llmobs.span.kind\": \"agent\", \"llmobs.name\": \"planner\"",
      ALL},
     {", \"gen_ai.input.messages\": \"[{\\\"role\\\":\\\"user\\\","
      "\\\"parts\\\":[{\\\"type\\\":\\\"text\\\",\\\"content\\\":"
      "\\\"goal\\\"}]}]\", \"gen_ai.output.messages\": "
      "\"[{\\\"role\\\":\\\"assistant\\\",\\\"parts\\\":[{\\\"type\\\":"
      "\\\"text\\\",\\\"content\\\":\\\"done\\\"}],\\\"finish_reason\\\":"
      "\\\"stop\\\"}]\"",
      ALL}},
    {EVENT("tool", "look", "",
           ", \"tool\": {\"version\": \"2\"}, \"input\": {\"value\": "
           "\"{\\\"a\\\": 1}\"}, \"output\": {\"value\": \"sunny\"}",
           ""),
     {"execute_tool look", "execute_tool look"},
     1,
     {"\"gen_ai.operation.name\": \"execute_tool\", \"gen_ai.tool.name\": "
      "\"look\", \"gen_ai.tool.type\": \"function\", \"llmobs.span.kind\": "
      "\"tool\", \"llmobs.name\": \"look\", \"llmobs.tool.version\": \"2\"",
      ALL},
     {", \"llmobs.input.value\": \"{\\\"a\\\": 1}\", "
      "\"llmobs.output.value\": \"sunny\"",
      ", \"gen_ai.tool.call.arguments\": \"{\\\"a\\\": 1}\", "
      "\"gen_ai.tool.call.result\": \"sunny\""}},
    {EVENT("retrieval", "index", "",
           ", \"metadata\": {\"data_source_id\": \"kb\"}, \"input\": "
           "{\"value\": \"which?\"}, \"output\": {\"documents\": [{\"id\": "
           "\"d\", \"score\": 0.5, \"text\": \"T\", \"name\": \"N\"}]}",
           ""),
     {"index", "retrieval kb"},
     3,
     {"\"llmobs.span.kind\": \"retrieval\"",
      "\"gen_ai.operation.name\": \"retrieval\", \"gen_ai.data_source.id\": "
      "\"kb\", \"llmobs.span.kind\": \"retrieval\", \"llmobs.name\": "
      "\"index\""},
     {", \"llmobs.metadata.data_source_id\": \"kb\", \"llmobs.input.value\": "
      "\"which?\", \"llmobs.output.documents\": \"[{\\\"id\\\": \\\"d\\\", "
      "\\\"score\\\": 0.5, \\\"text\\\": \\\"T\\\", \\\"name\\\": "
      "\\\"N\\\"}]\"",
      ", \"gen_ai.retrieval.query.text\": \"which?\", "
      "\"gen_ai.retrieval.documents\": \"[{\\\"id\\\":\\\"d\\\","
      "\\\"score\\\":0.5,\\\"content\\\":\\\"T\\\",\\\"name\\\":"
      "\\\"N\\\"}]\""}},
    {EVENT("workflow", "serve", "",
           ", \"input\": {\"value\": \"in\"}, \"output\": {\"value\": "
           "\"out\"}",
           ""),
     {"serve", "invoke_workflow serve"},
     1,
     {"\"llmobs.span.kind\": \"workflow\"",
      "\"gen_ai.operation.name\": \"invoke_workflow\", "
      "\"gen_ai.workflow.name\": \"serve\", \"llmobs.span.kind\": "
      "\"workflow\", \"llmobs.name\": \"serve\""},
     {", \"llmobs.input.value\": \"in\", \"llmobs.output.value\": \"out\"",
      ", \"gen_ai.input.messages\": \"[{\\\"role\\\":\\\"user\\\","
      "\\\"parts\\\":[{\\\"type\\\":\\\"text\\\",\\\"content\\\":"
      "\\\"in\\\"}]}]\", \"gen_ai.output.messages\": "
      "\"[{\\\"role\\\":\\\"assistant\\\",\\\"parts\\\":[{\\\"type\\\":"
      "\\\"text\\\",\\\"content\\\":\\\"out\\\"}],\\\"finish_reason\\\":"
      "\\\"stop\\\"}]\""}},
    {EVENT("task", "prepare", "",
           ", \"input\": {\"value\": \"in\"}, \"output\": {\"value\": "
           "\"out\"}",
           ", \"tags\": [\"user_id:u-1\"]"),
     {"prepare", "prepare"},
     1,
     {"\"llmobs.span.kind\": \"task\", \"user.id\": \"u-1\"", ALL},
     {", \"llmobs.input.value\": \"in\", \"llmobs.output.value\": \"out\"",
      ALL}},
    /* Counted once, by the span behind the proxy. */
    {EVENT("workflow", "OpenAI.createChatCompletion",
           "\"operation\": \"chat\", \"provider\": \"openai\", "
           "\"request_model\": \"m\", \"finish_reasons\": [\"stop\"], "
           "\"host\": \"proxy\", \"port\": 80, \"proxied\": true",
           ", \"input\": {\"value\": \"in\"}, \"metadata\": "
           "{\"temperature\": 1}",
           ", \"metrics\": {}, \"tags\": [\"ml-proxy:custom\"]"),
     {"OpenAI.createChatCompletion", "OpenAI.createChatCompletion"},
     3,
     {"\"llmobs.span.kind\": \"workflow\", \"server.address\": \"proxy\", "
      "\"server.port\": 80, \"llmobs.metadata.temperature\": 1, "
      "\"llmobs.tag.ml-proxy\": \"custom\"",
      ALL},
     {", \"llmobs.input.value\": \"in\"", ALL}},
};

static void check_kind(const struct kind_case *c, enum llmobs_semconv form)
{
    int which = form == LLMOBS_SEMCONV_1_37 ? 0 : 1;
    const char *bare = c->bare[which], *texts = c->texts[which];
    char wanted[4096];

    if (which && strcmp(bare, ALL) == 0)
        bare = c->bare[0];
    if (which && strcmp(texts, ALL) == 0)
        texts = c->texts[0];
    snprintf(wanted, sizeof(wanted), "{%s}", bare);
    write_span(c->event, form, false);
    expect_field("name", c->name[which]);
    ck_assert_int_eq(llmobs_json_to_int(llmobs_json_get(span, "kind")),
                     c->kind);
    expect_attributes(c->event, wanted);
    snprintf(wanted, sizeof(wanted), "{%s%s}", bare, texts);
    write_span(c->event, form, true);
    expect_attributes(c->event, wanted);
}

START_TEST(each_kind_has_the_names_of_its_form)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        check_kind(&kinds[i], LLMOBS_SEMCONV_1_37);
        check_kind(&kinds[i], LLMOBS_SEMCONV_1_41);
    }
}
END_TEST

/* The newest form names a prompt's parts and a retrieval's count, and asks no
 * provider of an agent. */
START_TEST(the_newest_form_has_names_of_its_own)
{
    write_span(kinds[1].event, LLMOBS_SEMCONV_LATEST, false);
    expect("gen_ai.provider.name", NULL);
    write_span(
        EVENT("retrieval", "r", "", ", \"metadata\": {\"top_k\": 3}", ""),
        LLMOBS_SEMCONV_LATEST, false);
    expect("gen_ai.retrieval.top_k", "3");
    write_span(EVENT("llm", "n", "",
                     ", \"input\": {\"prompt\": {\"id\": \"p\", \"version\": "
                     "\"2\", \"variables\": {\"who\": \"you\", \"l\": [1]}}}",
                     ""),
               LLMOBS_SEMCONV_LATEST, true);
    expect("gen_ai.prompt.name", "p");
    expect("gen_ai.prompt.version", "2");
    expect("gen_ai.prompt.variable.who", "you");
    expect("gen_ai.prompt.variable.l", "[1]");
}
END_TEST

UNIT_SUITE(otlp_span)
{
    Suite *s = suite_create("otlp_span");

    UNIT_TEST(s, a_call_has_the_names_of_its_form);
    UNIT_TEST(s, a_span_has_the_ids_of_its_trace);
    UNIT_TEST(s, an_event_without_facts_says_what_it_can);
    UNIT_TEST(s, each_kind_has_the_names_of_its_form);
    UNIT_TEST(s, the_newest_form_has_names_of_its_own);
    return s;
}
