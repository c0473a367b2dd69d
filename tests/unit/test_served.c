/* Each call of a connection belongs to the request whose head the program wrote
 * while it told whose that is. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/capture/command.h"
#include "core/capture/served.h"
#include "tests/unit/context_case.h"
#include "tests/unit/unit.h"
#include "tests/unit/wire_case.h"

static const void *ssl; /* in whose function the thread is */

static const void *now(void)
{
    return ssl;
}

static void tell(const char *text)
{
    ck_assert_str_eq(llmobs_command_say(text), "");
}

/* Request N has the parent 100 + N. */
static void begin_on(bool http2, const void *tls)
{
    char text[200];

    wire_begin();
    wire_over(LLMOBS_WIRE_FREED);
    fake_config->extract_styles = context_base.extract_styles;
    llmobs_served_init(now);
    for (int key = 1; key <= 3; key++) {
        snprintf(text, sizeof(text),
                 "request/start {\"request\": %d, \"headers\": "
                 "{\"x-datadog-trace-id\": \"7\", \"x-datadog-parent-id\": "
                 "\"8\", \"x-datadog-tags\": \"_dd.p.llmobs_parent_id=%d\"}}",
                 key, 100 + key);
        tell(text);
    }
    ssl = tls;
    tell("connection 9");
    wire = llmobs_wire_begin("api.openai.com", LLMOBS_WIRE_TLS, http2);
}

static void begin(bool http2)
{
    begin_on(http2, http2 ? &ssl : NULL);
}

static void end(int calls)
{
    wire_over(LLMOBS_WIRE_CLOSED);
    wire_end(calls);
    for (int key = 1; key <= 3; key++) {
        char text[64];

        snprintf(text, sizeof(text), "request/forget {\"request\": %d}", key);
        tell(text);
    }
    tell("serve 0");
}

/* The parent of the i-th call; 0: it has none. */
static int parent(int i)
{
    int found = 0;
    const char *at = strstr(keeper_events[i], "\"parent_id\": \"");

    if (at)
        (void)sscanf(at + 14, "%d", &found);
    return found;
}

TEST(the_write_of_the_head_counts)
{
    begin(false);
    tell("serve 1");
    wire_send(ASKS JSON "Content-");
    tell("serve 2");
    wire_send("Length: 65\r\n\r\n");
    tell("serve 3");
    wire_send("{");
    tell("serve 0");
    wire_send(&BODY[1]);
    wire_receive(ANSWER);
    wire_send(ASKS JSON LENGTH BODY);
    wire_receive(ANSWER);
    tell("serve 4"); /* which is not known */
    wire_send(ASKS JSON LENGTH BODY);
    tell("serve 3");
    wire_receive(ANSWER);
    end(3);
    ck_assert_int_eq(parent(0), 102);
    ck_assert_int_eq(parent(1), 0);
    ck_assert_int_eq(parent(2), 0);
}

TEST(the_next_head_of_a_numbered_connection)
{
    begin_on(false, &ssl);
    tell("stream 9 0 1");
    tell("serve 0");
    for (int i = 0; i < 2; i++) {
        wire_send(ASKS JSON LENGTH BODY);
        wire_receive(ANSWER);
    }
    tell("stream 9 0 1");
    tell("serve 2"); /* which says more of this write */
    wire_send(ASKS JSON LENGTH BODY);
    wire_receive(ANSWER);
    end(3);
    ck_assert_int_eq(parent(0), 101);
    ck_assert_int_eq(parent(1), 0);
    ck_assert_int_eq(parent(2), 102);
}

/* A request that went between is forgotten, and the thread has none. */
TEST(a_request_that_is_gone)
{
    begin(false);
    tell("serve 1");
    wire_send(ASKS JSON LENGTH);
    tell("serve 2");
    tell("request/forget {\"request\": 1}");
    wire_send(BODY);
    wire_receive(ANSWER);
    end(1);
    ck_assert_int_eq(parent(0), 0);
}

/* -- HTTP/2 ---------------------------------------------------------------- */

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0"
#define BLOCK                              \
    "\x83\x87\x04\x14/v1/chat/completions" \
    "\x01\x0e"                             \
    "api.openai.com"

static void open_http2(void)
{
    static const char settings[9] = {0, 0, 0, 4};

    begin(true);
    wire_received(wire, settings, 9);
    wire_sent(wire, PREFACE, sizeof(PREFACE));
}

/* Adds a head and its whole request. */
static size_t ask(char *to, unsigned stream)
{
    const char head[9] = {0, 0, sizeof(BLOCK) - 1, 1, 4, 0, 0, 0, (char)stream};
    const char body[9] = {0, 0, 65, 0, 1, 0, 0, 0, (char)stream};

    memcpy(to, head, 9);
    memcpy(to + 9, BLOCK, sizeof(BLOCK) - 1);
    memcpy(to + 8 + sizeof(BLOCK), body, 9);
    memcpy(to + 17 + sizeof(BLOCK), BODY, 65);
    return 17 + sizeof(BLOCK) + 65;
}

static void reply(unsigned stream)
{
    const char head[10] = {0, 0, 1, 1, 4, 0, 0, 0, (char)stream, (char)0x88};
    const char body[9] = {0, 0, (char)131, 0, 1, 0, 0, 0, (char)stream};

    wire_received(wire, head, 10);
    wire_received(wire, body, 9);
    wire_received(wire, ANSWER_BODY, 131);
}

TEST(each_stream_has_its_own)
{
    char bytes[1024];
    size_t len = 0;

    open_http2();
    for (unsigned stream = 1; stream <= 7; stream += 2)
        len += ask(bytes + len, stream);
    tell("serve 0 1:3 5:1 7:2");
    wire_sent(wire, bytes, len);
    tell("serve 2"); /* no stream is told */
    wire_sent(wire, bytes, ask(bytes, 9));
    tell("serve 0 1:1 11:1");
    tell("serve 0");
    wire_sent(wire, bytes, ask(bytes, 11)); /* of a write that is over */
    for (unsigned stream = 1; stream <= 11; stream += 2)
        reply(stream);
    end(6);
    ck_assert_int_eq(parent(0), 103);
    ck_assert_int_eq(parent(1), 0);
    ck_assert_int_eq(parent(2), 101);
    ck_assert_int_eq(parent(3), 102);
    ck_assert_int_eq(parent(4), 0);
    ck_assert_int_eq(parent(5), 0);
}

TEST(streams_of_a_numbered_connection)
{
    char bytes[1024];

    open_http2();
    tell("stream 9 1 2");
    tell("stream 8 3 1"); /* another connection's */
    tell("stream 9 5 3");
    tell("serve 0");
    for (unsigned stream = 1; stream <= 5; stream += 2)
        wire_sent(wire, bytes, ask(bytes, stream));
    for (unsigned stream = 1; stream <= 5; stream += 2)
        reply(stream);
    end(3);
    ck_assert_int_eq(parent(0), 102);
    ck_assert_int_eq(parent(1), 0);
    ck_assert_int_eq(parent(2), 103);
}

static void *write_it(void *bytes)
{
    tell("serve 0 1:2");
    wire_sent(wire, bytes, ask(bytes, 1));
    return NULL;
}

TEST(a_thread_tells_of_its_own_writes)
{
    char bytes[1024];
    pthread_t thread;

    open_http2();
    tell("serve 0 1:1");
    ck_assert_int_eq(pthread_create(&thread, NULL, write_it, bytes), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    reply(1);
    end(1);
    ck_assert_int_eq(parent(0), 102);
}
