#include "rules/events.h"

#include <string.h>

#include "rules/text.h"
#include "tests/unit/unit.h"

/* The value of "n" of each event, "-" for one that is no JSON. */
static void check(enum llmobs_framing framing, const char *text, bool whole,
                  const char *expected)
{
    struct llmobs_events events;
    struct llmobs_event event;
    char got[256] = "";
    int rc;

    llmobs_events_init(&events, framing, llmobs_text_of(text), whole);
    while ((rc = llmobs_events_next(&events, &event)) == 1) {
        const char *n = llmobs_json_gets(event.json, "n");

        strcat(got, event.json ? n : "-");
        ck_assert(whole ? event.end > 0 && event.end <= strlen(text)
                        : event.end == 0);
    }
    ck_assert_int_eq(rc, 0);
    llmobs_events_fini(&events);
    ck_assert_msg(strcmp(got, expected) == 0, "%s: %s", text, got);
}

START_TEST(server_sent_events)
{
    const enum llmobs_framing sse = LLMOBS_FRAMING_SSE;

    check(sse, "", true, "");
    check(sse, "data: {\"n\":\"1\"}\n\ndata: x\n\ndata:{\"n\":\"2\"}", true,
          "1-2");
    check(sse, "\":\"0\"}\n\ndata: {\"n\":\"1\"}\n\n", false, "1");
    check(sse, "data:\n\ndata:  \n\ndata: {\"n\":\"1\"}\n\n", true, "1");
}
END_TEST

START_TEST(lines)
{
    const enum llmobs_framing by_line = LLMOBS_FRAMING_LINES;

    check(by_line, "{\"n\":\"1\"}\r\n\n{\"n\":\"2\"}", true, "12");
    check(by_line, "\n\n", true, "");
    check(by_line, ":\"0\"}\n{\"n\":\"1\"}\n{\"n\":", false, "-1-");
}
END_TEST

START_TEST(elements_of_an_array)
{
    const enum llmobs_framing array = LLMOBS_FRAMING_ARRAY;

    check(array, "[{\"n\":\"1\"}\n,\r\n{\"n\":\"2\"}\n]", true, "12");
    check(array, "[{\"n\":\"1\"},{\"n\":\"}\\\"]{\"},{\"n\":\"2\"", true,
          "1}\"]{");
    check(array, "[]", true, "");
    check(array, "", false, "");
    check(array, "{\"n\":\"0\"}}\n,\n{\"n\":\"1\"}\n]", false, "1");
    check(array, "[{\"n\":\"1\",\"x\":[{}]}]", true, "1");
}
END_TEST

UNIT_SUITE(events)
{
    Suite *s = suite_create("events");

    UNIT_TEST(s, server_sent_events);
    UNIT_TEST(s, lines);
    UNIT_TEST(s, elements_of_an_array);
    return s;
}
