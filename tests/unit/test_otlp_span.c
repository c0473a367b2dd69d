/* Events as spans of OTLP: each kind in each form. The whole of tests/rules is
 * held against the conventions by tests/otlp/conventions. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/otlp_case.h"
#include "tests/unit/unit.h"

/* -- kinds --------------------------------------------------------------- */

static const char chat[] = OTLP_EVENT(
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
    "[\"agent_service:app\", \"error:0\", \"http.status_code:200\", "
    "\"integration:openai\", "
    "\"ml_app:app\", \"session_id:s-1\", \"team:a:b\", \"version:1\"]");

/* The attributes that the call above has in every form. */
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

#define IN_BOTH                                                          \
    ", \"gen_ai.request.stream\": true, "                                \
    "\"gen_ai.response.time_to_first_chunk\": 0.25, "                    \
    "\"gen_ai.usage.cache_read.input_tokens\": 3, "                      \
    "\"gen_ai.usage.reasoning.output_tokens\": 1, \"openai.api.type\": " \
    "\"chat_completions\""

TEST(a_call_has_the_names_of_its_form)
{
    otlp_case_write(chat, LLMOBS_SEMCONV_1_41, false);
    otlp_case_attributes("{" CHAT IN_BOTH ", \"gen_ai.request.top_k\": 40.0, "
                         "\"gen_ai.usage.cache_creation.input_tokens\": 2}");
    otlp_case_write(chat, LLMOBS_SEMCONV_LATEST, false);
    otlp_case_attributes("{" CHAT IN_BOTH ", \"gen_ai.request.top_k\": 40, "
                         "\"gen_ai.request.reasoning.level\": \"low\", "
                         "\"gen_ai.usage.cache_write.input_tokens\": 2}");
}

TEST(a_span_has_the_ids_of_its_trace)
{
    otlp_case_write(chat, LLMOBS_SEMCONV_1_41, false);
    otlp_case_field("traceId", OTLP_TRACE);
    otlp_case_field("spanId", "00000000000000ff");
    otlp_case_field("parentSpanId", "0000000000001000");
    otlp_case_field("traceState", "dd=s:1");
    otlp_case_field("name", "chat gpt-4o");
    otlp_case_field("startTimeUnixNano", "1000");
    otlp_case_field("endTimeUnixNano", "1005");
    ck_assert_int_eq(
        llmobs_json_to_int(llmobs_json_get(otlp_case_span(), "kind")), 3);
    ck_assert_int_eq(
        llmobs_json_to_int(llmobs_json_get(otlp_case_span(), "flags")), 0x301);
    ck_assert_ptr_null(llmobs_json_get(otlp_case_span(), "status"));
    ck_assert_ptr_null(llmobs_json_get(otlp_case_span(), "links"));
    ck_assert_ptr_null(
        llmobs_json_get(otlp_case_span(), "droppedAttributesCount"));
}

/* Where the two differ, the trace's own parent is the parent. */
TEST(a_span_tells_both_of_its_parents)
{
    static const char event[] =
        "{\"_call\": {\"parent\": \"4096\"}, \"meta\": {\"span\": {\"kind\": "
        "\"task\"}}, \"name\": \"n\", \"parent_id\": \"17\", \"span_id\": "
        "\"255\", \"start_ns\": 1, \"trace_id\": \"" OTLP_TRACE "\"}";

    otlp_case_write(event, LLMOBS_SEMCONV_1_41, false);
    otlp_case_field("parentSpanId", "0000000000001000");
    otlp_case_attribute("llmobs.parent_id", "17");
    otlp_case_write(OTLP_EVENT("task", "n", "\"parent\": \"4096\"", "", ""),
                    LLMOBS_SEMCONV_1_41, false);
    otlp_case_field("parentSpanId", "0000000000001000");
    otlp_case_attribute("llmobs.parent_id", NULL);
}

/* As SPANS.md has it; without content no name with a blank. */
TEST(a_script_is_code)
{
    static const char event[] = OTLP_EVENT(
        "llm", "n", "",
        ", \"metadata\": {\"caller\": {\"code\": \"A\\\\B::c\", \"file\": "
        "\"Command line code\", \"line\": 3}}",
        "");

    for (int content = 0; content < 2; content++) {
        otlp_case_write(event, LLMOBS_SEMCONV_1_41, content);
        otlp_case_attribute("code.file.path",
                            content ? "Command line code" : NULL);
        otlp_case_attribute("code.line.number", "3");
        otlp_case_attribute("code.function.name", "A\\B::c");
    }
    otlp_case_write(OTLP_EVENT("llm", "n", "",
                               ", \"metadata\": {\"caller\": {\"module\": "
                               "\"curl\", \"offset\": 3}}",
                               ""),
                    LLMOBS_SEMCONV_1_41, true);
    otlp_case_attribute("code.file.path", NULL);
    otlp_case_attribute("code.line.number", NULL);
    otlp_case_attribute("code.function.name", NULL);
}

/* The tag that says the same as the fact is left out, and only there. */
TEST(a_status_is_said_once)
{
    const char tag[] = "llmobs.tag.http.status_code";

    otlp_case_write(OTLP_EVENT("llm", "n", "\"status\": 429", "",
                               ", \"tags\": [\"http.status_code:429\"]"),
                    LLMOBS_SEMCONV_1_41, false);
    otlp_case_attribute("http.response.status_code", "429");
    otlp_case_attribute(tag, NULL);
    otlp_case_write(OTLP_EVENT("llm", "n", "", "",
                               ", \"tags\": [\"http.status_code:429\"]"),
                    LLMOBS_SEMCONV_1_41, false);
    otlp_case_attribute("http.response.status_code", NULL);
    otlp_case_attribute(tag, "429");
    otlp_case_write(OTLP_EVENT("llm", "n", "\"status\": 429", "",
                               ", \"tags\": [\"http.status_codes:1\"]"),
                    LLMOBS_SEMCONV_1_41, false);
    otlp_case_attribute("llmobs.tag.http.status_codes", "1");
}

/* The name of a user is no content that the program asked to send; of one that
 * it said itself it did. */
TEST(a_user_without_content_is_a_hash)
{
    static const char event[] = OTLP_EVENT(
        "llm", "n", "\"users\": [\"user_id\", \"email\"]", "",
        ", \"tags\": [\"email:ada\", \"user_id:ada\", \"user_name:ada\"]");

    otlp_case_write(event, LLMOBS_SEMCONV_1_41, false);
    otlp_case_attribute("user.id", "sha256:fdee430d40bd57de");
    otlp_case_attribute("llmobs.tag.email", "sha256:fdee430d40bd57de");
    otlp_case_attribute("llmobs.tag.user_name", "ada");
    otlp_case_write(event, LLMOBS_SEMCONV_1_41, true);
    otlp_case_attribute("user.id", "ada");
    /* Its process had a key, which this one lacks. */
    otlp_case_write(OTLP_EVENT("llm", "n", "\"users\": [\"*\", \"user_id\"]",
                               "", ", \"tags\": [\"user_id:ada\"]"),
                    LLMOBS_SEMCONV_1_41, false);
    otlp_case_attribute("user.id", NULL);
}

/* Of an attribute there is one. */
TEST(a_tag_of_several_values_is_a_list)
{
    otlp_case_write(
        OTLP_EVENT("task", "n", "", "",
                   ", \"tags\": [\"tag:a\", \"tag:b:c\", \"tags:d\", "
                   "\"user_id:u\"]"),
        LLMOBS_SEMCONV_1_41, false);
    otlp_case_attribute("user.id", "u");
    otlp_case_attribute("llmobs.tag.tags", "d");
    otlp_case_attribute("llmobs.tag.tag", "[\"a\", \"b:c\"]");
    otlp_case_write(OTLP_EVENT("task", "n", "", "", ", \"tags\": [\"tag:a\"]"),
                    LLMOBS_SEMCONV_1_41, false);
    otlp_case_attribute("llmobs.tag.tag", "a");
}

/* An event of an older version: its root has no parent, and nothing is made
 * up. */
TEST(an_event_without_facts_says_what_it_can)
{
    otlp_case_write(
        "{\"_dd\": {\"trace_id\": \"x\"}, \"duration\": 0, \"meta\": "
        "{\"model_name\": \"m\", \"model_provider\": "
        "\"amazon_bedrock\", \"span\": {\"kind\": \"llm\"}}, "
        "\"metrics\": {}, \"name\": \"n\", \"parent_id\": "
        "\"undefined\", \"span_id\": \"1\", \"start_ns\": 1, "
        "\"trace_id\": \"11111111111111111111111111111111\"}",
        LLMOBS_SEMCONV_1_41, true);
    otlp_case_field("traceId", "11111111111111111111111111111111");
    otlp_case_field("parentSpanId", NULL);
    otlp_case_attributes(
        "{\"gen_ai.operation.name\": \"chat\", "
        "\"gen_ai.provider.name\": \"aws.bedrock\", "
        "\"gen_ai.request.model\": \"m\", \"llmobs.span.kind\": "
        "\"llm\", \"llmobs.name\": \"n\"}");
}

static void expect_model(const char *event, const char *model, const char *name)
{
    otlp_case_write(event, LLMOBS_SEMCONV_1_41, false);
    otlp_case_attribute("gen_ai.request.model", model);
    otlp_case_field("name", name);
}

/* The model that answered, or the word for none, is not the one that a program
 * asked for. */
TEST(a_request_without_a_model_has_none)
{
    static const char *const blanks[] = {"", "unknown", "unknown_model",
                                         "custom"};
    char event[512];

    expect_model(OTLP_EVENT("llm", "n", "\"operation\": \"chat\"",
                            ", \"model_name\": \"gpt-4o-2024-08-06\"", ""),
                 NULL, "chat");
    expect_model(OTLP_EVENT("embedding", "n", "\"operation\": \"embeddings\"",
                            ", \"model_name\": \"e-1\"", ""),
                 NULL, "embeddings");
    expect_model(OTLP_EVENT("llm", "n",
                            "\"operation\": \"chat\", \"request_model\": "
                            "\"custom\"",
                            ", \"model_name\": \"m\"", ""),
                 "custom", "chat custom");
    expect_model(
        OTLP_EVENT("llm", "n", "\"pid\": 7", ", \"model_name\": \"m\"", ""),
        "m", "chat m");
    for (size_t i = 0; i < sizeof(blanks) / sizeof(*blanks); i++) {
        snprintf(event, sizeof(event),
                 OTLP_EVENT("llm", "n", "\"pid\": 7",
                            ", \"model_name\": \"%s\", \"model_provider\": "
                            "\"%s\"",
                            ""),
                 blanks[i], blanks[i]);
        expect_model(event, NULL, "chat");
        otlp_case_attribute("gen_ai.provider.name", "unknown");
    }
}

/* An event of each other kind, whose attributes are without content those of
 * `bare`, and with it also those of `texts`. */
static const struct kind_case {
    const char *event, *name;
    int kind;
    const char *bare, *texts;
} kinds[] = {
    {OTLP_EVENT(
         "embedding", "embed",
         "\"provider\": \"openai\", \"request_model\": \"e\", "
         "\"response_model\": \"e-1\", \"dimensions\": 8, "
         "\"encoding_formats\": [\"float\"]",
         ", \"metadata\": {\"encoding_format\": \"float\", \"dimensions\": "
         "8}, \"input\": {\"documents\": [{\"text\": \"a\"}]}, \"output\": "
         "{\"value\": \"[1 embedding]\"}",
         ", \"metrics\": {\"input_tokens\": 2, \"output_tokens\": 0}"),
     "embeddings e", 3,
     "\"gen_ai.operation.name\": \"embeddings\", \"gen_ai.provider.name\": "
     "\"openai\", \"gen_ai.request.model\": \"e\", "
     "\"gen_ai.request.encoding_formats\": [\"float\"], "
     "\"gen_ai.usage.input_tokens\": 2, \"llmobs.usage.output_tokens\": 0, "
     "\"llmobs.metadata.dimensions\": 8, \"llmobs.span.kind\": \"embedding\", "
     "\"llmobs.name\": \"embed\", \"gen_ai.response.model\": \"e-1\", "
     "\"gen_ai.embeddings.dimension.count\": 8",
     ", \"llmobs.input.documents\": \"[{\\\"text\\\": \\\"a\\\"}]\", "
     "\"llmobs.output.value\": \"[1 embedding]\""},
    {OTLP_EVENT("agent", "planner", "",
                ", \"metadata\": {\"_dd\": {\"agent_manifest\": "
                "{\"handoff_description\": \"plans\"}}}, \"input\": "
                "{\"value\": \"goal\"}, \"output\": {\"value\": \"done\"}",
                ""),
     "invoke_agent planner", 1,
     "\"gen_ai.operation.name\": \"invoke_agent\", \"gen_ai.provider.name\": "
     "\"unknown\", \"gen_ai.agent.name\": \"planner\", "
     "\"llmobs.span.kind\": \"agent\", \"llmobs.name\": \"planner\"",
     ", \"llmobs.metadata._dd\": \"{\\\"agent_manifest\\\": "
     "{\\\"handoff_description\\\": \\\"plans\\\"}}\", "
     "\"gen_ai.agent.description\": \"plans\", "
     "\"gen_ai.input.messages\": \"[{\\\"role\\\":\\\"user\\\","
     "\\\"parts\\\":[{\\\"type\\\":\\\"text\\\",\\\"content\\\":"
     "\\\"goal\\\"}]}]\", \"gen_ai.output.messages\": "
     "\"[{\\\"role\\\":\\\"assistant\\\",\\\"parts\\\":[{\\\"type\\\":"
     "\\\"text\\\",\\\"content\\\":\\\"done\\\"}],\\\"finish_reason\\\":"
     "\\\"stop\\\"}]\""},
    {OTLP_EVENT("tool", "look", "",
                ", \"tool\": {\"version\": \"2\"}, \"intent\": "
                "\"To pack\", \"input\": {\"value\": "
                "\"{\\\"a\\\": 1}\"}, \"output\": {\"value\": \"sunny\"}",
                ""),
     "execute_tool look", 1,
     "\"gen_ai.operation.name\": \"execute_tool\", \"gen_ai.tool.name\": "
     "\"look\", \"gen_ai.tool.type\": \"function\", \"llmobs.span.kind\": "
     "\"tool\", \"llmobs.name\": \"look\", \"llmobs.tool.version\": \"2\"",
     ", \"llmobs.tool.intent\": \"To pack\", "
     "\"gen_ai.tool.call.arguments\": \"{\\\"a\\\": 1}\", "
     "\"gen_ai.tool.call.result\": \"sunny\""},
    {OTLP_EVENT("tool", "MCP Client Tool Call: add",
                "\"host\": \"h\", \"mcp_method\": \"tools/call\", "
                "\"mcp_protocol\": \"2026-07-28\", \"mcp_session\": "
                "\"0f\", \"mcp_target\": \"add\", \"port\": 443, "
                "\"rpc_id\": \"7\"",
                "", ""),
     "tools/call add", 3,
     "\"gen_ai.operation.name\": \"execute_tool\", \"gen_ai.tool.name\": "
     "\"add\", \"gen_ai.tool.type\": \"function\", \"llmobs.span.kind\": "
     "\"tool\", \"llmobs.name\": \"MCP Client Tool Call: add\", "
     "\"mcp.method.name\": \"tools/call\", \"mcp.protocol.version\": "
     "\"2026-07-28\", \"mcp.session.id\": \"0f\", "
     "\"jsonrpc.request.id\": \"7\", \"server.address\": \"h\", "
     "\"server.port\": 443",
     ""},
    {OTLP_EVENT("task", "MCP Client list Tools",
                "\"mcp_method\": \"tools/list\"", "", ""),
     "tools/list", 1,
     "\"llmobs.span.kind\": \"task\", \"llmobs.name\": "
     "\"MCP Client list Tools\", \"mcp.method.name\": \"tools/list\"",
     ""},
    {OTLP_EVENT(
         "retrieval", "index", "",
         ", \"metadata\": {\"data_source_id\": \"kb\"}, \"input\": "
         "{\"value\": \"which?\"}, \"output\": {\"documents\": [{\"id\": "
         "\"d\", \"score\": 0.5, \"text\": \"T\", \"name\": \"N\"}]}",
         ""),
     "retrieval kb", 3,
     "\"gen_ai.operation.name\": \"retrieval\", \"gen_ai.data_source.id\": "
     "\"kb\", \"llmobs.span.kind\": \"retrieval\", \"llmobs.name\": "
     "\"index\"",
     ", \"gen_ai.retrieval.query.text\": \"which?\", "
     "\"gen_ai.retrieval.documents\": \"[{\\\"id\\\":\\\"d\\\","
     "\\\"score\\\":0.5,\\\"content\\\":\\\"T\\\",\\\"name\\\":"
     "\\\"N\\\"}]\""},
    {OTLP_EVENT("workflow", "serve", "",
                ", \"input\": {\"value\": \"in\"}, \"output\": {\"value\": "
                "\"out\"}",
                ""),
     "invoke_workflow serve", 1,
     "\"gen_ai.operation.name\": \"invoke_workflow\", "
     "\"gen_ai.workflow.name\": \"serve\", \"llmobs.span.kind\": "
     "\"workflow\", \"llmobs.name\": \"serve\"",
     ", \"gen_ai.input.messages\": \"[{\\\"role\\\":\\\"user\\\","
     "\\\"parts\\\":[{\\\"type\\\":\\\"text\\\",\\\"content\\\":"
     "\\\"in\\\"}]}]\", \"gen_ai.output.messages\": "
     "\"[{\\\"role\\\":\\\"assistant\\\",\\\"parts\\\":[{\\\"type\\\":"
     "\\\"text\\\",\\\"content\\\":\\\"out\\\"}],\\\"finish_reason\\\":"
     "\\\"stop\\\"}]\""},
    {OTLP_EVENT("task", "prepare", "",
                ", \"input\": {\"value\": \"in\"}, \"output\": {\"value\": "
                "\"out\"}",
                ", \"tags\": [\"user_id:u-1\"]"),
     "prepare", 1, "\"llmobs.span.kind\": \"task\", \"user.id\": \"u-1\"",
     ", \"llmobs.input.value\": \"in\", \"llmobs.output.value\": \"out\""},
    /* Counted once, by the span behind the proxy. */
    {OTLP_EVENT("workflow", "OpenAI.createChatCompletion",
                "\"operation\": \"chat\", \"provider\": \"openai\", "
                "\"request_model\": \"m\", \"finish_reasons\": [\"stop\"], "
                "\"host\": \"proxy\", \"port\": 80, \"proxied\": true",
                ", \"input\": {\"value\": \"in\"}, \"metadata\": "
                "{\"temperature\": 1}",
                ", \"metrics\": {}, \"tags\": [\"ml-proxy:custom\"]"),
     "OpenAI.createChatCompletion", 3,
     "\"llmobs.span.kind\": \"workflow\", \"server.address\": \"proxy\", "
     "\"server.port\": 80, \"llmobs.metadata.temperature\": 1, "
     "\"llmobs.tag.ml-proxy\": \"custom\"",
     ", \"llmobs.input.value\": \"in\""},
};

static void check_kind(const struct kind_case *c)
{
    char wanted[4096];

    snprintf(wanted, sizeof(wanted), "{%s}", c->bare);
    otlp_case_write(c->event, LLMOBS_SEMCONV_1_41, false);
    otlp_case_field("name", c->name);
    ck_assert_int_eq(
        llmobs_json_to_int(llmobs_json_get(otlp_case_span(), "kind")), c->kind);
    otlp_case_attributes(wanted);
    snprintf(wanted, sizeof(wanted), "{%s%s}", c->bare, c->texts);
    otlp_case_write(c->event, LLMOBS_SEMCONV_1_41, true);
    otlp_case_attributes(wanted);
}

/* A span that the C API makes within a process has no host; a call has one. */
TEST(a_call_of_any_kind_is_a_client)
{
    otlp_case_write(OTLP_EVENT("task", "n",
                               "\"host\": \"h\", \"operation\": "
                               "\"fetch_response\", \"port\": 443, "
                               "\"provider\": \"openai\", \"response_id\": "
                               "\"r-1\"",
                               "", ", \"metrics\": {\"input_tokens\": 3}"),
                    LLMOBS_SEMCONV_LATEST, false);
    otlp_case_attributes(
        "{\"gen_ai.operation.name\": \"fetch_response\", "
        "\"gen_ai.provider.name\": \"openai\", \"gen_ai.response.id\": "
        "\"r-1\", \"llmobs.name\": \"n\", \"llmobs.span.kind\": \"task\", "
        "\"llmobs.usage.input_tokens\": 3, \"server.address\": \"h\", "
        "\"server.port\": 443}");
    otlp_case_write(OTLP_EVENT("tool", "n",
                               "\"host\": \"h\", \"operation\": "
                               "\"execute_tool\", \"port\": 443, "
                               "\"provider\": \"p\"",
                               "", ""),
                    LLMOBS_SEMCONV_LATEST, false);
    otlp_case_attribute("server.address", "h");
}

/* A description is content. */
TEST(a_tool_is_described)
{
    for (int content = 0; content < 2; content++) {
        otlp_case_write(OTLP_EVENT("tool", "look", "",
                                   ", \"metadata\": {\"tool_description\": "
                                   "\"Looks out.\"}",
                                   ""),
                        LLMOBS_SEMCONV_1_41, content);
        otlp_case_attribute("gen_ai.tool.description",
                            content ? "Looks out." : NULL);
        otlp_case_attribute("llmobs.metadata.tool_description", NULL);
    }
}

TEST(each_kind_has_its_names)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        check_kind(&kinds[i]);
}

/* The newest form names a prompt's parts and a retrieval's count, and asks no
 * provider of an agent. */
TEST(the_newest_form_has_names_of_its_own)
{
    otlp_case_write(kinds[1].event, LLMOBS_SEMCONV_LATEST, false);
    otlp_case_attribute("gen_ai.provider.name", NULL);
    otlp_case_write(
        OTLP_EVENT("retrieval", "r", "", ", \"metadata\": {\"top_k\": 3}", ""),
        LLMOBS_SEMCONV_LATEST, false);
    otlp_case_attribute("gen_ai.retrieval.top_k", "3");
    otlp_case_write(OTLP_EVENT("retrieval", "r", "",
                               ", \"metadata\": {\"max_num_results\": 4, "
                               "\"vector_store_id\": \"vs\"}",
                               ""),
                    LLMOBS_SEMCONV_LATEST, false);
    otlp_case_attribute("gen_ai.retrieval.top_k", "4");
    otlp_case_attribute("gen_ai.data_source.id", "vs");
    otlp_case_write(OTLP_EVENT("workflow", "w", "", "", ""),
                    LLMOBS_SEMCONV_LATEST, false);
    otlp_case_attribute("gen_ai.agent.name", "w");
    otlp_case_attribute("gen_ai.workflow.name", NULL);
    for (int form = LLMOBS_SEMCONV_1_41; form <= LLMOBS_SEMCONV_LATEST;
         form++) {
        otlp_case_write(OTLP_EVENT("llm", "n", "", "",
                                   ", \"metrics\": {\"input_tokens\": 0, "
                                   "\"cache_read_input_tokens\": 0, "
                                   "\"cache_write_input_tokens\": 0}"),
                        (enum llmobs_semconv)form, false);
        otlp_case_attribute("gen_ai.usage.input_tokens", "0");
        otlp_case_attribute("gen_ai.usage.cache_read.input_tokens",
                            form == LLMOBS_SEMCONV_LATEST ? NULL : "0");
        otlp_case_attribute("llmobs.usage.cache_read_input_tokens", NULL);
    }
    otlp_case_write(
        OTLP_EVENT("llm", "n", "",
                   ", \"input\": {\"prompt\": {\"id\": \"p\", \"version\": "
                   "\"2\", \"variables\": {\"who\": \"you\", \"l\": [1]}}}",
                   ""),
        LLMOBS_SEMCONV_LATEST, true);
    otlp_case_attribute("gen_ai.prompt.name", "p");
    otlp_case_attribute("gen_ai.prompt.version", "2");
    otlp_case_attribute("gen_ai.prompt.variable.who", "you");
    otlp_case_attribute("gen_ai.prompt.variable.l", "[1]");
}
