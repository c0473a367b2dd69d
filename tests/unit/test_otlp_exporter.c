/* Every answer that a receiver of OTLP can give, and what it means for each
 * span. */
#define DOUBLE(name) otlp_double_##name
#include "tests/unit/http_double.h"

#define llmobs_otlp_route_init DOUBLE(route_init)
#define llmobs_otlp_route_fini DOUBLE(route_fini)
#define llmobs_otlp_route_forget DOUBLE(route_forget)
#define llmobs_otlp_route_begin DOUBLE(route_begin)
#define llmobs_otlp_route_end DOUBLE(route_end)
#define llmobs_otlp_pick DOUBLE(pick)
#define llmobs_otlp_read_answer DOUBLE(read_answer)
#define llmobs_otlp_read_refusal DOUBLE(read_refusal)
#define llmobs_otlp_send_picked DOUBLE(send_picked)
#define llmobs_otlp_judge DOUBLE(judge)
#define llmobs_otlp_accepted DOUBLE(accepted)
#define llmobs_otlp_hint DOUBLE(hint)
#define llmobs_otlp_traces DOUBLE(traces)
#define llmobs_otlp_is_sampled DOUBLE(is_sampled)
#define llmobs_otlp_span DOUBLE(span)
#undef llmobs_otlp_exporter_new
#define llmobs_otlp_exporter_new DOUBLE(exporter_new)

/* The files under test, with their requests going to the double. */
#include "core/export/otlp_route.c"
#include "core/export/otlp_traces.c"
#include "core/export/post.c"

#include <stdio.h>

#include "lib/text/inflate.h"
#include "tests/unit/unit.h"

#define COUNT 9

static struct llmobs_config config;
static char base_dir[UNIT_DIRECTORY];
static char *headers[] = {"x-key: secret", "User-Agent: mine",
                          "content-type: text/evil", NULL};
static char texts[COUNT][512];
static struct llmobs_text events[COUNT];
static unsigned char outcomes[LLMOBS_SEND_MAX];
static char last_body[1 << 16], last_head[1024];
static size_t last_len, biggest;
static struct llmobs_http_request last;

/* An event as encode.c writes one; `flags` of its caller. */
static void write_event(size_t i, int flags)
{
    events[i].data = texts[i];
    events[i].len = (size_t)sprintf(
        texts[i],
        "{\"_call\": {\"flags\": %d}, \"_dd\": {\"apm_trace_id\": "
        "\"%032zx\"}, \"duration\": 5, \"meta\": {\"span\": {\"kind\": "
        "\"task\"}}, \"name\": \"n%zu\", \"parent_id\": "
        "\"undefined\", \"span_id\": \"%zu\", \"start_ns\": 1795155770999}",
        flags, i + 1, i, i + 1);
}

static void setup(void)
{
    struct llmobs_otlp_signal *traces =
        &config.otlp.signals[LLMOBS_SIGNAL_TRACES];

    memset(&config, 0, sizeof(config));
    unit_directory(base_dir);
    config.store_dir = base_dir;
    config.store_max = 1 << 20;
    config.otlp.batch_max = 512;
    config.otlp.attribute_max = 128;
    config.otlp.value_max = INT64_MAX;
    config.otlp.parent_based = true;
    traces->on = true;
    traces->url = "http://127.0.0.1:4318/v1/traces";
    traces->headers = headers;
    traces->timeout_ms = 10000;
    for (size_t i = 0; i < COUNT; i++)
        write_event(i, 0x101);
    double_requests = double_warmed = 0;
    biggest = 0;
}

static void teardown(void)
{
    unit_remove(base_dir);
}

static struct llmobs_exporter *make(void)
{
    struct llmobs_exporter *exporter =
        llmobs_otlp_exporter_new(&config, NULL, true);

    ck_assert_ptr_nonnull(exporter);
    exporter->outcomes = outcomes;
    return exporter;
}

static int send_some(struct llmobs_exporter *exporter, size_t from,
                     size_t count)
{
    memset(outcomes, 0, sizeof(outcomes));
    exporter->retry_ms = 0;
    exporter->kind = LLMOBS_EVENT_SPAN;
    return exporter->ops->send(exporter, events + from, count);
}

static size_t outcomes_of(enum llmobs_outcome outcome)
{
    size_t n = 0;

    for (size_t i = 0; i < COUNT; i++)
        n += outcomes[i] == outcome;
    return n;
}

static void note_request(const struct llmobs_http_request *request)
{
    last = *request;
    last_len = request->body.len;
    if (last_len > biggest)
        biggest = last_len;
    ck_assert_uint_gt(last_len, 0);
    if (last_len < sizeof(last_body))
        memcpy(last_body, request->body.data, last_len);
    last_head[0] = '\0';
    for (size_t i = 0; request->headers[i]; i++) {
        strcat(last_head, request->headers[i]);
        strcat(last_head, "\n");
    }
}

/* How many spans are in the last request: their names are "n" and a digit. */
static size_t names_in(const char *data, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i + 3 < len; i++)
        n += data[i] == 0x2a && data[i + 1] == 2 && data[i + 2] == 'n';
    return n;
}

/* -- requests ----------------------------------------------------------- */

static int accept_it(const struct llmobs_http_request *request,
                     struct llmobs_http_reply *reply)
{
    note_request(request);
    reply->status = 200;
    return 0;
}

UNIT_FIXTURE(setup, teardown);

TEST(what_a_request_has)
{
    struct llmobs_exporter *exporter = make();

    double_script = accept_it;
    ck_assert_int_eq(send_some(exporter, 0, COUNT), COUNT);
    ck_assert_str_eq(last_head,
                     "Content-Type: application/x-protobuf\nx-key: secret\n");
    ck_assert_str_eq(last.method, "POST");
    ck_assert_str_eq(last.url, "http://127.0.0.1:4318/v1/traces");
    ck_assert_str_eq(last.user_agent, USER_AGENT);
    ck_assert_int_eq(last.timeout_ms, 10000);
    ck_assert_uint_eq(last.body_max, LLMOBS_OTLP_ANSWER_MAX);
    ck_assert(last.local);
    ck_assert_uint_eq(names_in(last_body, last_len), COUNT);
    exporter->ops->free(exporter);
}

TEST(a_request_has_every_header)
{
    char *list[101] = {NULL}, text[100][8], all[1024];
    struct llmobs_exporter *exporter;
    size_t len = (size_t)sprintf(all, "Content-Type: application/x-protobuf\n");

    for (size_t i = 0; i < 100; i++) {
        list[i] = text[i];
        sprintf(list[i], "k%02zu: v", i);
        len += (size_t)sprintf(all + len, "%s\n", list[i]);
    }
    config.otlp.signals[LLMOBS_SIGNAL_TRACES].headers = list;
    exporter = make();
    double_script = accept_it;
    ck_assert_int_eq(send_some(exporter, 0, COUNT), COUNT);
    ck_assert_str_eq(last_head, all);
    exporter->ops->free(exporter);
}

TEST(compressed_where_that_is_asked_for)
{
    struct llmobs_otlp_signal *traces =
        &config.otlp.signals[LLMOBS_SIGNAL_TRACES];
    struct llmobs_exporter *exporter;
    struct llmobs_body body;
    bool cut;

    traces->gzip = traces->json = true;
    traces->timeout_ms = 0;
    exporter = make();
    double_script = accept_it;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(send_some(exporter, 0, COUNT), COUNT);
        ck_assert_str_eq(last_head, "Content-Type: application/json\n"
                                    "Content-Encoding: gzip\nx-key: secret\n");
        ck_assert_int_gt(last.timeout_ms, 3600000);
        llmobs_body_init(&body, SIZE_MAX);
        ck_assert_int_eq(
            llmobs_inflate_body((struct llmobs_text){last_body, last_len},
                                "gzip", 1 << 20, &body, &cut),
            0);
        ck_assert(!cut);
        ck_assert_mem_eq(body.head.data, "{\"resourceSpans\":", 17);
        ck_assert_int_eq(body.head.data[body.head.len - 1], '}');
        llmobs_body_fini(&body);
    }
    exporter->ops->free(exporter);
}

TEST(who_is_near)
{
    static const struct {
        const char *url;
        bool near;
    } rows[] = {
        {"http://127.0.0.1:4318/v1/traces", true},
        {"http://localhost:4318/v1/traces", true},
        {"http://[::1]:4318/v1/traces", true},
        {"http://10.1.2.3/v1/traces", true},
        {"http://collector:4318/v1/traces", true},
        {"https://localhost/v1/traces", false},
        {"http://otlp.example.com/v1/traces", false},
        {"https://otlp.example.com/v1/traces", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct llmobs_exporter *exporter;

        config.otlp.signals[LLMOBS_SIGNAL_TRACES].url = (char *)rows[i].url;
        exporter = make();
        ck_assert_msg(exporter->wants_warm != rows[i].near, "row %zu", i);
        ck_assert_int_eq(exporter->exit_ms, rows[i].near
                                                ? LLMOBS_EXIT_AGENT_MS
                                                : LLMOBS_EXIT_INTAKE_MS);
        exporter->ops->free(exporter);
    }
}

/* -- answers ------------------------------------------------------------ */

static long the_status;
static int the_error;
static int64_t the_retry_after;

static int answer(const struct llmobs_http_request *request,
                  struct llmobs_http_reply *reply)
{
    note_request(request);
    reply->status = the_status;
    reply->retry_after_ms = the_retry_after;
    return the_error;
}

TEST(what_each_status_means)
{
    static const struct {
        long status;
        int error;
        int64_t retry_after;
        int expected;
        int64_t retry_ms;
    } rows[] = {
        {200, 0, -1, COUNT, 0},
        {202, -ECONNRESET, -1, COUNT, 0},
        {429, 0, 1500, -EAGAIN, 1500},
        {429, 0, 86400000, -EAGAIN, LLMOBS_OTLP_RETRY_AFTER_MAX_MS},
        {502, 0, -1, -EAGAIN, 0},
        {503, 0, 600000, -EAGAIN, 600000},
        {504, 0, 0, -EAGAIN, 0},
        {400, 0, -1, -EBADMSG, 0},
        {402, 0, -1, -EBADMSG, 0},
        {406, 0, -1, -EBADMSG, 0},
        {408, 0, -1, -EBADMSG, 0},
        {410, 0, -1, -EBADMSG, 0},
        {413, 0, -1, -EAGAIN, 0},
        {422, 0, -1, -EBADMSG, 0},
        {425, 0, -1, -EBADMSG, 0},
        {500, 0, 1000, -EBADMSG, 0},
        {501, 0, -1, -EBADMSG, 0},
        {505, 0, -1, -EBADMSG, 0},
        {301, 0, -1, -EACCES, LLMOBS_OTLP_PAUSE_MS},
        {307, 0, -1, -EACCES, LLMOBS_OTLP_PAUSE_MS},
        {401, 0, -1, -EACCES, LLMOBS_OTLP_PAUSE_MS},
        {403, 0, -1, -EACCES, LLMOBS_OTLP_PAUSE_MS},
        {404, 0, -1, -EACCES, LLMOBS_OTLP_PAUSE_MS},
        {405, 0, -1, -EACCES, LLMOBS_OTLP_PAUSE_MS},
        {407, 0, -1, -EACCES, LLMOBS_OTLP_PAUSE_MS},
        {415, 0, -1, -EACCES, LLMOBS_OTLP_PAUSE_MS},
        {101, 0, -1, -EIO, 0},
        {199, -ECONNRESET, -1, -ECONNRESET, 0},
        {0, -ECONNREFUSED, -1, -ECONNREFUSED, 0},
        {0, -ECONNRESET, -1, -ECONNRESET, 0},
        {0, -ECANCELED, -1, -ECANCELED, 0},
    };

    double_script = answer;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct llmobs_exporter *exporter = make();

        the_status = rows[i].status;
        the_error = rows[i].error;
        the_retry_after = rows[i].retry_after;
        ck_assert_msg(send_some(exporter, 0, COUNT) == rows[i].expected,
                      "row %zu", i);
        ck_assert_int_eq(exporter->retry_ms, rows[i].retry_ms);
        exporter->ops->free(exporter);
    }
}

static const char *the_type, *the_body;
static size_t the_body_len;

static int answer_body(const struct llmobs_http_request *request,
                       struct llmobs_http_reply *reply)
{
    note_request(request);
    reply->status = 200;
    snprintf(reply->type, sizeof(reply->type), "%s", the_type);
    return llmobs_buf_add(&reply->body, the_body, the_body_len);
}

TEST(what_each_body_means)
{
    static const struct {
        const char *type, *body;
        size_t rejected;
    } rows[] = {
        {"application/json", "{}", 0},
        {"application/json", "{\"partialSuccess\":{\"rejectedSpans\":\"2\"}}",
         2},
        {"Application/JSON", "{\"partialSuccess\":{\"rejectedSpans\":3}}", 3},
        {"application/json",
         "{\"partialSuccess\":{\"errorMessage\":\"a warning\"}}", 0},
        {"application/json", "{\"partialSuccess\":{\"rejectedSpans\":-2}}", 0},
        {"application/json",
         "{\"partialSuccess\":{\"rejectedSpans\":\"9223372036854775807\"}}",
         COUNT},
        {"application/json", "{\"ok\":1}", 0},
        {"application/json", "no JSON", 0},
        {"application/x-protobuf", "\x0a\x02\x08\x05", 5},
        {"application/x-protobuf", "\x0a\x04\x12\x02hi", 0},
        {"application/x-protobuf",
         "\x0a\x07\x08\x05\x12\x04"
         "cut",
         5},
        {"application/x-protobuf", "\xff\xff", 0},
        {"text/html", "\x0a\x02\x08\x05", 0},
        {"text/html", "{}", 0},
        {"text/html", "", 0},
        {"application/xhtml+xml", "<html/>", 0},
        {"", "\x0a\x02\x08\x05", 0},
        {"", "", 0},
    };
    struct llmobs_exporter *exporter = make();

    double_script = answer_body;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        the_type = rows[i].type;
        the_body = rows[i].body;
        the_body_len = strlen(the_body);
        ck_assert_int_eq(send_some(exporter, 0, COUNT), COUNT);
        ck_assert_msg(outcomes_of(LLMOBS_OUTCOME_REJECTED) == rows[i].rejected,
                      "row %zu", i);
        ck_assert_uint_eq(outcomes_of(LLMOBS_OUTCOME_SAMPLED_OUT), 0);
    }
    the_type = "Text/HTML";
    the_body = "<!DOCTYPE html><title>Log in</title>";
    the_body_len = strlen(the_body);
    ck_assert_int_eq(send_some(exporter, 0, COUNT), -EACCES);
    exporter->ops->free(exporter);
}

/* -- the sampler -------------------------------------------------------- */

static bool refuses_all;

static int count_spans(const struct llmobs_http_request *request,
                       struct llmobs_http_reply *reply)
{
    note_request(request);
    reply->status = refuses_all ? 400 : 200;
    snprintf(reply->type, sizeof(reply->type), "application/x-protobuf");
    return llmobs_buf_add(&reply->body, "\x0a\x02\x08\x01", 4);
}

TEST(some_are_sampled_out)
{
    struct llmobs_exporter *exporter;

    config.otlp.batch_max = 3;
    for (size_t i = 0; i < COUNT; i += 2)
        write_event(i, 0x300);
    exporter = make();
    double_script = count_spans;
    /* 0 2 4 6 8 stay; 1 3 5 are sent, and one of them is thrown away. */
    ck_assert_int_eq(send_some(exporter, 0, COUNT), 7);
    ck_assert_uint_eq(names_in(last_body, last_len), 3);
    for (size_t i = 0; i < 7; i++)
        ck_assert_int_eq(outcomes[i], i % 2 == 0 ? LLMOBS_OUTCOME_SAMPLED_OUT
                                      : i == 5   ? LLMOBS_OUTCOME_REJECTED
                                                 : LLMOBS_OUTCOME_DELIVERED);
    ck_assert_int_eq(send_some(exporter, 7, 2), 2);
    ck_assert_int_eq(double_requests, 2);
    ck_assert_int_eq(send_some(exporter, 8, 1), 1);
    ck_assert_int_eq(double_requests, 2);
    /* The one that is refused has to be the first one. */
    refuses_all = true;
    ck_assert_int_eq(send_some(exporter, 0, COUNT), 1);
    ck_assert_int_eq(outcomes[0], LLMOBS_OUTCOME_SAMPLED_OUT);
    ck_assert_int_eq(send_some(exporter, 1, COUNT - 1), -EBADMSG);
    refuses_all = false;
    exporter->ops->free(exporter);
}

/* -- batches ------------------------------------------------------------ */

/* A text that is no span is found and set aside; the others arrive. */
TEST(what_is_no_span_is_refused)
{
    struct llmobs_exporter *exporter = make();
    size_t done = 0, refused = 0, sent = 0;

    events[5] = (struct llmobs_text){"{\"no\": \"span\"}", 14};
    double_script = accept_it;
    while (done < COUNT) {
        int rc = send_some(exporter, done, COUNT - done);

        ck_assert(rc > 0 || (rc == -EBADMSG && done == 5));
        sent += rc > 0 ? (size_t)rc : 0;
        refused += rc < 0;
        done += rc > 0 ? (size_t)rc : 1;
    }
    ck_assert_uint_eq(refused, 1);
    ck_assert_uint_eq(sent, COUNT - 1);
    exporter->ops->free(exporter);
}

/* No request is beyond the limit, before it is compressed. */
TEST(no_request_beyond_its_limit)
{
    static struct llmobs_text big[64];
    size_t size = 300000, done = 0;
    struct llmobs_exporter *exporter;
    char *room = malloc(64 * (size + 600));

    config.otlp.signals[LLMOBS_SIGNAL_TRACES].json = true;
    exporter = make();
    for (size_t i = 0; i < 64; i++) {
        char *text = room + i * (size + 600);
        size_t head = (size_t)(strstr(texts[0], "n0") - texts[0]);

        memcpy(text, texts[0], head);
        memset(text + head, 'y', size);
        strcpy(text + head + size, texts[0] + head);
        big[i] = (struct llmobs_text){text, strlen(text)};
    }
    double_script = accept_it;
    while (done < 64) {
        int rc = exporter->ops->send(exporter, big + done, 64 - done);

        ck_assert_int_gt(rc, 0);
        ck_assert_int_le(rc, 14);
        done += (size_t)rc;
    }
    ck_assert_int_le(double_requests, 8);
    ck_assert_uint_le(biggest, LLMOBS_OTLP_REQUEST_MAX);
    ck_assert_uint_gt(biggest, LLMOBS_OTLP_REQUEST_MAX / 4 * 3);
    free(room);
    exporter->ops->free(exporter);
}

TEST(evaluations_stay_on_this_host)
{
    static const struct llmobs_text evaluation = {"{\"label\": \"a\"}", 14};
    struct llmobs_exporter *exporter = make();
    struct llmobs_exporter *other =
        llmobs_otlp_exporter_new(&config, NULL, false);

    exporter->kind = LLMOBS_EVENT_EVALUATION;
    ck_assert_int_eq(exporter->ops->send(exporter, &evaluation, 1), 1);
    ck_assert_int_eq(double_requests, 0);
    ck_assert_str_eq(exporter->via, "store");
    ck_assert_uint_eq(exporter->kinds, 3);
    double_script = accept_it;
    ck_assert_int_eq(send_some(exporter, 0, 1), 1);
    ck_assert_ptr_null(exporter->via);
    ck_assert_uint_eq(other->kinds, 1);
    exporter->ops->free(exporter);
    other->ops->free(other);
}
