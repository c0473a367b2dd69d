/* The calls of a connection of a TLS library become spans, each once, whatever
 * the order and the cuts of its bytes. */
#include "tests/unit/wire_case.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/stats.h"

TEST(a_call)
{
    wire_begin();
    wire_send(ASKS JSON LENGTH);
    wire_send(BODY);
    wire_receive(ANSWER);
    wire_over(LLMOBS_WIRE_CLOSED);
    wire_end(1);
    ck_assert_msg(wire_says(0, "\"hello\"") && wire_says(0, "\"there\"") &&
                      wire_says(0, "gpt-4o") &&
                      wire_says(0, "\"input_tokens\": 7"),
                  "%s", keeper_events[0]);
    ck_assert_msg(wire_says(0, "\"bytes_sent\": 65") &&
                      wire_says(0, "\"bytes_received\": 131") &&
                      !wire_says(0, "curl_code") &&
                      wire_says(0, "\"http_version\": \"1.1\""),
                  "%s", keeper_events[0]);
}

/* Without TLS the request alone names the host. */
TEST(without_tls)
{
    wire_begin();
    wire_over(LLMOBS_WIRE_FREED);
    wire = llmobs_wire_begin(NULL, LLMOBS_WIRE_PLAIN, false);
    wire_send(ASKS JSON LENGTH BODY);
    wire_receive(ANSWER);
    wire_over(LLMOBS_WIRE_CLOSED);
    wire_end(1);
    ck_assert_msg(wire_says(0, "\"port\": 80"), "%s", keeper_events[0]);
}

/* The kernel sends a body from a file; the program sends another body than it
 * had shown. */
TEST(a_body_of_a_file)
{
    wire_begin();
    wire_send(ASKS JSON LENGTH);
    wire_skipped(wire, 65);
    wire_receive(ANSWER);
    wire_send(ASKS JSON LENGTH);
    wire_skipped(wire, LLMOBS_WIRE_OTHER_BYTES);
    wire_receive(ANSWER);
    wire_over(LLMOBS_WIRE_CLOSED);
    wire_end(2);
    ck_assert_msg(!wire_says(1, "\"there\""), "%s", keeper_events[1]);
    ck_assert_msg(wire_says(0, "\"there\"") &&
                      wire_says(0, "\"bytes_sent\": 65") &&
                      wire_says(0, "\"request_bytes\": 65"),
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
    wire_begin();
    for (int i = 0; i < 2; i++) {
        wire_send(request);
        wire_receive(ANSWER);
        wire_send(request);
        wire_send(request);
        wire_refused(wire, 2 * len);
        wire_over(i == 0 ? LLMOBS_WIRE_BROKEN : LLMOBS_WIRE_FREED);
        wire = llmobs_wire_begin(NULL, LLMOBS_WIRE_PLAIN, false);
    }
    wire_send(request);
    wire_refused(wire, len);
    wire_receive(ANSWER);
    wire_send(ASKS JSON LENGTH);
    wire_send(BODY);
    wire_refused(wire, strlen(BODY));
    wire_over(LLMOBS_WIRE_BROKEN);
    wire = llmobs_wire_begin("api.openai.com", LLMOBS_WIRE_TLS, false);
    wire_sent(wire, large, sizeof(large));
    wire_refused(wire, sizeof(large));
    wire_over(LLMOBS_WIRE_BROKEN);
    wire_end(5);
    ck_assert(wire_says(2, "\"there\"") && wire_says(3, "connection_lost") &&
              wire_says(4, "connection_lost"));
}

/* Nobody took the request, so that the process ends without a call; another is
 * taken later. */
TEST(what_is_refused_at_the_exit)
{
    static const char request[] = ASKS JSON LENGTH BODY;
    const size_t len = sizeof(request) - 1;

    for (int i = 0; i < 2; i++) {
        wire_begin();
        wire_send(request);
        wire_refused(wire, len);
        if (i == 1)
            wire_refused(wire, 0);
        llmobs_wire_abandon_all();
        wire_end(i);
        ck_assert(i == 0 || wire_says(0, "aborted"));
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
            wire_begin();
            wire_send(ASKS JSON);
            wire_send(head);
            wire_send(body);
            wire_receive(ANSWER);
            wire_over(LLMOBS_WIRE_CLOSED);
            wire_end(1);
            snprintf(head, sizeof(head), "\"bytes_sent\": %zu", many + 65);
            ck_assert_msg(wire_says(0, head) && wire_says(0, "\"hello\""),
                          "%zu: %s", many, keeper_events[0]);
        }
}

/* A form's type with JSON in it, which is what many languages' clients send
 * unless told otherwise. */
TEST(a_forms_type)
{
    wire_begin();
    wire_send(
        ASKS "Content-Type: application/x-www-form-urlencoded\r\n" LENGTH BODY);
    wire_receive(ANSWER);
    wire_over(LLMOBS_WIRE_CLOSED);
    wire_end(1);
}

TEST(byte_by_byte)
{
    static const char request[] = ASKS JSON LENGTH BODY, answer[] = ANSWER;

    wire_begin();
    for (size_t i = 0; i + 1 < sizeof(request); i++)
        wire_sent(wire, request + i, 1);
    for (size_t i = 0; i + 1 < sizeof(answer); i++)
        wire_received(wire, answer + i, 1);
    wire_over(LLMOBS_WIRE_FREED);
    wire_end(1);
    ck_assert(wire_says(0, "\"there\"") && !wire_says(0, "\"error\": 1"));
}

TEST(fifty_before_the_first_answer)
{
    wire_begin();
    for (int i = 0; i < 50; i++)
        wire_send(ASKS JSON LENGTH BODY);
    for (int i = 0; i < 50; i++)
        wire_receive(ANSWER);
    wire_over(LLMOBS_WIRE_CLOSED);
    wire_end(50);
    for (int i = 0; i < 50; i++)
        ck_assert_msg(wire_says(i, "\"there\""), "%s", keeper_events[i]);
}

TEST(others_between)
{
    wire_begin();
    wire_send("GET /v1/models HTTP/1.1\r\nHost: api.openai.com\r\n\r\n");
    wire_receive("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    wire_send(ASKS JSON LENGTH BODY);
    wire_receive(ANSWER);
    wire_send("POST /upload HTTP/1.1\r\nHost: example.com\r\n"
              "Content-Length: 4\r\n\r\nabcd");
    wire_receive("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    wire_over(LLMOBS_WIRE_CLOSED);
    wire_end(1);
}

/* The client follows it, and makes the call elsewhere. */
TEST(led_on)
{
    wire_begin();
    wire_send(ASKS JSON LENGTH BODY);
    wire_receive("HTTP/1.1 307 Temporary Redirect\r\nLocation: /v2\r\n"
                 "Content-Length: 0\r\n\r\n");
    wire_send(ASKS JSON LENGTH BODY);
    wire_receive(ANSWER);
    wire_over(LLMOBS_WIRE_CLOSED);
    wire_end(1);
    ck_assert(wire_says(0, "\"there\""));
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
        wire_begin();
        wire_send(ASKS JSON LENGTH BODY);
        if (*rows[i].answer)
            wire_receive(rows[i].answer);
        wire_over(rows[i].how);
        wire_end(1);
        ck_assert_msg(wire_says(0, rows[i].type), "row %zu: %s", i,
                      keeper_events[0]);
    }
}

/* A server says so before it ends a connection on which nobody asks. */
TEST(idle)
{
    uint64_t before = llmobs_stats_get(LLMOBS_STAT_unfollowed);

    wire_begin();
    wire_send(ASKS JSON LENGTH BODY);
    wire_receive(ANSWER);
    wire_receive("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
    wire_send(ASKS JSON LENGTH BODY);
    wire_receive("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
    wire_over(LLMOBS_WIRE_CLOSED);
    wire_end(2);
    ck_assert_msg(wire_says(1, "\"http_408\""), "%s", keeper_events[1]);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_unfollowed), before);
}

/* The server refuses a large prompt before the program has sent it all. */
TEST(early_answer)
{
    wire_begin();
    wire_send(ASKS JSON "Content-Length: 5000\r\n\r\n{\"model\":\"gpt-4o\","
                        "\"messages\":[{\"role\":\"user\",\"content\":\"aaaa");
    wire_receive("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n"
                 "Connection: close\r\n\r\n");
    wire_over(LLMOBS_WIRE_CLOSED);
    wire_end(1);
    ck_assert_msg(wire_says(0, "http_413"), "%s", keeper_events[0]);
}

/* A call behind an answer that came before its request's end is kept until an
 * answer to it shows that it is no body: nobody answers. */
TEST(early_answer_before_a_call)
{
    uint64_t before = llmobs_stats_get(LLMOBS_STAT_unfollowed);

    wire_begin();
    wire_send(ASKS JSON LENGTH BODY);
    wire_receive(ANSWER);
    wire_send("POST /upload HTTP/1.1\r\nContent-Length: 5\r\n\r\n");
    wire_receive("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    wire_send(ASKS JSON LENGTH BODY);
    wire_over(LLMOBS_WIRE_CLOSED);
    wire_end(1);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_unfollowed), before + 1);
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
        wire_begin();
        wire_send(ASKS JSON LENGTH BODY);
        if (*rows[i].answer)
            wire_receive(rows[i].answer);
        wire_unseen(wire, rows[i].bytes, -1);
        wire_over(LLMOBS_WIRE_FREED);
        wire_end(1);
        ck_assert_msg(wire_says(0, rows[i].says), "row %zu: %s", i,
                      keeper_events[0]);
        ck_assert_msg(
            wire_says(0, "\"status\": \"error\"") ==
                (strstr(rows[i].says, "aborted") || wire_says(0, "http_429")),
            "row %zu: %s", i, keeper_events[0]);
    }
}

/* An answer that was read beside belongs to no other request. */
TEST(read_beside)
{
    wire_begin();
    wire_send(ASKS JSON LENGTH BODY);
    wire_receive("HTTP/1.1 200 OK\r\nContent-Length: 131\r\n\r\n{");
    wire_send(ASKS JSON LENGTH BODY);
    wire_unseen(wire, LLMOBS_WIRE_READ_BESIDE, -1);
    wire_receive(ANSWER);
    wire_over(LLMOBS_WIRE_FREED);
    wire_end(2);
    ck_assert_msg(!wire_says(0, "there") && !wire_says(0, "\"error\": 1"), "%s",
                  keeper_events[0]);
    ck_assert_msg(wire_says(1, "\"there\""), "%s", keeper_events[1]);
}

/* A connection that a library called over goes on. */
TEST(not_over)
{
    uint64_t before = llmobs_stats_get(LLMOBS_STAT_unfollowed);

    wire_begin();
    wire_send(ASKS JSON LENGTH BODY);
    wire_ended(wire, LLMOBS_WIRE_BROKEN);
    wire_receive(ANSWER);
    wire_send(ASKS JSON LENGTH BODY);
    wire_receive(ANSWER);
    wire_over(LLMOBS_WIRE_FREED);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_unfollowed), before + 1);
    wire_end(2);
    ck_assert(wire_says(0, "connection_lost") && wire_says(1, "\"there\""));
}

TEST(no_http)
{
    wire_begin();
    wire_send("EHLO me\r\n");
    wire_send(ASKS JSON LENGTH BODY);
    wire_receive(ANSWER);
    wire_over(LLMOBS_WIRE_CLOSED);
    wire_end(0);
}

TEST(cut_in_the_head)
{
    wire_begin();
    wire_send(ASKS);
    wire_over(LLMOBS_WIRE_FREED);
    wire_end(0);
}

/* The parent ends what it began; the child goes on with a request of its own.
 */
TEST(a_child)
{
    int status;
    pid_t child;

    wire_begin();
    wire_send(ASKS JSON LENGTH BODY);
    child = fork();
    if (child == 0) {
        wire_receive(ANSWER);
        llmobs_wire_abandon_all();
        _exit(keeper_count);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    wire_receive(ANSWER);
    wire_over(LLMOBS_WIRE_CLOSED);
    wire_end(1);
}

/* The child reads its parent's answer, which is not seen; its own call is. */
TEST(a_child_that_reads_on)
{
    pid_t child;

    wire_begin();
    wire_send(ASKS JSON LENGTH BODY);
    child = fork();
    if (child == 0) {
        wire_receive(ANSWER);
        wire_send(ASKS JSON LENGTH BODY);
        wire_receive(ANSWER);
        wire_leave(1, 1);
    }
    wire_child_ends_well(child);
    wire_over(LLMOBS_WIRE_FREED);
    wire_end(1);
}

/* The rest of the parent's answer may come to either of them. */
TEST(a_child_in_a_call)
{
    pid_t child;

    wire_begin();
    wire_send(ASKS JSON LENGTH BODY);
    child = fork();
    if (child == 0) {
        wire_send(ASKS JSON LENGTH BODY);
        wire_receive(ANSWER);
        wire_over(LLMOBS_WIRE_CLOSED);
        wire_leave(0, 1);
    }
    wire_child_ends_well(child);
    wire_over(LLMOBS_WIRE_FREED);
    wire_end(1);
}

TEST(the_exit)
{
    wire_begin();
    wire_send(ASKS JSON LENGTH BODY);
    llmobs_wire_abandon_all();
    wire_receive(ANSWER);
    wire_over(LLMOBS_WIRE_CLOSED);
    wire_end(1);
    ck_assert_msg(wire_says(0, "process exit"), "%s", keeper_events[0]);
}

/* The reader stops, and knows the status. */
TEST(answer_in_doubt)
{
    wire_begin();
    wire_send(ASKS JSON LENGTH BODY);
    wire_receive("HTTP/1.1 503 Busy\r\nA: \x01\r\n\r\n");
    wire_over(LLMOBS_WIRE_FREED);
    wire_end(1);
    ck_assert_msg(wire_says(0, "\"status\": \"error\"") && wire_says(0, "503"),
                  "%s", keeper_events[0]);
}

TEST(over_http2)
{
    uint64_t before = llmobs_stats_get(LLMOBS_STAT_unfollowed);

    wire_begin();
    llmobs_wire_unfollowed("api.openai.com");
    llmobs_wire_unfollowed("example.com");
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_unfollowed), before + 1);
    wire_end(0);
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
    wire_begin();
    wire_send(ASKS JSON "Transfer-Encoding: chunked\r\n\r\n41\r\n" BODY "\r\n");
    ck_assert_int_eq(pthread_create(&other, NULL, send_long, body), 0);
    wait_until_sending(other);
    meanwhile(other);
    ck_assert_int_eq(pthread_join(other, NULL), 0);
    free(body);
}

/* Sends the end of that body, and another request. */
static void send_rest(void)
{
    wire_send("0\r\n\r\n");
    wire_send(ASKS JSON LENGTH BODY);
    wire_over(LLMOBS_WIRE_FREED);
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
    wire_receive(ANSWER);
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
    wire_end(2);
    ck_assert_msg(wire_says(0, "\"there\"") && !wire_says(0, "\"error\": 1"),
                  "%s", keeper_events[0]);
    ck_assert_msg(wire_says(1, "aborted"), "%s", keeper_events[1]);
}

/* Of the second request nothing is known then. */
TEST(two_threads_and_much)
{
    run_beside(receive_much);
    send_rest();
    wire_end(1);
    ck_assert_msg(wire_says(0, "\"request_bytes\": 3000065, \"unseen\": true}"),
                  "%s", keeper_events[0]);
}

/* A handler may not allocate where it interrupts a thread that does. */
TEST(a_handler_that_receives)
{
    run_beside(receive_in_handler);
    send_rest();
    wire_end(1);
    ck_assert_msg(
        !wire_says(0, "there") &&
            wire_says(0, "\"request_bytes\": 3000065, \"unseen\": true}"),
        "%s", keeper_events[0]);
}

static void fork_beside(pthread_t other)
{
    pid_t child = fork();

    (void)other;
    if (child == 0) {
        wire_send(ASKS JSON LENGTH BODY);
        wire_receive(ANSWER);
        wire_over(LLMOBS_WIRE_FREED);
        _exit(llmobs_stats_get(LLMOBS_STAT_captured) +
                  llmobs_stats_get(LLMOBS_STAT_unfollowed) !=
              1);
    }
    wire_child_ends_well(child);
}

/* The thread is not there in the child, which begins anew. Where it was done
 * before, on a busy machine, the answer may be the parent's. */
TEST(forked_beside)
{
    run_beside(fork_beside);
    wire_receive(ANSWER);
    wire_over(LLMOBS_WIRE_FREED);
    wire_end(1);
}

static void free_beside(pthread_t other)
{
    (void)other;
    wire_receive(ANSWER);
    wire_ended(wire, LLMOBS_WIRE_FREED);
}

TEST(freed_beside)
{
    struct llmobs_wire *before;

    run_beside(free_beside);
    before = wire;
    wire = llmobs_wire_begin(NULL, LLMOBS_WIRE_TLS, false);
    ck_assert_ptr_eq(wire, before);
    wire_over(LLMOBS_WIRE_FREED);
    wire_end(1);
    ck_assert_msg(wire_says(0, "\"there\"") && !wire_says(0, "\"error\": 1"),
                  "%s", keeper_events[0]);
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
            wire_begin();
            fake_config->tls = modes[i];
            wire_send(ASKS JSON LENGTH BODY);
            wire_receive(ANSWER);
            wire_send(report);
            wire_receive("HTTP/1.1 202 OK\r\nContent-Length: 0\r\n\r\n");
            wire_send(ASKS JSON LENGTH BODY);
            wire_receive(ANSWER);
            wire_over(LLMOBS_WIRE_FREED);
            wire_end(1 + i);
            _exit(0);
        }
        wire_child_ends_well(child);
    }
}
