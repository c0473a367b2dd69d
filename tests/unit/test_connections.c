/* Tests the shim's table of connections. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "shim/connections.h"
#include "tests/unit/unit.h"

#define POST "POST /v1/chat HTTP/1.1\r\n"
#define EMPTY "\r\n\r\n\r\n\r\n\r\n\r\n"
#define MANY 20000

/* Addresses as malloc gives them. */
static const void *ssl_of(size_t i)
{
    return (const void *)(uintptr_t)(0x555500001000 + i * 6448);
}

static struct llmobs_connection *sent(size_t i, const char *text)
{
    size_t len = strlen(text);

    return llmobs_connections_sent(ssl_of(i), text, len).connection;
}

static struct llmobs_connection *received(const void *ssl)
{
    bool first = false;

    return llmobs_connections_received(ssl, &first);
}

TEST(connections_told_by_first_bytes)
{
    static const struct {
        const char *first;
        bool ours;
    } rows[] = {
        {POST, true},          {"GET /", true},
        {"OPTIONS *", true},   {"GET https://h/", true},
        {"\r\n\n" POST, true}, {EMPTY EMPTY EMPTY POST, true},
        {"CONNECT h:1", true}, {"PRI * HTTP/2.0\r\n", true},
        {"EHLO me", false},    {"{\"a\": 1}", false},
        {"\x10\x2c", false},   {"POST {}", false},
        {"GET\r\n", false},    {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct llmobs_connection *connection = sent(i, rows[i].first);

        ck_assert_msg((connection != NULL) == rows[i].ours, "%s",
                      rows[i].first);
        ck_assert(!connection ||
                  (connection->held == 0 && connection->of_core == NULL));
        ck_assert_ptr_eq(sent(i, POST), connection);
        ck_assert_ptr_eq(received(ssl_of(i)), connection);
    }
}

TEST(connections_byte_by_byte)
{
    struct llmobs_connection *connection;

    for (int i = 0; i < 5; i++) {
        ck_assert_ptr_null(
            llmobs_connections_sent(ssl_of(0), &POST[i], 1).connection);
        ck_assert_ptr_null(sent(0, ""));
    }
    connection = sent(0, &POST[5]);
    ck_assert_ptr_nonnull(connection);
    ck_assert_uint_eq(connection->held, 5);
    ck_assert_int_eq(memcmp(connection->first, POST, 5), 0);
    for (int i = 0; i < 13; i++)
        ck_assert_ptr_null(
            llmobs_connections_sent(ssl_of(1), &"PRI * HTTP/2.0"[i], 1)
                .connection);
    connection = sent(1, "0\r\n");
    ck_assert(connection && connection->http2 && connection->held == 13);
}

/* A server of HTTP/2 may speak first. */
TEST(connections_of_http2)
{
    struct llmobs_connection *connection;

    ck_assert_ptr_null(llmobs_connections_begin_http2(ssl_of(0)));
    ck_assert_ptr_null(received(ssl_of(0)));
    connection = llmobs_connections_begin_http2(ssl_of(0));
    ck_assert(connection && connection->http2 && !connection->of_core);
    ck_assert_ptr_eq(received(ssl_of(0)), connection);
    ck_assert_ptr_eq(sent(0, "PRI * HTTP/2.0\r\n"), connection);
    ck_assert_ptr_null(llmobs_connections_begin_http2(ssl_of(0)));
}

TEST(connections_that_receive_first)
{
    ck_assert_ptr_null(received(ssl_of(0)));
    ck_assert_ptr_null(sent(0, POST));
    ck_assert_ptr_null(sent(1, "POS"));
    ck_assert_ptr_null(received(ssl_of(1)));
    ck_assert_ptr_null(sent(1, "T /"));
}

/* An object that is freed leaves its address to others. */
TEST(connections_at_one_address)
{
    int core;

    ck_assert_ptr_null(llmobs_connections_forget(ssl_of(0)));
    ck_assert_ptr_null(received(ssl_of(0)));
    ck_assert_ptr_null(llmobs_connections_forget(ssl_of(0)));
    ck_assert_ptr_nonnull(sent(0, POST));
    sent(0, POST)->of_core = &core;
    ck_assert_ptr_eq(llmobs_connections_forget(ssl_of(0)), &core);
    ck_assert_ptr_null(llmobs_connections_forget(ssl_of(0)));
    ck_assert_ptr_null(sent(0, "GE"));
    ck_assert_ptr_null(llmobs_connections_forget(ssl_of(0)));
    ck_assert_uint_eq(sent(0, "T /")->held, 0);
    ck_assert_ptr_null(sent(0, POST)->of_core);
}

/* One attempt to send the bytes from `at` on; gives how many new ones. */
static size_t attempt(const char *all, size_t at, size_t len, size_t taken)
{
    struct llmobs_sent sent =
        llmobs_connections_sent(ssl_of(0), all + at, taken ? taken : len);

    if (!taken)
        llmobs_connections_accepted(ssl_of(0), &(struct iovec){NULL, len}, 1,
                                    0);
    ck_assert_ptr_nonnull(sent.connection);
    ck_assert(sent.len == 0 || (sent.bytes >= all + at &&
                                sent.bytes + sent.len <= all + at + len));
    return sent.len;
}

/* A library that takes a part, or nothing yet. */
TEST(connections_that_wait_to_send)
{
    static const char all[] = POST "0123456789";
    struct llmobs_connection *connection;

    ck_assert_uint_eq(attempt(all, 0, 10, 0), 10);
    connection = sent(0, "");
    ck_assert_uint_eq(connection->ahead, 10);
    ck_assert_uint_eq(attempt(all, 0, 10, 0), 0);
    ck_assert_uint_eq(attempt(all, 0, 15, 0), 5); /* it may grow */
    ck_assert_uint_eq(attempt(all, 0, 15, 4), 0);
    ck_assert_uint_eq(connection->ahead, 11);
    ck_assert_uint_eq(attempt(all, 4, 20, 13), 2);
    ck_assert_uint_eq(connection->ahead, 0);
    ck_assert_uint_eq(attempt(all, 17, 5, 5), 5);
    ck_assert_uint_eq(attempt(all, 22, 3, 0), 3);
    /* GnuTLS goes on with the bytes that it has */
    llmobs_connections_accepted(ssl_of(0), NULL, 0, 3);
    ck_assert_uint_eq(connection->ahead, 0);
}

/* Two threads that send whole frames at once: the bytes of a call that goes on
 * are no earlier attempt. */
TEST(connections_of_two_senders)
{
    static char all[] = POST "0123456789";
    const struct iovec two[] = {{all, 20}, {all, 15}};
    struct llmobs_connection *connection = sent(0, POST);

    for (int i = 0; i < 2; i++)
        ck_assert_uint_eq(
            llmobs_connections_sent(ssl_of(0), all, two[i].iov_len).len,
            two[i].iov_len);
    for (int i = 0; i < 2; i++)
        llmobs_connections_accepted(ssl_of(0), &two[i], 1, two[i].iov_len);
    ck_assert_uint_eq(connection->ahead, 0);
    ck_assert_uint_eq(connection->next, 0);
}

static void pass_all(const struct iovec *pieces, size_t n)
{
    for (size_t i = 0; i < n; i++)
        (void)llmobs_connections_sent(ssl_of(0), pieces[i].iov_base,
                                      pieces[i].iov_len);
}

/* A vector of several pieces, of which the kernel takes any part. */
TEST(connections_of_pieces)
{
    static char all[] = POST "0123456789abcdefghijklmnopqrstuvwxyz";
    const struct iovec pieces[] = {{all, 3}, {all + 3, 30}, {all + 33, 27}};
    const struct iovec other[] = {{all + 30, 5}, {all + 36, 20}};
    struct llmobs_connection *connection;

    ck_assert_ptr_null(llmobs_connections_sent(ssl_of(0), all, 3).connection);
    connection = llmobs_connections_sent(ssl_of(0), all + 3, 30).connection;
    ck_assert_ptr_nonnull(connection);
    llmobs_connections_wipe(connection);
    ck_assert_uint_eq(llmobs_connections_sent(ssl_of(0), all + 33, 27).len, 27);
    llmobs_connections_accepted(ssl_of(0), pieces, 3, 2);
    ck_assert_uint_eq(connection->ahead, 58);
    ck_assert(
        !llmobs_connections_differ(ssl_of(0), &(struct iovec){all + 2, 9}, 1));
    ck_assert_uint_eq(llmobs_connections_sent(ssl_of(0), all + 2, 9).len, 0);
    llmobs_connections_accepted(ssl_of(0), &(struct iovec){all + 2, 9}, 1, 9);
    ck_assert(!llmobs_connections_differ(ssl_of(0), other, 2));
    pass_all(pieces, 3);
    llmobs_connections_accepted(ssl_of(0), pieces, 3, 0);
    ck_assert_uint_eq(connection->ahead, 60);
    ck_assert(!llmobs_connections_differ(ssl_of(0), pieces, 3));
    pass_all(pieces, 3);
    llmobs_connections_accepted(ssl_of(0), pieces, 3, 30);
    ck_assert_uint_eq(connection->ahead, 30);
    ck_assert(llmobs_connections_differ(ssl_of(0), other, 2));
    ck_assert(!llmobs_connections_differ(ssl_of(0), other, 2));
    llmobs_connections_accepted(ssl_of(0), pieces, 3, 30);
    /* GnuTLS goes on with the bytes that it has, so that others come next */
    llmobs_connections_accepted(ssl_of(0), NULL, 0, 7);
    ck_assert(!llmobs_connections_differ(ssl_of(0), other, 2));
}

/* However a library takes the bytes, each is shown once, in order. */
TEST(connections_show_each_byte_once)
{
    char all[400], shown[400];

    for (unsigned seed = 1; seed < 2000; seed++) {
        size_t at = 0, end = 0;
        unsigned chance = seed;

        memset(all, 'x', sizeof(all));
        memcpy(all, POST, sizeof(POST) - 1);
        for (size_t i = 30; i < sizeof(all); i++)
            all[i] = (char)(i * 7);
        while (at < sizeof(all)) {
            size_t len = 1 + (size_t)rand_r(&chance) % 90, taken;
            struct llmobs_sent sent;

            len = at + len < end ? end - at : len; /* no shorter one again */
            len = at + len > sizeof(all) ? sizeof(all) - at : len;
            taken = (size_t)rand_r(&chance) % (len + 1);
            sent = llmobs_connections_sent(ssl_of(seed), all + at, len);
            llmobs_connections_accepted(ssl_of(seed),
                                        &(struct iovec){NULL, len}, 1, taken);
            if (sent.connection && sent.connection->held) {
                memcpy(shown, sent.connection->first, sent.connection->held);
                end = sent.connection->held;
                llmobs_connections_wipe(sent.connection);
            }
            if (sent.connection && sent.len) {
                memcpy(shown + end, sent.bytes, sent.len);
                end += sent.len;
            }
            at += taken;
        }
        ck_assert_uint_eq(end, sizeof(all));
        ck_assert_int_eq(memcmp(all, shown, sizeof(all)), 0);
    }
}

/* A third of them HTTP; each finds its own again. */
TEST(connections_in_great_number)
{
    static struct llmobs_connection *all[MANY];

    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < MANY; i++) {
            all[i] = sent(i, i % 3 ? "* OK" : POST);
            ck_assert((all[i] != NULL) == (i % 3 == 0));
            if (all[i])
                all[i]->of_core = &all[i];
        }
        for (size_t i = 0; i < MANY; i++)
            ck_assert_ptr_eq(received(ssl_of(i)), all[i]);
        for (size_t i = 0; i < MANY; i++)
            ck_assert_ptr_eq(llmobs_connections_forget(ssl_of(i)),
                             i % 3 ? NULL : (void *)&all[i]);
    }
}

static void *come_and_go(void *number)
{
    size_t first = (size_t)(uintptr_t)number * MANY;

    for (size_t i = 0; i < MANY; i++) {
        size_t own = first + i % 500;
        struct llmobs_connection *connection = sent(own, POST);
        bool right = connection && (!connection->of_core ||
                                    connection->of_core == ssl_of(own));

        if (!right)
            return number;
        connection->of_core = (void *)ssl_of(own);
        if (i % 7 == 0)
            sched_yield();
        if (received(ssl_of(own)) != connection)
            return number;
        if (i % 3 == 0 && llmobs_connections_forget(ssl_of(own)) != ssl_of(own))
            return number;
    }
    return NULL;
}

TEST(connections_of_threads)
{
    pthread_t threads[8];
    void *wrong;

    for (uintptr_t i = 0; i < 8; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, come_and_go, (void *)(i + 1)), 0);
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
        ck_assert_ptr_null(wrong);
    }
}

static bool holds_nothing(const struct llmobs_connection *connection)
{
    static const char none[LLMOBS_HTTP1_FIRST];

    return connection->held == 0 &&
           memcmp(connection->first, none, sizeof(none)) == 0;
}

/* A path or a header may have a key, which stays no longer than needed. */
TEST(connections_keep_no_bytes)
{
    struct llmobs_connection *connection = sent(0, POST);

    ck_assert(holds_nothing(connection));
    llmobs_connections_forget(ssl_of(0));
    ck_assert_ptr_null(sent(0, "PO"));
    ck_assert_int_eq(memcmp(connection->first, "PO", 3), 0);
    ck_assert_ptr_eq(sent(0, "ST /sk-key HTTP/1.1"), connection);
    ck_assert_int_eq(memcmp(connection->first, "PO", 3), 0);
    llmobs_connections_wipe(connection);
    ck_assert(holds_nothing(connection));
    llmobs_connections_forget(ssl_of(0));
    for (int i = 0; i < 3; i++) {
        ck_assert_ptr_null(sent(0, "PO"));
        if (i == 0)
            received(ssl_of(0));
        if (i == 1)
            ck_assert_ptr_null(sent(0, "\x10sk-key"));
        if (i < 2)
            ck_assert(holds_nothing(connection));
        llmobs_connections_forget(ssl_of(0));
        ck_assert(holds_nothing(connection));
    }
}
