/* Tests captured exchanges. */
#include <string.h>
#include <zlib.h>

#include "lib/base/blocks.h"
#include "lib/base/sanitizer.h"
#include "core/event/exchange.h"
#include "tests/unit/unit.h"

static void keep(struct llmobs_headers *headers, const char *line)
{
    llmobs_headers_add_answer(headers, line, strlen(line));
}

TEST(test_headers)
{
    struct llmobs_exchange *e = llmobs_exchange_new(1000);
    struct llmobs_headers *kept = &e->response_headers;
    char line[3000];

    keep(kept, "HTTP/1.1 200 OK\r\n");
    keep(kept, "Content-TYPE:   text/event-stream \r\n");
    keep(kept, "Authorization: Bearer sk-SECRET\r\n");
    keep(kept, "x-api-key: SECRET");
    keep(kept, "api-key: SECRET");
    keep(kept, "Set-Cookie: a=SECRET");
    keep(kept, "\r\n");
    keep(kept, "");
    ck_assert_uint_eq(kept->count, 1);
    ck_assert_str_eq(kept->list[0].name, "content-type");
    ck_assert_str_eq(kept->list[0].value, "text/event-stream");
    memset(line, 'a', sizeof(line));
    memcpy(line, "content-type:", 13);
    llmobs_headers_add_answer(kept, line, sizeof(line));
    ck_assert_uint_eq(strlen(kept->list[1].value), LLMOBS_HEADER_VALUE_MAX);
    for (int i = 0; i < 100; i++)
        keep(kept, "content-type: x");
    ck_assert_uint_eq(kept->count, LLMOBS_HEADERS_MAX);
    llmobs_exchange_free(e);
}

TEST(test_response)
{
    struct llmobs_exchange *e = llmobs_exchange_new(1000);

    llmobs_exchange_received(e, "abc", 3);
    llmobs_exchange_received(e, "", 0);
    llmobs_exchange_received(e, "Server: x\r\n", 11);
    ck_assert_uint_eq(e->mark_count, 2);
    /* Other bytes than the last ones are left alone. */
    llmobs_exchange_unreceive(e, "Server: y\r\n", 11);
    ck_assert_uint_eq(e->response.total, 14);
    llmobs_exchange_unreceive(e, "Server: x\r\n", 11);
    ck_assert_uint_eq(e->response.total, 3);
    ck_assert_uint_eq(e->mark_count, 1);
    llmobs_exchange_unreceive(e, "a much longer line than the body", 32);
    ck_assert_uint_eq(e->response.total, 3);
    llmobs_exchange_received(e, "A: 1\r\n", 6);
    llmobs_exchange_received(e, "B: 2\r\n", 6);
    llmobs_exchange_unreceive(e, "A: 1\r\nB: 2\r\n", 12);
    ck_assert_uint_eq(e->mark_count, 1);
    e->status = 307;
    e->again = e->header_again = 5;
    llmobs_exchange_restart(e);
    ck_assert_uint_eq(e->response.total, 0);
    ck_assert_uint_eq(e->mark_count, 0);
    ck_assert_int_eq(e->status, 0);
    ck_assert_uint_eq(e->again + e->header_again, 0);
    for (int i = 0; i < LLMOBS_MARKS_MAX + 10; i++)
        llmobs_exchange_received(e, "x", 1);
    ck_assert_uint_eq(e->mark_count, LLMOBS_MARKS_MAX);
    ck_assert_uint_eq(e->response.total, LLMOBS_MARKS_MAX + 10);
    llmobs_exchange_free(e);
    llmobs_exchange_free(NULL);
}

static size_t expected(struct llmobs_exchange *e, const char *line)
{
    llmobs_body_expect(&e->response, 0);
    llmobs_exchange_expect(e, line, strlen(line));
    return e->response.expected;
}

static uint64_t kept_of(bool media, const char *begins)
{
    static char more[1024 * 1024];
    struct llmobs_exchange *e = llmobs_exchange_new((size_t)1 << 30);
    uint64_t kept;

    memset(more, 'A', sizeof(more));
    e->match.media = media;
    llmobs_exchange_received(e, begins, strlen(begins));
    for (int i = 0; i < 10; i++)
        llmobs_exchange_received(e, more, sizeof(more));
    ck_assert_uint_eq(e->response.total, strlen(begins) + 10 * sizeof(more));
    kept = llmobs_body_head(&e->response).len + e->response.tail_len;
    llmobs_exchange_free(e);
    return kept;
}

TEST(of_a_picture_within_json_the_ends_are_kept)
{
    const char *json = "{\"data\": [{\"b64_json\": \"";

    ck_assert_uint_eq(kept_of(true, json), 64 * 1024);
    ck_assert_uint_gt(kept_of(false, json), 10 * 1024 * 1024);
    ck_assert_uint_gt(kept_of(true, "\x1F\x8B"), 10 * 1024 * 1024);
    ck_assert_uint_gt(kept_of(true, "data: {"), 10 * 1024 * 1024);
}

static void receive(struct llmobs_exchange *e, const char *text)
{
    llmobs_exchange_received(e, text, strlen(text));
}

/* The middle of a text of base64, in pieces as a connection brings them. */
static void receive_media(struct llmobs_exchange *e)
{
    static char more[3000];

    memset(more, 'A', sizeof(more));
    for (int i = 0; i < 100; i++)
        llmobs_exchange_received(e, more, sizeof(more));
}

#define HEAD_OF_MEDIA "{\"data\":\""
#define MEDIA_KEPT                                              \
    HEAD_OF_MEDIA "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA...[225000 " \
                  "bytes of base64, "

TEST(media_of_an_answer_stay_out)
{
    struct llmobs_exchange *e = llmobs_exchange_new((size_t)1 << 30);
    struct llmobs_text head;

    e->match.answered_media = 1;
    for (int round = 0; round < 2; round++) {
        /* Begun anew within a text, as after a redirect. */
        receive(e, HEAD_OF_MEDIA);
        receive_media(e);
        llmobs_exchange_restart(e);
        receive(e, HEAD_OF_MEDIA);
        receive_media(e);
        receive(e, "\",\"b\":1}");
        head = llmobs_body_head(&e->response);
        ck_assert_uint_eq(e->response.total, strlen(HEAD_OF_MEDIA) + 300008);
        ck_assert_uint_eq(e->progress.received, e->response.total);
        ck_assert_mem_eq(head.data, MEDIA_KEPT, strlen(MEDIA_KEPT));
        ck_assert_mem_eq(head.data + head.len - 9, "]\",\"b\":1}", 9);
        ck_assert_uint_eq(e->mark_count, 102);
        for (size_t i = 1; i < e->mark_count; i++)
            ck_assert_uint_le(e->marks[i].offset, head.len);
        ck_assert_uint_eq(e->marks[101].offset, head.len);
        llmobs_exchange_restart(e);
    }
    llmobs_exchange_free(e);
}

static uint64_t kept_with(unsigned media, bool whole, const char *begins)
{
    struct llmobs_exchange *e = llmobs_exchange_new((size_t)1 << 30);
    uint64_t kept;

    e->match.answered_media = media;
    e->whole = whole;
    receive(e, begins);
    receive_media(e);
    receive(e, "\"}");
    kept = llmobs_body_head(&e->response).len;
    llmobs_exchange_free(e);
    return kept;
}

/* Nothing stays out where the dialect shows it, where the exchange is recorded,
 * and of bytes that are no JSON. */
TEST(other_answers_stay_whole)
{
    ck_assert_uint_lt(kept_with(1, false, "data: {\"data\":\""), 200);
    ck_assert_uint_lt(kept_with(1, false, " {\"data\":\""), 200);
    ck_assert_uint_gt(kept_with(5, false, HEAD_OF_MEDIA), 300000);
    ck_assert_uint_gt(kept_with(0, false, HEAD_OF_MEDIA), 300000);
    ck_assert_uint_gt(kept_with(1, true, HEAD_OF_MEDIA), 300000);
    ck_assert_uint_gt(kept_with(1, false, "\x1F\x8B\"data\":\""), 300000);
    ck_assert_uint_gt(kept_with(1, false, "{\"text\":\""), 300000);
}

/* However it is sent. */
TEST(media_of_a_request_stay_out)
{
    static char text[300100];
    size_t begin = strlen(HEAD_OF_MEDIA), len = begin + 300000;
    struct llmobs_exchange *e = llmobs_exchange_new((size_t)1 << 30);
    UNIT_ENDS(llmobs_body) copy;
    struct llmobs_text head;

    strcpy(text, HEAD_OF_MEDIA);
    memset(text + begin, 'A', 300000);
    strcpy(text + len, "\"}");
    len += 2;
    llmobs_body_init(&copy, (size_t)1 << 30);
    ck_assert_int_eq(llmobs_body_add(&copy, text, len), 0);
    e->match.sent_media = 1;
    for (int how = 0; how < 4; how++) {
        /* A part of it is sent, and then all of it from the beginning. */
        llmobs_exchange_sent(e, text, len / 2);
        llmobs_exchange_prepare(e, LLMOBS_STAGE_BEGIN, false);
        llmobs_exchange_rewind(e, 0);
        if (how == 0)
            llmobs_exchange_sent(e, text, len);
        else if (how == 1)
            llmobs_exchange_sent_copy(e, &copy, len + 1);
        for (size_t i = 0; how > 1 && i < len; i++)
            llmobs_exchange_sent(e, text + i, 1);
        head = llmobs_body_head(&e->request);
        ck_assert_uint_eq(e->request.total, len);
        ck_assert_mem_eq(head.data, MEDIA_KEPT, strlen(MEDIA_KEPT));
        ck_assert_uint_lt(head.len, 100);
        ck_assert(llmobs_exchange_request_whole(e));
        llmobs_exchange_rewind(e, 0);
    }
    /* Of a copy its beginning alone goes. */
    llmobs_exchange_sent_copy(e, &copy, 5);
    ck_assert_uint_eq(e->request.total, 5);
    llmobs_exchange_free(e);
}

TEST(a_header_tells_the_length)
{
    struct llmobs_exchange *e = llmobs_exchange_new((size_t)1 << 30);

    ck_assert_uint_eq(expected(e, "Content-LENGTH:\t 70000\r\n"), 70000);
    ck_assert_uint_eq(expected(e, "content-length:7"), 7);
    ck_assert_uint_eq(expected(e, "content-length: x"), 0);
    ck_assert_uint_eq(expected(e, "content-length:"), 0);
    ck_assert_uint_eq(expected(e, "content-lengths: 7"), 0);
    ck_assert_uint_eq(expected(e, "content-length: 99999999999999999999999"),
                      LLMOBS_BODY_EXPECT);
    llmobs_exchange_restart(e);
    ck_assert_uint_eq(e->response.expected, 0);
    llmobs_exchange_free(e);
}

/* More than the kept blocks, all alive, with small bodies and large ones; the
 * blocks are taken again. */
TEST(test_many)
{
    static struct llmobs_exchange *all[2 * LLMOBS_BLOCKS];
    static char body[2 * LLMOBS_BODY_ROOM];
    const size_t count = sizeof(all) / sizeof(*all);
    const struct llmobs_exchange *first = NULL;

    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < count; i++) {
            memset(body, (int)('a' + i % 26), sizeof(body));
            all[i] = llmobs_exchange_new(sizeof(body));
            ck_assert_ptr_nonnull(all[i]);
            ck_assert_ptr_null(llmobs_body_head(&all[i]->request).data);
            llmobs_body_add(&all[i]->request, body, 1 + 97 * i % sizeof(body));
            llmobs_exchange_received(all[i], body, 1 + 31 * i);
        }
        if (round > 0 && !LLMOBS_ASAN)
            ck_assert_ptr_eq(all[0], first);
        first = all[0];
        for (size_t i = 0; i < count; i++) {
            struct llmobs_text head = llmobs_body_head(&all[i]->request);

            memset(body, (int)('a' + i % 26), sizeof(body));
            ck_assert_uint_eq(head.len, 1 + 97 * i % sizeof(body));
            ck_assert_mem_eq(head.data, body, head.len);
            head = llmobs_body_head(&all[i]->response);
            ck_assert_uint_eq(head.len, 1 + 31 * i);
            ck_assert_mem_eq(head.data, body, head.len);
            llmobs_exchange_free(all[i]);
        }
    }
}

/* Before the disk has it, and again where more of it came. */
TEST(a_request_is_masked)
{
    static const char *const pieces[] = {
        "{\"api_key\":\"abc\",\"url\":\"https://u:p", "w@h?key=abc\"}"};
    static const char *const masked[] = {
        "{\"api_key\":\"***\",\"url\":\"https://***",
        "{\"api_key\":\"***\",\"url\":\"https://****@h?key=***\"}"};
    struct llmobs_exchange *e = llmobs_exchange_new(1000);

    for (size_t i = 0; i < 2; i++) {
        struct llmobs_text head;

        ck_assert_int_eq(
            llmobs_body_add(&e->request, pieces[i], strlen(pieces[i])), 0);
        llmobs_exchange_prepare(e, LLMOBS_STAGE_BEGIN, false);
        head = llmobs_body_head(&e->request);
        ck_assert_uint_eq(head.len, strlen(masked[i]));
        ck_assert_mem_eq(head.data, masked[i], head.len);
    }
    llmobs_exchange_free(e);
}

/* Of any text; a body that is coded stays, for its reader undoes that. */
TEST(an_answer_is_masked)
{
    static const char body[] = "{\"password\":\"abc\"} client_secret=abcdef&a";
    static const char masked[] =
        "{\"password\":\"***\"} client_secret=******&a";
    struct llmobs_exchange *e = llmobs_exchange_new(1000);

    llmobs_exchange_received(e, body, strlen(body));
    llmobs_exchange_prepare(e, LLMOBS_STAGE_END, false);
    ck_assert_mem_eq(llmobs_body_head(&e->response).data, masked,
                     strlen(masked));
    llmobs_exchange_free(e);
    e = llmobs_exchange_new(1000);
    llmobs_exchange_received(e, "\0\0password=abc", 14);
    llmobs_exchange_prepare(e, LLMOBS_STAGE_END, false);
    ck_assert_mem_eq(llmobs_body_head(&e->response).data, "\0\0password=abc",
                     14);
    llmobs_exchange_free(e);
}

/* A reader who undoes the coding of a request would have its secrets. */
TEST(a_coded_request_is_decoded)
{
    static const char body[] = "{\"api_key\":\"abc\",\"q\":\"a\"}";
    static const char header[] = "Content-Encoding: gzip";
    static const struct {
        int bytes; /* of the coded body */
        bool lost;
    } rows[] = {{0, false}, {-9, true}, {12, true}};
    char packed[200];
    z_stream z = {0};

    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, 0), Z_OK);
    z.next_in = (unsigned char *)(uintptr_t)body;
    z.avail_in = sizeof(body) - 1;
    z.next_out = (unsigned char *)packed;
    z.avail_out = sizeof(packed);
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct llmobs_exchange *e = llmobs_exchange_new(1000);
        size_t len = rows[i].bytes > 0
                         ? (size_t)rows[i].bytes
                         : (size_t)((long)z.total_out + rows[i].bytes);
        struct llmobs_text head;

        llmobs_headers_add(&e->request_headers, header, 16);
        ck_assert_int_eq(llmobs_body_add(&e->request, packed, len), 0);
        ck_assert(llmobs_exchange_request_coded(e));
        llmobs_exchange_prepare(e, LLMOBS_STAGE_END, false);
        head = llmobs_body_head(&e->request);
        ck_assert(e->request.lost == rows[i].lost);
        ck_assert_uint_eq(e->request_headers.count, 0);
        if (!rows[i].lost)
            ck_assert_mem_eq(head.data, "{\"api_key\":\"***\",\"q\":", 20);
        ck_assert(head.len == 0 || !memmem(head.data, head.len, "abc", 3));
        llmobs_exchange_free(e);
    }
    deflateEnd(&z);
}

/* Of a search alone: elsewhere a list of numbers is what somebody said. */
TEST(a_search_loses_its_vectors)
{
    static const char body[] = "{\"query\":[0.5,0.25]}";
    static const struct {
        const char *note, *wanted;
    } rows[] = {
#ifdef LLMOBS_RARE
        {"qdrant\t/collections/*/points/query\t6\tc\t\t",
         "{\"query\":[        ]}"},
#endif
        {"openai_chat\t/chat/completions\t1\t\t\t", body},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct llmobs_exchange *e = llmobs_exchange_new(1000);
        const char *wanted = rows[i].wanted;
        struct llmobs_recalls *recalls = NULL;

        ck_assert_int_eq(llmobs_rules_recall(&recalls, llmobs_text_of(NULL),
                                             llmobs_text_of(rows[i].note),
                                             &e->match),
                         0);
        ck_assert_int_eq(llmobs_body_add(&e->request, body, strlen(body)), 0);
        llmobs_exchange_received(e, body, strlen(body));
        llmobs_exchange_prepare(e, LLMOBS_STAGE_END, false);
        ck_assert_mem_eq(llmobs_body_head(&e->request).data, wanted,
                         strlen(wanted));
        ck_assert_mem_eq(llmobs_body_head(&e->response).data, wanted,
                         strlen(wanted));
        llmobs_exchange_free(e);
        llmobs_recalls_free(recalls);
    }
}

/* The fields stay; what reads them does not wait in the queue. */
TEST(a_forms_parser_ends_with_the_transfer)
{
    static const char form[] = "--b\r\nContent-Disposition: form-data; "
                               "name=\"a\"\r\n\r\nx\r\n--b--\r\n";
    static const char wanted[] = "{\"a\":\"x\"}\n";
    struct llmobs_exchange *e = llmobs_exchange_new(1000);

    e->match.form = true;
    e->form = llmobs_form_new("multipart/form-data; boundary=b");
    ck_assert_ptr_nonnull(e->form);
    llmobs_exchange_sent(e, form, sizeof(form) - 1);
    llmobs_exchange_end(e);
    ck_assert_ptr_null(e->form);
    ck_assert_uint_eq(e->request.total, sizeof(wanted) - 1);
    ck_assert_mem_eq(llmobs_body_head(&e->request).data, wanted,
                     sizeof(wanted) - 1);
    llmobs_exchange_free(e);
}
