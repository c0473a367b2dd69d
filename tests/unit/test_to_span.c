/* Tests spans made of exchanges. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/base/clock.h"
#include "core/event/curlcode.h"
#include "core/event/encode.h"
#include "core/event/exchange.h"
#include "core/event/to_span.h"
#include "lib/text/budget.h"
#include "tests/unit/unit.h"

#define CHAT "https://api.openai.com/v1/chat/completions"
#define REQUEST                                         \
    "{\"model\": \"gpt-4o\", \"messages\": [{\"role\":" \
    "\"user\", \"content\": \"hi\"}]}"
#define ANSWER                                                              \
    "{\"model\": \"gpt-4o-x\", \"choices\": [{\"finish_reason\": \"stop\"," \
    "\"message\": {\"role\": \"assistant\", \"content\": \"hello\"}}],"     \
    "\"usage\": {\"prompt_tokens\": 3, \"completion_tokens\": 1,"           \
    "\"total_tokens\": 4}}"
#define PIECE                                                   \
    "data: {\"choices\": [{\"index\": 0, \"delta\": {\"role\":" \
    "\"assistant\", \"content\": \"hel\"}}]}\n\n"
#define FINISH                                                             \
    "data: {\"choices\": [{\"index\": 0, \"delta\": {}, \"finish_reason\"" \
    ": \"stop\"}]}\n\n"

static struct llmobs_rules *rules;
static struct llmobs_exchange *x;
static struct llmobs_span span;

/* An exchange of the chat operation, ended well with a status of 200. */
static bool try_with(const char *url, const char *request, const char *proxy)
{
    struct llmobs_rules_config config = {.proxy_urls = proxy};
    struct llmobs_request known = {
        .method = "POST",
        .url = url,
        .content_type = "application/json",
        .body = {request, strlen(request)},
    };

    rules = llmobs_rules_new(&config);
    x = llmobs_exchange_new(1 << 20);
    ck_assert(rules && x);
    if (!llmobs_rules_match(rules, &known, &x->match))
        return false;
    strcpy(x->method, "POST");
    x->url = strdup(url);
    llmobs_headers_add(&x->request_headers, "Content-Type: application/json",
                       12);
    ck_assert_int_eq(llmobs_body_add(&x->request, request, strlen(request)), 0);
    x->status = 200;
    x->end = LLMOBS_END_DONE;
    x->code_name = "CURLE_OK";
    x->context.span_id = 77;
    x->duration_ns = 5000000;
    x->lends = true;
    return true;
}

static void begin_with(const char *url, const char *request, const char *proxy)
{
    ck_assert(try_with(url, request, proxy));
}

static void begin(void)
{
    begin_with(CHAT, REQUEST, NULL);
}

static void answer(const char *type, const void *body, size_t len)
{
    char line[100];
    int n = snprintf(line, sizeof(line), "Content-Type: %s\r\n", type);

    llmobs_headers_add_answer(&x->response_headers, line, (size_t)n);
    llmobs_exchange_received(x, body, len);
}

static void fail_with(int code, const char *text)
{
    x->code = code;
    x->code_name = llmobs_curlcode_name(code);
    strcpy(x->error_text, text);
}

static void finish(void)
{
    ck_assert_int_eq(llmobs_exchange_to_span(x, &span), 0);
}

static void expect_error(const char *type, const char *message)
{
    ck_assert(span.failed);
    ck_assert_str_eq(span.error_type, type);
    ck_assert_str_eq(span.error_message, message);
}

static bool has_tag(const char *tag)
{
    for (size_t i = 0; i < llmobs_json_len(span.extra_tags); i++) {
        if (strcmp(llmobs_json_text(llmobs_json_at(span.extra_tags, i)), tag) ==
            0)
            return true;
    }
    return false;
}

static const struct llmobs_json *transfer(const char *key)
{
    return llmobs_json_get(llmobs_json_get(span.metadata, "transfer"), key);
}

static const char *output(void)
{
    const char *text =
        llmobs_json_gets(llmobs_json_at(span.output_messages, 0), "content");

    return text ? text : "(none)";
}

static void end(void)
{
    llmobs_span_fini(&span);
    llmobs_exchange_free(x);
    llmobs_rules_free(rules);
}

TEST(an_answer_is_ok)
{
    begin();
    answer("application/json", ANSWER, strlen(ANSWER));
    x->transfer = (struct llmobs_transfer){.http_version = 3,
                                           .redirects = 0,
                                           .bytes_sent = 120,
                                           .bytes_received = 300,
                                           .dns_ms = 0.1234567,
                                           .connect_ms = 1.5,
                                           .tls_ms = -1,
                                           .first_byte_ms = 20};
    finish();
    ck_assert(!span.failed);
    ck_assert(span.complete);
    ck_assert_str_eq(output(), "hello");
    ck_assert_int_eq(
        llmobs_json_to_int(llmobs_json_get(span.metrics, "input_tokens")), 3);
    ck_assert_uint_eq(span.context.span_id, 77);
    ck_assert_int_eq(span.start_ns, x->start_wall_ns);
    ck_assert_int_eq(span.duration_ns, 5000000);
    ck_assert(has_tag("http.status_code:200"));
    ck_assert(!has_tag("ml-proxy:custom"));
    ck_assert_int_eq(llmobs_json_to_int(transfer("curl_code")), 0);
    ck_assert_str_eq(llmobs_json_text(transfer("http_version")), "2");
    ck_assert_int_eq(llmobs_json_to_int(transfer("bytes_sent")), 120);
    ck_assert_int_eq(llmobs_json_to_int(transfer("bytes_received")), 300);
    ck_assert_int_eq(llmobs_json_to_int(transfer("redirects")), 0);
    ck_assert(llmobs_json_to_real(transfer("dns_ms")) == 0.123);
    ck_assert_ptr_null(transfer("tls_ms"));
    ck_assert(llmobs_json_to_real(transfer("first_byte_ms")) == 20);
    ck_assert_ptr_null(llmobs_json_get(span.metadata, "truncated"));
    end();
}

/* WIRE 8.2 and 8.3, a row each. */
static const struct {
    const char *name;
    const char *type;
    const char *body;
    long status;
    enum llmobs_end end;
    int code;
    const char *error_type; /* NULL: ok */
    const char *error_message;
} outcomes[] = {
    {"json", "application/json", ANSWER, 200, LLMOBS_END_DONE, 0, NULL, NULL},
    {"stream", "text/event-stream", PIECE FINISH "data: [DONE]\n\n", 200,
     LLMOBS_END_DONE, 0, NULL, NULL},
    {"finish reason only", "text/event-stream", PIECE FINISH, 200,
     LLMOBS_END_DONE, 0, NULL, NULL},
    {"cut stream", "text/event-stream", PIECE, 200, LLMOBS_END_DONE, 0,
     "incomplete_stream", "the stream ended before its own end"},
    {"timed out", "text/event-stream", PIECE, 200, LLMOBS_END_DONE, 28,
     "CURLE_OPERATION_TIMEDOUT", "said so"},
    {"app stopped", "text/event-stream", PIECE, 200, LLMOBS_END_DONE, 23,
     "CURLE_WRITE_ERROR", "said so"},
    {"stopped after the end", "text/event-stream", PIECE FINISH, 200,
     LLMOBS_END_DONE, 23, NULL, NULL},
    {"partial after all", "application/json", ANSWER, 200, LLMOBS_END_DONE, 18,
     NULL, NULL},
    {"removed", "text/event-stream", PIECE, 200, LLMOBS_END_REMOVED, 0,
     "aborted", "transfer aborted by the application"},
    {"removed after the end", "text/event-stream",
     PIECE FINISH "data: [DONE]\n\n", 200, LLMOBS_END_REMOVED, 0, NULL, NULL},
    {"exit", "text/event-stream", PIECE, 200, LLMOBS_END_EXIT, 0, "aborted",
     "process exit"},
    {"exit before an answer", NULL, "", 0, LLMOBS_END_EXIT, 0, "aborted",
     "process exit"},
    {"no connection", NULL, "", 0, LLMOBS_END_DONE, 7, "CURLE_COULDNT_CONNECT",
     "said so"},
    {"unknown code", NULL, "", 0, LLMOBS_END_DONE, 999, "CURLE_UNKNOWN",
     "said so"},
    {"known error", "application/json",
     "{\"error\": {\"type\": \"rate_limit_error\", \"message\": \"slow\"}}",
     429, LLMOBS_END_DONE, 0, "rate_limit_error", "slow"},
    {"fail on error", NULL, "", 503, LLMOBS_END_DONE, 22, "http_503",
     "HTTP 503"},
    {"empty error", NULL, "", 500, LLMOBS_END_DONE, 0, "http_500", "HTTP 500"},
    {"redirect", NULL, "", 302, LLMOBS_END_DONE, 0, "http_302", "HTTP 302"},
    {"error in a 200", "application/json",
     "{\"error\": {\"type\": \"overloaded\", \"message\": \"busy\"}}", 200,
     LLMOBS_END_DONE, 0, "overloaded", "busy"},
    {"no content", NULL, "", 204, LLMOBS_END_DONE, 0, NULL, NULL},
};

TEST(every_outcome)
{
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(*outcomes); i++) {
        begin();
        x->status = outcomes[i].status;
        x->end = outcomes[i].end;
        fail_with(outcomes[i].code, "said so");
        if (outcomes[i].type)
            answer(outcomes[i].type, outcomes[i].body,
                   strlen(outcomes[i].body));
        finish();
        ck_assert_msg(span.failed == (outcomes[i].error_type != NULL), "%s: %s",
                      outcomes[i].name,
                      span.error_type ? span.error_type : "ok");
        if (span.failed)
            expect_error(outcomes[i].error_type, outcomes[i].error_message);
        ck_assert_msg(span.output_messages != NULL, "%s", outcomes[i].name);
        ck_assert_str_eq(span.model_provider, "openai");
        if (outcomes[i].status == 0)
            ck_assert(!has_tag("http.status_code:0"));
        end();
    }
}

TEST(what_arrived_of_a_cut_stream_is_kept)
{
    begin();
    fail_with(28, "Operation timed out with key sk-0123456789abcdef");
    answer("text/event-stream", PIECE, strlen(PIECE));
    finish();
    expect_error("CURLE_OPERATION_TIMEDOUT",
                 "Operation timed out with key sk-***cdef");
    ck_assert_str_eq(output(), "hel");
    ck_assert_int_eq(llmobs_json_to_int(transfer("curl_code")), 28);
    end();
}

static size_t compress_to(const char *text, int bits, unsigned char *out,
                          size_t cap)
{
    z_stream z = {0};
    size_t len;

    ck_assert_int_eq(
        deflateInit2(&z, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)(uintptr_t)text;
    z.avail_in = (unsigned)strlen(text);
    z.next_out = out;
    z.avail_out = (unsigned)cap;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    len = z.total_out;
    deflateEnd(&z);
    return len;
}

TEST(raw_codings_are_undone)
{
    static const struct {
        const char *header;
        int bits;
    } codings[] = {{"Content-Encoding: gzip", 15 + 16},
                   {"content-encoding: x-gzip", 15 + 16},
                   {"Content-Encoding: deflate", 15},
                   {"Content-Encoding: deflate", -15}};
    unsigned char packed[1000];

    for (size_t i = 0; i < sizeof(codings) / sizeof(*codings); i++) {
        size_t len =
            compress_to(ANSWER, codings[i].bits, packed, sizeof(packed));

        begin();
        llmobs_headers_add_answer(&x->response_headers, codings[i].header,
                                  strlen(codings[i].header));
        answer("application/json", packed, len);
        finish();
        ck_assert_str_eq(output(), "hello");
        ck_assert(!span.failed);
        end();
    }
}

/* Times are of the bytes as they came: of decoded ones nothing is known. */
TEST(no_time_is_made_up_for_a_coded_stream)
{
    static const char stream[] = PIECE FINISH "data: [DONE]\n\n";
    unsigned char packed[1000];
    size_t len = compress_to(stream, 15 + 16, packed, sizeof(packed));

    for (int coded = 0; coded < 2; coded++) {
        begin();
        if (coded) {
            llmobs_headers_add_answer(&x->response_headers,
                                      "Content-Encoding: gzip", 22);
            answer("text/event-stream", packed, len);
        } else {
            answer("text/event-stream", stream, sizeof(stream) - 1);
        }
        finish();
        ck_assert_str_eq(output(), "hel");
        ck_assert_int_eq(llmobs_json_get(span.metrics, "time_to_first_token") ==
                             NULL,
                         coded);
        end();
    }
}

/* Gaps of 10 ms and one ns more, of 81.92 s and one ns more. */
TEST(the_gaps_of_a_stream_are_a_histogram)
{
    static const int64_t gaps[] = {10000000, 10000001, 81920000000,
                                   81920000001};
    static const char want[] = "[163860000002, 10000000, 81920000001, 1, 1, 0, "
                               "0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]";
    static const char few[] = "[10000000, 10000000, 10000000, 1]";

    for (size_t marks = 1; marks <= 5; marks++) {
        char *text;

        begin();
        for (size_t i = 0; i < marks; i++) {
            answer("text/event-stream", PIECE, strlen(PIECE));
            if (i > 0)
                x->marks[i].at_ns = x->marks[i - 1].at_ns + gaps[i - 1];
        }
        finish();
        text = strndup(span.facts.text.data +
                           span.facts.values[LLMOBS_FACT_CHUNK_GAPS_NS].at,
                       span.facts.values[LLMOBS_FACT_CHUNK_GAPS_NS].len);
        if (marks < 3)
            ck_assert_str_eq(text, marks == 1 ? "" : few);
        if (marks == 5)
            ck_assert_str_eq(text, want);
        free(text);
        end();
    }
}

/* Its end may have been in what is lost, which is not said to be large. */
TEST(a_lost_end_is_no_broken_stream)
{
    begin();
    answer("text/event-stream", PIECE, strlen(PIECE));
    x->request.lost = x->response.lost = true;
    finish();
    ck_assert(!span.failed);
    ck_assert(!span.input_dropped && !span.output_dropped);
    ck_assert_ptr_null(span.input_messages);
    ck_assert_ptr_null(span.output_messages);
    ck_assert_ptr_nonnull(llmobs_json_get(
        llmobs_json_get(span.metadata, "truncated"), "response_bytes"));
    end();
}

static const char *const apis[] = {
    CHAT,
    "https://api.openai.com/v1/responses",
    "https://api.anthropic.com/v1/messages",
    "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent",
};

/* An error has one empty message, whoever failed. */
TEST(an_error_has_an_output)
{
    for (size_t i = 0; i < sizeof(apis) / sizeof(*apis); i++) {
        if (!try_with(apis[i], REQUEST, NULL)) {
            ck_assert_uint_gt(i, 0);
            llmobs_exchange_free(x);
            llmobs_rules_free(rules);
            continue;
        }
        x->status = 0;
        fail_with(7, "refused");
        finish();
        ck_assert(span.failed);
        ck_assert_msg(span.output_messages || span.output_value, "%s", apis[i]);
        end();
    }
}

/* The header stays where libcurl has undone the coding. */
TEST(a_coding_already_undone)
{
    static const char *const codings[] = {
        "Content-Encoding: gzip", "Content-Encoding: br",
        "Content-Encoding: deflate", "Content-Encoding: zstd"};

    for (size_t i = 0; i < sizeof(codings) / sizeof(*codings); i++) {
        begin();
        llmobs_headers_add_answer(&x->response_headers, codings[i],
                                  strlen(codings[i]));
        answer("application/json", ANSWER, strlen(ANSWER));
        finish();
        ck_assert_str_eq(output(), "hello");
        end();
    }
}

TEST(a_coding_that_cannot_be_undone)
{
    begin();
    llmobs_headers_add_answer(&x->response_headers, "Content-Encoding: dcb",
                              21);
    answer("application/json", "\x8b\x03\x80{\"x\x01\x02\xff", 10);
    finish();
    ck_assert(!span.failed);
    ck_assert_ptr_null(strstr(output(), "\x8b"));
    end();
    /* A broken one costs the text, not the span. */
    begin();
    llmobs_headers_add_answer(&x->response_headers, "Content-Encoding: gzip",
                              22);
    answer("application/json", "\x1f\x8b\x08\x00garbage garbage garbage", 27);
    finish();
    end();
}

TEST(a_coded_request_is_read)
{
    unsigned char packed[1000];
    size_t len = compress_to(REQUEST, 15 + 16, packed, sizeof(packed));

    begin();
    llmobs_body_fini(&x->request);
    llmobs_body_init(&x->request, 1 << 20);
    ck_assert_int_eq(llmobs_body_add(&x->request, packed, len), 0);
    llmobs_headers_add(&x->request_headers, "Content-Encoding: gzip", 16);
    answer("application/json", ANSWER, strlen(ANSWER));
    finish();
    ck_assert_str_eq(
        llmobs_json_gets(llmobs_json_at(span.input_messages, 0), "content"),
        "hi");
    end();
}

/* A small body that would fill the memory. */
TEST(a_bomb_is_bounded)
{
    size_t len = 64 << 20;
    char *zeros = unit_own(malloc(len + 1));
    unsigned char *packed = unit_own(malloc(1 << 20));

    memset(zeros, ' ', len);
    zeros[len] = '\0';
    begin();
    len = compress_to(zeros, 15 + 16, packed, 1 << 20);
    llmobs_headers_add_answer(&x->response_headers, "Content-Encoding: gzip",
                              22);
    answer("application/json", packed, len);
    finish();
    ck_assert_ptr_nonnull(llmobs_json_get(
        llmobs_json_get(span.metadata, "truncated"), "response_bytes"));
    end();
}

/* A chat's answer of a long text, tokens last. */
static char *long_answer(size_t len)
{
    static const char first[] = "{\"model\": \"gpt-4o-x\", \"choices\": [{"
                                "\"message\": {\"content\": \"";
    static const char last[] = "\"}}], \"usage\": {\"prompt_tokens\": 3, "
                               "\"completion_tokens\": 1}}";
    char *text = malloc(len + 1);

    memset(text, 'a', len);
    memcpy(text, first, sizeof(first) - 1);
    memcpy(text + len + 1 - sizeof(last), last, sizeof(last));
    return text;
}

/* Whole where there is room for that, else its tokens, coded or not. */
static void read_long(bool coded, bool room)
{
    size_t len = 900000, packed_len;
    char *text = long_answer(len);
    unsigned char *packed = malloc(len);

    llmobs_budget_init(room ? 16 << 20 : 3 << 20);
    begin();
    packed_len = compress_to(text, 15 + 16, packed, len);
    if (coded)
        llmobs_headers_add_answer(&x->response_headers,
                                  "Content-Encoding: gzip", 22);
    answer("application/json", coded ? (char *)packed : text,
           coded ? packed_len : len);
    finish();
    ck_assert(span.failed == false);
    ck_assert_int_eq(
        llmobs_json_to_int(llmobs_json_get(span.metrics, "output_tokens")), 1);
    ck_assert((llmobs_json_get(span.metadata, "truncated") == NULL) == room);
    end();
    ck_assert_uint_eq(unit_budget_left(), room ? 16 << 20 : 3 << 20);
    llmobs_budget_init(0);
    free(text);
    free(packed);
}

TEST(a_long_body_is_read_as_its_ends)
{
    for (int i = 0; i < 4; i++)
        read_long(i & 1, i & 2);
}

TEST(truncated_bodies_are_told)
{
    char *big = unit_own(malloc(3 << 20));

    memset(big, ' ', 3 << 20);
    begin();
    llmobs_exchange_received(x, big, 3 << 20);
    finish();
    ck_assert_int_eq(
        llmobs_json_to_int(llmobs_json_get(
            llmobs_json_get(span.metadata, "truncated"), "response_bytes")),
        3 << 20);
    ck_assert_ptr_null(llmobs_json_get(
        llmobs_json_get(span.metadata, "truncated"), "request_bytes"));
    end();
}

TEST(a_proxied_call_is_tagged)
{
    begin_with("http://gateway:4000/v1/chat/completions", REQUEST,
               "http://gateway:4000");
    x->status = 500;
    finish();
    ck_assert(span.proxied);
    ck_assert(has_tag("ml-proxy:custom"));
    ck_assert(!has_tag("integration:http"));
    ck_assert_uint_eq(llmobs_json_len(span.output_messages), 1);
    end();
    begin_with("http://gateway:4000/custom", "{\"q\": 1}",
               "http://gateway:4000");
    answer("application/json", "{\"a\": 2}", 8);
    finish();
    ck_assert(has_tag("ml-proxy:custom"));
    ck_assert(has_tag("integration:http") || span.integration);
    ck_assert_str_eq(span.input_value, "{\"q\": 1}");
    ck_assert_str_eq(span.output_value, "{\"a\": 2}");
    end();
}

TEST(a_candidate_that_was_none)
{
    struct llmobs_request pending = {
        .method = "POST",
        .url = "http://other.example/v1/chat/completions",
        .content_type = "application/json",
        .body_pending = true,
    };

    begin();
    ck_assert(llmobs_rules_match(rules, &pending, &x->match));
    ck_assert(x->match.confirm);
    llmobs_body_rewind(&x->request, 0);
    llmobs_body_add(&x->request, "{\"rows\": []}", 12);
    ck_assert_int_eq(llmobs_exchange_to_span(x, &span), -ENOENT);
    llmobs_exchange_free(x);
    llmobs_rules_free(rules);
}

TEST(codes_have_names)
{
    ck_assert_str_eq(llmobs_curlcode_name(0), "CURLE_OK");
    ck_assert_str_eq(llmobs_curlcode_name(28), "CURLE_OPERATION_TIMEDOUT");
    ck_assert_str_eq(llmobs_curlcode_name(56), "CURLE_RECV_ERROR");
    ck_assert_str_eq(llmobs_curlcode_name(60),
                     "CURLE_PEER_FAILED_VERIFICATION");
    ck_assert_str_eq(llmobs_curlcode_name(92), "CURLE_HTTP2_STREAM");
    ck_assert_str_eq(llmobs_curlcode_name(101), "CURLE_ECH_REQUIRED");
    ck_assert_str_eq(llmobs_curlcode_name(-1), "CURLE_UNKNOWN");
    ck_assert_str_eq(llmobs_curlcode_name(102), "CURLE_UNKNOWN");
    for (int i = 0; i < 102; i++)
        ck_assert_ptr_nonnull(llmobs_curlcode_name(i));
}

/* ---- pictures and sounds that are too large --------------------------------
 */

#define LARGE 5000000

/* Gives `before`, so many characters of base64 and `after`. */
static char *large(const char *before, size_t len, const char *after)
{
    char *text = malloc(strlen(before) + len + strlen(after) + 1);
    char *at = stpcpy(text, before);

    for (size_t i = 0; i < len; i++)
        *at++ = "ABCDEFGHIJKLMNOPQRSTUVWXYZ+abcdefgh"[i % 35];
    strcpy(at, after);
    return text;
}

/* Gives the span's input of a request, with its media left out or not. */
static char *input_of(const char *url, const char *request, bool whole)
{
    char *text;

    begin_with(url, request, NULL);
    llmobs_body_fini(&x->request);
    llmobs_body_init(&x->request, (size_t)16 << 20);
    x->whole = whole;
    llmobs_exchange_sent(x, request, strlen(request));
    ck_assert(!x->request.truncated);
    ck_assert_int_eq(x->request.left > 0, !whole);
    answer("application/json", ANSWER, strlen(ANSWER));
    finish();
    text = llmobs_json_dumps(span.input_messages, 0);
    end();
    return text;
}

static const struct {
    const char *url, *before, *after, *wanted;
    bool other; /* where nothing was left out the span has it all */
} large_ones[] = {
    {CHAT,
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
     "\"text\",\"text\":\"hi\"},{\"type\":\"image_url\",\"image_url\":{\"url\":"
     "\"data:image/png;base64,",
     "=\"}}]}]}",
     "[{\"content\": \"hi\\n[image omitted: too large]\", \"role\": \"user\"}]",
     false},
    {CHAT,
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
     "\"input_audio\",\"input_audio\":{\"format\":\"mp3\",\"data\":\"",
     "\"}},{\"type\":\"text\",\"text\":\"hi\"}]}]}",
     "[{\"content\": \"[audio: audio/mp3, 3750000 bytes]\\nhi\", "
     "\"role\": \"user\"}]",
     true},
    {"https://api.anthropic.com/v1/messages",
     "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{\"role\":\"user\","
     "\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"base64\","
     "\"media_type\":\"image/png\",\"data\":\"",
     "\"}}]}]}",
     "[{\"content\": \"[image omitted: too large]\", \"role\": \"user\"}]",
     false},
};

TEST(large_media_are_told)
{
    for (size_t i = 0; i < sizeof(large_ones) / sizeof(*large_ones); i++) {
        char *request = large(large_ones[i].before, LARGE, large_ones[i].after);
        char *left = input_of(large_ones[i].url, request, false);
        char *kept = input_of(large_ones[i].url, request, true);

        ck_assert_str_eq(left, large_ones[i].wanted);
        if (!large_ones[i].other)
            ck_assert_str_eq(kept, left);
        free(request);
        free(left);
        free(kept);
    }
}
