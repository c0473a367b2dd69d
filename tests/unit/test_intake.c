/* Every status and fault that a peer can answer with, and that each event is
 * accepted exactly once whatever happens. */
#include "tests/unit/http_double.h"

/* The files under test, with their requests going to the double. */
#include "core/deliver/delivery.h"
#include "core/export/intake.c"
#include "core/export/post.c"

#include <unistd.h>

#include "core/deliver/worker.h"
#include "lib/base/stats.h"
#include "lib/text/json.h"
#include "tests/unit/unit.h"

#define IDS 20000

static struct llmobs_config config;
static char base_dir[UNIT_DIRECTORY];
static char *no_headers[] = {NULL};
static int accepted[IDS]; /* by id: how often */
static int refused_ids[IDS];
static size_t biggest;
static int malformed;

static void setup(void)
{
    memset(&config, 0, sizeof(config));
    unit_directory(base_dir);
    config.store_dir = base_dir;
    config.store_max = 1 << 30;
    config.agent_url = "http://127.0.0.1:8126";
    config.site = "datadoghq.com";
    config.api_key = "KEY";
    config.extra_headers = no_headers;
    config.payload_max = 5242880;
    config.event_max = 5000000;
    config.buffer_max = 1 << 26;
    config.writer_timeout_ms = 5000;
    config.exit_flush_ms = -1;
    config.flush_interval_ms = 1;
    config.thread = true;
    double_requests = double_warmed = 0;
    memset(accepted, 0, sizeof(accepted));
    memset(refused_ids, 0, sizeof(refused_ids));
    biggest = 0;
    malformed = 0;
    llmobs_stats_reset();
}

static void teardown(void)
{
    unit_remove(base_dir);
}

/* The ids in a request's body, which must have the form of WIRE 2.1. */
static size_t read_ids(const struct llmobs_http_request *request, long *ids,
                       size_t cap)
{
    struct llmobs_json *body = NULL;
    size_t n = 0;

    if (request->body.len > biggest)
        biggest = request->body.len;
    if (llmobs_json_parse(request->body, &body) ||
        !llmobs_json_is_array(body)) {
        malformed++;
        return 0;
    }
    for (size_t i = 0; i < llmobs_json_len(body) && n < cap; i++) {
        const struct llmobs_json *envelope = llmobs_json_at(body, i);
        const struct llmobs_json *spans = llmobs_json_get(envelope, "spans");
        const char *id = llmobs_json_gets(llmobs_json_at(spans, 0), "span_id");

        if (llmobs_json_len(envelope) != 4 || llmobs_json_len(spans) != 1 ||
            !id ||
            strcmp(llmobs_json_gets(envelope, "_dd.stage"), "raw") != 0 ||
            strcmp(llmobs_json_gets(envelope, "event_type"), "span") != 0)
            malformed++;
        else
            ids[n++] = atol(id);
    }
    llmobs_json_free(body);
    return n;
}

static void accept_all(const long *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        accepted[ids[i]]++;
}

/* -- form ---------------------------------------------------------------- */

static char seen_headers[2048];
static char seen_url[512];
static char seen_socket[128];
static bool seen_local;

static void note_head(const struct llmobs_http_request *request)
{
    seen_headers[0] = '\0';
    for (size_t i = 0; request->headers[i]; i++) {
        strcat(seen_headers, request->headers[i]);
        strcat(seen_headers, "\n");
    }
    snprintf(seen_url, sizeof(seen_url), "%s", request->url);
    snprintf(seen_socket, sizeof(seen_socket), "%s",
             request->unix_socket ? request->unix_socket : "");
    seen_local = request->local;
    ck_assert_str_eq(request->method, "POST");
}

static int look(const struct llmobs_http_request *request,
                struct llmobs_http_reply *reply)
{
    long ids[LLMOBS_SEND_MAX];

    note_head(request);
    accept_all(ids, read_ids(request, ids, LLMOBS_SEND_MAX));
    reply->status = 202;
    return 0;
}

static const struct llmobs_text three[] = {
    {"{\"span_id\": \"1\"}", 16},
    {"{\"span_id\": \"2\"}", 16},
    {"{\"span_id\": \"3\"}", 16},
};

static void send_three(bool agentless)
{
    struct llmobs_exporter *exporter =
        llmobs_intake_new(&config, agentless, NULL);

    ck_assert_ptr_nonnull(exporter);
    double_script = look;
    ck_assert_int_eq(exporter->ops->send(exporter, three, 3), 3);
    ck_assert_int_eq(malformed, 0);
    exporter->ops->free(exporter);
}

UNIT_FIXTURE(setup, teardown);

TEST(each_mode_has_its_own_headers)
{
    char *extra[] = {"X-Datadog-Test-Session-Token: t", "dd-api-key : EVIL",
                     "X-Datadog-EVP-Subdomain: api", "Bad: a\r\nInjected: b",
                     NULL};

    config.extra_headers = extra;
    config.external_env = "it-1";
    send_three(false);
    ck_assert_str_eq(seen_headers, "Content-Type: application/json\n"
                                   "X-Datadog-EVP-Subdomain: llmobs-intake\n"
                                   "Datadog-External-Env: it-1\n"
                                   "X-Datadog-Test-Session-Token: t\n");
    ck_assert(seen_local);
    send_three(true);
    ck_assert_str_eq(seen_headers, "Content-Type: application/json\n"
                                   "DD-API-KEY: KEY\n"
                                   "Datadog-External-Env: it-1\n"
                                   "X-Datadog-Test-Session-Token: t\n");
    ck_assert(!seen_local);
    ck_assert_ptr_null(strstr(seen_url, "KEY"));
    for (int i = 1; i <= 3; i++)
        ck_assert_int_eq(accepted[i], 2);
}

static char whole_body[1024];

static int keep_whole(const struct llmobs_http_request *request,
                      struct llmobs_http_reply *reply)
{
    snprintf(whole_body, sizeof(whole_body), "%.*s", (int)request->body.len,
             request->body.data);
    reply->status = 202;
    return 0;
}

/* Facts stay on this side. */
TEST(facts_are_not_sent)
{
    static const char first[] =
        "{\"_call\": {\"finish_reasons\": [\"}\\\"]\"], \"host\": \"h\", "
        "\"x\": {}}, \"_dd\": {\"span_id\": \"1\"}, \"span_id\": \"1\"}";
    static const char second[] = "{\"_call\": {\"port\": 443}}";
    static const char third[] = "{\"_call\": {\"port\": 443, \"span\": 1}";
    static const char before[] =
        "{\"_dd.stage\": \"raw\", \"_dd.tracer_version\": "
        "\"" LLMOBS_VERSION "\", \"event_type\": \"span\", \"spans\": [";
    const struct llmobs_text events[] = {{first, sizeof(first) - 1},
                                         {second, sizeof(second) - 1},
                                         {third, sizeof(third) - 1}};
    char want[1024];

    for (int agentless = 0; agentless < 2; agentless++) {
        struct llmobs_exporter *exporter =
            llmobs_intake_new(&config, agentless, NULL);

        snprintf(want, sizeof(want),
                 "[%s{\"_dd\": {\"span_id\": \"1\"}, \"span_id\": \"1\"}]}, "
                 "%s{}]}, %s%s]}]",
                 before, before, before, third);
        double_script = keep_whole;
        ck_assert_int_eq(exporter->ops->send(exporter, events, 3), 3);
        ck_assert_str_eq(whole_body, want);
        exporter->ops->free(exporter);
    }
}

TEST(no_key_no_intake)
{
    config.api_key = NULL;
    ck_assert_ptr_null(llmobs_intake_new(&config, true, NULL));
}

TEST(where_requests_go)
{
    static const struct {
        const char *agent, *override;
        bool agentless;
        const char *url, *socket;
    } rows[] = {
        {"http://h:1", NULL, false, "http://h:1/evp_proxy/v2/api/v2/llmobs",
         ""},
        {"http://h:1/", NULL, false, "http://h:1/evp_proxy/v2/api/v2/llmobs",
         ""},
        {"https://h/base/", NULL, false,
         "https://h/base/evp_proxy/v2/api/v2/llmobs", ""},
        {"unix:///run/a.sock", NULL, false,
         "http://localhost/evp_proxy/v2/api/v2/llmobs", "/run/a.sock"},
        {"http://h:1", NULL, true,
         "https://llmobs-intake.datadoghq.com/api/v2/llmobs", ""},
        {"http://h:1", "http://o:8/", true, "http://o:8/api/v2/llmobs", ""},
        {"http://h:1", "http://o:8/foo", true, "http://o:8/foo/api/v2/llmobs",
         ""},
        {"http://h:1", "http://o:8", false,
         "http://o:8/evp_proxy/v2/api/v2/llmobs", ""},
        {"http://h:1", "http://o:8/foo/", false, "http://o:8/foo/api/v2/llmobs",
         ""},
        {"http://h:1", "unix:///o.sock", false,
         "http://localhost/evp_proxy/v2/api/v2/llmobs", "/o.sock"},
        {"http://h:1", "ftp://o", false,
         "http://h:1/evp_proxy/v2/api/v2/llmobs", ""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        config.agent_url = (char *)rows[i].agent;
        config.override_origin = (char *)rows[i].override;
        send_three(rows[i].agentless);
        ck_assert_str_eq(seen_url, rows[i].url);
        ck_assert_str_eq(seen_socket, rows[i].socket);
    }
}

/* -- evaluations --------------------------------------------------------- */

static char seen_body[512];

static int look_at_evaluations(const struct llmobs_http_request *request,
                               struct llmobs_http_reply *reply)
{
    note_head(request);
    snprintf(seen_body, sizeof(seen_body), "%.*s", (int)request->body.len,
             request->body.data);
    reply->status = 202;
    return 0;
}

static void send_evaluations(bool agentless)
{
    static const struct llmobs_text two[] = {{"{\"a\": 1}", 8},
                                             {"{\"b\": 2}", 8}};
    struct llmobs_exporter *exporter =
        llmobs_intake_new(&config, agentless, NULL);

    ck_assert_ptr_nonnull(exporter);
    double_script = look_at_evaluations;
    exporter->kind = LLMOBS_EVENT_EVALUATION;
    ck_assert_int_eq(exporter->ops->send(exporter, two, 2), 2);
    exporter->ops->free(exporter);
    ck_assert_str_eq(seen_body, "{\"data\": {\"type\": \"evaluation_metric\", "
                                "\"attributes\": {\"metrics\": "
                                "[{\"a\": 1}, {\"b\": 2}]}}}");
}

TEST(where_evaluations_go)
{
    static const struct {
        const char *override;
        bool agentless;
        const char *url;
    } rows[] = {
        {NULL, false,
         "http://127.0.0.1:8126/evp_proxy/v2/api/intake/llm-obs/v2/"
         "eval-metric"},
        {NULL, true,
         "https://api.datadoghq.com/api/intake/llm-obs/v2/eval-metric"},
        {"http://o:8", false,
         "http://o:8/evp_proxy/v2/api/intake/llm-obs/v2/eval-metric"},
        {"http://o:8", true, "http://o:8/api/intake/llm-obs/v2/eval-metric"},
        {"http://o:8/foo", false,
         "http://o:8/foo/api/intake/llm-obs/v2/eval-metric"},
        {"ftp://o", true,
         "https://api.datadoghq.com/api/intake/llm-obs/v2/eval-metric"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        config.override_origin = (char *)rows[i].override;
        send_evaluations(rows[i].agentless);
        ck_assert_str_eq(seen_url, rows[i].url);
        ck_assert_str_eq(seen_headers, rows[i].agentless
                                           ? "Content-Type: application/json\n"
                                             "DD-API-KEY: KEY\n"
                                           : "Content-Type: application/json\n"
                                             "X-Datadog-EVP-Subdomain: api\n");
    }
}

/* -- answers ------------------------------------------------------------- */

static long the_status;
static int the_error;
static int64_t the_retry_after;

static int answer(const struct llmobs_http_request *request,
                  struct llmobs_http_reply *reply)
{
    (void)request;
    reply->status = the_status;
    reply->retry_after_ms = the_retry_after;
    return the_error;
}

TEST(what_each_answer_means)
{
    static const struct {
        long status;
        int error;
        int64_t retry_after;
        int expected;
        int64_t retry_ms;
    } rows[] = {
        {200, 0, -1, 3, 0},
        {202, 0, -1, 3, 0},
        {299, 0, -1, 3, 0},
        /* Taken, the answer cut: it must not come twice. */
        {202, -ECONNRESET, -1, 3, 0},
        {202, -ECANCELED, -1, 3, 0},
        {503, -ECONNRESET, -1, -EAGAIN, 0},
        {302, 0, -1, -EACCES, DENIED_PAUSE_MS},
        {400, 0, -1, -EBADMSG, 0},
        {401, 0, -1, -EACCES, DENIED_PAUSE_MS},
        {403, 0, -1, -EACCES, DENIED_PAUSE_MS},
        {404, 0, -1, -EACCES, DENIED_PAUSE_MS},
        {405, 0, -1, -EACCES, DENIED_PAUSE_MS},
        {408, 0, -1, -EAGAIN, 0},
        {413, 0, -1, -EAGAIN, 0},
        {413, 0, 1500, -EAGAIN, 1500},
        {422, 0, -1, -EBADMSG, 0},
        {429, 0, 1500, -EAGAIN, 1500},
        {429, 0, 0, -EAGAIN, 0},
        {429, 0, 86400000, -EAGAIN, RETRY_AFTER_MAX_MS},
        {500, 0, -1, -EAGAIN, 0},
        {503, 0, 2000, -EAGAIN, 2000},
        {599, 0, -1, -EAGAIN, 0},
        {0, -ECONNREFUSED, -1, -ECONNREFUSED, 0},
        {0, -ECONNRESET, -1, -ECONNRESET, 0},
        {0, -EHOSTUNREACH, -1, -EHOSTUNREACH, 0},
        {0, -ENOTCONN, -1, -ENOTCONN, 0},
        {0, -ECANCELED, -1, -ECANCELED, 0},
    };

    double_script = answer;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct llmobs_exporter *exporter =
            llmobs_intake_new(&config, i % 2, NULL);

        the_status = rows[i].status;
        the_error = rows[i].error;
        the_retry_after = rows[i].retry_after;
        ck_assert_msg(exporter->ops->send(exporter, three, 3) ==
                          rows[i].expected,
                      "row %zu", i);
        ck_assert_int_eq(exporter->retry_ms, rows[i].retry_ms);
        ck_assert(!atomic_load(&exporter->silent));
        exporter->ops->free(exporter);
    }
}

static const char *the_page;

static int answer_page(const struct llmobs_http_request *request,
                       struct llmobs_http_reply *reply)
{
    (void)request;
    reply->status = 200;
    strcpy(reply->type, "text/html");
    return llmobs_buf_adds(&reply->body, the_page);
}

TEST(a_web_page_accepts_nothing)
{
    double_script = answer_page;
    for (int agentless = 0; agentless < 2; agentless++) {
        struct llmobs_exporter *exporter =
            llmobs_intake_new(&config, agentless, NULL);

        the_page = "<html>Log in</html>";
        ck_assert_int_eq(exporter->ops->send(exporter, three, 3), -EACCES);
        the_page = "{}";
        ck_assert_int_eq(exporter->ops->send(exporter, three, 3), 3);
        exporter->ops->free(exporter);
    }
}

/* A process that begins while the peer is known to be silent does not try; one
 * that goes on does; one that ends does not; an answer ends it. */
TEST(a_silent_peer_is_marked_down)
{
    struct llmobs_exporter *one = llmobs_intake_new(&config, false, NULL);
    struct llmobs_exporter *two = llmobs_intake_new(&config, false, NULL);
    struct llmobs_exporter *three_ = llmobs_intake_new(&config, false, NULL);

    double_script = answer;
    the_status = 0;
    the_error = -ETIMEDOUT;
    ck_assert_int_eq(one->ops->send(one, three, 3), -ETIMEDOUT);
    ck_assert(atomic_load(&one->silent));
    ck_assert(!MAY_ASK(config.agent_url));
    ck_assert_int_eq(double_requests, 1);
    one->phase = LLMOBS_PHASE_ENDING;
    ck_assert_int_eq(one->ops->send(one, three, 3), -EHOSTDOWN);
    ck_assert_int_eq(two->ops->send(two, three, 3), -EHOSTDOWN);
    ck_assert_int_eq(double_requests, 1);
    the_error = 0;
    the_status = 202;
    ck_assert_int_eq(two->ops->send(two, three, 3), 3);
    ck_assert(!atomic_load(&two->silent));
    ck_assert(MAY_ASK(config.agent_url));
    ck_assert_int_eq(three_->ops->send(three_, three, 3), 3);
    one->ops->free(one);
    two->ops->free(two);
    three_->ops->free(three_);
}

static int slow_cut(const struct llmobs_http_request *request,
                    struct llmobs_http_reply *reply)
{
    (void)request, (void)reply;
    usleep((LLMOBS_SILENT_NEAR_MS + 10) * 1000);
    return -ECANCELED;
}

/* Cut by our own end, a request says that its peer is silent; cut by the app's
 * cleanup of libcurl it does not. */
TEST(who_cut_a_request)
{
    for (int by_end = 0; by_end < 2; by_end++) {
        struct llmobs_exporter *one = llmobs_intake_new(&config, false, NULL);

        double_script = slow_cut;
        if (by_end)
            atomic_store(&one->cut_ns, llmobs_clock_mono_ns() + 1000000);
        ck_assert_int_eq(one->ops->send(one, three, 3), -ECANCELED);
        ck_assert_int_eq(atomic_load(&one->silent), by_end);
        ck_assert_int_eq(!MAY_ASK(config.agent_url), by_end);
        one->ops->free(one);
    }
}

/* -- splitting ----------------------------------------------------------- */

static bool is_bad(long id)
{
    return refused_ids[id] != 0;
}

static size_t too_many; /* events of a request: 413 */

static int picky(const struct llmobs_http_request *request,
                 struct llmobs_http_reply *reply)
{
    long ids[LLMOBS_SEND_MAX];
    size_t n = read_ids(request, ids, LLMOBS_SEND_MAX);

    reply->status = 202;
    for (size_t i = 0; i < n; i++) {
        if (is_bad(ids[i]))
            reply->status = ids[i] % 2 ? 400 : 422;
    }
    if (too_many && n > too_many)
        reply->status = 413;
    if (reply->status == 202)
        accept_all(ids, n);
    return 0;
}

/* Offers `count` numbered events until all are done with; how many of them
 * were refused. */
static size_t offer_all(size_t count, size_t size)
{
    struct llmobs_exporter *exporter = llmobs_intake_new(&config, false, NULL);
    struct llmobs_text events[LLMOBS_SEND_MAX];
    char *texts = malloc(LLMOBS_SEND_MAX * (size + 64));
    size_t done = 0, refused = 0;

    while (done < count) {
        size_t n =
            count - done < LLMOBS_SEND_MAX ? count - done : LLMOBS_SEND_MAX;
        int rc;

        for (size_t i = 0; i < n; i++) {
            char *text = texts + i * (size + 64);

            events[i].data = text;
            events[i].len =
                (size_t)sprintf(text, "{\"span_id\": \"%zu\", \"x\": \"%0*d\"}",
                                done + i, (int)size, 0);
        }
        rc = exporter->ops->send(exporter, events, n);
        ck_assert(rc > 0 || rc == -EBADMSG);
        ck_assert_int_le(rc, (int)n);
        refused += rc == -EBADMSG;
        if (rc == -EBADMSG)
            ck_assert(is_bad((long)done) || too_many == 0);
        done += rc > 0 ? (size_t)rc : 1;
    }
    free(texts);
    exporter->ops->free(exporter);
    return refused;
}

TEST(the_refused_one_is_found)
{
    double_script = picky;
    too_many = 0;
    for (size_t bad = 0; bad < 256; bad += 5) {
        memset(accepted, 0, sizeof(accepted));
        memset(refused_ids, 0, sizeof(refused_ids));
        refused_ids[bad] = 1;
        double_requests = 0;
        ck_assert_uint_eq(offer_all(256, 10), 1);
        for (size_t i = 0; i < 256; i++)
            ck_assert_int_eq(accepted[i], i != bad);
        /* Not one request an event. */
        ck_assert_int_lt(double_requests, 30);
    }
}

TEST(what_is_too_much_is_split)
{
    double_script = picky;
    for (too_many = 1; too_many < 40; too_many += 6) {
        memset(accepted, 0, sizeof(accepted));
        ck_assert_uint_eq(offer_all(300, 10), 0);
        for (size_t i = 0; i < 300; i++)
            ck_assert_int_eq(accepted[i], 1);
    }
    too_many = 0;
}

static int storm; /* so many requests are answered 413 */

static int stormy(const struct llmobs_http_request *request,
                  struct llmobs_http_reply *reply)
{
    long ids[LLMOBS_SEND_MAX];
    size_t n = read_ids(request, ids, LLMOBS_SEND_MAX);

    reply->status = storm-- > 0 ? 413 : 202;
    for (size_t i = 0; i < n; i++)
        if (is_bad(ids[i]))
            reply->status = 413;
    if (reply->status == 202)
        accept_all(ids, n);
    return 0;
}

/* Sends 100 events as a destination does until all are done with; gives how
 * many were refused. */
static size_t send_all(size_t size, int *waits)
{
    static unsigned char outcomes[LLMOBS_SEND_MAX];
    static struct llmobs_text events[200];
    struct llmobs_exporter *exporter = llmobs_intake_new(&config, false, NULL);
    struct llmobs_post *post = &((struct intake *)exporter)->routes[0].post;
    char *texts = malloc(100 * (size + 64));
    size_t first = 0, count = 100, refused = 0;

    for (size_t i = 0; i < 100; i++) {
        events[i].data = texts + i * (size + 64);
        events[i].len = (size_t)sprintf(
            texts + i * (size + 64), "{\"span_id\": \"%zu\", \"x\": \"%0*d\"}",
            i, (int)size, 0);
    }
    exporter->outcomes = outcomes;
    for (*waits = 0; first < count && *waits < 50;) {
        int rc;

        memset(outcomes, 0, sizeof(outcomes));
        rc = exporter->ops->send(exporter, events + first, count - first);
        if (rc == -EAGAIN) /* a second passes */
            post->refusing_ns -= LLMOBS_NS_PER_MS * 1000;
        *waits += rc == -EAGAIN;
        refused += rc == -EBADMSG;
        if (outcomes[0] == LLMOBS_OUTCOME_REFUSED && first < 100)
            events[count++] = events[first];
        else
            refused += outcomes[0] == LLMOBS_OUTCOME_REFUSED;
        first += rc > 0 ? (size_t)rc : rc == -EBADMSG;
    }
    free(texts);
    exporter->ops->free(exporter);
    return first < count ? 100 : refused;
}

/* A 413 of one event counts once the peer takes another. */
TEST(a_413_of_one_event)
{
    static const struct {
        int bad[2], storm;
        size_t size, refused;
        int waits;
    } rows[] = {
        {{-1, -1}, 3, 10, 0, 0},  {{-1, -1}, 9, 10, 0, 1},
        {{-1, -1}, 20, 10, 0, 7}, {{0, -1}, 0, 10, 1, 0},
        {{99, -1}, 0, 10, 1, 0},  {{0, 1}, 0, 10, 2, -1},
        {{50, 51}, 0, 10, 2, 0},  {{99, -1}, 20, 10, 1, -1},
        {{98, 99}, 9, 10, 2, -1}, {{-1, -1}, 8, 600000, 5, 0},
    };

    double_script = stormy;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int waits;

        memset(accepted, 0, sizeof(accepted));
        memset(refused_ids, 0, sizeof(refused_ids));
        for (int k = 0; k < 2; k++)
            if (rows[i].bad[k] >= 0)
                refused_ids[rows[i].bad[k]] = 1;
        storm = rows[i].storm;
        ck_assert_msg(send_all(rows[i].size, &waits) == rows[i].refused,
                      "row %zu", i);
        ck_assert_msg(rows[i].waits < 0 || waits == rows[i].waits,
                      "row %zu: %d waits", i, waits);
        for (int k = 0; k < 100; k++)
            ck_assert_msg(accepted[k] == !is_bad(k) || rows[i].size > 10,
                          "row %zu: %d: %d times", i, k, accepted[k]);
    }
}

TEST(no_body_beyond_the_payload)
{
    double_script = picky;
    config.payload_max = 20000;
    ck_assert_uint_eq(offer_all(500, 300), 0);
    ck_assert_uint_le(biggest, 20000);
    ck_assert_uint_ge(biggest, 19000);
    ck_assert_int_lt(double_requests, 20);
    /* One that is too big by itself still goes, alone. */
    config.payload_max = 1000;
    biggest = 0;
    ck_assert_uint_eq(offer_all(3, 2000), 0);
    ck_assert_uint_gt(biggest, 2000);
    ck_assert_uint_lt(biggest, 2500);
    for (size_t i = 3; i < 500; i++)
        ck_assert_int_eq(accepted[i], 1);
}

/* -- a model ------------------------------------------------------------- */

static unsigned draw_state;

/* Any fault that leaves no doubt whether the events were taken. */
static int chaos(const struct llmobs_http_request *request,
                 struct llmobs_http_reply *reply)
{
    static const long later[] = {408, 429, 500, 502, 503};
    unsigned draw = (unsigned)rand_r(&draw_state) % 10;

    if (draw == 0)
        return -ECONNREFUSED;
    if (draw == 1) {
        reply->status = later[(unsigned)rand_r(&draw_state) % 5];
        reply->retry_after_ms = draw_state % 2 ? 1 : -1;
        return 0;
    }
    if (draw == 2) {
        reply->status = 429;
        reply->retry_after_ms = 3;
        return -ECONNRESET;
    }
    picky(request, reply);
    return draw == 3 && reply->status == 202 ? -ECONNRESET : 0;
}

static struct llmobs_worker *kept_workers[8];
static size_t kept_worker_count;

static struct llmobs_worker *new_worker(void)
{
    struct llmobs_worker *worker =
        llmobs_worker_new(&config, llmobs_queue_new(1 << 26),
                          llmobs_intake_new(&config, false, NULL));

    ck_assert_ptr_nonnull(worker);
    kept_workers[kept_worker_count++ % 8] = worker;
    return worker;
}

static void give_ids(struct llmobs_worker *worker, int from, int to)
{
    for (int i = from; i < to; i++) {
        struct llmobs_span span;

        ck_assert_int_eq(llmobs_span_init(&span), 0);
        span.context.span_id = (uint64_t)i;
        llmobs_worker_submit_span(worker, &span);
    }
}

TEST(nothing_is_lost_or_doubled)
{
    for (unsigned seed = 1; seed <= 4; seed++) {
        uint64_t bad = 0;
        struct llmobs_worker *worker;

        llmobs_stats_reset();
        memset(accepted, 0, sizeof(accepted));
        memset(refused_ids, 0, sizeof(refused_ids));
        draw_state = seed;
        double_script = chaos;
        too_many = seed * 9;
        config.payload_max = 60000;
        config.thread = seed % 2;
        for (int i = 1; i < 1500; i++)
            bad += (uint64_t)(refused_ids[i] = i % 97 == (int)seed);
        worker = new_worker();
        for (int i = 1; i < 1500; i += 100)
            give_ids(worker, i, i + 100 < 1500 ? i + 100 : 1500);
        for (int i = 0; i < 10000 && llmobs_worker_pending(worker); i++) {
            llmobs_worker_flush(worker, 100);
            usleep(1000);
        }
        ck_assert_uint_eq(llmobs_worker_pending(worker), 0);
        llmobs_worker_stop(worker, UNIT_LONG_MS);
        ck_assert_int_eq(malformed, 0);
        for (int i = 1; i < 1500; i++)
            ck_assert_msg(accepted[i] == !refused_ids[i], "seed %u: %d: %d",
                          seed, i, accepted[i]);
        ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_dropped_export), bad);
        ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_delivered), 1499 - bad);
        ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_sent_agent), 1499 - bad);
    }
}

TEST(who_is_warmed)
{
    struct llmobs_exporter *agent = llmobs_intake_new(&config, false, NULL);
    struct llmobs_exporter *intake = llmobs_intake_new(&config, true, NULL);
    struct llmobs_worker *worker;

    ck_assert(!agent->wants_warm);
    ck_assert_int_eq(agent->exit_ms, LLMOBS_EXIT_AGENT_MS);
    ck_assert(intake->wants_warm);
    ck_assert_int_eq(intake->exit_ms, LLMOBS_EXIT_INTAKE_MS);
    worker = new_worker();
    llmobs_worker_warm(worker);
    ck_assert_int_eq(llmobs_worker_wait_ms(worker, true), 100);
    ck_assert_int_eq(
        llmobs_delivery_add(llmobs_worker_delivery(worker), intake), 0);
    ck_assert_int_eq(llmobs_worker_wait_ms(worker, true), 2000);
    for (int i = 0; i < 3; i++)
        llmobs_worker_warm(worker);
    for (int i = 0; i < 2000 && !double_warmed; i++)
        usleep(1000);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    ck_assert_int_eq(double_warmed, 1);
    config.exit_flush_ms = 7;
    ck_assert_int_eq(llmobs_worker_wait_ms(worker, true), 7);
    agent->ops->free(agent);
}

/* An exporter that warms obeys the mark of another process, too. */
TEST(no_silent_one_is_warmed)
{
    struct llmobs_exporter *intake = llmobs_intake_new(&config, true, NULL);
    struct intake *inner = (struct intake *)intake;

    llmobs_peer_mark_down(&config,
                          inner->routes[LLMOBS_EVENT_SPAN].post.peer.url);
    intake->ops->warm(intake);
    ck_assert_int_eq(double_warmed, 0);
    llmobs_peer_unmark(&config, inner->routes[LLMOBS_EVENT_SPAN].post.peer.url);
    intake->ops->warm(intake);
    ck_assert_int_eq(double_warmed, 1);
    intake->ops->free(intake);
}
