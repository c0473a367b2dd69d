/* The calls of a connection of HTTP/2, and of a websocket, become spans, each
 * once, also without memory. */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/stats.h"
#include "tests/unit/unit.h"
#include "tests/unit/wire_case.h"

/* -- HTTP/2 ---------------------------------------------------------------- */

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
enum { DATA, HEADERS, RST = 3, SETTINGS, GOAWAY = 7 };
enum { ENDS = 1, WHOLE_BLOCK = 4 };

/* A block: POST, the path, the host, a key that the table gets. */
#define BLOCK                              \
    "\x83\x87\x04\x14/v1/chat/completions" \
    "\x01\x0e"                             \
    "api.openai.com\x57\x13"               \
    "Bearer sk-SECRETKEY"
#define GRPC             \
    BLOCK "\x0f\x10\x10" \
          "application/grpc"
#define MISTRAL                            \
    "\x83\x87\x04\x14/v1/chat/completions" \
    "\x01\x0e"                             \
    "api.mistral.ai\xbe"
#define STATUS_200 "\x88"

static void begin_http2(void)
{
    wire_begin();
    wire_over(LLMOBS_WIRE_FREED);
    wire = llmobs_wire_begin("api.openai.com", LLMOBS_WIRE_TLS, true);
}

static void frame(wire_pass_fn *pass, int type, int flags, unsigned stream,
                  const char *payload)
{
    size_t len = strlen(payload);
    unsigned char head[9] = {0,
                             (unsigned char)(len >> 8),
                             (unsigned char)len,
                             (unsigned char)type,
                             (unsigned char)flags,
                             0,
                             0,
                             (unsigned char)(stream >> 8),
                             (unsigned char)stream};

    pass(wire, head, sizeof(head));
    if (len > 0)
        pass(wire, payload, len);
}

static void open_http2(void)
{
    begin_http2();
    frame(wire_received, SETTINGS, 0, 0, "");
    wire_send(PREFACE);
    frame(wire_sent, SETTINGS, 0, 0, "");
}

static void ask(unsigned stream)
{
    frame(wire_sent, HEADERS, WHOLE_BLOCK, stream,
          stream == 1 ? BLOCK
                      : "\x83\x87\x04\x14/v1/chat/completions\x01\x0e"
                        "api.openai.com\xbe");
    frame(wire_sent, DATA, ENDS, stream, BODY);
}

static void reply(unsigned stream)
{
    frame(wire_received, HEADERS, WHOLE_BLOCK, stream, STATUS_200);
    frame(wire_received, DATA, ENDS, stream, ANSWER_BODY);
}

/* Fifty at once, answered from the last one on. */
TEST(http2_streams)
{
    open_http2();
    for (unsigned i = 0; i < 50; i++)
        ask(2 * i + 1);
    for (unsigned i = 50; i-- > 0;)
        reply(2 * i + 1);
    wire_over(LLMOBS_WIRE_CLOSED);
    wire_end(50);
    for (int i = 0; i < 50; i++)
        ck_assert_msg(wire_says(i, "\"there\"") && wire_says(i, "\"hello\"") &&
                          wire_says(i, "\"http_version\": \"2\"") &&
                          wire_says(i, "\"bytes_sent\": 65"),
                      "%s", keeper_events[i]);
}

/* So many at once are followed; of the others the connection goes on. */
TEST(http2_streams_too_many)
{
    uint64_t before = llmobs_stats_get(LLMOBS_STAT_unread_streams);

    open_http2();
    for (unsigned i = 0; i < 1026; i++)
        ask(2 * i + 1);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_unread_streams), before + 2);
    for (unsigned i = 1026; i-- > 0;)
        frame(wire_received, RST, 0, 2 * i + 1, "\1\1\1\1");
    ask(3001);
    reply(3001);
    wire_over(LLMOBS_WIRE_CLOSED);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_unread_streams), before + 2);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_captured), 1025);
    wire_end(KEEPER_EVENTS);
}

/* gRPC to a model, and to another host. */
TEST(http2_unread)
{
    uint64_t before = llmobs_stats_get(LLMOBS_STAT_unread_streams);

    open_http2();
    frame(wire_sent, HEADERS, WHOLE_BLOCK, 1, GRPC);
    frame(wire_sent, DATA, ENDS, 1, BODY);
    reply(1);
    ask(3);
    reply(3);
    wire_over(LLMOBS_WIRE_CLOSED);
    wire = llmobs_wire_begin("example.com", LLMOBS_WIRE_TLS, true);
    wire_send(PREFACE);
    frame(wire_sent, SETTINGS, 0, 0, "");
    frame(wire_sent, HEADERS, WHOLE_BLOCK, 1, GRPC);
    wire_over(LLMOBS_WIRE_CLOSED);
    wire_end(1);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_unread_streams), before + 1);
}

/* How a stream ends: by the client, by the server, by the connection. */
TEST(http2_ends)
{
    static const struct {
        bool client, server;
        enum llmobs_wire_end how;
        const char *says;
    } rows[] = {
        {true, false, LLMOBS_WIRE_FREED, "\"aborted\""},
        {false, true, LLMOBS_WIRE_FREED, "\"connection_lost\""},
        {false, false, LLMOBS_WIRE_FREED, "\"aborted\""},
        {false, false, LLMOBS_WIRE_BROKEN, "\"connection_lost\""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        open_http2();
        ask(1);
        frame(wire_received, HEADERS, WHOLE_BLOCK, 1, STATUS_200);
        if (rows[i].client)
            frame(wire_sent, RST, 0, 1, "\1\1\1\1");
        if (rows[i].server)
            frame(wire_received, RST, 0, 1, "\1\1\1\1");
        wire_over(rows[i].how);
        wire_end(1);
        ck_assert_msg(wire_says(0, rows[i].says), "row %zu: %s", i,
                      keeper_events[0]);
    }
}

/* A frame of the server's that has one number, or two. */
static void frame_of_codes(int type, unsigned stream, unsigned first,
                           unsigned second)
{
    const char codes[] = {0, 0, 0, (char)first, 0, 0, 0, (char)second};
    unsigned len = type == GOAWAY ? 8 : 4;
    const unsigned char head[9] = {
        0, 0, (unsigned char)len,   (unsigned char)type, 0, 0,
        0, 0, (unsigned char)stream};

    wire_received(wire, head, sizeof(head));
    wire_received(wire, codes, len);
}

/* One step of a row: what the client or the server sends. */
static void step(char what)
{
    switch (what) {
    case '1': /* a request; one of another host, by the same connection */
        ask(1);
        break;
    case '3':
        frame(wire_sent, HEADERS, WHOLE_BLOCK, 3, MISTRAL);
        frame(wire_sent, DATA, ENDS, 3, BODY);
        break;
    case 'p': /* the beginning of a long one */
        frame(wire_sent, HEADERS, WHOLE_BLOCK, 1, BLOCK);
        frame(wire_sent, DATA, 0, 1, "{\"model\":\"gpt-4o\",\"mess");
        break;
    case 'a':
        reply(1);
        break;
    case 'b':
        reply(3);
        break;
    case 'i': /* 103 */
        frame(wire_received, HEADERS, WHOLE_BLOCK, 1,
              "\x08\x03"
              "103");
        break;
    case 't': /* an answer with trailers */
        frame(wire_received, HEADERS, WHOLE_BLOCK, 1, STATUS_200);
        frame(wire_received, DATA, 0, 1, ANSWER_BODY);
        frame(wire_received, HEADERS, WHOLE_BLOCK | ENDS, 1,
              "\x10\x01"
              "a\x01"
              "b");
        break;
    case 'l': /* too large */
        frame(wire_received, HEADERS, WHOLE_BLOCK | ENDS, 1,
              "\x08\x03"
              "413");
        break;
    case 'c': /* resets: by the client, by the server, refused */
        frame(wire_sent, RST, 0, 1, "\1\1\1\1");
        break;
    case 's':
        frame_of_codes(RST, 1, 0, 0);
        break;
    case 'r':
        frame_of_codes(RST, 1, 7, 0);
        break;
    case 'e': /* for another reason */
        frame_of_codes(RST, 1, 2, 0);
        break;
    case 'h': /* the beginning of an answer */
        frame(wire_received, HEADERS, WHOLE_BLOCK, 1, STATUS_200);
        break;
    case 'g': /* only the first stream was begun; none; any may be */
        frame_of_codes(GOAWAY, 0, 1, 0);
        break;
    case 'z':
        frame_of_codes(GOAWAY, 0, 0, 0);
        break;
    case 'G':
        frame_of_codes(GOAWAY, 0, 255, 0);
        break;
    case 'n': /* another connection */
        wire_over(LLMOBS_WIRE_CLOSED);
        wire = llmobs_wire_begin("api.openai.com", LLMOBS_WIRE_TLS, true);
        frame(wire_received, SETTINGS, 0, 0, "");
        wire_send(PREFACE);
        frame(wire_sent, SETTINGS, 0, 0, "");
        break;
    }
}

/* Each row's spans: how many are answered, and a text that one of them has. */
TEST(http2_streams_that_end)
{
    static const struct {
        const char *steps;
        int spans, answered;
        const char *says;
    } rows[] = {
        {"1ac", 1, 1, "\"there\""},
        {"1as", 1, 1, "\"there\""},
        {"1ia", 1, 1, "\"there\""},
        {"1t", 1, 1, "\"there\""},
        {"13ba", 2, 2, "mistral"},
        {"1e", 1, 0, "the HTTP/2 stream ended before"},
        {"1r3b", 1, 1, "mistral"},
        {"1hr3b", 2, 1, "connection_lost"},
        {"1hrn1a", 2, 1, "the HTTP/2 stream ended before"},
        {"pl", 1, 0, "413"},
        {"pls", 1, 0, "413"},
        {"plc", 1, 0, "413"},
        {"pc", 1, 0, "\"aborted\""},
        {"13ga", 1, 1, "\"there\""},
        {"13gan1a", 2, 2, "\"there\""},
        {"1Gg3an1a", 2, 2, "\"there\""}, /* that goes behind it */
        {"1g3ba", 2, 2, "mistral"},      /* and is answered nevertheless */
        {"1zn1a", 1, 1, "\"there\""},
        {"1Gan1a", 2, 2, "\"there\""},
        {"1rn1a", 1, 1, "\"there\""},
        {"prn1a", 1, 1, "\"there\""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        bool said = false;
        int answered = 0;

        open_http2();
        for (const char *at = rows[i].steps; *at; at++)
            step(*at);
        wire_over(LLMOBS_WIRE_CLOSED);
        wire_end(rows[i].spans);
        for (int k = 0; k < rows[i].spans; k++) {
            answered += wire_says(k, "\"there\"");
            said |= wire_says(k, rows[i].says);
        }
        ck_assert_msg(said && answered == rows[i].answered, "%s: %s",
                      rows[i].steps, keeper_events[0]);
    }
}

/* A child follows no connection of HTTP/2 of its parent's, which goes on. */
TEST(http2_of_a_child)
{
    pid_t child;

    open_http2();
    ask(1);
    reply(1);
    child = fork();
    if (child == 0) {
        ask(3);
        reply(3);
        wire_over(LLMOBS_WIRE_FREED);
        wire_leave(0, 1);
    }
    wire_child_ends_well(child);
    ask(3);
    reply(3);
    wire_over(LLMOBS_WIRE_FREED);
    wire_end(2);
}

TEST(http2_in_doubt)
{
    uint64_t before = llmobs_stats_get(LLMOBS_STAT_unfollowed);

    open_http2();
    ask(1);
    frame(wire_received, DATA, 0, 3, "");
    reply(1);
    wire_over(LLMOBS_WIRE_FREED);
    wire_end(1);
    ck_assert_msg(wire_says(0, "\"unseen\": true") && !wire_says(0, "dropped"),
                  "%s", keeper_events[0]);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_unfollowed), before + 1);
}

/* Each allocation of a connection fails once. A call that has no span is
 * counted, or its connection is; a span that lacks a part says so. */
TEST_EACH(no_memory, 0, 2)
{
    bool ended = true;

    for (long n = 1; ended; n++) {
        uint64_t dropped, unfollowed;
        int spans;

        wire_begin();
        wire_over(LLMOBS_WIRE_FREED);
        dropped = llmobs_stats_get(LLMOBS_STAT_dropped_memory);
        unfollowed = llmobs_stats_get(LLMOBS_STAT_unfollowed);
        unit_memory_ends(n);
        wire = llmobs_wire_begin("api.openai.com", LLMOBS_WIRE_TLS, _i);
        if (wire && _i) {
            frame(wire_received, SETTINGS, 0, 0, "");
            wire_send(PREFACE);
            frame(wire_sent, SETTINGS, 0, 0, "");
            for (unsigned stream = 1; stream < 7; stream += 2) {
                ask(stream);
                reply(stream);
            }
        }
        for (int i = 0; wire && !_i && i < 3; i++) {
            wire_send(ASKS JSON);
            wire_send(LENGTH BODY);
            wire_receive(ANSWER);
        }
        if (wire)
            wire_over(LLMOBS_WIRE_CLOSED);
        ended = unit_memory_ended();
        unit_memory_ends(0);
        llmobs_worker_stop(worker, UNIT_LONG_MS);
        spans = keeper_count;
        wire_end(spans);
        dropped = llmobs_stats_get(LLMOBS_STAT_dropped_memory) - dropped;
        unfollowed = llmobs_stats_get(LLMOBS_STAT_unfollowed) - unfollowed;
        if (spans + (int)dropped != 3 && unfollowed != 1)
            ck_abort_msg("allocation %ld: %d spans, %d dropped", n, spans,
                         (int)dropped);
        ck_assert_int_le(spans + (int)dropped, 3);
        for (int i = 0; i < spans; i++)
            if (!(wire_says(i, "\"hello\"") && wire_says(i, "\"there\"")) &&
                !wire_says(i, "truncated"))
                ck_abort_msg("allocation %ld: %s", n, keeper_events[i]);
    }
}

/* -- websockets ------------------------------------------------------------ */

#define UPGRADES(path)                                          \
    "GET " path " HTTP/1.1\r\nHost: api.openai.com\r\n"         \
    "Authorization: Bearer " KEY "\r\nConnection: Upgrade\r\n"  \
    "Upgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAA" \
    "AAAAAA==\r\n\r\n"
#define SWITCHES                                                 \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" \
    "Connection: Upgrade\r\nSet-Cookie: " KEY "\r\n\r\n"
#define CREATE \
    "{\"type\":\"response.create\",\"model\":\"gpt-6\",\"input\":\"hello\"}"
#define DELTA                                                      \
    "{\"type\":\"response.output_text.delta\",\"output_index\":0," \
    "\"delta\":\"there\"}"
#define COMPLETED                                                       \
    "{\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\"," \
    "\"status\":\"completed\",\"model\":\"gpt-6\",\"output\":[],"       \
    "\"usage\":{\"input_tokens\":7,\"output_tokens\":3}}}"

/* A message in a frame, the client's with a mask of zeros, behind the bytes
 * `more`. */
static void say(wire_pass_fn *give, const char *more, const char *text)
{
    char all[1000];
    size_t at = strlen(more), len = strlen(text);
    bool masked = give == wire_sent;

    memcpy(all, more, at);
    all[at++] = '\x81';
    all[at++] = (char)((masked ? 0x80 : 0) | (len < 126 ? len : 126));
    if (len >= 126) {
        all[at++] = (char)(len >> 8);
        all[at++] = (char)len;
    }
    memset(all + at, 0, 4);
    at += masked ? 4 : 0;
    memcpy(all + at, text, len);
    give(wire, all, at + len);
}

static void upgrade(const char *path)
{
    wire_send(path);
    say(wire_received, SWITCHES, "{\"type\":\"hello\"}");
}

/* A websocket behind a call, its first event behind the answer's head. */
TEST(websocket_calls_of_a_connection)
{
    wire_begin();
    wire_send(ASKS JSON LENGTH BODY);
    wire_receive(ANSWER);
    upgrade(UPGRADES("/v1/responses"));
    for (int i = 0; i < 2; i++) {
        say(wire_sent, "", CREATE);
        say(wire_received, "", DELTA);
        say(wire_received, "", COMPLETED);
    }
    wire_sent(wire, "\x88\x80\0\0\0\0", 6);
    wire_received(wire, "\x88\0", 2);
    wire_over(LLMOBS_WIRE_CLOSED);
    wire_end(3);
    for (int i = 1; i < 3; i++)
        ck_assert_msg(wire_says(i, "\"hello\"") && wire_says(i, "\"there\"") &&
                          wire_says(i, "\"input_tokens\": 7") &&
                          wire_says(i, "\"status\": \"ok\""),
                      "%s", keeper_events[i]);
}

/* A server that refuses; another protocol; a host of nobody's, where a request
 * has to show it. */
TEST(websocket_judged)
{
    uint64_t before = llmobs_stats_get(LLMOBS_STAT_unread_streams);

    wire_begin();
    wire_send(UPGRADES("/v1/responses"));
    wire_receive("HTTP/1.1 426 No\r\nContent-Length: 0\r\n\r\n");
    wire_send(ASKS JSON LENGTH BODY);
    wire_receive(ANSWER);
    upgrade(UPGRADES("/v1/realtime?model=m"));
    say(wire_sent, "", CREATE);
    say(wire_received, "", COMPLETED);
    wire_over(LLMOBS_WIRE_CLOSED);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_unread_streams), before + 1);
    for (int i = 0; i < 2; i++) {
        wire = llmobs_wire_begin("example.com", LLMOBS_WIRE_TLS, false);
        wire_send("GET /v1/responses HTTP/1.1\r\nHost: example.com\r\n"
                  "Upgrade: websocket\r\n\r\n");
        wire_receive(SWITCHES);
        say(wire_sent, "", i ? CREATE : "{\"type\":\"response.create\"}");
        say(wire_received, "", COMPLETED);
        wire_over(LLMOBS_WIRE_CLOSED);
    }
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_unread_streams), before + 1);
    wire_end(2);
}

/* How a call ends with its connection. */
TEST(websocket_ends)
{
    static const struct {
        const char *frame;
        bool client;
        enum llmobs_wire_end how;
        const char *says;
    } rows[] = {{"", false, LLMOBS_WIRE_CLOSED, "\"connection_lost\""},
                {"", false, LLMOBS_WIRE_FREED, "\"aborted\""},
                {"\x88", false, LLMOBS_WIRE_FREED, "\"connection_lost\""},
                {"\x88\x80", true, LLMOBS_WIRE_CLOSED, "\"aborted\""},
                {"\xc1", false, LLMOBS_WIRE_FREED, "truncated"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        uint64_t before = llmobs_stats_get(LLMOBS_STAT_unfollowed);
        char frame[6] = {0};

        wire_begin();
        upgrade(UPGRADES("/v1/responses"));
        say(wire_sent, "", CREATE);
        say(wire_received, "", DELTA);
        memcpy(frame, rows[i].frame, strlen(rows[i].frame));
        if (*frame)
            (rows[i].client ? wire_sent : wire_received)(
                wire, frame, rows[i].client ? 6 : 2);
        wire_over(rows[i].how);
        wire_end(1);
        ck_assert_msg(wire_says(0, rows[i].says), "%zu: %s", i,
                      keeper_events[0]);
        ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_unfollowed),
                          before + (*frame == '\xc1'));
    }
}

/* Nobody takes the answer to a ping, nor what comes in its place. */
TEST(websocket_unsent)
{
    wire_begin();
    upgrade(UPGRADES("/v1/responses"));
    say(wire_sent, "", CREATE);
    say(wire_received, "", DELTA);
    wire_sent(wire, "\x8a\x80\0\0\0\0", 6);
    wire_refused(wire, 6);
    wire_ended(wire, LLMOBS_WIRE_UNSENT);
    wire_skipped(wire, LLMOBS_WIRE_OTHER_BYTES);
    wire_sent(wire, "\x88\x80\0\0\0\0", 6);
    wire_over(LLMOBS_WIRE_FREED);
    wire_end(1);
    ck_assert_msg(wire_says(0, "\"connection_lost\"") &&
                      wire_says(0, "\"there\""),
                  "%s", keeper_events[0]);
}

/* Nobody follows one in a child; bytes that passed unseen end it. */
TEST(websocket_left)
{
    pid_t child;

    wire_begin();
    upgrade(UPGRADES("/v1/responses"));
    say(wire_sent, "", CREATE);
    child = fork();
    if (child == 0) {
        say(wire_received, "", COMPLETED);
        say(wire_sent, "", CREATE);
        say(wire_received, "", COMPLETED);
        wire_leave(0, 1);
    }
    wire_child_ends_well(child);
    say(wire_received, "", COMPLETED);
    say(wire_sent, "", CREATE);
    wire_skipped(wire, 1);
    say(wire_received, "", COMPLETED);
    wire_over(LLMOBS_WIRE_CLOSED);
    wire_end(2);
}

static uint64_t lost_or_counted(void)
{
    return llmobs_stats_get(LLMOBS_STAT_dropped_memory) +
           llmobs_stats_get(LLMOBS_STAT_unfollowed) +
           llmobs_stats_get(LLMOBS_STAT_unread_streams);
}

TEST_EACH(websocket_memory, 1, 60)
{
    uint64_t before;
    int spans;

    wire_begin();
    wire_over(LLMOBS_WIRE_FREED);
    before = lost_or_counted();
    unit_memory_ends(_i);
    wire = llmobs_wire_begin("api.openai.com", LLMOBS_WIRE_TLS, false);
    if (wire) {
        wire_send(UPGRADES("/v1/responses"));
        wire_receive("HTTP/1.1 101 A\r\nSec-WebSocket-Extensions: "
                     "permessage-deflate\r\n\r\n");
        say(wire_sent, "", CREATE);
        say(wire_received, "", DELTA);
        say(wire_received, "", COMPLETED);
        wire_over(LLMOBS_WIRE_CLOSED);
    }
    unit_memory_ends(0);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    spans = keeper_count;
    wire_end(spans);
    ck_assert_msg(spans == 1 || lost_or_counted() == before + 1,
                  "allocation %d: %d spans", _i, spans);
}
