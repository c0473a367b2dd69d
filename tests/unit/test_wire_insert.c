/* A call to a listed gateway gets trace headers before the end of its head,
 * whatever the cuts of its bytes, or says why not. */
#include "core/capture/wire_insert.h"

#include <stdlib.h>
#include <string.h>

#include "core/capture/call_origin.h"
#include "core/capture/judge.h"
#include "core/capture/wire.h"
#include "core/sdk/own_span.h"
#include "lib/base/stats.h"
#include "lib/text/h2.h"
#include "shim/insert.h"
#include "tests/unit/context_case.h"
#include "tests/unit/keeper.h"
#include "tests/unit/worker_fake.h"

#define LINE "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway:4000\r\n"
#define BODY "{\"model\":\"m\",\"messages\":[]}"
#define LENGTH "Content-Length: 27\r\n"
_Static_assert(sizeof(BODY) - 1 == 27, "LENGTH");
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

static struct llmobs_rules *rules;
static struct llmobs_wire *wire;
static struct llmobs_insertions *taken; /* as the shim has them */

static const char *named; /* LLMOBS_INJECT */

static void begin(const char *urls, enum llmobs_inject_to inject)
{
    const struct llmobs_rules_config listed = {.proxy_urls = urls,
                                               .inject_hosts = named};

    fake_begin(false, 1 << 20);
    fake_config->ml_app = context_base.ml_app;
    fake_config->sample_rate = 1;
    fake_config->inject = inject;
    fake_config->inject_hosts = (char *)(uintptr_t)named;
    fake_config->tags_header_max = 512;
    fake_config->inject_styles = (struct llmobs_styles){
        .list = {LLMOBS_STYLE_DATADOG, LLMOBS_STYLE_TRACECONTEXT}, .count = 2};
    fake_config->extract_styles = fake_config->inject_styles;
    fake_replace(&keeper, 1 << 20);
    rules = llmobs_rules_new(&listed);
    llmobs_own_span_init(fake_config, worker);
    llmobs_judge_init(fake_config, rules);
    llmobs_call_origin_init(fake_config);
    llmobs_wire_init(fake_config, worker);
    keeper_count = 0;
    wire = llmobs_wire_begin(NULL, LLMOBS_WIRE_PLAIN, false);
    taken = NULL;
}

static void event(enum llmobs_wire_what what, const char *bytes, size_t len,
                  size_t before)
{
    llmobs_wire_event(wire, &(struct llmobs_wire_event){
                                what, bytes, len, -1, before,
                                what == LLMOBS_WIRE_SENT ? &taken : NULL});
}

static void end_connection(void)
{
    llmobs_wire_event(wire,
                      &(struct llmobs_wire_event){LLMOBS_WIRE_ENDED, NULL,
                                                  LLMOBS_WIRE_FREED, .fd = -1});
}

static void end(void)
{
    if (taken)
        llmobs_wire_give(wire, taken);
    end_connection();
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    worker_case_sum(worker);
    llmobs_rules_free(rules);
}

/* A server gets these bytes of the call. In a static buffer. */
static const char *mixed(const char *bytes)
{
    static char out[20000];
    struct iovec piece = {(void *)(uintptr_t)bytes, strlen(bytes)};
    size_t count = llmobs_insert_mix(taken, &piece, 1), len = 0;

    for (size_t i = 0; i < count; i++) {
        memcpy(out + len, taken->pieces[i].iov_base, taken->pieces[i].iov_len);
        len += taken->pieces[i].iov_len;
    }
    out[len] = '\0';
    return out;
}

static size_t inserted(void)
{
    return taken ? taken->count : 0;
}

/* The request in two calls, cut at each byte: only a cut between the CR and the
 * LF of the empty line takes the headers away. */
TEST(each_cut)
{
    static const char request[] = LINE LENGTH "\r\n" BODY;
    const size_t blank = sizeof(LINE LENGTH) - 1;

    for (size_t cut = 1; cut + 1 < sizeof(request); cut++) {
        bool first = cut >= blank + 2;
        const char *with = first ? request : request + cut;

        begin("http://gateway:4000", LLMOBS_INJECT_DEFAULT);
        event(LLMOBS_WIRE_SENT, request, cut, 0);
        ck_assert_uint_eq(inserted(), first);
        event(LLMOBS_WIRE_SENT, request + cut, sizeof(request) - 1 - cut,
              first ? cut : 0);
        ck_assert_msg(inserted() == (cut != blank + 1), "cut at %zu", cut);
        if (inserted()) {
            const char *sent = mixed(with);

            ck_assert_uint_eq(taken->list[0].at, blank - (first ? 0 : cut));
            ck_assert(strstr(sent, "\r\ntraceparent: 00-") ||
                      strncmp(sent, "x-datadog-", 10) == 0);
            ck_assert(strstr(sent, "\r\n\r\n" BODY));
        }
        event(LLMOBS_WIRE_RECEIVED, ANSWER, strlen(ANSWER), 0);
        end();
        ck_assert_int_eq(keeper_count, 1);
        ck_assert(!!strstr(keeper_events[0], "\"no_trace_headers\": \"cut\"") ==
                  (cut == blank + 1));
    }
}

/* Headers of a request, and the counter that it gets. */
TEST(reasons)
{
    static char large[6600];
    static const struct {
        const char *urls, *lines;
        enum llmobs_stat stat;
    } rows[] = {
#define LISTED "http://gateway:4000"
        {LISTED, "", LLMOBS_STAT_headers_added},
        {LISTED "/v1", "", LLMOBS_STAT_headers_added},
        {"http://other:1," LISTED, "", LLMOBS_STAT_headers_added},
        {"https://gateway:4000", "", LLMOBS_STAT_COUNT},
        {"http://gateway", "", LLMOBS_STAT_COUNT},
        {LISTED "/other", "", LLMOBS_STAT_COUNT},
        {"", "", LLMOBS_STAT_COUNT},
        {LISTED, "Authorization: Bearer sk-a b\r\n", LLMOBS_STAT_headers_added},
        {LISTED, "Authorization: key\r\n", LLMOBS_STAT_headers_added},
        {LISTED, "api-key: of signature\r\n", LLMOBS_STAT_headers_added},
        {LISTED, "Authorization: AWS4-HMAC-SHA256 Credential=a\r\n",
         LLMOBS_STAT_headers_signed},
        {LISTED, "Authorization: Signature keyId=\"a\"\r\n",
         LLMOBS_STAT_headers_signed},
        {LISTED, "x-amz-date: 1\r\n", LLMOBS_STAT_headers_signed},
        {LISTED, "Signature-Input: a\r\n", LLMOBS_STAT_headers_signed},
        {LISTED, "X-Ca-Signature: a\r\n", LLMOBS_STAT_headers_signed},
        {LISTED, large, LLMOBS_STAT_headers_large},
        {LISTED, "traceparent: none\r\n", LLMOBS_STAT_headers_own},
        {LISTED, "x-datadog-trace-id: x\r\n", LLMOBS_STAT_headers_own},
        {LISTED,
         "traceparent: 00-6affe73a00000000c3d1e2f3a4b5c6d7-"
         "6573f78e6e7bca2b-01\r\n",
         LLMOBS_STAT_headers_added},
    };

    memset(large, 'x', sizeof(large) - 1);
    memcpy(large, "X: ", 3);
    memcpy(large + sizeof(large) - 3, "\r\n", 2);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char request[8000];
        uint64_t before;

        snprintf(request, sizeof(request), LINE LENGTH "%s\r\n" BODY,
                 rows[i].lines);
        begin(rows[i].urls, LLMOBS_INJECT_DEFAULT);
        before = llmobs_stats_get(rows[i].stat);
        event(LLMOBS_WIRE_SENT, request, strlen(request), 0);
        ck_assert_msg(inserted() == (rows[i].stat == LLMOBS_STAT_headers_added),
                      "row %zu", i);
        ck_assert_msg(rows[i].stat == LLMOBS_STAT_COUNT ||
                          llmobs_stats_get(rows[i].stat) == before + 1,
                      "row %zu", i);
        event(LLMOBS_WIRE_RECEIVED, ANSWER, strlen(ANSWER), 0);
        end();
        ck_assert_int_eq(keeper_count, 1);
    }
}

/* A named host gets headers of calls alone, which stay llm spans; a known
 * provider gets ids alone, and no other host gets any. */
TEST(named_hosts)
{
#define JSON "Content-Type: application/json\r\n"
#define OWN \
    "traceparent: 00-6affe73a00000000c3d1e2f3a4b5c6d7-6573f78e6e7bca2b-01\r\n"
    static const struct {
        const char *named, *host, *path, *lines;
        bool added, names, span;
    } rows[] = {
        {"gateway:4000", "gateway:4000", "/v1/chat/completions", JSON, 1, 1, 1},
        {"gateway:4000", "GATEWAY:4000", "/v1/chat/completions", JSON, 1, 1, 1},
        {"gateway:4001", "gateway:4000", "/v1/chat/completions", JSON, 0, 0, 1},
        {"*.test", "gateway.test", "/v1/chat/completions", JSON, 1, 1, 1},
        {"*.test", "test", "/v1/chat/completions", JSON, 0, 0, 1},
        {"gateway.test", "gateway.test", "/v1/chat/completions", OWN JSON, 1, 1,
         1},
        {"gateway.test", "gateway.test", "/login", JSON, 0, 0, 0},
        {"gateway.test", "gateway.test", "/v1/chat/completions",
         "Content-Type: text/plain\r\n", 0, 0, 1},
        {"api.anthropic.com", "api.anthropic.com", "/v1/messages", JSON, 1, 0,
         1},
        {"api.anthropic.com", "api.anthropic.com.", "/v1/messages", "", 1, 0,
         1},
        {"api.anthropic.com", "api.anthropic.com", "/v1/messages", OWN, 0, 0,
         1},
        {"api.anthropic.com", "api.openai.com", "/v1/chat/completions", JSON, 0,
         0, 1},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char request[1000];
        const char *sent;

        snprintf(request, sizeof(request),
                 "POST %s HTTP/1.1\r\nHost: %s\r\n%s" LENGTH "\r\n" BODY,
                 rows[i].path, rows[i].host, rows[i].lines);
        named = rows[i].named;
        begin(NULL, LLMOBS_INJECT_DEFAULT);
        event(LLMOBS_WIRE_SENT, request, strlen(request), 0);
        ck_assert_msg(inserted() == rows[i].added, "row %zu", i);
        sent = inserted() ? mixed(request) : "";
        ck_assert_msg(!!strstr(sent, "ml_app") == rows[i].names, "row %zu", i);
        ck_assert_msg(!!strstr(sent, "tracestate: ") ==
                          (rows[i].names && !strstr(rows[i].lines, OWN)),
                      "row %zu", i);
        event(LLMOBS_WIRE_RECEIVED, ANSWER, strlen(ANSWER), 0);
        end();
        named = NULL;
        ck_assert_msg(keeper_count == rows[i].span, "row %zu", i);
        if (!rows[i].span)
            continue;
        ck_assert(strstr(keeper_events[0], "\"kind\": \"llm\""));
        ck_assert_msg(!!strstr(keeper_events[0], "trace_headers:own") ==
                          !!strstr(rows[i].lines, OWN),
                      "row %zu", i);
    }
}

/* The program's own ids stay, and are the parent's. */
TEST(own_ids)
{
    begin("http://gateway:4000", LLMOBS_INJECT_DEFAULT);
    static const char request[] =
        LINE LENGTH "traceparent: 00-6affe73a00000000c3d1e2f3a4b5c6d7-"
                    "6573f78e6e7bca2b-01\r\n\r\n" BODY;

    event(LLMOBS_WIRE_SENT, request, sizeof(request) - 1, 0);
    ck_assert_uint_eq(inserted(), 1);
    ck_assert_ptr_nonnull(
        strstr(mixed(request), "x-datadog-parent-id: 7310458811263470123"));
    ck_assert_ptr_null(
        strstr(strstr(mixed(request), "traceparent") + 1, "traceparent"));
    end();
}

/* Nobody may add any; a way that cannot take them. */
TEST(not_asked)
{
    static const char request[] = LINE LENGTH "\r\n" BODY;
    uint64_t before;

    begin("http://gateway:4000", LLMOBS_INJECT_NONE);
    event(LLMOBS_WIRE_SENT, request, sizeof(request) - 1, 0);
    ck_assert_uint_eq(inserted(), 0);
    end();
    begin("http://gateway:4000", LLMOBS_INJECT_DEFAULT);
    before = llmobs_stats_get(LLMOBS_STAT_headers_way);
    llmobs_wire_event(
        wire, &(struct llmobs_wire_event){LLMOBS_WIRE_SENT, request,
                                          sizeof(request) - 1, .fd = -1});
    ck_assert_uint_eq(inserted(), 0);
    end();
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_headers_way), before + 1);
}

/* -- HTTP/2 ---------------------------------------------------------------- */

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define PSEUDO "\x83\x87\x04\x14/v1/chat/completions\x01\x0cgateway:4000"
/* Its last line is that of a table, which the line before has filled. */
#define BLOCK PSEUDO "\x40\x01x\x01y\xbe"
enum { HEADERS = 1, SETTINGS = 4, CONTINUATION = 9 };

static size_t frame(char *to, char type, char flags, char stream,
                    const char *payload, size_t len)
{
    const char head[LLMOBS_H2_FRAME_HEAD] = {
        0, (char)(len >> 8), (char)len, type, flags, 0, 0, 0, stream};

    memcpy(to, head, sizeof(head));
    memcpy(to + sizeof(head), payload, len);
    return sizeof(head) + len;
}
#define FRAME(to, type, flags, stream, payload) \
    frame(to, type, flags, stream, payload, sizeof(payload) - 1)

/* The connection's first call, and a second request. */
static size_t two_requests(char *to)
{
    char *at = to + sizeof(PREFACE) - 1;

    memcpy(to, PREFACE, sizeof(PREFACE) - 1);
    at += FRAME(at, SETTINGS, 0, 0, "");
    at += FRAME(at, HEADERS, 4, 1, BLOCK);
    at += FRAME(at, 0, 1, 1, BODY);
    at += FRAME(at, HEADERS, 4, 3, BLOCK);
    return (size_t)(at - to) + FRAME(at, 0, 1, 3, BODY);
}

static bool add_line(void *user, struct llmobs_text name,
                     struct llmobs_text value)
{
    snprintf((char *)user + strlen(user), 4000 - strlen(user), "%.*s=%.*s|",
             (int)name.len, name.data, (int)value.len, value.data);
    return true;
}

/* Reads the frames as a server does. Gives the lines of their heads. */
static const char *lines_of(const char *bytes, size_t len)
{
    static char lines[4000];
    struct llmobs_hpack table;
    const unsigned char *at =
        (const unsigned char *)bytes + sizeof(PREFACE) - 1;
    const unsigned char *end = (const unsigned char *)bytes + len;

    llmobs_hpack_init(&table, (const uint64_t[]){1, 2});
    lines[0] = '\0';
    for (size_t size; at < end; at += LLMOBS_H2_FRAME_HEAD + size) {
        const char *payload = (const char *)at + LLMOBS_H2_FRAME_HEAD;

        size = (size_t)at[1] << 8 | at[2];
        ck_assert_int_lt(at[3], 10);
        if (at[3] == HEADERS)
            ck_assert_int_eq(
                llmobs_hpack_read(&table, (struct llmobs_text){payload, size},
                                  add_line, lines),
                0);
        else if (at[3] == 0)
            ck_assert_mem_eq(payload, BODY, sizeof(BODY) - 1);
    }
    ck_assert_ptr_eq(at, end);
    llmobs_hpack_fini(&table);
    return lines;
}

static void begin_http2(int fd)
{
    begin(fd == LLMOBS_WIRE_TLS ? "https://gateway:4000"
                                : "http://gateway:4000",
          LLMOBS_INJECT_DEFAULT);
    end_connection();
    wire = llmobs_wire_begin(NULL, fd, true);
}

/* Two requests in two calls, cut at each byte, of which the library takes so
 * many bytes at a time: heads whose frames are whole have the lines. */
TEST(http2_each_cut)
{
    static const char head[] =
        ":method=POST|:scheme=https|:path=/v1/chat/completions|"
        ":authority=gateway:4000|x=y|";
    char sent[1000], came[4000];
    const size_t all = two_requests(sent), first = sizeof(PREFACE) - 1 + 9;
    const size_t second = first + 9 + sizeof(BLOCK) - 1 + 9 + sizeof(BODY) - 1;

    for (size_t cut = 1; cut <= all; cut++) {
        size_t len = 0, most = cut % 9 ? cut % 40 + 1 : sizeof(came);
        const size_t ends[] = {cut, all};
        const char *lines;

        begin_http2(LLMOBS_WIRE_TLS);
        for (size_t call = 0, at = 0; call < 2; call++) {
            event(LLMOBS_WIRE_SENT, sent + at, ends[call] - at, 0);
            while (at < ends[call]) {
                struct iovec piece = {sent + at, ends[call] - at};
                size_t took = 0, n = 1;
                const struct iovec *mix = &piece;

                if (taken) {
                    n = llmobs_insert_mix(taken, &piece, 1);
                    mix = taken->pieces;
                }
                for (size_t i = 0; i < n; i++) {
                    size_t part = mix[i].iov_len < most - took ? mix[i].iov_len
                                                               : most - took;

                    memcpy(came + len, mix[i].iov_base, part);
                    took += part;
                    len += part;
                }
                at += taken ? llmobs_insert_took(taken, took) : took;
            }
            ck_assert_uint_eq(inserted(), 0);
        }
        lines = lines_of(came, len);
        for (int i = 0; i < 2; i++) {
            size_t from = i ? second : first;
            bool whole = cut <= from || cut >= from + 9 + sizeof(BLOCK) - 1;

            ck_assert_int_eq(strncmp(lines, head, sizeof(head) - 1), 0);
            lines += sizeof(head) - 1;
            ck_assert_msg(whole == !strncmp(lines, "x-datadog-trace-id=", 19),
                          "cut at %zu, %d: %s", cut, i, lines);
            ck_assert(!whole || strstr(lines, "traceparent=00-"));
            lines = strstr(lines, "x=y|") + 4;
        }
        ck_assert_str_eq(lines, "");
        end();
        ck_assert_int_eq(keeper_count, 2);
    }
}

/* Heads that get none, and why. */
TEST(http2_reasons)
{
    static const struct {
        int fd;
        char flags;
        const char *settings, *block;
        enum llmobs_stat stat;
    } rows[] = {
#define OF_LIST "\0\x06\0\0"
        {LLMOBS_WIRE_TLS, 4, NULL, BLOCK, LLMOBS_STAT_headers_added},
        {LLMOBS_WIRE_TLS, 4, OF_LIST "\x10\0", BLOCK,
         LLMOBS_STAT_headers_added},
        {LLMOBS_WIRE_TLS, 4, OF_LIST "\2\0", BLOCK, LLMOBS_STAT_headers_large},
        {LLMOBS_WIRE_TLS, 4, OF_LIST "\0\x20", BLOCK,
         LLMOBS_STAT_headers_large},
        {LLMOBS_WIRE_TLS, 12, NULL, "\0" BLOCK, LLMOBS_STAT_headers_cut},
        {LLMOBS_WIRE_TLS, 0, NULL, BLOCK, LLMOBS_STAT_headers_cut},
        {LLMOBS_WIRE_TLS, 4, NULL, PSEUDO, LLMOBS_STAT_headers_cut},
        {LLMOBS_WIRE_TLS, 4, NULL, PSEUDO "\x10\x0btraceparent\1-",
         LLMOBS_STAT_headers_own},
        {LLMOBS_WIRE_PLAIN, 4, NULL, BLOCK, LLMOBS_STAT_headers_way},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char sent[1000], got[100], *at = sent + sizeof(PREFACE) - 1;
        bool padded = rows[i].flags & 8;
        uint64_t before;

        begin_http2(rows[i].fd);
        before = llmobs_stats_get(rows[i].stat);
        event(LLMOBS_WIRE_RECEIVED, got,
              frame(got, SETTINGS, 0, 0,
                    rows[i].settings ? rows[i].settings : "",
                    rows[i].settings ? 6 : 0),
              0);
        memcpy(sent, PREFACE, sizeof(PREFACE) - 1);
        at += FRAME(at, SETTINGS, 0, 0, "");
        at += frame(at, HEADERS, rows[i].flags, 1, rows[i].block,
                    padded + strlen(rows[i].block + padded));
        if (rows[i].flags == 0)
            at += FRAME(at, CONTINUATION, 4, 1, "\0\1c\1d");
        at += FRAME(at, 0, 0, 1, BODY);
        at += FRAME(at, HEADERS, 5, 1, "\0\1t\1r"); /* trailers */
        event(LLMOBS_WIRE_SENT, sent, (size_t)(at - sent), 0);
        ck_assert_msg(llmobs_stats_get(rows[i].stat) == before + 1, "row %zu",
                      i);
        ck_assert_uint_eq(inserted(),
                          rows[i].stat == LLMOBS_STAT_headers_added ? 2 : 0);
        end();
        ck_assert_int_eq(keeper_count, 1);
    }
}

/* More heads in one call than can be listed. */
TEST(http2_many)
{
    static char sent[20000];
    char *at = sent + sizeof(PREFACE) - 1;
    const int count = LLMOBS_INSERTIONS / 2 + 2;
    uint64_t before;

    begin_http2(LLMOBS_WIRE_TLS);
    before = llmobs_stats_get(LLMOBS_STAT_headers_way);
    memcpy(sent, PREFACE, sizeof(PREFACE) - 1);
    at += FRAME(at, SETTINGS, 0, 0, "");
    for (int i = 0; i < count; i++) {
        char *head = at;

        at += FRAME(at, HEADERS, 4, 1, BLOCK);
        head[7] = (char)((2 * i + 1) >> 8);
        head[8] = (char)(2 * i + 1);
    }
    event(LLMOBS_WIRE_SENT, sent, (size_t)(at - sent), 0);
    ck_assert_uint_eq(inserted(), LLMOBS_INSERTIONS);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_headers_way), before + 2);
    end();
}

/* A connection's list goes with it, and never to the next one. */
TEST(taken_and_given)
{
    static const char request[] = LINE LENGTH "\r\n" BODY;
    struct llmobs_insertions *kept;

    begin("http://gateway:4000", LLMOBS_INJECT_DEFAULT);
    event(LLMOBS_WIRE_SENT, request, sizeof(request) - 1, 0);
    kept = taken;
    llmobs_wire_give(wire, taken);
    ck_assert_ptr_eq(llmobs_wire_take(wire), kept);
    ck_assert_ptr_null(llmobs_wire_take(wire));
    taken = NULL;
    end_connection();
    llmobs_wire_give(wire, kept);
    ck_assert_ptr_null(llmobs_wire_take(wire));
    wire = llmobs_wire_begin(NULL, LLMOBS_WIRE_PLAIN, false);
    end();
}

/* -- random connections ---------------------------------------------------- */

static uint64_t chance;

static size_t pick(size_t most)
{
    chance = chance * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (size_t)(chance >> 33) % most;
}

/* What the client sends, and the server gets; the rows of it, as the server has
 * to read them: heads, and bytes of bodies and tunnels. */
static struct {
    char in[16000], out[64000];
    size_t in_len, out_len, rows, given;
    struct {
        size_t from;
        bool head;
    } row[64];
} both;

/* A row; sent in pieces, with what goes among them. */
static void client(bool head, const char *bytes, size_t len)
{
    both.row[both.rows].from = both.in_len;
    both.row[both.rows++].head = head;
    memcpy(both.in + both.in_len, bytes, len);
    both.in_len += len;
}

static void flush(void)
{
    while (both.given < both.in_len) {
        size_t left = both.in_len - both.given, n = 1;
        size_t len = pick(3) ? left : 1 + pick(left);
        struct iovec piece = {both.in + both.given, len};
        const struct iovec *mix = &piece;

        event(LLMOBS_WIRE_SENT, piece.iov_base, len, 0);
        if (taken) {
            n = llmobs_insert_mix(taken, &piece, 1);
            mix = taken->pieces;
        }
        for (size_t i = 0; i < n; i++) {
            memcpy(both.out + both.out_len, mix[i].iov_base, mix[i].iov_len);
            both.out_len += mix[i].iov_len;
        }
        if (taken) {
            size_t all = 0;

            for (size_t i = 0; i < n; i++)
                all += mix[i].iov_len;
            ck_assert_uint_eq(llmobs_insert_took(taken, all), len);
        }
        both.given += len;
    }
}

static void server(const char *bytes)
{
    flush();
    for (size_t at = 0, len = strlen(bytes), part; at < len; at += part) {
        part = pick(2) ? len - at : 1 + pick(len - at);
        event(LLMOBS_WIRE_RECEIVED, bytes + at, part, 0);
    }
}

#define OK_2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
static const char embedded[] = LINE LENGTH "\r\n" BODY;

static void head_of(const char *line, const char *more, size_t length)
{
    char head[300], size[40] = "";

    if (length > 0)
        snprintf(size, sizeof(size), "Content-Length: %zu\r\n", length);
    client(
        true, head,
        (size_t)snprintf(head, sizeof(head), "%s%s%s\r\n", line, more, size));
}

static void call(bool chunked)
{
    if (chunked) {
        head_of(LINE, "Transfer-Encoding: chunked\r\n", 0);
        client(false, "b\r\n{\"model\":\"m\r\n10\r\n\",\"messages\":[]}\r\n",
               38);
        client(false, "0\r\nA: b\r\n\r\n", 11);
        return;
    }
    head_of(LINE, "", sizeof(BODY) - 1);
    client(false, BODY, sizeof(BODY) - 1);
}

/* A body that has requests in it, of which an answer may come early. */
static void upload(const char *more, bool early)
{
    char body[600];
    size_t lead = pick(2) * pick(30), len = lead, sent;

    memset(body, 'x', lead);
    for (size_t i = pick(2) + 1; i > 0; i--, len += sizeof(embedded) - 1)
        memcpy(body + len, embedded, sizeof(embedded) - 1);
    len -= pick(3) * 5;
    head_of("POST /upload HTTP/1.1\r\nHost: gateway:4000\r\n", more, len);
    sent = pick(2) ? lead : pick(len);
    client(false, body, sent);
    if (early)
        server(pick(2) ? OK_2
                       : "HTTP/1.1 413 Big\r\nContent-Length: 0\r\n\r\n");
    client(false, body + sent, len - sent);
    if (!early)
        server(OK_2);
    flush();
}

static const char asks[] = "CONNECT gateway:4000 HTTP/1.1\r\nHost: gateway\r\n";
static const char offers[] = "GET /other HTTP/1.1\r\nHost: h\r\nUpgrade: x\r\n";

/* One or some requests. Gives how many of them are calls with an answer; -1: no
 * request follows any more. */
static int requests(void)
{
    size_t many = 1 + pick(3);
    bool connects = pick(2);

    switch (pick(8)) {
    case 0:
        call(pick(2));
        server(pick(2)
                   ? OK_2
                   : "HTTP/1.1 103 Hint\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n");
        return 1;
    case 1:
        for (size_t i = 0; i < many; i++)
            call(pick(2));
        for (size_t i = 0; i < many; i++)
            server(OK_2);
        return (int)many;
    case 2:
        upload("", true);
        return 0;
    case 3:
        upload("Expect: 100-continue\r\n", pick(2));
        return 0;
    case 4: /* the body is left out, since the server refuses it */
        head_of("POST /upload HTTP/1.1\r\nHost: gateway:4000\r\n",
                "Expect: 100-continue\r\n", 24 + pick(15));
        server("HTTP/1.1 417 No\r\nContent-Length: 1\r\n\r\nx");
        return 0;
    case 5:
        head_of(pick(2) ? "HEAD /a/long/path HTTP/1.1\r\nHost: gateway\r\n"
                        : "GET /another/path HTTP/1.1\r\nHost: gateway\r\n",
                "", 0);
        server(memcmp(both.in + both.row[both.rows - 1].from, "GET", 3) != 0
                   ? "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"
               : pick(2) ? "HTTP/1.1 204 No\r\n\r\n"
                         : "HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n");
        return 0;
    case 6: /* a tunnel, or another protocol */
        head_of(connects ? asks : offers, "", 0);
        client(false, embedded, sizeof(embedded) - 1);
        server(connects ? "HTTP/1.1 200 OK\r\n\r\n"
                        : "HTTP/1.1 101 Go\r\nUpgrade: x\r\n\r\n");
        client(false, embedded, sizeof(embedded) - 1);
        flush();
        return -1;
    default: /* neither */
        head_of(connects ? asks : offers, "", 0);
        for (size_t i = 0; i < many; i++)
            call(pick(2));
        server(connects ? "HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n"
                        : OK_2);
        for (size_t i = 0; i < many; i++)
            server(OK_2);
        return (int)many;
    }
}

/* What the server reads, by the rows: heads but for added lines, and all else
 * byte for byte. */
static void framed(unsigned seed)
{
    const char *at = both.out, *end = both.out + both.out_len;

    for (size_t i = 0; i < both.rows; i++) {
        size_t to = i + 1 < both.rows ? both.row[i + 1].from : both.in_len;
        const char *want = both.in + both.row[i].from, *last = both.in + to;

        while (want < last) {
            size_t len = both.row[i].head
                             ? (size_t)((char *)memchr(want, '\n',
                                                       (size_t)(last - want)) +
                                        1 - want)
                             : (size_t)(last - want);

            while (both.row[i].head && (strncmp(at, "x-datadog-", 10) == 0 ||
                                        strncmp(at, "trace", 5) == 0))
                at = (char *)memchr(at, '\n', (size_t)(end - at)) + 1;
            ck_assert_msg(
                (size_t)(end - at) >= len && memcmp(at, want, len) == 0,
                "seed %u, row %zu: %.*s", seed, i, (int)(end - at), at);
            at += len;
            want += len;
        }
    }
    ck_assert_ptr_eq(at, end);
}

/* The server gets what the client sent, and headers in heads alone; each call
 * is one, and nothing else is. */
TEST(guesses)
{
    uint64_t calls = llmobs_stats_get(LLMOBS_STAT_captured);
    int got = 0;

    begin("http://gateway:4000/v1", LLMOBS_INJECT_DEFAULT);
    for (unsigned seed = 1; seed <= 1500; seed++) {
        chance = seed;
        both.in_len = both.out_len = both.rows = both.given = 0;
        for (size_t i = 1 + pick(5); i > 0 && (got = requests()) >= 0; i--)
            calls += (unsigned)got;
        if (taken)
            llmobs_wire_give(wire, taken);
        taken = NULL;
        end_connection();
        framed(seed);
        wire = llmobs_wire_begin(NULL, LLMOBS_WIRE_PLAIN, false);
    }
    end();
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_captured), calls);
}
