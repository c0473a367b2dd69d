/* The calls of a connection of a TLS library become spans, each once, whatever
 * the order and the cuts of its bytes. */
#include "core/capture/wire.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/capture/judge.h"
#include "core/capture/call_origin.h"
#include "core/sdk/own_span.h"
#include "lib/base/stats.h"
#include "tests/unit/context_case.h"
#include "tests/unit/keeper.h"
#include "tests/unit/worker_fake.h"

#define KEY "sk-SECRETKEY"
#define ASKS                                                         \
    "POST /v1/chat/completions HTTP/1.1\r\nHost: api.openai.com\r\n" \
    "Authorization: Bearer " KEY "\r\n"
#define JSON "Content-Type: application/json\r\n"
#define BODY                                                  \
    "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\"," \
    "\"content\":\"hello\"}]}"
#define LENGTH "Content-Length: 65\r\n\r\n"
#define ANSWER_BODY                                              \
    "{\"model\":\"gpt-4o\",\"choices\":[{\"message\":{\"role\":" \
    "\"assistant\",\"content\":\"there\"}}],"                    \
    "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}"
#define TO_END "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
#define ANSWER                                              \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" \
    "Content-Length: 131\r\n\r\n" ANSWER_BODY
_Static_assert(sizeof(BODY) - 1 == 65, "LENGTH");
_Static_assert(sizeof(ANSWER_BODY) - 1 == 131, "ANSWER");

static void wire_sent(struct llmobs_wire *to, const void *bytes, size_t len)
{
    llmobs_wire_event(to, &(struct llmobs_wire_event){LLMOBS_WIRE_SENT, bytes,
                                                      len, .fd = -1});
}

static void wire_received(struct llmobs_wire *to, const void *bytes, size_t len)
{
    llmobs_wire_event(to, &(struct llmobs_wire_event){LLMOBS_WIRE_RECEIVED,
                                                      bytes, len, .fd = -1});
}

static void wire_skipped(struct llmobs_wire *to, uint64_t bytes)
{
    llmobs_wire_event(to, &(struct llmobs_wire_event){LLMOBS_WIRE_SKIPPED, NULL,
                                                      bytes, .fd = -1});
}

static void wire_unseen(struct llmobs_wire *to, uint64_t bytes, int fd)
{
    llmobs_wire_event(to, &(struct llmobs_wire_event){LLMOBS_WIRE_UNSEEN, NULL,
                                                      bytes, .fd = fd});
}

static void wire_ended(struct llmobs_wire *to, enum llmobs_wire_end how)
{
    llmobs_wire_event(to, &(struct llmobs_wire_event){LLMOBS_WIRE_ENDED, NULL,
                                                      how, .fd = -1});
}

static void wire_refused(struct llmobs_wire *to, uint64_t bytes)
{
    llmobs_wire_event(to, &(struct llmobs_wire_event){LLMOBS_WIRE_REFUSED, NULL,
                                                      bytes, .fd = -1});
}

static struct llmobs_rules *rules;
static struct llmobs_wire *wire;

static void begin(void)
{
    const struct llmobs_rules_config any = {.proxy_urls = NULL};

    fake_begin(false, 1 << 20);
    fake_config->ml_app = context_base.ml_app;
    fake_config->sample_rate = 1;
    fake_replace(&keeper, 1 << 20);
    rules = llmobs_rules_new(&any);
    llmobs_own_span_init(fake_config, worker);
    llmobs_judge_init(fake_config, rules);
    llmobs_call_origin_init(fake_config);
    llmobs_wire_init(fake_config, worker);
    keeper_count = 0;
    wire = llmobs_wire_begin("api.openai.com", LLMOBS_WIRE_TLS, false);
    ck_assert_ptr_nonnull(wire);
}

static bool says(int i, const char *text)
{
    return i < keeper_count && strstr(keeper_events[i], text);
}

/* So many events came in all, and none has a key. */
static void end(int count)
{
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    ck_assert_int_eq(keeper_count, count);
    for (int i = 0; i < count; i++)
        ck_assert_msg(!says(i, "SECRETKEY"), "%s", keeper_events[i]);
    worker_case_sum(worker);
    llmobs_rules_free(rules);
}

static void send_text(const char *text)
{
    wire_sent(wire, text, strlen(text));
}

static void receive(const char *text)
{
    wire_received(wire, text, strlen(text));
}

static void over(enum llmobs_wire_end how)
{
    if (how != LLMOBS_WIRE_FREED)
        wire_ended(wire, how);
    wire_ended(wire, LLMOBS_WIRE_FREED);
}

TEST(a_call)
{
    begin();
    send_text(ASKS JSON LENGTH);
    send_text(BODY);
    receive(ANSWER);
    over(LLMOBS_WIRE_CLOSED);
    end(1);
    ck_assert_msg(says(0, "\"hello\"") && says(0, "\"there\"") &&
                      says(0, "gpt-4o") && says(0, "\"input_tokens\": 7"),
                  "%s", keeper_events[0]);
    ck_assert_msg(
        says(0, "\"bytes_sent\": 65") && says(0, "\"bytes_received\": 131") &&
            !says(0, "curl_code") && says(0, "\"http_version\": \"1.1\""),
        "%s", keeper_events[0]);
}

/* Without TLS the request alone names the host. */
TEST(without_tls)
{
    begin();
    over(LLMOBS_WIRE_FREED);
    wire = llmobs_wire_begin(NULL, LLMOBS_WIRE_PLAIN, false);
    send_text(ASKS JSON LENGTH BODY);
    receive(ANSWER);
    over(LLMOBS_WIRE_CLOSED);
    end(1);
    ck_assert_msg(says(0, "\"port\": 80"), "%s", keeper_events[0]);
}

/* The kernel sends a body from a file; the program sends another body than it
 * had shown. */
TEST(a_body_of_a_file)
{
    begin();
    send_text(ASKS JSON LENGTH);
    wire_skipped(wire, 65);
    receive(ANSWER);
    send_text(ASKS JSON LENGTH);
    wire_skipped(wire, LLMOBS_WIRE_OTHER_BYTES);
    receive(ANSWER);
    over(LLMOBS_WIRE_CLOSED);
    end(2);
    ck_assert_msg(!says(1, "\"there\""), "%s", keeper_events[1]);
    ck_assert_msg(says(0, "\"there\"") && says(0, "\"bytes_sent\": 65") &&
                      says(0, "\"request_bytes\": 65"),
                  "%s", keeper_events[0]);
}

/* Nobody took the last requests: they are no calls, unless an answer comes. Of
 * the others a part may have gone. */
TEST(what_is_refused)
{
    static const char request[] = ASKS JSON LENGTH BODY;
    static char large[17000] = ASKS JSON "Content-Length: 20000\r\n\r\n";
    const size_t len = sizeof(request) - 1;

    memset(large + strlen(large), ' ', sizeof(large) - strlen(large));
    begin();
    for (int i = 0; i < 2; i++) {
        send_text(request);
        receive(ANSWER);
        send_text(request);
        send_text(request);
        wire_refused(wire, 2 * len);
        over(i == 0 ? LLMOBS_WIRE_BROKEN : LLMOBS_WIRE_FREED);
        wire = llmobs_wire_begin(NULL, LLMOBS_WIRE_PLAIN, false);
    }
    send_text(request);
    wire_refused(wire, len);
    receive(ANSWER);
    send_text(ASKS JSON LENGTH);
    send_text(BODY);
    wire_refused(wire, strlen(BODY));
    over(LLMOBS_WIRE_BROKEN);
    wire = llmobs_wire_begin("api.openai.com", LLMOBS_WIRE_TLS, false);
    wire_sent(wire, large, sizeof(large));
    wire_refused(wire, sizeof(large));
    over(LLMOBS_WIRE_BROKEN);
    end(5);
    ck_assert(says(2, "\"there\"") && says(3, "connection_lost") &&
              says(4, "connection_lost"));
}

/* Nobody took the request, so that the process ends without a call; another is
 * taken later. */
TEST(what_is_refused_at_the_exit)
{
    static const char request[] = ASKS JSON LENGTH BODY;
    const size_t len = sizeof(request) - 1;

    for (int i = 0; i < 2; i++) {
        begin();
        send_text(request);
        wire_refused(wire, len);
        if (i == 1)
            wire_refused(wire, 0);
        llmobs_wire_abandon_all();
        end(i);
        ck_assert(i == 0 || says(0, "aborted"));
    }
}

/* A body that begins with more blanks than are looked at. */
TEST(blanks_before_the_body)
{
    static const char *const blanks[] = {" ", "\t", "\r\n\t ", "\xEF\xBB\xBF "};

    for (size_t i = 0; i < sizeof(blanks) / sizeof(*blanks); i++)
        for (size_t many = 4000; many < 30000; many = many * 5 / 4) {
            char head[200], body[30000];
            size_t kind = strlen(blanks[i]);

            for (size_t at = 0; at < many; at++)
                body[at] = blanks[i][at < kind ? at : kind - 1];
            strcpy(body + many, BODY);
            snprintf(head, sizeof(head), "Content-Length: %zu\r\n\r\n",
                     many + 65);
            begin();
            send_text(ASKS JSON);
            send_text(head);
            send_text(body);
            receive(ANSWER);
            over(LLMOBS_WIRE_CLOSED);
            end(1);
            snprintf(head, sizeof(head), "\"bytes_sent\": %zu", many + 65);
            ck_assert_msg(says(0, head) && says(0, "\"hello\""), "%zu: %s",
                          many, keeper_events[0]);
        }
}

/* A form's type with JSON in it, which is what many languages' clients send
 * unless told otherwise. */
TEST(a_forms_type)
{
    begin();
    send_text(
        ASKS "Content-Type: application/x-www-form-urlencoded\r\n" LENGTH BODY);
    receive(ANSWER);
    over(LLMOBS_WIRE_CLOSED);
    end(1);
}

TEST(byte_by_byte)
{
    static const char request[] = ASKS JSON LENGTH BODY, answer[] = ANSWER;

    begin();
    for (size_t i = 0; i + 1 < sizeof(request); i++)
        wire_sent(wire, request + i, 1);
    for (size_t i = 0; i + 1 < sizeof(answer); i++)
        wire_received(wire, answer + i, 1);
    over(LLMOBS_WIRE_FREED);
    end(1);
    ck_assert(says(0, "\"there\"") && !says(0, "\"error\": 1"));
}

TEST(fifty_before_the_first_answer)
{
    begin();
    for (int i = 0; i < 50; i++)
        send_text(ASKS JSON LENGTH BODY);
    for (int i = 0; i < 50; i++)
        receive(ANSWER);
    over(LLMOBS_WIRE_CLOSED);
    end(50);
    for (int i = 0; i < 50; i++)
        ck_assert_msg(says(i, "\"there\""), "%s", keeper_events[i]);
}

TEST(others_between)
{
    begin();
    send_text("GET /v1/models HTTP/1.1\r\nHost: api.openai.com\r\n\r\n");
    receive("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    send_text(ASKS JSON LENGTH BODY);
    receive(ANSWER);
    send_text("POST /upload HTTP/1.1\r\nHost: example.com\r\n"
              "Content-Length: 4\r\n\r\nabcd");
    receive("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    over(LLMOBS_WIRE_CLOSED);
    end(1);
}

/* The client follows it, and makes the call elsewhere. */
TEST(led_on)
{
    begin();
    send_text(ASKS JSON LENGTH BODY);
    receive("HTTP/1.1 307 Temporary Redirect\r\nLocation: /v2\r\n"
            "Content-Length: 0\r\n\r\n");
    send_text(ASKS JSON LENGTH BODY);
    receive(ANSWER);
    over(LLMOBS_WIRE_CLOSED);
    end(1);
    ck_assert(says(0, "\"there\""));
}

TEST(errors)
{
    static const struct {
        const char *answer;
        enum llmobs_wire_end how;
        const char *type;
    } rows[] = {
        {"", LLMOBS_WIRE_FREED, "\"aborted\""},
        {"", LLMOBS_WIRE_BROKEN, "\"connection_lost\""},
        {"", LLMOBS_WIRE_CLOSED, "\"connection_lost\""},
        {"", LLMOBS_WIRE_UNSENT, "\"connection_lost\""},
        {TO_END "{\"a", LLMOBS_WIRE_BROKEN, "\"connection_lost\""},
        {TO_END "{\"a", LLMOBS_WIRE_CLOSED, "\"status\": \"ok\""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"a",
         LLMOBS_WIRE_BROKEN, "\"connection_lost\""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"a", LLMOBS_WIRE_FREED,
         "\"aborted\""},
        {"HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n\r\n",
         LLMOBS_WIRE_FREED, "\"http_429\""},
        {"HTTP/1.1 100 Continue\r\n\r\n"
         "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
         LLMOBS_WIRE_FREED, "\"http_500\""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        begin();
        send_text(ASKS JSON LENGTH BODY);
        if (*rows[i].answer)
            receive(rows[i].answer);
        over(rows[i].how);
        end(1);
        ck_assert_msg(says(0, rows[i].type), "row %zu: %s", i,
                      keeper_events[0]);
    }
}

/* A server says so before it ends a connection on which nobody asks. */
TEST(idle)
{
    uint64_t before = llmobs_stats_get(LLMOBS_STAT_unfollowed);

    begin();
    send_text(ASKS JSON LENGTH BODY);
    receive(ANSWER);
    receive("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
    send_text(ASKS JSON LENGTH BODY);
    receive("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
    over(LLMOBS_WIRE_CLOSED);
    end(2);
    ck_assert_msg(says(1, "\"http_408\""), "%s", keeper_events[1]);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_unfollowed), before);
}

/* The server refuses a large prompt before the program has sent it all. */
TEST(early_answer)
{
    begin();
    send_text(ASKS JSON "Content-Length: 5000\r\n\r\n{\"model\":\"gpt-4o\","
                        "\"messages\":[{\"role\":\"user\",\"content\":\"aaaa");
    receive("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n"
            "Connection: close\r\n\r\n");
    over(LLMOBS_WIRE_CLOSED);
    end(1);
    ck_assert_msg(says(0, "http_413"), "%s", keeper_events[0]);
}

/* The program lets the connection go, while so many bytes wait that it has not
 * read. */
TEST(unread)
{
    static const struct {
        const char *answer;
        uint64_t bytes;
        const char *says;
    } rows[] = {
        {"", 0, "\"aborted\""},
        {"", 500, "\"aborted\""}, /* may be tickets of TLS 1.3 */
        {"", 700, "\"unseen\": true"},
        {"HTTP/1.1 2", 500, "\"aborted\""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"a", 95,
         "\"aborted\""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"a", 96,
         "\"response_bytes\": 99"},
        {"HTTP/1.1 429 No\r\nContent-Length: 99\r\n\r\n", 99, "http_429"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 99,
         "\"unseen\": true"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{", 99,
         "\"aborted\""},
        {"HTTP/1.1 2", LLMOBS_WIRE_READ_BESIDE, "\"unseen\": true"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        begin();
        send_text(ASKS JSON LENGTH BODY);
        if (*rows[i].answer)
            receive(rows[i].answer);
        wire_unseen(wire, rows[i].bytes, -1);
        over(LLMOBS_WIRE_FREED);
        end(1);
        ck_assert_msg(says(0, rows[i].says), "row %zu: %s", i,
                      keeper_events[0]);
        ck_assert_msg(
            says(0, "\"status\": \"error\"") ==
                (strstr(rows[i].says, "aborted") || says(0, "http_429")),
            "row %zu: %s", i, keeper_events[0]);
    }
}

/* An answer that was read beside belongs to no other request. */
TEST(read_beside)
{
    begin();
    send_text(ASKS JSON LENGTH BODY);
    receive("HTTP/1.1 200 OK\r\nContent-Length: 131\r\n\r\n{");
    send_text(ASKS JSON LENGTH BODY);
    wire_unseen(wire, LLMOBS_WIRE_READ_BESIDE, -1);
    receive(ANSWER);
    over(LLMOBS_WIRE_FREED);
    end(2);
    ck_assert_msg(!says(0, "there") && !says(0, "\"error\": 1"), "%s",
                  keeper_events[0]);
    ck_assert_msg(says(1, "\"there\""), "%s", keeper_events[1]);
}

/* A connection that a library called over goes on. */
TEST(not_over)
{
    uint64_t before = llmobs_stats_get(LLMOBS_STAT_unfollowed);

    begin();
    send_text(ASKS JSON LENGTH BODY);
    wire_ended(wire, LLMOBS_WIRE_BROKEN);
    receive(ANSWER);
    send_text(ASKS JSON LENGTH BODY);
    receive(ANSWER);
    over(LLMOBS_WIRE_FREED);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_unfollowed), before + 1);
    end(2);
    ck_assert(says(0, "connection_lost") && says(1, "\"there\""));
}

TEST(no_http)
{
    begin();
    send_text("EHLO me\r\n");
    send_text(ASKS JSON LENGTH BODY);
    receive(ANSWER);
    over(LLMOBS_WIRE_CLOSED);
    end(0);
}

TEST(cut_in_the_head)
{
    begin();
    send_text(ASKS);
    over(LLMOBS_WIRE_FREED);
    end(0);
}

/* The parent ends what it began; the child goes on with a request of its own.
 */
TEST(a_child)
{
    int status;
    pid_t child;

    begin();
    send_text(ASKS JSON LENGTH BODY);
    child = fork();
    if (child == 0) {
        receive(ANSWER);
        llmobs_wire_abandon_all();
        _exit(keeper_count);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    receive(ANSWER);
    over(LLMOBS_WIRE_CLOSED);
    end(1);
}

/* Ends a child: so many calls and connections were counted in it. */
static void leave(unsigned calls, unsigned unfollowed)
{
    _exit(llmobs_stats_get(LLMOBS_STAT_captured) != calls ||
          llmobs_stats_get(LLMOBS_STAT_unfollowed) != unfollowed);
}

static void child_ends_well(pid_t child)
{
    int status;

    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

/* The child reads its parent's answer, which is not seen; its own call is. */
TEST(a_child_that_reads_on)
{
    pid_t child;

    begin();
    send_text(ASKS JSON LENGTH BODY);
    child = fork();
    if (child == 0) {
        receive(ANSWER);
        send_text(ASKS JSON LENGTH BODY);
        receive(ANSWER);
        leave(1, 1);
    }
    child_ends_well(child);
    over(LLMOBS_WIRE_FREED);
    end(1);
}

/* The rest of the parent's answer may come to either of them. */
TEST(a_child_in_a_call)
{
    pid_t child;

    begin();
    send_text(ASKS JSON LENGTH BODY);
    child = fork();
    if (child == 0) {
        send_text(ASKS JSON LENGTH BODY);
        receive(ANSWER);
        over(LLMOBS_WIRE_CLOSED);
        leave(0, 1);
    }
    child_ends_well(child);
    over(LLMOBS_WIRE_FREED);
    end(1);
}

TEST(the_exit)
{
    begin();
    send_text(ASKS JSON LENGTH BODY);
    llmobs_wire_abandon_all();
    receive(ANSWER);
    over(LLMOBS_WIRE_CLOSED);
    end(1);
    ck_assert_msg(says(0, "process exit"), "%s", keeper_events[0]);
}

/* The reader stops, and knows the status. */
TEST(answer_in_doubt)
{
    begin();
    send_text(ASKS JSON LENGTH BODY);
    receive("HTTP/1.1 503 Busy\r\nA: \x01\r\n\r\n");
    over(LLMOBS_WIRE_FREED);
    end(1);
    ck_assert_msg(says(0, "\"status\": \"error\"") && says(0, "503"), "%s",
                  keeper_events[0]);
}

TEST(over_http2)
{
    uint64_t before = llmobs_stats_get(LLMOBS_STAT_unfollowed);

    begin();
    llmobs_wire_unfollowed("api.openai.com");
    llmobs_wire_unfollowed("example.com");
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_unfollowed), before + 1);
    end(0);
}

#define CHUNKS ((size_t)3000000)
#define CHUNK "1\r\n \r\n"

static void *send_long(void *body)
{
    wire_sent(wire, body, CHUNKS * (sizeof(CHUNK) - 1));
    return NULL;
}

/* Waits until the thread has worked for longer than its start takes. */
static void wait_until_sending(pthread_t thread)
{
    struct timespec spent = {0, 0};
    clockid_t clock;

    ck_assert_int_eq(pthread_getcpuclockid(thread, &clock), 0);
    while (spent.tv_sec == 0 && spent.tv_nsec < 20000000) {
        sched_yield();
        clock_gettime(clock, &spent);
    }
}

/* Runs `meanwhile` while another thread sends a long body. */
static void run_beside(void (*meanwhile)(pthread_t other))
{
    char *body = malloc(CHUNKS * sizeof(CHUNK));
    pthread_t other;

    for (size_t i = 0; i < CHUNKS; i++)
        memcpy(body + i * (sizeof(CHUNK) - 1), CHUNK, sizeof(CHUNK));
    begin();
    send_text(ASKS JSON "Transfer-Encoding: chunked\r\n\r\n41\r\n" BODY "\r\n");
    ck_assert_int_eq(pthread_create(&other, NULL, send_long, body), 0);
    wait_until_sending(other);
    meanwhile(other);
    ck_assert_int_eq(pthread_join(other, NULL), 0);
    free(body);
}

/* Sends the end of that body, and another request. */
static void send_rest(void)
{
    send_text("0\r\n\r\n");
    send_text(ASKS JSON LENGTH BODY);
    over(LLMOBS_WIRE_FREED);
}

static void receive_beside(pthread_t other)
{
    static const char answer[] = ANSWER;

    (void)other;
    for (size_t i = 0; i + 1 < sizeof(answer); i++)
        wire_received(wire, answer + i, 1);
}

static void receive_much(pthread_t other)
{
    static char answer[64 * 1024 + 1] =
        "HTTP/1.1 200 OK\r\nContent-Length: 65000\r\n\r\n";

    (void)other;
    wire_received(wire, answer, sizeof(answer));
}

static void on_signal(int number)
{
    (void)number;
    receive(ANSWER);
}

static void receive_in_handler(pthread_t other)
{
    signal(SIGUSR1, on_signal);
    ck_assert_int_eq(pthread_kill(other, SIGUSR1), 0);
}

/* GnuTLS and sockets let a program send in one thread and receive in another.
 */
TEST(two_threads)
{
    run_beside(receive_beside);
    send_rest();
    end(2);
    ck_assert_msg(says(0, "\"there\"") && !says(0, "\"error\": 1"), "%s",
                  keeper_events[0]);
    ck_assert_msg(says(1, "aborted"), "%s", keeper_events[1]);
}

/* Of the second request nothing is known then. */
TEST(two_threads_and_much)
{
    run_beside(receive_much);
    send_rest();
    end(1);
    ck_assert_msg(says(0, "\"request_bytes\": 3000065, \"unseen\": true}"),
                  "%s", keeper_events[0]);
}

/* A handler may not allocate where it interrupts a thread that does. */
TEST(a_handler_that_receives)
{
    run_beside(receive_in_handler);
    send_rest();
    end(1);
    ck_assert_msg(!says(0, "there") &&
                      says(0, "\"request_bytes\": 3000065, \"unseen\": true}"),
                  "%s", keeper_events[0]);
}

static void fork_beside(pthread_t other)
{
    pid_t child = fork();

    (void)other;
    if (child == 0) {
        send_text(ASKS JSON LENGTH BODY);
        receive(ANSWER);
        over(LLMOBS_WIRE_FREED);
        _exit(llmobs_stats_get(LLMOBS_STAT_captured) +
                  llmobs_stats_get(LLMOBS_STAT_unfollowed) !=
              1);
    }
    child_ends_well(child);
}

/* The thread is not there in the child, which begins anew. Where it was done
 * before, on a busy machine, the answer may be the parent's. */
TEST(forked_beside)
{
    run_beside(fork_beside);
    receive(ANSWER);
    over(LLMOBS_WIRE_FREED);
    end(1);
}

static void free_beside(pthread_t other)
{
    (void)other;
    receive(ANSWER);
    wire_ended(wire, LLMOBS_WIRE_FREED);
}

TEST(freed_beside)
{
    struct llmobs_wire *before;

    run_beside(free_beside);
    before = wire;
    wire = llmobs_wire_begin(NULL, LLMOBS_WIRE_TLS, false);
    ck_assert_ptr_eq(wire, before);
    over(LLMOBS_WIRE_FREED);
    end(1);
    ck_assert_msg(says(0, "\"there\"") && !says(0, "\"error\": 1"), "%s",
                  keeper_events[0]);
}

/* A tracer that the program loaded itself sends its spans. */
TEST(a_tracer_reports)
{
    static const char report[] =
        "POST /evp_proxy/v2/api/v2/llmobs HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Length: 2\r\n\r\n{}";
    static const enum llmobs_tls_mode modes[] = {LLMOBS_TLS_AUTO,
                                                 LLMOBS_TLS_ON};

    for (int i = 0; i < 2; i++) {
        pid_t child = fork();

        if (child == 0) {
            begin();
            fake_config->tls = modes[i];
            send_text(ASKS JSON LENGTH BODY);
            receive(ANSWER);
            send_text(report);
            receive("HTTP/1.1 202 OK\r\nContent-Length: 0\r\n\r\n");
            send_text(ASKS JSON LENGTH BODY);
            receive(ANSWER);
            over(LLMOBS_WIRE_FREED);
            end(1 + i);
            _exit(0);
        }
        child_ends_well(child);
    }
}

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
    begin();
    over(LLMOBS_WIRE_FREED);
    wire = llmobs_wire_begin("api.openai.com", LLMOBS_WIRE_TLS, true);
}

typedef void pass_fn(struct llmobs_wire *, const void *, size_t);

static void frame(pass_fn *pass, int type, int flags, unsigned stream,
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
    send_text(PREFACE);
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
    over(LLMOBS_WIRE_CLOSED);
    end(50);
    for (int i = 0; i < 50; i++)
        ck_assert_msg(says(i, "\"there\"") && says(i, "\"hello\"") &&
                          says(i, "\"http_version\": \"2\"") &&
                          says(i, "\"bytes_sent\": 65"),
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
    over(LLMOBS_WIRE_CLOSED);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_unread_streams), before + 2);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_captured), 1025);
    end(KEEPER_EVENTS);
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
    over(LLMOBS_WIRE_CLOSED);
    wire = llmobs_wire_begin("example.com", LLMOBS_WIRE_TLS, true);
    send_text(PREFACE);
    frame(wire_sent, SETTINGS, 0, 0, "");
    frame(wire_sent, HEADERS, WHOLE_BLOCK, 1, GRPC);
    over(LLMOBS_WIRE_CLOSED);
    end(1);
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
        over(rows[i].how);
        end(1);
        ck_assert_msg(says(0, rows[i].says), "row %zu: %s", i,
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
        over(LLMOBS_WIRE_CLOSED);
        wire = llmobs_wire_begin("api.openai.com", LLMOBS_WIRE_TLS, true);
        frame(wire_received, SETTINGS, 0, 0, "");
        send_text(PREFACE);
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
        over(LLMOBS_WIRE_CLOSED);
        end(rows[i].spans);
        for (int k = 0; k < rows[i].spans; k++) {
            answered += says(k, "\"there\"");
            said |= says(k, rows[i].says);
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
        over(LLMOBS_WIRE_FREED);
        leave(0, 1);
    }
    child_ends_well(child);
    ask(3);
    reply(3);
    over(LLMOBS_WIRE_FREED);
    end(2);
}

TEST(http2_in_doubt)
{
    uint64_t before = llmobs_stats_get(LLMOBS_STAT_unfollowed);

    open_http2();
    ask(1);
    frame(wire_received, DATA, 0, 3, "");
    reply(1);
    over(LLMOBS_WIRE_FREED);
    end(1);
    ck_assert_msg(says(0, "\"unseen\": true") && !says(0, "dropped"), "%s",
                  keeper_events[0]);
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

        begin();
        over(LLMOBS_WIRE_FREED);
        dropped = llmobs_stats_get(LLMOBS_STAT_dropped_memory);
        unfollowed = llmobs_stats_get(LLMOBS_STAT_unfollowed);
        unit_memory_ends(n);
        wire = llmobs_wire_begin("api.openai.com", LLMOBS_WIRE_TLS, _i);
        if (wire && _i) {
            frame(wire_received, SETTINGS, 0, 0, "");
            send_text(PREFACE);
            frame(wire_sent, SETTINGS, 0, 0, "");
            for (unsigned stream = 1; stream < 7; stream += 2) {
                ask(stream);
                reply(stream);
            }
        }
        for (int i = 0; wire && !_i && i < 3; i++) {
            send_text(ASKS JSON);
            send_text(LENGTH BODY);
            receive(ANSWER);
        }
        if (wire)
            over(LLMOBS_WIRE_CLOSED);
        ended = unit_memory_ended();
        unit_memory_ends(0);
        llmobs_worker_stop(worker, UNIT_LONG_MS);
        spans = keeper_count;
        end(spans);
        dropped = llmobs_stats_get(LLMOBS_STAT_dropped_memory) - dropped;
        unfollowed = llmobs_stats_get(LLMOBS_STAT_unfollowed) - unfollowed;
        if (spans + (int)dropped != 3 && unfollowed != 1)
            ck_abort_msg("allocation %ld: %d spans, %d dropped", n, spans,
                         (int)dropped);
        ck_assert_int_le(spans + (int)dropped, 3);
        for (int i = 0; i < spans; i++)
            if (!(says(i, "\"hello\"") && says(i, "\"there\"")) &&
                !says(i, "truncated"))
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
static void say(void (*give)(struct llmobs_wire *, const void *, size_t),
                const char *more, const char *text)
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
    send_text(path);
    say(wire_received, SWITCHES, "{\"type\":\"hello\"}");
}

/* A websocket behind a call, its first event behind the answer's head. */
TEST(websocket_calls_of_a_connection)
{
    begin();
    send_text(ASKS JSON LENGTH BODY);
    receive(ANSWER);
    upgrade(UPGRADES("/v1/responses"));
    for (int i = 0; i < 2; i++) {
        say(wire_sent, "", CREATE);
        say(wire_received, "", DELTA);
        say(wire_received, "", COMPLETED);
    }
    wire_sent(wire, "\x88\x80\0\0\0\0", 6);
    wire_received(wire, "\x88\0", 2);
    over(LLMOBS_WIRE_CLOSED);
    end(3);
    for (int i = 1; i < 3; i++)
        ck_assert_msg(says(i, "\"hello\"") && says(i, "\"there\"") &&
                          says(i, "\"input_tokens\": 7") &&
                          says(i, "\"status\": \"ok\""),
                      "%s", keeper_events[i]);
}

/* A server that refuses; another protocol; a host of nobody's, where a request
 * has to show it. */
TEST(websocket_judged)
{
    uint64_t before = llmobs_stats_get(LLMOBS_STAT_unread_streams);

    begin();
    send_text(UPGRADES("/v1/responses"));
    receive("HTTP/1.1 426 No\r\nContent-Length: 0\r\n\r\n");
    send_text(ASKS JSON LENGTH BODY);
    receive(ANSWER);
    upgrade(UPGRADES("/v1/realtime?model=m"));
    say(wire_sent, "", CREATE);
    say(wire_received, "", COMPLETED);
    over(LLMOBS_WIRE_CLOSED);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_unread_streams), before + 1);
    for (int i = 0; i < 2; i++) {
        wire = llmobs_wire_begin("example.com", LLMOBS_WIRE_TLS, false);
        send_text("GET /v1/responses HTTP/1.1\r\nHost: example.com\r\n"
                  "Upgrade: websocket\r\n\r\n");
        receive(SWITCHES);
        say(wire_sent, "", i ? CREATE : "{\"type\":\"response.create\"}");
        say(wire_received, "", COMPLETED);
        over(LLMOBS_WIRE_CLOSED);
    }
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_unread_streams), before + 1);
    end(2);
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

        begin();
        upgrade(UPGRADES("/v1/responses"));
        say(wire_sent, "", CREATE);
        say(wire_received, "", DELTA);
        memcpy(frame, rows[i].frame, strlen(rows[i].frame));
        if (*frame)
            (rows[i].client ? wire_sent : wire_received)(
                wire, frame, rows[i].client ? 6 : 2);
        over(rows[i].how);
        end(1);
        ck_assert_msg(says(0, rows[i].says), "%zu: %s", i, keeper_events[0]);
        ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_unfollowed),
                          before + (*frame == '\xc1'));
    }
}

/* Nobody takes the answer to a ping, nor what comes in its place. */
TEST(websocket_unsent)
{
    begin();
    upgrade(UPGRADES("/v1/responses"));
    say(wire_sent, "", CREATE);
    say(wire_received, "", DELTA);
    wire_sent(wire, "\x8a\x80\0\0\0\0", 6);
    wire_refused(wire, 6);
    wire_ended(wire, LLMOBS_WIRE_UNSENT);
    wire_skipped(wire, LLMOBS_WIRE_OTHER_BYTES);
    wire_sent(wire, "\x88\x80\0\0\0\0", 6);
    over(LLMOBS_WIRE_FREED);
    end(1);
    ck_assert_msg(says(0, "\"connection_lost\"") && says(0, "\"there\""), "%s",
                  keeper_events[0]);
}

/* Nobody follows one in a child; bytes that passed unseen end it. */
TEST(websocket_left)
{
    pid_t child;

    begin();
    upgrade(UPGRADES("/v1/responses"));
    say(wire_sent, "", CREATE);
    child = fork();
    if (child == 0) {
        say(wire_received, "", COMPLETED);
        say(wire_sent, "", CREATE);
        say(wire_received, "", COMPLETED);
        leave(0, 1);
    }
    child_ends_well(child);
    say(wire_received, "", COMPLETED);
    say(wire_sent, "", CREATE);
    wire_skipped(wire, 1);
    say(wire_received, "", COMPLETED);
    over(LLMOBS_WIRE_CLOSED);
    end(2);
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

    begin();
    over(LLMOBS_WIRE_FREED);
    before = lost_or_counted();
    unit_memory_ends(_i);
    wire = llmobs_wire_begin("api.openai.com", LLMOBS_WIRE_TLS, false);
    if (wire) {
        send_text(UPGRADES("/v1/responses"));
        receive("HTTP/1.1 101 A\r\nSec-WebSocket-Extensions: "
                "permessage-deflate\r\n\r\n");
        say(wire_sent, "", CREATE);
        say(wire_received, "", DELTA);
        say(wire_received, "", COMPLETED);
        over(LLMOBS_WIRE_CLOSED);
    }
    unit_memory_ends(0);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    spans = keeper_count;
    end(spans);
    ck_assert_msg(spans == 1 || lost_or_counted() == before + 1,
                  "allocation %d: %d spans", _i, spans);
}
