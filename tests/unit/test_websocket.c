/* Tests the websocket reader. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tests/support/websocket_log.h"
#include "tests/unit/unit.h"

#define SENT 0
#define GOT 0x80
#define FIN 0x80
#define RSV1 0x40
#define TEXT 1
#define CLOSE 8
#define PING 9
#define ALONE (FIN | TEXT)

#define ASK "{\"type\":\"ask\",\"n\":1}"
#define DATA "{\"type\":\"part\"}"
#define DONE "{\"type\":\"done\"}"
#define CALL ">1 POST /v1/responses h|"
#define ASKED CALL ">1 = " ASK "|>1 whole|"
#define ANSWERED "<1 200|<1 = data: " DONE "\n\n|<1 whole|"
#define SECOND                                                   \
    ">2 POST /v1/responses h|>2 = " ASK "|>2 whole|<2 200|<2 = " \
    "data: " DONE "\n\n|<2 whole|"
#define DEFLATE "Sec-WebSocket-Extensions: permessage-deflate"

static struct llmobs_buf recording;

static void begin(void)
{
    llmobs_buf_init(&recording, 80 << 20);
}

static void part(int side, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        size_t n = len < 0x7ffe ? len : 0x7ffe;

        (void)llmobs_buf_addc(&recording, (char)(side | (int)(n >> 8)));
        (void)llmobs_buf_addc(&recording, (char)n);
        (void)llmobs_buf_add(&recording, at, n);
        at += n;
        len -= n;
    }
}

static void lost(void)
{
    (void)llmobs_buf_add(&recording, "\xff\xff", 2);
}

/* A frame, whose length takes at least `wide` further bytes. */
static void put(int side, bool masked, int first, int wide, const char *text,
                size_t len)
{
    static const char mask[4] = {'\x12', '\x80', '\xff', '\x01'};
    char *all = malloc(len + 14);
    size_t at = 2;

    wide = len > 65535 ? 8 : len > 125 && wide == 0 ? 2 : wide;
    all[0] = (char)first;
    all[1] = (char)((masked ? 0x80 : 0) | (wide == 8   ? 127
                                           : wide == 2 ? 126
                                                       : (int)len));
    for (int i = wide - 1; i >= 0; i--)
        all[at++] = (char)(i >= 4 ? 0 : len >> 8 * i);
    if (masked)
        memcpy(all + at, mask, 4);
    at += masked ? 4 : 0;
    for (size_t i = 0; i < len; i++)
        all[at + i] = (char)(text[i] ^ (masked ? mask[i & 3] : 0));
    part(side, all, at + len);
    free(all);
}

static void frame(int side, int first, const char *text)
{
    put(side, side == SENT, first, 0, text, strlen(text));
}

/* However the bytes come, they say this; by so many ways of cutting them. */
#define says(extensions, expected) says_by(4, extensions, expected)
static void says_by(size_t ways, const char *extensions, const char *expected)
{
    static const size_t most[] = {0, 1, 3, 1000};
    struct llmobs_text all = {recording.data, recording.len};

    for (size_t i = 0; i < ways; i++) {
        struct llmobs_buf out;

        llmobs_buf_init(&out, 16 << 20);
        ck_assert(websocket_log(extensions, all, most[i], i, &out));
        ck_assert_str_eq(out.data, expected);
        llmobs_buf_fini(&out);
    }
    llmobs_buf_fini(&recording);
}

TEST(websocket_calls)
{
    begin();
    frame(GOT, ALONE, DATA); /* nobody waits */
    frame(SENT, ALONE, ASK);
    frame(GOT, ALONE, DATA);
    frame(GOT, ALONE, "{\n \"type\" : \r\n\"error\"}");
    frame(SENT, ALONE, "{\"type\":\"other\"}");
    frame(SENT, ALONE, "no JSON");
    frame(SENT, ALONE, ASK);
    frame(GOT, ALONE, DONE);
    frame(GOT, ALONE, DONE);
    frame(GOT, FIN | CLOSE, "");
    lost();
    says("", ASKED "<1 200|<1 = data: " DATA
                   "\n\ndata: {  \"type\" :   \"error\"}\n\n|<1 whole|" SECOND);
}

/* Members of inner objects and words within texts do not count. */
TEST(websocket_members)
{
    static const char *const calls[] = {
        "{\"a\":{\"type\":\"x\"},\"type\":\"ask\"}",
        ("{\"a\":[\"type\",{\"type\":1}],\"b\":\"\\\"type\\\":\\\\\","
         "\"type\":\"ask\",\"c\":\"}\"}"),
        " {\t\"lane\" : null , \"type\":\"ask\"\n}"};
    static const char *const others[] = {"{\"a\":{\"type\":\"ask\"}}",
                                         "{\"a\":\"type\",\"b\":\"ask\"}",
                                         "{\"types\":\"ask\"}",
                                         "{\"type\":\"ask2\"}",
                                         "[\"type\",\"ask\"]",
                                         "{\"type\":[\"ask\"]}",
                                         "{\"type\":\"ask",
                                         "}}}}\"type\":\"ask\"",
                                         "{\"a\":\"\\\",\"type\":\"ask\"}"};
    char text[400];

    for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
        begin();
        frame(SENT, ALONE, calls[i]);
        snprintf(text, sizeof(text), CALL ">1 = %s|>1 whole|", calls[i]);
        says("", text);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        begin();
        frame(SENT, ALONE, others[i]);
        lost();
        says("", "");
    }
}

TEST(websocket_fragments)
{
    begin();
    frame(SENT, TEXT, "{\"ty");
    frame(SENT, FIN | PING, "ping");
    frame(SENT, 0, "");
    frame(GOT, FIN | PING, "");
    frame(SENT, 0, "pe\":\"ask\",");
    frame(SENT, FIN, "\"n\":1}");
    frame(GOT, TEXT, "{\"type\":");
    frame(SENT, FIN | (PING + 1), "pong");
    frame(GOT, FIN | (PING + 1), "pong");
    frame(GOT, FIN, "\"done\"}");
    says("", ASKED ANSWERED);
}

/* Lengths of each form, at their ends. */
TEST(websocket_lengths)
{
    static const struct {
        size_t len;
        int wide;
    } rows[] = {{125, 0},   {125, 2},   {126, 0},
                {65535, 0}, {65535, 8}, {65536, 0}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char *text = malloc(rows[i].len + 1);
        struct llmobs_buf expected;

        memset(text, ' ', rows[i].len);
        text[rows[i].len] = '\0';
        memcpy(text, ASK, sizeof(ASK) - 1);
        begin();
        put(SENT, true, ALONE, rows[i].wide, text, rows[i].len);
        frame(GOT, FIN | PING, "");
        put(GOT, false, ALONE, rows[i].wide, text, rows[i].len);
        frame(GOT, ALONE, DONE);
        llmobs_buf_init(&expected, 1 << 20);
        (void)llmobs_buf_addf(&expected,
                              CALL ">1 = %s|>1 whole|<1 200|<1 = data: %s"
                                   "\n\ndata: " DONE "\n\n|<1 whole|",
                              text, text);
        says("", expected.data);
        llmobs_buf_fini(&expected);
        free(text);
    }
}

/* Lanes are apart, and in order within each. */
TEST(websocket_lanes)
{
    begin();
    frame(SENT, ALONE, "{\"type\":\"ask\",\"lane\":\"a\"}");
    frame(SENT, ALONE, "{\"type\":\"ask\",\"lane\":\"b\"}");
    frame(SENT, ALONE, "{\"type\":\"ask\",\"lane\":\"b\"}");
    frame(GOT, ALONE, "{\"type\":\"done\",\"lane\":\"b\"}");
    frame(GOT, ALONE, "{\"type\":\"done\",\"lane\":\"c\"}"); /* nobody's */
    frame(GOT, ALONE, "{\"type\":\"done\",\"lane\":\"a\"}");
    frame(GOT, ALONE, "{\"lane\":\"b\",\"type\":\"part\"}");
    frame(GOT, ALONE, DONE); /* of no lane: the oldest */
    says("",
         ">1 POST /v1/responses h|>1 = {\"type\":\"ask\",\"lane\":\"a\"}|"
         ">1 whole|>2 POST /v1/responses h|>2 = {\"type\":\"ask\","
         "\"lane\":\"b\"}|>2 whole|>3 POST /v1/responses h|>3 = {\"type\":"
         "\"ask\",\"lane\":\"b\"}|>3 whole|<2 200|<2 = data: {\"type\":"
         "\"done\",\"lane\":\"b\"}\n\n|<2 whole|<1 200|<1 = data: {\"type\""
         ":\"done\",\"lane\":\"a\"}\n\n|<1 whole|<3 200|<3 = data: "
         "{\"lane\":\"b\",\"type\":\"part\"}\n\ndata: " DONE "\n\n|<3 whole|");
}

/* Nothing of a call that wants no answer is told; its events are taken. */
TEST(websocket_silent)
{
    begin();
    frame(SENT, ALONE, "{\"type\":\"ask\",\"speaks\": false}");
    frame(SENT, ALONE, ASK);
    frame(GOT, ALONE, DATA);
    frame(GOT, ALONE, DONE);
    frame(GOT, ALONE, DONE);
    says("", SECOND);
}

/* A message has a limit, whole or in frames; what a few bytes unpack to, too.
 */
TEST(websocket_large)
{
    size_t len = 60000;
    char *text = malloc(len);

    memset(text, ' ', len);
    begin();
    frame(SENT, ALONE, ASK);
    put(GOT, false, TEXT, 0, text, len);
    for (int i = 0; i < 1200; i++)
        put(GOT, false, 0, 0, text, len);
    says_by(1, "", ASKED "<1 lost|large|");
    free(text);
}

TEST(websocket_bomb)
{
    static char blanks[1 << 16], out[1 << 18];
    z_stream z = {.next_out = (Bytef *)out, .avail_out = sizeof(out)};

    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, 0), Z_OK);
    memset(blanks, ' ', sizeof(blanks));
    for (int i = 0; i < 257; i++) {
        z.next_in = (Bytef *)blanks;
        z.avail_in = sizeof(blanks);
        ck_assert_int_eq(deflate(&z, Z_SYNC_FLUSH), Z_OK);
    }
    begin();
    frame(SENT, ALONE, ASK);
    put(GOT, false, RSV1 | TEXT, 0, out, sizeof(out) - z.avail_out);
    ck_assert_int_eq(deflateEnd(&z), Z_DATA_ERROR);
    says_by(1, DEFLATE "\r\n", ASKED "<1 lost|large|");
}

TEST(websocket_ends)
{
    begin();
    frame(SENT, ALONE, ASK);
    lost();
    says("", ASKED "<1 none|");
    begin();
    frame(SENT, ALONE, ASK);
    frame(SENT, TEXT, ASK); /* of which a part went */
    frame(GOT, ALONE, DATA);
    frame(GOT, TEXT, DONE);
    lost();
    says("", ASKED "<1 200|<1 = data: " DATA "\n\n|<1 cut|");
    begin();
    frame(SENT, ALONE, ASK);
    frame(GOT, ALONE, DATA);
    frame(GOT, FIN | CLOSE, "\x03\xe8 bye");
    frame(GOT, ALONE, DONE);
    says("", ASKED "<1 200|<1 = data: " DATA "\n\n|<1 cut|");
    begin();
    frame(SENT, ALONE, ASK);
    frame(SENT, FIN | CLOSE, "");
    frame(SENT, ALONE, ASK);
    frame(GOT, ALONE, DONE);
    says("", ASKED "<1 given up|");
}

/* Peers end the connection for such frames. */
TEST(websocket_doubt)
{
    static const int firsts[] = {
        ALONE | 0x20,     ALONE | 0x10, ALONE | RSV1, FIN | 3,
        FIN | 11,         PING,         FIN,          0,
        FIN | PING | RSV1};
    char text[127];

    for (size_t i = 0; i < sizeof(firsts) / sizeof(*firsts); i++) {
        begin();
        frame(SENT, ALONE, ASK);
        frame(i & 1 ? SENT : GOT, firsts[i], "");
        frame(GOT, ALONE, DONE);
        says("", ASKED "<1 lost|doubt|");
    }
    memset(text, 'x', sizeof(text));
    for (int i = 0; i < 4; i++) {
        begin();
        frame(SENT, ALONE, ASK);
        if (i == 0) /* masks */
            put(GOT, true, ALONE, 0, "", 0);
        else if (i == 1)
            put(SENT, false, ALONE, 0, "", 0);
        else if (i == 2) /* a long control frame */
            put(GOT, false, FIN | PING, 0, text, 126);
        else /* a message within one */
            frame(GOT, TEXT, "a"), frame(GOT, ALONE, "b");
        says("", ASKED "<1 lost|doubt|");
    }
    begin();
    part(GOT, "\x81\x7f\xff\0\0\0\0\0\0\1", 10);
    says("", "doubt|");
    begin();
    frame(SENT, ALONE, ASK);
    says("Sec-WebSocket-Extensions: x-zip\r\n", "doubt|");
}

TEST(websocket_many_calls)
{
    begin();
    for (int i = 0; i < 65; i++)
        frame(SENT, ALONE, "{\"type\":\"ask\",\"speaks\":false}");
    says("", "deep|");
}

/* -- compressed ------------------------------------------------------------ */

static z_stream zips[2]; /* of each side */

static void begin_zips(void)
{
    for (int i = 0; i < 2; i++) {
        memset(&zips[i], 0, sizeof(zips[i]));
        ck_assert_int_eq(deflateInit2(&zips[i], 9, Z_DEFLATED, -15, 8, 0),
                         Z_OK);
    }
    begin();
}

/* Adds a message, in two frames with a ping between them: `anew`, or with the
 * window of those before; ended by Z_SYNC_FLUSH, or as the last of a stream. */
static void packed(int side, bool anew, int flush, const char *text)
{
    z_stream *z = &zips[side == GOT];
    char out[4096];
    size_t len;

    if (anew)
        ck_assert_int_eq(deflateReset(z), Z_OK);
    z->next_in = (Bytef *)(uintptr_t)text;
    z->avail_in = (uInt)strlen(text);
    z->next_out = (Bytef *)out;
    z->avail_out = sizeof(out);
    ck_assert_int_ge(deflate(z, flush), Z_OK);
    len = sizeof(out) - z->avail_out;
    if (flush == Z_SYNC_FLUSH)
        len -= 4;
    else
        out[len++] = 0; /* as RFC 7692, 7.2.3.4 has it */
    put(side, side == SENT, RSV1 | TEXT, 0, out, len / 2);
    frame(side, FIN | PING, "");
    put(side, side == SENT, FIN, 0, out + len / 2, len - len / 2);
}

static void end_zips(void)
{
    for (int i = 0; i < 2; i++)
        (void)deflateEnd(&zips[i]);
}

TEST(websocket_compressed)
{
    static const char *const agreed[] = {
        DEFLATE "\r\n",
        DEFLATE "; server_no_context_takeover;client_no_context_takeover\r\n",
        ("A: b\r\nsec-websocket-extensions:PERMESSAGE-DEFLATE ; "
         "client_max_window_bits=12\r\n")};

    for (int i = 0; i < 3; i++) {
        begin_zips();
        frame(SENT, ALONE, "{\"type\":\"not packed\"}");
        packed(SENT, i == 1, Z_SYNC_FLUSH, ASK);
        packed(GOT, i == 1, Z_SYNC_FLUSH, DATA);
        packed(GOT, i == 1, Z_SYNC_FLUSH, DONE);
        packed(SENT, i == 1, Z_SYNC_FLUSH, ASK);
        frame(GOT, ALONE, DONE);
        end_zips();
        says(agreed[i], ASKED "<1 200|<1 = data: " DATA "\n\ndata: " DONE
                              "\n\n|<1 whole|" SECOND);
    }
}

/* Each message may be a stream of its own, with its end. */
TEST(websocket_compressed_to_the_end)
{
    begin_zips();
    packed(SENT, true, Z_FINISH, ASK);
    packed(GOT, true, Z_FINISH, DATA);
    packed(GOT, true, Z_FINISH, DONE);
    end_zips();
    says(DEFLATE "\r\n",
         ASKED "<1 200|<1 = data: " DATA "\n\ndata: " DONE "\n\n|<1 whole|");
}

TEST(websocket_compressed_in_doubt)
{
    begin();
    frame(SENT, ALONE, ASK);
    put(GOT, false, ALONE | RSV1, 0, "\xff\xff\xff", 3);
    says(DEFLATE "\r\n", ASKED "<1 lost|doubt|");
    begin();
    frame(GOT, RSV1 | TEXT, "");
    frame(GOT, FIN | RSV1, ""); /* which the first frame alone may have */
    says(DEFLATE "\r\n", "doubt|");
}
