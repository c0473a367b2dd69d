/* Tests the events of streams in each framing. */
#include "rules/read/events.h"

#include <stdlib.h>
#include <string.h>

#include "rules/read/text.h"
#include "tests/unit/frames.h"
#include "tests/unit/unit.h"

/* The value of "n" of each event, "-" for one that is no JSON. */
static void check_text(enum llmobs_framing framing, struct llmobs_text text,
                       bool whole, const char *expected)
{
    struct llmobs_events events;
    struct llmobs_event event;
    char got[256] = "";
    int rc;

    llmobs_events_init(&events, framing, text, whole);
    while ((rc = llmobs_events_next(&events, &event)) == 1) {
        const char *n = llmobs_json_gets(event.json, "n");

        strcat(got, event.json ? n ? n : "0" : "-");
        ck_assert(whole ? event.end > 0 && event.end <= text.len
                        : event.end == 0);
    }
    ck_assert_int_eq(rc, 0);
    llmobs_events_fini(&events);
    ck_assert_msg(strcmp(got, expected) == 0, "%.*s: %s", (int)text.len,
                  text.data, got);
}

static void check(enum llmobs_framing framing, const char *text, bool whole,
                  const char *expected)
{
    check_text(framing, llmobs_text_of(text), whole, expected);
}

TEST(server_sent_events)
{
    const enum llmobs_framing sse = LLMOBS_FRAMING_SSE;

    check(sse, "", true, "");
    check(sse, "data: {\"n\":\"1\"}\n\ndata: x\n\ndata:{\"n\":\"2\"}", true,
          "1-2");
    check(sse, "\":\"0\"}\n\ndata: {\"n\":\"1\"}\n\n", false, "1");
    check(sse, "data:\n\ndata:  \n\ndata: {\"n\":\"1\"}\n\n", true, "1");
}

TEST(lines)
{
    const enum llmobs_framing by_line = LLMOBS_FRAMING_LINES;

    check(by_line, "{\"n\":\"1\"}\r\n\n{\"n\":\"2\"}", true, "12");
    check(by_line, "\n\n", true, "");
    check(by_line, ":\"0\"}\n{\"n\":\"1\"}\n{\"n\":", false, "-1-");
}

TEST(elements_of_an_array)
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

#define CHUNK EVENT_TYPE("\x05", "chunk") EVENT

TEST(frames)
{
    const enum llmobs_framing aws = LLMOBS_FRAMING_AWS;
    UNIT_ENDS(llmobs_buf) buf;
    struct llmobs_text all;

    llmobs_buf_init(&buf, 4096);
    frame_add(&buf, BYTES(CHUNK), "{\"n\":\"1\"}", 0);
    frame_add(&buf, BYTES(CHUNK), "", 0);
    frame_add(&buf, BYTES(CHUNK), "{\"p\":0,\"bytes\":\"eyJuIjoiMiJ9\"}", 0);
    frame_add(&buf, BYTES(CHUNK), "{\"n\":\"3\",\"bytes\":\"not base64\"}", 0);
    frame_add(&buf, BYTES(CHUNK), "{\"n\":\"4\",\"bytes\":\"e30=\"}", 0);
    frame_add(&buf, BYTES(CHUNK), "{\"bytes\":\"bm8=\"}", 0);
    all = (struct llmobs_text){buf.data, buf.len};
    check_text(aws, all, true, "1230-");
    check_text(aws, (struct llmobs_text){all.data, all.len - 1}, true, "1230");
    check_text(aws, (struct llmobs_text){all.data + 5, all.len - 5}, true, "");
    check_text(aws, (struct llmobs_text){all.data + 5, all.len - 5}, false,
               "230-");
    check(aws, "", true, "");
    check(aws, "{\"message\":\"no frame\"}", false, "");
}

static bool same(struct llmobs_text one, struct llmobs_text other)
{
    return one.len == other.len &&
           (!one.len || memcmp(one.data, other.data, one.len) == 0);
}

/* Each event is as it is where the one before it is not known. */
static void check_again(enum llmobs_framing framing, const char *text,
                        size_t count)
{
    struct llmobs_events events, others;
    struct llmobs_event event, other;

    llmobs_events_init(&events, framing, llmobs_text_of(text), true);
    llmobs_events_init(&others, framing, llmobs_text_of(text), true);
    for (; llmobs_events_next(&events, &event) == 1; count--) {
        char *json = llmobs_json_dumps(event.json, 0), *want;

        others.lead = SIZE_MAX;
        ck_assert_int_eq(llmobs_events_next(&others, &other), 1);
        want = llmobs_json_dumps(other.json, 0);
        ck_assert(!json == !want && (!json || strcmp(json, want) == 0));
        ck_assert(same(event.data, other.data) && same(event.type, other.type));
        ck_assert(event.failed == other.failed && event.end == other.end);
        free(json);
        free(want);
    }
    others.lead = SIZE_MAX;
    ck_assert_int_eq(llmobs_events_next(&others, &other), 0);
    ck_assert_uint_eq(count, 0);
    llmobs_events_fini(&events);
    llmobs_events_fini(&others);
}

#define LINE(said, n) "{\"said\":\"" said "\",\"n\":\"" n "\",\"l\":[null]}"
#define NAMED(name, n) "event: " name "\ndata: " LINE("", n) "\n\n"
#define SAID(said, end) "data: " LINE(said, "1") end
#define BARE(said) SAID(said, "\n\n")
#define TWO BARE("x") BARE("y")

static const struct {
    enum llmobs_framing framing;
    size_t count;
    const char *text;
} alike[] = {
    {LLMOBS_FRAMING_SSE, 5,
     NAMED("error", "1") NAMED("error", "2") NAMED("error", "")
         NAMED("error", "33") NAMED("other", "4")},
    /* Escapes, a letter beyond ASCII, more than the place had room for. */
    {LLMOBS_FRAMING_SSE, 6,
     TWO BARE("\\n\\u00e9") BARE("\xC3\xA9") BARE("w")
         BARE("a long text that has no room where one was")},
    /* Other ends of lines, a comment, a name behind, a second line. */
    {LLMOBS_FRAMING_SSE, 16,
     TWO SAID("z", "\r\n\n") TWO SAID("w", "\n:\n\n") TWO NAMED("error", "1")
         TWO SAID("v", "\nevent: error\n\n") TWO SAID("u", "\ndata:\n\n")
             BARE("t")},
    {LLMOBS_FRAMING_SSE, 5,
     SAID("x", "\r\r") SAID("y", "\r\r") SAID("z", "\r\r\n")
         SAID("w", "\r\n\r\n") SAID("v", "\r\n\r\n")},
    /* Cut off in a text, whose quote comes later. */
    {LLMOBS_FRAMING_SSE, 8,
     TWO BARE("a\n\nb") TWO
     "data: {\"said\":\"\n\n" BARE("z") "data: {\"said\":\""},
    {LLMOBS_FRAMING_LINES, 5,
     LINE("x", "1") "\n" LINE("y", "1") "\n" LINE("z", "1") " \r\n" LINE(
         "w", "1") " \r\n" LINE("v", "1")},
    {LLMOBS_FRAMING_ARRAY, 5,
     "[" LINE("x", "1") ",\n" LINE("]", "1") ",\n" LINE("{", "1") ",\n" LINE(
         "}", "1") "\n," LINE("w", "1") "]"},
};

TEST(events_like_the_last_one)
{
    for (size_t i = 0; i < sizeof(alike) / sizeof(alike[0]); i++)
        check_again(alike[i].framing, alike[i].text, alike[i].count);
}

static const struct {
    const char *headers;
    size_t len;
    const char *payload;
    const char *error;
    const char *data;
} failures[] = {
    {BYTES(EXCEPTION HEADER("\x0f:exception-type", "\x01", "E")), "{}", "E",
     "{}"},
    {BYTES(EXCEPTION), "", "", ""},
    {BYTES(ERROR HEADER("\x0b:error-code", "\x01", "C")), "x", "C", "x"},
    {BYTES(ERROR HEADER("\x0e:error-message", "\x02", "no")), "", "", "no"},
};

TEST(frames_that_fail)
{
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        struct llmobs_events events;
        struct llmobs_event event;
        UNIT_ENDS(llmobs_buf) buf;

        llmobs_buf_init(&buf, 4096);
        frame_add(&buf, failures[i].headers, failures[i].len,
                  failures[i].payload, 0);
        llmobs_events_init(&events, LLMOBS_FRAMING_AWS,
                           (struct llmobs_text){buf.data, buf.len}, true);
        ck_assert_int_eq(llmobs_events_next(&events, &event), 1);
        ck_assert(event.failed);
        ck_assert(llmobs_text_is(event.error, failures[i].error));
        ck_assert(llmobs_text_is(event.data, failures[i].data));
        ck_assert_int_eq(llmobs_events_next(&events, &event), 0);
        llmobs_events_fini(&events);
    }
}
