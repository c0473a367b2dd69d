#include "cli/intercept/hello.h"

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
    struct llmobs_target to;

    ck_assert(llmobs_way_out_asked("CONNECT [::1]:8443 HTTP/1.1\r\n\r\n", &to));
    ck_assert_str_eq(to.host, "::1");
    ck_assert_uint_eq(to.port, 8443);
    ck_assert(llmobs_way_out_asked("CONNECT API.x HTTP/1.0\r\n\r\n", &to));
    ck_assert_str_eq(to.host, "api.x");
    ck_assert_uint_eq(to.port, 443);
    ck_assert(!llmobs_way_out_asked("connect a:1 HTTP/1.1\r\n\r\n", &to));
    ck_assert(!llmobs_way_out_asked("CONNECT http://a:1 HTTP/1.1\r\n", &to));
    ck_assert(llmobs_way_out_stands("HTTP/1.1 200 OK\r\n\r\n"));
    ck_assert(!llmobs_way_out_stands("HTTP/1.1 407 2\r\n\r\n"));
}
