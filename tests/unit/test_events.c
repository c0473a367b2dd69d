#include "rules/read/events.h"

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
