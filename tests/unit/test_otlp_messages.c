/* The content of spans of OTLP: messages of every kind of part, and limits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/otlp_case.h"
#include "tests/unit/unit.h"

#define STABLE LLMOBS_SEMCONV_1_41
#define LATEST LLMOBS_SEMCONV_LATEST
#define IN "gen_ai.input.messages"
#define OUT "gen_ai.output.messages"

#define CALL(facts, input, output)                                      \
    OTLP_EVENT("llm", "n", facts,                                       \
               ", \"input\": {\"messages\": [" input "]}, \"output\": " \
               "{\"messages\": [" output "]}",                          \
               "")
#define SAYS(role, text) "{\"content\": \"" text "\", \"role\": \"" role "\"}"
#define CALLS(role, text, type, arguments)                                 \
    "{\"content\": \"" text "\", \"role\": \"" role "\", \"tool_calls\": " \
    "[{\"arguments\": " arguments ", \"name\": \"f\", \"tool_id\": "       \
    "\"t\", \"type\": \"" type "\"}]}"
#define RESULT(role, text, type, result)                                     \
    "{\"content\": \"" text "\", \"role\": \"" role "\", \"tool_results\": " \
    "[{\"result\": \"" result "\", \"tool_id\": \"t\", \"type\": \"" type    \
    "\"}]}"
#define DATA(kind, data)                                              \
    "{\"content\": \"see\", \"role\": \"user\", \"" kind "_parts\": " \
    "[{\"mime_type\": \"" kind "/x\", \"content\": \"" data "\"}]}"

#define M(role, parts) "{\"role\": \"" role "\", \"parts\": [" parts "]}"
#define F(role, parts, reason)                    \
    "{\"role\": \"" role "\", \"parts\": [" parts \
    "], \"finish_reason\": \"" reason "\"}"
#define TEXT(text) "{\"type\": \"text\", \"content\": \"" text "\"}"
#define THINK(text) "{\"type\": \"reasoning\", \"content\": \"" text "\"}"
#define ASK(arguments)                                           \
    "{\"type\": \"tool_call\", \"id\": \"t\", \"name\": \"f\", " \
    "\"arguments\": " arguments "}"
#define ANSWER(response)                                 \
    "{\"type\": \"tool_call_response\", \"id\": \"t\", " \
    "\"response\": " response "}"

/* One input message becomes these, in both forms. */
static const struct {
    const char *message, *expected;
} inputs[] = {
    {SAYS("user", "hi"), M("user", TEXT("hi"))},
    {SAYS("", "hi"), M("user", TEXT("hi"))},
    {SAYS("developer", "d"), M("system", TEXT("d"))},
    {SAYS("model", "m"), M("assistant", TEXT("m"))},
    {SAYS("function", "x"), M("function", TEXT("x"))},
    {SAYS("user", ""), M("user", "")},
    {SAYS("user", "a\\\"b\\\\c\\n\\u00fc\\ud83d\\ude00"),
     M("user", TEXT("a\\\"b\\\\c\\n\\u00fc\\ud83d\\ude00"))},
    {SAYS("reasoning", "hm") ", " SAYS("assistant", "42"),
     M("assistant", THINK("hm") ", " TEXT("42"))},
    {SAYS("reasoning", "a") ", " SAYS("reasoning", "b") ", " SAYS("user", "c"),
     M("assistant", THINK("a") ", " THINK("b")) ", " M("user", TEXT("c"))},
    {SAYS("assistant", "1") ", " SAYS("reasoning", "a"),
     M("assistant", TEXT("1")) ", " M("assistant", THINK("a"))},
    {CALLS("assistant", "so", "function", "{\"a\": [1, null]}"),
     M("assistant", TEXT("so") ", " ASK("{\"a\": [1, null]}"))},
    {CALLS("assistant", "", "custom", "{\"value\": \"free text\"}"),
     M("assistant", ASK("\"free text\""))},
    {CALLS("assistant", "", "custom", "{\"value\": \"x\", \"b\": 1}"),
     M("assistant", ASK("{\"value\": \"x\", \"b\": 1}"))},
    {CALLS("assistant", "", "function", "{}"), M("assistant", ASK("{}"))},
    {CALLS("assistant", "", "mcp_tool_use", "{\"a\": 1}"),
     M("assistant", "{\"type\": \"server_tool_call\", \"id\": \"t\", "
                    "\"name\": \"f\", \"server_tool_call\": {\"type\": "
                    "\"f\", \"arguments\": {\"a\": 1}}}")},
    {"{\"tool_calls\": [{\"name\": \"f\", \"tool_id\": \"t\", "
     "\"arguments\": {}}]}",
     M("assistant", ASK("{}"))},
    {RESULT("user", "", "tool_result", "12 C"), M("tool", ANSWER("\"12 C\""))},
    {RESULT("tool", "", "tool_result", "{\\\"b\\\": [2]}"),
     M("tool", ANSWER("{\"b\": [2]}"))},
    {RESULT("tool", "", "tool_result", " [1] "), M("tool", ANSWER("[1]"))},
    {RESULT("tool", "", "tool_result", "[1, 2"),
     M("tool", ANSWER("\"[1, 2\""))},
    {RESULT("tool", "", "tool_result", "17"), M("tool", ANSWER("\"17\""))},
    {RESULT("tool", "", "tool_result", ""), M("tool", ANSWER("\"\""))},
    {RESULT("user", "and now?", "tool_result", "r"),
     M("tool", ANSWER("\"r\"")) ", " M("user", TEXT("and now?"))},
    {RESULT("assistant", "", "tool_result", "{\\\"u\\\": 1}"),
     M("assistant", "{\"type\": \"server_tool_call_response\", \"id\": "
                    "\"t\", \"server_tool_call_response\": {\"type\": "
                    "\"tool_result\", \"response\": {\"u\": 1}}}")},
    {DATA("image", "AAAA"),
     M("user", TEXT("see") ", {\"type\": \"blob\", \"modality\": \"image\", "
                           "\"mime_type\": \"image/x\", \"content\": "
                           "\"AAAA\"}")},
    {DATA("audio", "AAAA"),
     M("user", TEXT("see") ", {\"type\": \"blob\", \"modality\": \"audio\", "
                           "\"mime_type\": \"audio/x\", \"content\": "
                           "\"AAAA\"}")},
};

TEST(input_messages_have_their_parts)
{
    for (size_t i = 0; i < sizeof(inputs) / sizeof(*inputs); i++)
        for (int form = STABLE; form <= LATEST; form++) {
            char event[2048], wanted[2048];

            snprintf(event, sizeof(event), CALL("", "%s", ""),
                     inputs[i].message);
            snprintf(wanted, sizeof(wanted), "[%s]", inputs[i].expected);
            otlp_case_write(event, (enum llmobs_semconv)form, true);
            otlp_case_document(IN, wanted);
            otlp_case_attribute(OUT, NULL);
        }
}

#define TWO SAYS("assistant", "a") ", " SAYS("assistant", "b")

static const struct {
    const char *event, *expected;
} outputs[] = {
    /* Of one choice all is one message, of several each. */
    {CALL("\"finish_reasons\": [\"tool_call\"]", "",
          SAYS("reasoning", "hm") ", " SAYS("assistant", "so") ", " CALLS(
              "assistant", "", "tool_use", "{}")),
     F("assistant", THINK("hm") ", " TEXT("so") ", " ASK("{}"), "tool_call")},
    {CALL("\"finish_reasons\": [\"stop\", \"length\"]", "", TWO),
     F("assistant", TEXT("a"), "stop") ", " F("assistant", TEXT("b"),
                                              "length")},
    {CALL("\"finish_reasons\": [\"stop\", \"length\"]", "",
          SAYS("reasoning", "hm") ", " TWO ", " SAYS("assistant", "c")),
     F("assistant", THINK("hm") ", " TEXT("a"),
       "stop") ", " F("assistant", TEXT("b"),
                      "length") ", " F("assistant", TEXT("c"), "length")},
    /* The form asks for a reason where none is known. */
    {CALL("", "", TWO),
     F("assistant", TEXT("a"), "stop") ", " F("assistant", TEXT("b"), "stop")},
    {CALL("", "", CALLS("", "", "function", "{}")),
     F("assistant", ASK("{}"), "tool_call")},
    {CALL("\"finish_reasons\": [\"content_filter\"]", "", SAYS("", "")),
     F("assistant", "", "content_filter")},
    /* The provider's own tool answers within the turn. */
    {CALL("\"finish_reasons\": [\"stop\"]", "",
          CALLS("assistant", "", "server_tool_use",
                "{}") ", " RESULT("assistant", "", "tool_result",
                                  "r") ", " SAYS("assistant", "done")),
     F("assistant",
       "{\"type\": \"server_tool_call\", \"id\": \"t\", \"name\": \"f\", "
       "\"server_tool_call\": {\"type\": \"f\", \"arguments\": {}}}, "
       "{\"type\": \"server_tool_call_response\", \"id\": \"t\", "
       "\"server_tool_call_response\": {\"type\": \"f\", "
       "\"response\": \"r\"}}, " TEXT("done"),
       "stop")},
};

TEST(output_messages_are_the_choices)
{
    for (size_t i = 0; i < sizeof(outputs) / sizeof(*outputs); i++) {
        char wanted[2048];

        snprintf(wanted, sizeof(wanted), "[%s]", outputs[i].expected);
        otlp_case_write(outputs[i].event, STABLE, true);
        otlp_case_document(OUT, wanted);
    }
}

#define FAILED(output)                                                         \
    OTLP_EVENT(                                                                \
        "llm", "n", "\"error_code\": \"429\"",                                 \
        ", \"error\": {\"message\": \"Slow down, please\", \"stack\": "        \
        "\"\", \"type\": \"rate limit\"}, \"output\": {\"messages\": [" output \
        "]}",                                                                  \
        ", \"status\": \"error\"")

TEST(a_failed_call_says_why)
{
    const struct llmobs_json *status;

    otlp_case_write(FAILED(SAYS("", "")), STABLE, true);
    otlp_case_attribute(OUT, NULL);
    otlp_case_attribute("error.type", "429");
    status = llmobs_json_get(otlp_case_span(), "status");
    ck_assert_str_eq(llmobs_json_gets(status, "message"), "Slow down, please");
    ck_assert_int_eq(llmobs_json_to_int(llmobs_json_get(status, "code")), 2);
    otlp_case_write(FAILED(SAYS("assistant", "half")), STABLE, true);
    otlp_case_document(OUT, "[" F("assistant", TEXT("half"), "error") "]");
    otlp_case_write(FAILED(SAYS("", "")), STABLE, false);
    status = llmobs_json_get(otlp_case_span(), "status");
    ck_assert_ptr_null(llmobs_json_gets(status, "message"));
}

/* A sentence is no type; without facts the event's own word is. */
TEST(an_error_type_is_a_word)
{
    static const char *const types[][2] = {
        {"\"error_code\": \"rate_limit_exceeded\"", "rate_limit_exceeded"},
        {"\"error_code\": \"no such model: x y\"", "_OTHER"},
        {"\"status\": 500", "IOError"},
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        char event[1024];

        snprintf(event, sizeof(event),
                 OTLP_EVENT("tool", "n", "%s",
                            ", \"error\": {\"type\": \"IOError\"}",
                            ", \"status\": \"error\""),
                 types[i][0]);
        otlp_case_write(event, STABLE, false);
        otlp_case_attribute("error.type", types[i][1]);
    }
}

TEST(instructions_stand_apart_where_the_api_has_them_so)
{
    static const char event[] = CALL(
        "\"apart\": 2",
        SAYS("system", "a") ", " SAYS("system", "b") ", " SAYS("user", "c"),
        "");

    otlp_case_write(event, STABLE, true);
    otlp_case_document("gen_ai.system_instructions",
                       "[" TEXT("a") ", " TEXT("b") "]");
    otlp_case_document(IN, "[" M("user", TEXT("c")) "]");
    otlp_case_write(CALL("\"apart\": 9", SAYS("system", "a"), ""), STABLE,
                    true);
    otlp_case_document("gen_ai.system_instructions", "[" TEXT("a") "]");
    otlp_case_attribute(IN, NULL);
    otlp_case_write(CALL("\"apart\": -1", SAYS("system", "a"), ""), STABLE,
                    true);
    otlp_case_attribute("gen_ai.system_instructions", NULL);
}

#define TOOL                                                             \
    OTLP_EVENT("llm", "n", "",                                           \
               ", \"tool_definitions\": [{\"name\": \"f\", "             \
               "\"description\": \"does f\", \"schema\": {\"type\": "    \
               "\"object\"}}, {\"name\": \"g\", \"description\": \"\", " \
               "\"schema\": {}}]",                                       \
               "")
#define TOOLS                                                             \
    "[{\"type\": \"function\", \"name\": \"f\", \"description\": \"does " \
    "f\", \"parameters\": {\"type\": \"object\"}}, {\"type\": "           \
    "\"function\", \"name\": \"g\"}]"

TEST(tools_are_defined)
{
    otlp_case_write(TOOL, STABLE, true);
    otlp_case_document("gen_ai.tool.definitions", TOOLS);
}

/* Bedrock wraps a schema, Gemini writes types in capitals, and an event has
 * texts below a depth. Other texts stay as they are. */
TEST(schemas_are_those_of_draft_7)
{
    static const struct {
        const char *schema, *wanted;
    } cases[] = {
        {"{\"json\": {\"type\": \"object\"}}", "{\"type\": \"object\"}"},
        {"{\"type\": \"OBJECT\", \"properties\": {\"type\": {\"type\": "
         "\"STRING\", \"enum\": [\"STRING\", \"{}\"]}}}",
         "{\"type\": \"object\", \"properties\": {\"type\": {\"type\": "
         "\"string\", \"enum\": [\"STRING\", \"{}\"]}}}"},
        {"{\"anyOf\": [{\"type\": [\"NUMBER\", \"NULL\"]}]}",
         "{\"anyOf\": [{\"type\": [\"number\", \"null\"]}]}"},
        {"{\"properties\": {\"a\": \"{\\\"type\\\": 1}\"}, \"required\": "
         "\"[\\\"a\\\"]\", \"default\": \"{}\", \"description\": \"[1]\"}",
         "{\"properties\": {\"a\": {\"type\": 1}}, \"required\": [\"a\"], "
         "\"default\": \"{}\", \"description\": \"[1]\"}"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char meta[512], event[2048], wanted[512];

        snprintf(meta, sizeof(meta),
                 ", \"tool_definitions\": [{\"name\": \"f\", \"schema\": %s}]",
                 cases[i].schema);
        snprintf(event, sizeof(event), OTLP_EVENT("llm", "n", "", "%s", ""),
                 meta);
        snprintf(wanted, sizeof(wanted),
                 "[{\"type\": \"function\", \"name\": \"f\", "
                 "\"parameters\": %s}]",
                 cases[i].wanted);
        otlp_case_write(event, STABLE, true);
        otlp_case_document("gen_ai.tool.definitions", wanted);
    }
}

#define FOUND(documents)             \
    OTLP_EVENT("retrieval", "r", "", \
               ", \"output\": {\"documents\": [" documents "]}", "")

/* An id or a score that is not known is not made up for the form's sake. */
TEST(documents_are_as_the_form_asks)
{
    otlp_case_write(FOUND("{\"text\": \"T\"}"), STABLE, true);
    otlp_case_attribute("gen_ai.retrieval.documents", NULL);
    otlp_case_document("llmobs.output.documents", "[{\"text\": \"T\"}]");
    otlp_case_write(FOUND("{\"text\": \"T\"}"), LATEST, true);
    otlp_case_document("gen_ai.retrieval.documents", "[{\"content\": \"T\"}]");
    otlp_case_attribute("llmobs.output.documents", NULL);
}

#define LONG "0123456789012345678901234567890123456789"
#define LIMITED                                                            \
    CALL("",                                                               \
         SAYS("user", LONG "\\u00fc\\u00fc") ", " RESULT(                  \
             "tool", "", "tool_result",                                    \
             "{\\\"k\\\": \\\"" LONG                                       \
             "\\\"}") ", " CALLS("assistant", "", "function",              \
                                 "{\"l\": [\"" LONG                        \
                                 "\", 1]}") ", " DATA("image", LONG LONG), \
         "")

/* Texts are cut within the documents, and their structure stays; half a
 * picture is none. */
TEST(a_limit_cuts_the_texts_inside)
{
    otlp_case_config.otlp.value_max = 41;
    otlp_case_write(LIMITED, STABLE, true);
    otlp_case_document(
        IN, "[" M("user", TEXT("01234567890123456789")) ", " M(
                "tool",
                ANSWER("{\"k"
                       "\": "
                       "\"01"
                       "2345"
                       "6789"
                       "0123"
                       "4567"
                       "89\""
                       "}")) ", " M("assistant",
                                    ASK("{\"l\": [\"01234567890123456789\", "
                                        "1]}")) ", " M("user",
                                                       TEXT("see") ", " TEXT(
                                                           "[image "
                                                           "omitted:"
                                                           " too large]")) "]");
    otlp_case_config.otlp.value_max = 1000;
    otlp_case_write(LIMITED, STABLE, true);
    otlp_case_document(
        IN,
        "[" M("user", TEXT(LONG "\\u00fc\\u00fc")) ", " M(
            "tool",
            ANSWER(
                "{\"k\": \"" LONG
                "\"}")) ", " M("assistant",
                               ASK("{\"l\": [\"" LONG
                                   "\", 1]}")) ", " M("user",
                                                      TEXT(
                                                          "see") ", {\"type\": "
                                                                 "\"blob\", "
                                                                 "\"modality\":"
                                                                 " "
                                                                 "\"image\", "
                                                                 "\"mime_"
                                                                 "type\": "
                                                                 "\"image/x\", "
                                                                 "\"content\": "
                                                                 "\"" LONG LONG
                                                                 "\"}") "]");
    otlp_case_config.otlp.value_max = 0;
}

/* A character is never halved. */
TEST(a_limit_cuts_between_characters)
{
    otlp_case_config.otlp.value_max = 15;
    otlp_case_write(CALL("", SAYS("user", "1234567890123\\u00fc\\u00fc"), ""),
                    STABLE, true);
    otlp_case_document(IN, "[" M("user", TEXT("1234567890123\\u00fc")) "]");
    otlp_case_config.otlp.value_max = 14;
    otlp_case_write(CALL("", SAYS("user", "1234567890123\\u00fc\\u00fc"), ""),
                    STABLE, true);
    otlp_case_document(IN, "[" M("user", TEXT("1234567890123")) "]");
    otlp_case_config.otlp.value_max = 0;
}

/* Attributes of the conventions outlive the rest, and the loss is told. */
TEST(a_limit_of_attributes_drops_the_last)
{
    otlp_case_config.otlp.attribute_max = 4;
    otlp_case_write(OTLP_EVENT("llm", "n",
                               "\"provider\": \"p\", "
                               "\"request_model\": \"m\"",
                               "", ", \"tags\": [\"a:1\", \"b:2\"]"),
                    STABLE, true);
    otlp_case_attributes("{\"gen_ai.operation.name\": \"chat\", "
                         "\"gen_ai.provider.name\": \"p\", "
                         "\"gen_ai.request.model\": \"m\", "
                         "\"llmobs.span.kind\": \"llm\"}");
    ck_assert_int_eq(llmobs_json_to_int(llmobs_json_get(
                         otlp_case_span(), "droppedAttributesCount")),
                     3);
    otlp_case_config.otlp.attribute_max = 0;
}

/* Every text of an event that may hold content; none of them is in a span
 * without it. */
TEST(a_span_without_content_has_no_text)
{
    static const char secret[] = "SECRET words";
    static const char *const kinds[] = {
        "llm", "embedding", "agent", "retrieval", "tool", "task", "workflow"};
    char *text;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        char event[4096];

        snprintf(
            event, sizeof(event),
            OTLP_EVENT(
                "%s", "n", "",
                ", \"error\": {\"message\": \"SECRET words\", \"type\": "
                "\"SECRET words\", \"stack\": \"SECRET words\"}, \"input\": "
                "{\"messages\": [" SAYS(
                    "user",
                    "SECRET words") "], "
                                    "\"value\": \"SECRET words\", "
                                    "\"documents\": [{\"text\": "
                                    "\"SECRET words\"}], \"prompt\": "
                                    "{\"variables\": {\"v\": "
                                    "\"SECRET words\"}, \"template\": "
                                    "\"SECRET words\"}}, "
                                    "\"metadata\": {\"tool_description\": "
                                    "\"SECRET words\", \"suffix\": "
                                    "\"SECRET words\", \"own\": [{"
                                    "\"a\": \"SECRET words\"}], "
                                    "\"user\": \"SECRET words\"}, "
                                    "\"output\": {\"messages\": "
                                    "[" CALLS("assistant", "SECRET words",
                                              "function",
                                              "{\"a\": \"SECRET "
                                              "words\"}") "], "
                                                          "\"value\": "
                                                          "\"SECRET "
                                                          "words\", "
                                                          "\"documents"
                                                          "\": "
                                                          "[{\"id\": "
                                                          "\"1\", "
                                                          "\"score\": "
                                                          "1, "
                                                          "\"text\": "
                                                          "\"SECRET "
                                                          "words\"}]}, "
                                                          "\"tool_"
                                                          "definitions"
                                                          "\": "
                                                          "[{\"name\": "
                                                          "\"SECRET "
                                                          "words\"}]",
                ", \"status\": \"error\", \"tags\": [\"error_type:SECRET "
                "words\"]"),
            kinds[i]);
        for (int form = STABLE; form <= LATEST; form++) {
            otlp_case_write(event, (enum llmobs_semconv)form, false);
            text = llmobs_json_dumps(otlp_case_span(), 0);
            ck_assert_msg(!strstr(text, secret), "%s: %s", kinds[i], text);
            free(text);
        }
    }
}

/* Links name other spans by the trace that the span itself is in. */
TEST(links_lead_to_spans)
{
    const struct llmobs_json *links, *link;

    otlp_case_write(
        OTLP_EVENT("agent", "a", "", "",
                   ", \"span_links\": [{\"span_id\": \"16\", \"trace_id\": "
                   "\"" OTLP_TRACE "\", \"attributes\": {\"from\": "
                   "\"output\", \"to\": \"input\"}}, {\"span_id\": \"x\", "
                   "\"trace_id\": \"1\"}]"),
        STABLE, false);
    links = llmobs_json_get(otlp_case_span(), "links");
    ck_assert_uint_eq(llmobs_json_len(links), 1);
    link = llmobs_json_at(links, 0);
    ck_assert_str_eq(llmobs_json_gets(link, "traceId"), OTLP_TRACE);
    ck_assert_str_eq(llmobs_json_gets(link, "spanId"), "0000000000000010");
    ck_assert_uint_eq(llmobs_json_len(llmobs_json_get(link, "attributes")), 2);
}
