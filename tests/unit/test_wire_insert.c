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

static void begin(const char *urls, enum llmobs_inject_to inject)
{
    const struct llmobs_rules_config listed = {.proxy_urls = urls};

    fake_begin(false, 1 << 20);
    fake_config->ml_app = context_base.ml_app;
    fake_config->sample_rate = 1;
    fake_config->inject = inject;
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

static void end(void)
{
    llmobs_wire_event(wire,
                      &(struct llmobs_wire_event){LLMOBS_WIRE_ENDED, NULL,
                                                  LLMOBS_WIRE_FREED, .fd = -1});
    llmobs_wire_insert_free(taken);
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

/* Nobody may add any; a way that cannot take them; more than can be listed. */
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
    for (int i = 0; i < LLMOBS_INSERTIONS + 2; i++)
        event(LLMOBS_WIRE_SENT, request, sizeof(request) - 1,
              (size_t)i * (sizeof(request) - 1));
    ck_assert_uint_eq(inserted(), LLMOBS_INSERTIONS);
    end();
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_headers_way), before + 3);
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
    llmobs_wire_event(wire,
                      &(struct llmobs_wire_event){LLMOBS_WIRE_ENDED, NULL,
                                                  LLMOBS_WIRE_FREED, .fd = -1});
    llmobs_wire_give(wire, kept);
    ck_assert_ptr_null(llmobs_wire_take(wire));
    wire = llmobs_wire_begin(NULL, LLMOBS_WIRE_PLAIN, false);
    end();
}
