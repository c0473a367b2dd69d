/* The mock's reading of requests, and its choice of a recording. */
#include <stdlib.h>
#include <string.h>

#include "cli/run/choose.h"
#include "cli/shared/site_request.h"
#include "tests/unit/unit.h"

#define POST "POST /v1/x?key=1 HTTP/1.1\r\nHost: a\r\n"

static const struct {
    const char *text;
    int status;
    const char *body; /* NULL: the request is not whole */
} requests[] = {
    {"GET / HTTP/1.1\r\n\r\n", 0, ""},
    {"\r\n\nGET / HTTP/1.1\n\n", 0, ""},
    {"GET http://host/p HTTP/1.1\r\n\r\n", 0, ""},
    {"GET / HTTP/1.0\r\n\r\n", 0, ""},
    {POST "Content-Length: 3\r\n\r\nabc", 0, "abc"},
    {POST "content-length:3 \r\n\r\nabcGET", 0, "abc"},
    {POST "Content-Length: 3\r\n\r\nab", 0, NULL},
    {POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n"
          "Trailer: x\r\n\r\n",
     0, "abcde"},
    {POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, ""},
    {POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 0, NULL},
    {POST "Content-Length: 1000000000\r\n\r\n", 413, NULL},
    {POST "Content-Length: 99999999999999999999999\r\n\r\n", 413, NULL},
    {POST "Content-Length: -1\r\n\r\n", 400, NULL},
    {POST "Content-Length: +1\r\n\r\n", 400, NULL},
    {POST "Content-Length:\r\n\r\n", 400, NULL},
    {POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, NULL},
    {POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400, NULL},
    {POST "Transfer-Encoding: gzip\r\n\r\n", 501, NULL},
    {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
     400, NULL},
    {POST "Transfer-Encoding: chunked\r\n\r\nx\r\n", 400, NULL},
    {POST "Transfer-Encoding: chunked\r\n\r\n-1\r\n", 400, NULL},
    {POST "Transfer-Encoding: chunked\r\n\r\n\r\n", 400, NULL},
    {POST "Transfer-Encoding: chunked\r\n\r\nffffffffffff\r\n", 413, NULL},
    {POST "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400, NULL},
    {POST "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400, NULL},
    {POST "X: a\r\n folded\r\n\r\n", 400, NULL},
    {POST "no colon\r\n\r\n", 400, NULL},
    {POST "X : a\r\n\r\n", 400, NULL},
    {POST ": a\r\n\r\n", 400, NULL},
    {POST "X: a\x01\r\n\r\n", 400, NULL},
    {"GET / HTTP/2\r\n\r\n", 505, NULL},
    {"GET /\r\n\r\n", 400, NULL},
    {"GET  / HTTP/1.1\r\n\r\n", 400, NULL},
    {"GET host HTTP/1.1\r\n\r\n", 400, NULL},
    {"G\"T / HTTP/1.1\r\n\r\n", 400, NULL},
    {"\x16\x03\x01\x02 TLS\r\n\r\n", 400, NULL},
};

static int feed(struct llmobs_site_request *http, const char *text, size_t len,
                size_t piece)
{
    int status = 0;

    for (size_t at = 0; at < len && !status; at += piece) {
        status = llmobs_site_request_add(http, text + at,
                                         len - at < piece ? len - at : piece);
        if (!status)
            status = llmobs_site_request_read(http);
    }
    return status;
}

static void check(size_t i, size_t piece)
{
    const char *text = requests[i].text;
    struct llmobs_site_request http;
    bool whole = requests[i].body;

    llmobs_site_request_init(&http, LLMOBS_SITE_BODY_MAX);
    ck_assert_msg(feed(&http, text, strlen(text), piece) == requests[i].status,
                  "%s", text);
    if (!requests[i].status)
        ck_assert_msg((http.part == LLMOBS_SITE_WHOLE) == whole, "%s", text);
    if (whole) {
        ck_assert_uint_eq(http.body.len, strlen(requests[i].body));
        ck_assert_mem_eq(http.body.data ? http.body.data : "", requests[i].body,
                         http.body.len);
    }
    llmobs_site_request_fini(&http);
}

/* However it comes in pieces. */
TEST(a_request_is_read)
{
    for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++)
        for (size_t piece = 1; piece <= 1000; piece = piece * 3 + 1)
            check(i, piece);
}

TEST(the_head_has_a_limit)
{
    static char line[4096];
    struct llmobs_site_request http;
    int status;

    memset(line, 'a', sizeof(line) - 2);
    memcpy(line, "X: ", 3);
    memcpy(line + sizeof(line) - 2, "\r\n", 2);
    llmobs_site_request_init(&http, LLMOBS_SITE_BODY_MAX);
    status = feed(&http, POST, strlen(POST), 1000);
    for (int i = 0; i < 20 && !status; i++)
        status = feed(&http, line, sizeof(line), sizeof(line));
    ck_assert_int_eq(status, 431);
    llmobs_site_request_fini(&http);
}

TEST(requests_follow_each_other)
{
    static const char text[] = POST
        "Content-Length: 2\r\nExpect: 100-continue\r\n\r\nabGET /b HTTP/1.1\r\n"
        "Connection: keep-alive, Close\r\n\r\n";
    struct llmobs_site_request http;

    llmobs_site_request_init(&http, LLMOBS_SITE_BODY_MAX);
    ck_assert(!llmobs_site_request_is_begun(&http));
    ck_assert_int_eq(feed(&http, text, sizeof(text) - 1, 1000), 0);
    ck_assert_str_eq(http.method, "POST");
    ck_assert_str_eq(http.target, "/v1/x?key=1");
    ck_assert(http.expects && http.keep_alive);
    llmobs_site_request_next(&http);
    ck_assert(llmobs_site_request_is_begun(&http));
    ck_assert_int_eq(llmobs_site_request_read(&http), 0);
    ck_assert_int_eq(http.part, LLMOBS_SITE_WHOLE);
    ck_assert_str_eq(http.target, "/b");
    ck_assert(!http.expects && !http.keep_alive);
    ck_assert_uint_eq(http.body.len, 0);
    llmobs_site_request_next(&http);
    ck_assert(!llmobs_site_request_is_begun(&http));
    llmobs_site_request_fini(&http);
}

/* -- the choice ----------------------------------------------------------- */

static struct llmobs_cassette_body body_of(const char *text)
{
    struct llmobs_cassette_body body = {.json = NULL};

    llmobs_buf_init(&body.text, 1000);
    ck_assert_int_eq(llmobs_buf_adds(&body.text, text), 0);
    (void)llmobs_json_parse((struct llmobs_text){text, strlen(text)},
                            &body.json);
    return body;
}

static void free_body(struct llmobs_cassette_body *body)
{
    llmobs_json_free(body->json);
    llmobs_buf_fini(&body->text);
}

static const struct {
    const char *one, *two;
    bool equal;
} pairs[] = {
    {"{\"a\":1,\"b\":[2]}", "{ \"b\": [2], \"a\": 1.0 }", true},
    {"{\"a\":\"x\"}", "{\"a\":\"\\u0078\"}", true},
    {"", "", true},
    {"text", "text", true},
    {"{}", "{\"a\":null}", false},
    {"[1,2]", "[2,1]", false},
    {"[1]", "[1,1]", false},
    {"{\"a\":1}", "{\"a\":\"1\"}", false},
    {"{\"a\":true}", "{\"a\":1}", false},
    {"{\"a\":{}}", "{\"a\":[]}", false},
    {"{}", "text", false},
    {"text", "texts", false},
    {"", "x", false},
};

TEST(bodies_are_equal_or_not)
{
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        struct llmobs_cassette_body one = body_of(pairs[i].one);
        struct llmobs_cassette_body two = body_of(pairs[i].two);
        double there = llmobs_choose_likeness(&one, &two);
        struct llmobs_buf out;

        ck_assert_msg((there == 1) == pairs[i].equal, "%s %s", pairs[i].one,
                      pairs[i].two);
        ck_assert(there >= 0 && there <= 1 &&
                  there == llmobs_choose_likeness(&two, &one));
        llmobs_buf_init(&out, 1000);
        if (!pairs[i].equal) {
            llmobs_choose_differences(&one, &two, &out);
            ck_assert_uint_gt(out.len, 0);
        }
        llmobs_buf_fini(&out);
        free_body(&one);
        free_body(&two);
    }
}

static void check_answer(struct llmobs_cassette *cassette, const char *text,
                         bool nearest, int wanted)
{
    struct llmobs_asked asked = {"POST", "/v1/chat", body_of(text)};
    struct llmobs_cassette_item *item;
    struct llmobs_buf why;

    llmobs_buf_init(&why, 10000);
    item = llmobs_choose(cassette, &asked, nearest, &why);
    if (wanted < 0) {
        ck_assert_ptr_null(item);
        ck_assert_uint_gt(why.len, 0);
    } else {
        ck_assert_ptr_eq(item, &cassette->items[wanted]);
        item->served++;
    }
    llmobs_buf_fini(&why);
    free_body(&asked.body);
}

TEST(the_best_recording_is_chosen)
{
    static const char *const texts[] = {"{\"q\":\"one\"}", "{\"q\":\"one\"}",
                                        "{\"q\":\"two\",\"t\":1}",
                                        "{\"q\":\"other\"}", "{\"q\":\"cut\"}"};
    static char path[] = "/v1/chat", other[] = "/v1/other";
    struct llmobs_cassette_item items[5] = {{.method = NULL}};
    struct llmobs_cassette cassette = {.items = items, .count = 5};

    for (size_t i = 0; i < 5; i++) {
        items[i].method = "POST";
        items[i].path = i == 3 ? other : path;
        items[i].request = body_of(texts[i]);
    }
    items[4].cut = "too long";
    /* In their order, then the last one again. */
    check_answer(&cassette, "{\"q\":\"one\"}", false, 0);
    check_answer(&cassette, "{\"q\":\"one\"}", false, 1);
    check_answer(&cassette, "{\"q\":\"one\"}", true, 1);
    check_answer(&cassette, "{\"q\":\"twos\",\"t\":1}", false, -1);
    check_answer(&cassette, "{\"q\":\"twos\",\"t\":1}", true, 2);
    /* Another path never answers, nor one that is not whole. */
    check_answer(&cassette, "{\"q\":\"other\"}", false, -1);
    check_answer(&cassette, "{\"q\":\"cut\"}", true, -1);
    items[0].form = true;
    check_answer(&cassette, "any form", false, 0);
    for (size_t i = 0; i < 5; i++)
        free_body(&items[i].request);
}
