/* Runs of tools that have spans of their own, and the tags that the calls of a
 * session share. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/link_case.h"

LINK_FIXTURE;

#define OSLO "{\"city\":\"Oslo\"}"
#define RUN(number, name, arguments, in)                             \
    link_turn(&(struct turn){.id = (number),                         \
                             .tool = (name),                         \
                             .input = (arguments),                   \
                             .account = 9,                           \
                             .url = "http://link_tools.example/mcp", \
                             .trace = (in)})

TEST(a_tool_links_to_who_called_it)
{
    TURN_AS(1, "[" USER "]", ASKED, .trace = 5);
    ck_assert_str_eq(RUN(2, "weather", OSLO, 5), "1");
    /* A second try of it, then the result, and the same call anew. */
    ck_assert_str_eq(RUN(3, "weather", " {\"city\": \"Oslo\"}", 5), "1");
    TURN_AS(4, BROUGHT, "[" CALLS(OTHER, "weather") "]", .trace = 5);
    ck_assert_str_eq(RUN(6, "weather", OSLO, 5), "4");
    /* The links of a tool's span do not change. */
    ck_assert_str_eq(link_turn(&(struct turn){.id = 2,
                                              .tool = "weather",
                                              .input = OSLO,
                                              .trace = 5,
                                              .start = link_now - 4 * SECOND}),
                     "1");
}

/* The model says why it calls, in an argument that the span has apart. */
TEST(a_tool_with_an_intent_links)
{
    TURN_AS(1, "[" USER "]",
            "[{\"role\":\"assistant\",\"tool_calls\":[{\"name\":\"weather\","
            "\"arguments\":{\"telemetry\":{\"intent\":\"To pack\"},"
            "\"city\":\"Oslo\"},\"tool_id\":\"" CALL "\"}]}]",
            .trace = 5);
    ck_assert_str_eq(RUN(2, "weather", OSLO, 5), "");
    ck_assert_str_eq(link_turn(&(struct turn){.id = 3,
                                              .tool = "weather",
                                              .input = OSLO,
                                              .intent = "To pack",
                                              .trace = 5}),
                     "1");
}

TEST(near_misses_of_runs)
{
    ck_assert_str_eq(RUN(9, "weather", OSLO, 5), "");
    TURN_AS(1, "[" USER "]", ASKED, .trace = 5);
    ck_assert_str_eq(RUN(2, "weather", OSLO, 6), "");
    ck_assert_str_eq(RUN(3, "weather", "{\"city\":\"Rome\"}", 5), "");
    ck_assert_str_eq(RUN(4, "weather", "{}", 5), "");
    ck_assert_str_eq(RUN(5, "climate", OSLO, 5), "");
    ck_assert_str_eq(RUN(6, "weather", NULL, 5), "");
    ck_assert_str_eq(RUN(7, "weather", "\"Oslo\"", 5), "");
    /* It began before the answer's end. */
    ck_assert_str_eq(link_turn(&(struct turn){.id = 8,
                                              .tool = "weather",
                                              .input = OSLO,
                                              .trace = 5,
                                              .start = link_now - 8 * SECOND}),
                     "");
    /* Two answers wait for the same. */
    TURN_AS(10, "[" USER "]", "[" CALLS(OTHER, "weather") "]", .trace = 5);
    ck_assert_str_eq(RUN(11, "weather", OSLO, 5), "");
    TURN_AS(12, "[" USER "," CALLS(OTHER, "weather") "," BRINGS(OTHER) "]",
            NULL, .trace = 5);
    ck_assert_str_eq(RUN(13, "weather", OSLO, 5), "1");
    TURN_AS(14, BROUGHT, NULL, .trace = 5);
    ck_assert_str_eq(RUN(15, "weather", OSLO, 5), "");
}

/* The request that brings the result goes on from the tool's span, if that is
 * certain. */
TEST(a_result_links_to_the_tool)
{
    TURN_AS(1, "[" USER "]", ASKED, .trace = 5);
    RUN(2, "weather", OSLO, 5);
    ck_assert_str_eq(TURN_AS(3, BROUGHT, NULL, .trace = 5), "2 1:turn");
    /* Another trace, other arguments, and two runs. */
    link_begin();
    TURN_AS(1, "[" USER "]", ASKED, .trace = 5);
    RUN(2, "weather", OSLO, 6);
    RUN(3, "weather", "{}", 5);
    ck_assert_str_eq(TURN_AS(4, BROUGHT, NULL, .trace = 5), "1");
    link_begin();
    TURN_AS(1, "[" USER "]", ASKED, .trace = 5);
    RUN(2, "weather", OSLO, 5);
    RUN(3, "weather", OSLO, 5);
    ck_assert_str_eq(TURN_AS(4, BROUGHT, NULL, .trace = 5), "1");
    /* The request has its own trace, and the tool is in it. */
    link_begin();
    TURN_AS(1, "[" USER "]", ASKED, .trace = 5);
    RUN(2, "weather", OSLO, 7);
    ck_assert_str_eq(TURN_AS(3, BROUGHT, NULL, .trace = 7), "2 1:turn");
}

#define COUNT "call_0"
#define COUNTED "[" CALLS(COUNT, "weather") "]"
#define GOES_ON "[" USER "," CALLS(COUNT, "weather") "," BRINGS(COUNT)

/* An id that each answer has is that of the answer with which the history
 * ends. */
TEST(ids_that_are_counts)
{
    TURN(1, "[" USER "]", COUNTED);
    ck_assert_str_eq(TURN(2, GOES_ON "]", COUNTED), "1");
    ck_assert_str_eq(
        TURN(3, GOES_ON "," CALLS(COUNT, "weather") "," BRINGS(COUNT) "]",
             "[" HELLO "]"),
        "2");
    /* An edited history, a result of no call, and a call before the last
     * answer. */
    ck_assert_str_eq(
        TURN(4, "[" MORE "," CALLS(COUNT, "weather") "," BRINGS(COUNT) "]",
             NULL),
        "");
    ck_assert_str_eq(TURN(5,
                          GOES_ON "," CALLS(COUNT, "weather") "," BRINGS(
                              COUNT) "," HELLO "," BRINGS(COUNT) "]",
                          NULL),
                     "3:turn");
    ck_assert_str_eq(
        TURN(6, "[" USER "," CALLS(COUNT, "weather") "," BRINGS("call_1") "]",
             NULL),
        "1:turn");
    /* The answer that was found is not the one that the history ends with. */
    ck_assert_str_eq(
        TURN(7,
             "[" USER "," CALLS(
                 COUNT, "weather") ",{\"role\":\"tool\","
                                   "\"tool_results\":[{\"tool_id\":\"call_0\","
                                   "\"result\":\"-4\"}]}," CALLS(
                                       COUNT, "weather") "," BRINGS(COUNT) "]",
             NULL),
        "1:turn");
}

/* -- sessions ----------------------------------------------------------------
 */

/* The tags of a call, with blanks between. */
static const char *tags_of_call(const struct turn *turn)
{
    static char text[256];

    link_turn(turn);
    text[0] = '\0';
    for (size_t i = 0; i < llmobs_json_len(link_last.extra_tags); i++) {
        strcat(text, i > 0 ? " " : "");
        strcat(text, llmobs_json_text(llmobs_json_at(link_last.extra_tags, i)));
    }
    return text;
}

#define TAGS(number, ...) \
    tags_of_call(&(struct turn){.id = (number), __VA_ARGS__})

TEST(a_session_shares_its_tags)
{
    ck_assert_str_eq(TAGS(1, .session = "a"), "");
    ck_assert_str_eq(TAGS(2, .session = "a", .tag = "server_name:x"),
                     "kind:client server_name:x");
    ck_assert_str_eq(TAGS(3, .session = "a"), "server_name:x");
    ck_assert_str_eq(TAGS(4, .session = "a", .tag = "other:y"),
                     "kind:client other:y server_name:x");
    ck_assert_str_eq(TAGS(5, .session = "a", .tag = "server_name:z"),
                     "kind:client server_name:z");
    ck_assert_str_eq(TAGS(6, .session = "a"), "server_name:z");
}

TEST(near_misses_of_sessions)
{
    struct llmobs_link_sessions parents;

    TAGS(1, .session = "a", .tag = "server_name:x");
    ck_assert_str_eq(TAGS(2, .session = "b"), "");
    ck_assert_str_eq(TAGS(3, .session = NULL), "");
    ck_assert_str_eq(
        TAGS(5, .session = "a", .url = "https://api.example.org/mcp"), "");
    ck_assert_str_eq(TAGS(6, .session = "a"), "server_name:x");
    parents = linker.sessions;
    llmobs_linker_reset(&linker);
    ck_assert_str_eq(TAGS(7, .session = "a"), "");
    link_free_sessions(&parents);
}

TEST(many_sessions)
{
    char name[16];

    TAGS(1, .session = "used", .tag = "server_name:x");
    TAGS(2, .session = "unused", .tag = "server_name:y");
    for (int i = 0; i < 2 * LLMOBS_LINK_SESSIONS; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        TAGS(3, .session = name, .tag = "server_name:z");
        ck_assert_str_eq(TAGS(4, .session = "used"), "server_name:x");
    }
    ck_assert_str_eq(TAGS(5, .session = "unused"), "");
}
