/* The spans of tools that the program ran: made of a call and of the request
 * that brings its result, once. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/link_case.h"

LINK_FIXTURE;

/* "T1 weather {...} -> -3, 500 ms behind 1; ...": what the link_last turn
 * infers. */
static const char *inferred(void)
{
    static char text[1024];
    size_t at = 0;

    text[0] = '\0';
    for (size_t i = 0; i < link_tools.count; i++) {
        const struct llmobs_span *span = &link_tools.list[i];
        char id[24];

        ck_assert_int_eq(span->kind, LLMOBS_KIND_TOOL);
        ck_assert_str_eq(llmobs_json_text(llmobs_json_at(span->extra_tags, 0)),
                         "inferred:true");
        ck_assert(llmobs_json_is_true(
            llmobs_json_get(span->metadata, "duration_is_upper_bound")));
        snprintf(id, sizeof(id), "%llu",
                 (unsigned long long)span->context.span_id);
        at += (size_t)snprintf(
            text + at, sizeof(text) - at, "%s%s %s %s -> %s, %d ms",
            i ? "; " : "", link_short_id(id), span->name, span->input_value,
            span->output_value, (int)(span->duration_ns / 1000000));
        at += (size_t)snprintf(text + at, sizeof(text) - at, " behind %s",
                               links_of(span));
    }
    return text;
}

#define WEATHER " weather {\"city\": \"Oslo\"} -> -3, 500 ms behind "

TEST(a_tool_is_inferred_once)
{
    const struct llmobs_span *tool;

    TURN_AS(1, "[" USER "]", ASKED, INFER, .parent = 9);
    ck_assert_str_eq(inferred(), "");
    ck_assert_str_eq(TURN_AS(2, BROUGHT, NULL, INFER, .failed = true), "T1");
    ck_assert_str_eq(inferred(), "T1" WEATHER "1");
    tool = &link_tools.list[0];
    ck_assert_uint_eq(tool->context.trace_id.lo, 1);
    ck_assert_uint_eq(tool->context.parent_id, 9);
    ck_assert_str_eq(llmobs_json_gets(tool->metadata, "tool_id"), CALL);
    /* The same call once more, as an adopter makes it. */
    ck_assert_str_eq(TURN_AS(2, BROUGHT, NULL, INFER, .failed = true,
                             .start = link_now - SECOND),
                     "T1");
    ck_assert_str_eq(inferred(), "T1" WEATHER "1");
    /* A retry, and a later turn. */
    ck_assert_str_eq(TURN_AS(3, BROUGHT, NULL, INFER), "T1 2:retry_of");
    ck_assert_str_eq(inferred(), "");
    TURN_AS(4,
            "[" USER "," CALLS(CALL, "weather") "," BRINGS(
                CALL) ",{\"role\":\"assistant\",\"content\":\"Yes.\"}," USER
                      "]",
            NULL, INFER);
    ck_assert_str_eq(inferred(), "");
}

TEST(a_call_that_is_not_repeated)
{
    char ask[256];

    TURN_AS(1, "[" USER "]", ASKED, INFER);
    ck_assert_str_eq(TURN_AS(2, "[" BRINGS(CALL) "]", NULL, INFER), "T1");
    ck_assert_str_eq(inferred(), "T1" WEATHER "1");
    /* Of many calls the oldest ones are forgotten. */
    link_begin();
    TURN_AS(1, "[" USER "]", ASKED, INFER);
    for (int i = 0; i < LLMOBS_LINK_CALLS; i++) {
        snprintf(ask, sizeof(ask),
                 "[" CALLS("call_4kTq8Wb2Z%dsX0pLm7RvN3", "x") "]", i);
        TURN_AS((uint64_t)(100 + i), "[" USER "]", ask, INFER);
    }
    ck_assert_str_eq(TURN_AS(2, "[" BRINGS(CALL) "]", NULL, INFER), "1");
    ck_assert_str_eq(inferred(), "");
}

#define COUNTED(answer) CALLS("call_0", "weather") "," BRINGS("call_0") answer

/* Each answer's call has the same id: the history tells which is meant. */
TEST(the_request_describes_its_tools)
{
    static const struct {
        const char *tools, *want;
    } cases[] = {
        {"[{\"name\":\"mail\",\"description\":\"Sends.\"},"
         "{\"name\":\"weather\",\"description\":\"Looks out.\"}]",
         "Looks out."},
        {"[{\"name\":\"weather\"}]", NULL},
        {"[{\"name\":\"weathers\",\"description\":\"Looks out.\"}]", NULL},
        {NULL, NULL},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *have;

        link_begin();
        TURN_AS(1, "[" USER "]", ASKED, INFER);
        TURN_AS(2, BROUGHT, NULL, INFER, .tools = cases[i].tools);
        ck_assert_uint_eq(link_tools.count, 1);
        have =
            llmobs_json_gets(link_tools.list[0].metadata, "tool_description");
        ck_assert_pstr_eq(have, cases[i].want);
    }
}

TEST(ids_that_are_counts_are_inferred)
{
    TURN_AS(1, "[" USER "]", "[" CALLS("call_0", "weather") "]", .infer = true,
            .body = "{}");
    ck_assert_str_eq(TURN_AS(2, "[" USER "," COUNTED("]"),
                             "[" CALLS("call_0", "weather") "]", .infer = true,
                             .body = "{}"),
                     "T1 1:turn");
    ck_assert_str_eq(inferred(), "T1" WEATHER "1");
    ck_assert_str_eq(TURN_AS(3, "[" USER "," COUNTED(",") COUNTED("]"), NULL,
                             .infer = true, .body = "{}"),
                     "T2 2:turn");
    ck_assert_str_eq(inferred(), "T2" WEATHER "2");
}

TEST(parallel_tools_are_inferred)
{
    TURN_AS(1, "[" USER "]",
            "[" CALLS(CALL, "weather") "," CALLS(OTHER, "mail") "]", INFER,
            .trace = 7, .parent = 5);
    ck_assert_str_eq(
        TURN_AS(2,
                "[" USER "," CALLS(CALL, "weather") "," CALLS(
                    OTHER, "mail") "," BRINGS(CALL) "," BRINGS(OTHER) "]",
                "[" CALLS("call_9sW1dK3fP5gJ7hQ2aZ4x", "c") "]", INFER,
                .trace = 7, .parent = 5),
        "T1 T2");
    ck_assert_str_eq(inferred(), "T1 mail {\"city\": \"Oslo\"} -> -3, 500 ms "
                                 "behind 1; T2" WEATHER "1");
    ck_assert_uint_eq(link_tools.list[0].context.trace_id.lo, 7);
    ck_assert_uint_eq(link_tools.list[0].context.parent_id, 5);
}

static void brings_none(const char *request)
{
    TURN_AS(90, request, NULL, INFER);
    ck_assert_str_eq(inferred(), "");
}

TEST(near_misses_of_inferred_tools)
{
    TURN_AS(1, "[" USER "]", ASKED, INFER, .account = 4);
    brings_none(BROUGHT);
    link_begin();
    TURN_AS(1, "[" USER "]", ASKED, INFER);
    brings_none("[" USER "," CALLS(CALL, "mail") "," BRINGS(CALL) "]");
    link_begin();
    TURN_AS(1, "[" USER "]", ASKED, INFER);
    link_free_calls(&linker.calls);
    brings_none("[" BRINGS(CALL) "]"); /* nobody knows which tool */
    link_begin();
    TURN_AS(1, "[" USER "]", "[" CALLS("call_1", "weather") "]", INFER);
    brings_none("[" USER
                "," CALLS("call_1", "weather") "," BRINGS("call_1") "]");
    link_begin();
    TURN_AS(1, "[" USER "]", ASKED, INFER);
    TURN_AS(2, "[" USER "]", ASKED, INFER);
    brings_none(BROUGHT); /* of which answer? */
    link_begin();
    TURN_AS(1, "[" USER "]", ASKED, INFER);
    brings_none("[" USER "," CALLS(CALL, "weather") "]"); /* no result */
    link_begin();
    TURN_AS(1, "[" USER "]", ASKED, INFER);
    link_now += LLMOBS_LINK_LIFE_NS;
    brings_none(BROUGHT);
    link_begin(); /* the request is not known to its end */
    TURN_AS(1, "[" USER "]", ASKED, INFER);
    ck_assert_str_eq(TURN_AS(2, BROUGHT, NULL, .infer = true, .off = true),
                     "1");
    ck_assert_str_eq(inferred(), "");
    /* Not asked for. */
    ck_assert_str_eq(TURN(3, BROUGHT, NULL), "1");
}

TEST(a_tool_with_a_span_is_not_inferred)
{
    static const char event[] =
        "{\"name\": \"weather\", \"span_id\": \"5\", \"trace_id\": "
        "\"00000000000000010000000000000001\", \"start_ns\": %lld, "
        "\"duration\": 5, \"tags\": [\"a:b\"%s], "
        "\"meta\": {\"span\": {\"kind\": \"%s\"}}}";
    static const struct {
        const char *kind, *tag, *links;
        int64_t late;
    } events[] = {{"tool", "", "1", 0},
                  {"tool", ", \"inferred:true\"", "T1", 0},
                  {"task", "", "T1", 0},
                  {"tool", "", "T1", 5 * SECOND}};
    char text[512];

    /* An MCP client's, in another trace. */
    link_begin();
    TURN_AS(1, "[" USER "]", ASKED, INFER);
    TURN_AS(5, NULL, NULL, INFER, .tool = "weather",
            .input = "{\"city\":\"Oslo\"}");
    ck_assert_str_eq(TURN_AS(2, BROUGHT, NULL, INFER), "1");
    ck_assert_str_eq(inferred(), "");
    ck_assert_str_eq(TURN_AS(3, BROUGHT, NULL, .infer = true, .off = true),
                     "1");
    /* With other arguments, in another trace: it is another one's. */
    link_begin();
    TURN_AS(1, "[" USER "]", ASKED, INFER);
    TURN_AS(5, NULL, NULL, INFER, .tool = "weather",
            .input = "{\"city\":\"Rome\"}");
    ck_assert_str_eq(TURN_AS(2, BROUGHT, NULL, INFER), "T1");
    for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
        link_begin();
        TURN_AS(1, "[" USER "]", ASKED, INFER);
        snprintf(text, sizeof(text), event,
                 (long long)(link_now + events[i].late), events[i].tag,
                 events[i].kind);
        llmobs_linker_add_tool(&linker,
                               (struct llmobs_text){text, strlen(text)});
        ck_assert_msg(
            strcmp(TURN_AS(2, BROUGHT, NULL, INFER), events[i].links) == 0,
            "%zu: %s", i, links_of(&link_last));
    }
}
