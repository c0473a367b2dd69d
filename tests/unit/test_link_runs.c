/* Runs of tools that have spans of their own, and the tags that the calls of a
 * session share. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/link_case.h"

#define OSLO "{\"city\":\"Oslo\"}"
#define RUN(number, name, arguments, in)                             \
    link_turn(&(struct turn){.id = (number),                         \
                             .tool = (name),                         \
                             .input = (arguments),                   \
                             .account = 9,                           \
                             .url = "http://link_tools.example/mcp", \
                             .trace = (in)})

START_TEST(a_tool_links_to_who_called_it)
{
    link_begin();
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
    llmobs_linker_fini(&linker);
}
END_TEST

START_TEST(near_misses_of_runs)
{
    link_begin();
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
    llmobs_linker_fini(&linker);
}
END_TEST

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

START_TEST(a_session_shares_its_tags)
{
    link_begin();
    ck_assert_str_eq(TAGS(1, .session = "a"), "");
    ck_assert_str_eq(TAGS(2, .session = "a", .tag = "server_name:x"),
                     "kind:client server_name:x");
    ck_assert_str_eq(TAGS(3, .session = "a"), "server_name:x");
    ck_assert_str_eq(TAGS(4, .session = "a", .tag = "other:y"),
                     "kind:client other:y server_name:x");
    ck_assert_str_eq(TAGS(5, .session = "a", .tag = "server_name:z"),
                     "kind:client server_name:z");
    ck_assert_str_eq(TAGS(6, .session = "a"), "server_name:z");
    llmobs_linker_fini(&linker);
}
END_TEST

START_TEST(near_misses_of_sessions)
{
    struct llmobs_link_sessions parents;

    link_begin();
    TAGS(1, .session = "a", .tag = "server_name:x");
    ck_assert_str_eq(TAGS(2, .session = "b"), "");
    ck_assert_str_eq(TAGS(3, .session = NULL), "");
    ck_assert_str_eq(
        TAGS(5, .session = "a", .url = "https://api.example.org/mcp"), "");
    ck_assert_str_eq(TAGS(6, .session = "a"), "server_name:x");
    parents = linker.sessions;
    llmobs_linker_reset(&linker);
    ck_assert_str_eq(TAGS(7, .session = "a"), "");
    llmobs_linker_fini(&linker);
    llmobs_link_sessions_fini(&parents);
}
END_TEST

START_TEST(many_sessions)
{
    char name[16];

    link_begin();
    TAGS(1, .session = "used", .tag = "server_name:x");
    TAGS(2, .session = "unused", .tag = "server_name:y");
    for (int i = 0; i < 2 * LLMOBS_LINK_SESSIONS; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        TAGS(3, .session = name, .tag = "server_name:z");
        ck_assert_str_eq(TAGS(4, .session = "used"), "server_name:x");
    }
    ck_assert_str_eq(TAGS(5, .session = "unused"), "");
    llmobs_linker_fini(&linker);
}
END_TEST

UNIT_SUITE(link_runs)
{
    Suite *s = suite_create("link_runs");

    UNIT_TEST(s, a_tool_links_to_who_called_it);
    UNIT_TEST(s, near_misses_of_runs);
    UNIT_TEST(s, a_session_shares_its_tags);
    UNIT_TEST(s, near_misses_of_sessions);
    UNIT_TEST(s, many_sessions);
    return s;
}
