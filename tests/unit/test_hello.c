/* Tests the ClientHello reader. */
#include "cli/intercept/hello.h"

#include <stdio.h>
#include <string.h>

#include "cli/intercept/way_out.h"
#include "tests/unit/unit.h"

/* Ciphers 0x1301 and, between numbers without a meaning, 0xc02f; the names are
 * "api.x" and "h2". */
static const unsigned char body[] =
    "\x03\x03"
    "................................" /* version, random */
    "\x01s"
    "\x00\x08"
    "\x1a\x1a\x13\x01\xc0\x2f\x3a\x3a"
    "\x01\x00"
    "\x00\x17"
    "\x00\x00\x00\x0a\x00\x08\x00\x00\x05"
    "api.x"
    "\x00\x10\x00\x05\x00\x03\x02"
    "h2";
#define BODY (sizeof(body) - 1)

/* The message in records of so many bytes; gives its length. */
static size_t make(unsigned char out[512], size_t each, const void *text)
{
    unsigned char whole[BODY + 4] = {1, 0, 0, BODY};
    size_t len = 0;

    memcpy(whole + 4, text, BODY);
    for (size_t at = 0; at < sizeof(whole); at += each) {
        size_t n = sizeof(whole) - at < each ? sizeof(whole) - at : each;

        memcpy(out + len, "\x16\x03\x01", 4);
        out[len + 4] = (unsigned char)n;
        memcpy(out + len + 5, whole + at, n);
        len += n + 5;
    }
    return len;
}

TEST(test_hello_in_records)
{
    static const size_t sizes[] = {255, 90, 40, 3, 1};
    struct llmobs_hello hello;
    unsigned char bytes[512];

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        size_t len = make(bytes, sizes[i], body);

        for (size_t n = 0; n < len; n++)
            ck_assert_int_eq(llmobs_hello_read(bytes, n, &hello), 0);
        ck_assert_int_eq(llmobs_hello_read(bytes, len, &hello), 1);
        ck_assert_str_eq(hello.name, "api.x");
        ck_assert_uint_eq(hello.alpn_len, 3);
        ck_assert(memcmp(hello.alpn, "\x02h2", 3) == 0);
        if (sizes[i] == 1)
            return;
    }
}

/* Other numbers without a meaning do not make it another kind of client. */
TEST(test_hello_kinds)
{
    unsigned char other[BODY + 1], bytes[512];
    struct llmobs_hello first, second;
    unsigned char *ciphers;

    memcpy(other, body, sizeof(other));
    (void)llmobs_hello_read(bytes, make(bytes, 255, other), &first);
    ciphers = memmem(other, BODY, "\x1a\x1a", 2);
    memcpy(ciphers, "\xea\xea", 2);
    (void)llmobs_hello_read(bytes, make(bytes, 255, other), &second);
    ck_assert(first.kind == second.kind && first.kind != 0);
    memcpy(ciphers, "\x00\x2f", 2);
    (void)llmobs_hello_read(bytes, make(bytes, 255, other), &second);
    ck_assert(first.kind != second.kind);
}

TEST(test_hello_of_others)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {{"GET / HTTP/1.1\r\n\r\n", 18},
                {"\x16\x03\x01\x00\x00", 5},
                {"\x16\x03\x01\x00\x04\x02\x00\x00\x00", 9},
                {"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03", 10},
                {"\x15\x03\x01\x00\x02\x02\x28", 7}};
    struct llmobs_hello hello;

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        ck_assert_int_eq(
            llmobs_hello_read((const void *)rows[i].bytes, rows[i].len, &hello),
            -1);
    ck_assert_str_eq(hello.name, "");
}

TEST(test_hello_asked)
{
    static const struct {
        const char *line, *host; /* NULL: it asks for nothing */
        unsigned port;
    } rows[] = {{"CONNECT [::1]:8443", "::1", 8443},
                {"CONNECT API.x", "api.x", 443},
                {"connect a:1", NULL, 0},
                {"CONNECT http://a:1", NULL, 0},
                {"GET http://A.b", "a.b", 80},
                {"POST HTTPS://a.b?c", NULL, 0},
                {"POST hTTPS://a.b?c=://d", "a.b", 443},
                {"PUT http://[::1]:81/x@y", "::1", 81},
                {"PUT http://x@y/", NULL, 0},
                {"GET /http://a/", NULL, 0},
                {"GET http:///a", NULL, 0},
                {"GET h/a://b", NULL, 0},
                {"GET hfs://b/", NULL, 0},
                {"GET http://a:b/", NULL, 0}};
    struct llmobs_http1_head head;
    struct llmobs_target to;
    char text[200];

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        snprintf(text, sizeof(text), "%s HTTP/1.1\r\n\r\n", rows[i].line);
        ck_assert_msg(llmobs_way_out_asked(text, &head, &to) == !!rows[i].host,
                      "%s", text);
        if (rows[i].host) {
            ck_assert_str_eq(to.host, rows[i].host);
            ck_assert_uint_eq(to.port, rows[i].port);
        }
    }
    ck_assert(llmobs_way_out_stands("HTTP/1.1 200 OK\r\n\r\n"));
    ck_assert(!llmobs_way_out_stands("HTTP/1.1 407 2\r\n\r\n"));
}

/* A server gets a path, and nothing that is for proxies; a proxy gets all, and
 * the login of its own. */
TEST(test_hello_goes_on)
{
    static const char rest[] = "Host: h\r\nX: y\r\n";
    static const struct {
        const char *asked, *sent;
    } rows[] = {{"GET http://a:1/b?c", "GET /b?c"},
                {"GET http://a", "GET /"},
                {"GET http://a?b=http://c/", "GET /?b=http://c/"},
                {"OPTIONS http://a", "OPTIONS *"},
                {"OPTIONS http://a/", "OPTIONS /"}};
    struct llmobs_way none = {.url = NULL},
                      way = {.url = "x", .login = (char[]){"bA=="}};
    char text[400], out[LLMOBS_REQUEST_MAX], wanted[400];
    struct llmobs_http1_head head;
    struct llmobs_target to;

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        snprintf(text, sizeof(text),
                 "%s HTTP/1.1\r\nproxy-connection: close\r\n%s"
                 "Proxy-Authorization: z\r\n\r\n",
                 rows[i].asked, rest);
        ck_assert(llmobs_way_out_asked(text, &head, &to));
        snprintf(wanted, sizeof(wanted), "%s HTTP/1.1\r\n%s\r\n", rows[i].sent,
                 rest);
        out[llmobs_way_out_request(&none, text, &head, out)] = '\0';
        ck_assert_str_eq(out, wanted);
        snprintf(wanted, sizeof(wanted),
                 "%.*sProxy-Authorization: Basic bA==\r\n\r\n",
                 (int)strlen(text) - 2, text);
        out[llmobs_way_out_request(&way, text, &head, out)] = '\0';
        ck_assert_str_eq(out, wanted);
    }
}
