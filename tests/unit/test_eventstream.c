/* Tests AWS event stream frames. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text/eventstream.h"
#include "tests/support/es_frame.h"
#include "tests/unit/frames.h"
#include "tests/unit/unit.h"

/* As a provider sends it. */
#define JSON_TYPE HEADER("\x0d:content-type", "\x10", "application/json")

static void add_field(struct llmobs_buf *out, const char *name,
                      struct llmobs_text text)
{
    if (text.len)
        ck_assert_int_eq(
            llmobs_buf_addf(out, "%s=%.*s ", name, (int)text.len, text.data),
            0);
}

/* Writes all events of an exact copy as "type=... payload@end;". */
static char *walk(const char *data, size_t len, bool seek)
{
    char *exact = malloc(len ? len : 1);
    struct llmobs_eventstream_event event;
    struct llmobs_eventstream es;
    struct llmobs_buf out;

    memcpy(exact, data, len);
    llmobs_buf_init(&out, 1 << 26);
    ck_assert_int_eq(llmobs_buf_adds(&out, ""), 0);
    llmobs_eventstream_init(&es, (struct llmobs_text){exact, len});
    if (seek)
        llmobs_eventstream_seek(&es);
    while (llmobs_eventstream_next(&es, &event)) {
        add_field(&out, "message", event.message_type);
        add_field(&out, "event", event.event_type);
        add_field(&out, "exception", event.exception_type);
        add_field(&out, "code", event.error_code);
        add_field(&out, "error", event.error_message);
        ck_assert_int_eq(llmobs_buf_addf(&out, "%.*s@%zu;",
                                         (int)event.payload.len,
                                         event.payload.data, event.end),
                         0);
    }
    ck_assert(!llmobs_eventstream_next(&es, &event));
    free(exact);
    return llmobs_buf_take(&out, NULL);
}

static void check(const char *data, size_t len, const char *want)
{
    char *got = walk(data, len, false);

    ck_assert_str_eq(got, want);
    free(got);
}

/* Bytes that were made elsewhere: this file's encoder could share a mistake
 * with the decoder. */
TEST(known_frames_are_read)
{
    static const char empty[] =
        "\0\0\0\x10\0\0\0\0\x05\xc2\x48\xeb\x7d\x98\xc8\xff";
    static const char payload[] =
        "\0\0\0\x1d\0\0\0\0\xfd\x52\x8c\x5a{'foo':'bar'}\xc3\x65\x39\x36";

    check(BYTES(empty), "@16;");
    check(BYTES(payload), "{'foo':'bar'}@29;");
    check(BYTES(""), "");
}

static const struct {
    const char *headers;
    size_t len;
    const char *payload;
    const char *want;
} rows[] = {
    {BYTES(EVENT_TYPE("\x05", "chunk") JSON_TYPE EVENT), "{}",
     "message=event event=chunk {}"},
    {BYTES(HEADER("\x0d:message-type", "\x09", "exception")
               HEADER("\x0f:exception-type", "\x13", "throttlingException")),
     "{\"message\":\"slow\"}",
     "message=exception exception=throttlingException "
     "{\"message\":\"slow\"}"},
    {BYTES(HEADER("\x0d:message-type", "\x05", "error")
               HEADER("\x0b:error-code", "\x01", "E")
                   HEADER("\x0e:error-message", "\x04", "oops")),
     "", "message=error code=E error=oops "},
    /* every type of header is stepped over */
    {BYTES("\x01"
           "a\x00\x01"
           "b\x01\x01"
           "c\x02?\x01"
           "d\x03??\x01"
           "e\x04????\x01"
           "f\x05????????\x01"
           "g\x06\x00\x03???\x01"
           "h\x07\x00\x00\x01"
           "i\x08????????\x01"
           "j\x09????????????????" EVENT),
     "p", "message=event p"},
    /* a name with another type than string says nothing */
    {BYTES("\x0b:event-type\x06\x00\x05"
           "chunk" EVENT),
     "p", "message=event p"},
    /* names are compared whole */
    {BYTES("\x0a:event-typ\x07\x00\x01x\x00\x07\x00\x01y" EVENT), "p",
     "message=event p"},
    /* headers that make no sense: a type unknown, a value, a name, a length
     * that leave the headers */
    {BYTES(EVENT "\x01"
                 "k\x0a" EVENT_TYPE("\x01", "x")),
     "p", "message=event p"},
    {BYTES(EVENT "\x01"
                 "k\x07\x00\x02x"),
     "p", "message=event p"},
    {BYTES(EVENT "\x05"
                 "k"),
     "p", "message=event p"},
    {BYTES(EVENT "\x01"
                 "k\x07\x00"),
     "p", "message=event p"},
    {BYTES(EVENT "\x01"
                 "k"),
     "p", "message=event p"},
    {BYTES(EVENT "\x01"
                 "k\x05"
                 "1234567"),
     "p", "message=event p"},
};

TEST(headers_are_read_and_stepped_over)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        UNIT_ENDS(llmobs_buf) buf;
        char want[256];

        llmobs_buf_init(&buf, 1 << 20);
        frame_add(&buf, rows[i].headers, rows[i].len, rows[i].payload, 0);
        snprintf(want, sizeof(want), "%s@%zu;", rows[i].want, buf.len);
        check(buf.data, buf.len, want);
    }
}

/* Three frames; ends[i] is where the i-th ends. */
static void three(struct llmobs_buf *buf, size_t ends[3])
{
    llmobs_buf_init(buf, 1 << 20);
    frame_add(buf, BYTES(EVENT_TYPE("\x05", "chunk") JSON_TYPE EVENT),
              "{\"bytes\":\"e30=\"}", 0);
    ends[0] = buf->len;
    frame_add(buf, BYTES(EVENT), "", 0);
    ends[1] = buf->len;
    frame_add(buf, BYTES(EVENT_TYPE("\x08", "metadata") EVENT), "{\"u\":1}", 0);
    ends[2] = buf->len;
}

static int count(const char *text)
{
    int n = 0;

    for (; *text; text++)
        n += *text == ';';
    return n;
}

/* Frames that are whole are given, the one that is cut is not. */
TEST(cut_input_keeps_whole_frames)
{
    UNIT_ENDS(llmobs_buf) buf;
    size_t ends[3];
    char *whole;

    three(&buf, ends);
    whole = walk(buf.data, buf.len, false);
    for (size_t n = 0; n <= buf.len; n++) {
        char *got = walk(buf.data, n, false);
        int want = (n >= ends[0]) + (n >= ends[1]) + (n >= ends[2]);

        ck_assert_int_eq(count(got), want);
        ck_assert(strncmp(whole, got, strlen(got)) == 0);
        free(got);
    }
    free(whole);
}

/* The frames before a flipped bit stay, nothing of it or behind it is given:
 * a checksum finds every single bit. */
TEST(damage_ends_the_walk)
{
    UNIT_ENDS(llmobs_buf) buf;
    size_t ends[3];
    char *whole;

    three(&buf, ends);
    whole = walk(buf.data, buf.len, false);
    for (size_t bit = 0; bit < buf.len * 8; bit++) {
        size_t at = bit / 8;
        char *got;

        buf.data[at] = (char)(buf.data[at] ^ 1 << bit % 8);
        got = walk(buf.data, buf.len, false);
        ck_assert_msg(count(got) == (at >= ends[0]) + (at >= ends[1]),
                      "bit %zu: %s", bit, got);
        ck_assert(strncmp(whole, got, strlen(got)) == 0);
        free(got);
        buf.data[at] = (char)(buf.data[at] ^ 1 << bit % 8);
    }
    free(whole);
}

/* Lengths that lie, under right checksums. */
TEST(impossible_lengths_end_the_walk)
{
    static const size_t lies[] = {1, 11, 15, 17, (16 << 20) + 1, 0xFFFFFFFF};
    UNIT_ENDS(llmobs_buf) buf;

    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        llmobs_buf_init(&buf, 1 << 20);
        frame_add(&buf, "", 0, "", lies[i]);
        check(buf.data, buf.len, "");
        llmobs_buf_fini(&buf);
    }
    llmobs_buf_init(&buf, 1 << 20);
    frame_add(&buf, "", 0, "????", 0);
    buf.data[7] = 5; /* headers longer than the frame has room for */
    es_frame_repair(buf.data, buf.len);
    check(buf.data, buf.len, "");
}

/* The largest frame is read; one byte more is none, also where all is there. */
TEST(frames_have_a_limit)
{
    const size_t most = LLMOBS_EVENTSTREAM_FRAME_MAX - 16;
    char *payload = unit_own(malloc(most + 2));
    struct llmobs_eventstream_event event;
    struct llmobs_eventstream es;
    struct llmobs_buf buf;

    memset(payload, 'x', most + 1);
    for (size_t over = 0; over <= 1; over++) {
        payload[most + over] = '\0';
        llmobs_buf_init(&buf, (size_t)32 << 20);
        frame_add(&buf, "", 0, payload, 0);
        llmobs_eventstream_init(&es, (struct llmobs_text){buf.data, buf.len});
        ck_assert_int_eq(llmobs_eventstream_next(&es, &event), !over);
        ck_assert(over || event.payload.len == most);
        llmobs_buf_fini(&buf);
        payload[most] = 'x';
    }
}

/* A tail may begin anywhere: what is whole in it is found. */
TEST(seeking_finds_the_next_frame)
{
    UNIT_ENDS(llmobs_buf) buf;
    size_t ends[3];

    three(&buf, ends);
    for (size_t from = 0; from <= buf.len; from++) {
        char *got = walk(buf.data + from, buf.len - from, true);
        int want = (from == 0) + (from <= ends[0]) + (from <= ends[1]);

        ck_assert_msg(count(got) == want, "from %zu: %s", from, got);
        free(got);
    }
}
