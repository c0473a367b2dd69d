#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "shim/connections.h"
#include "tests/unit/unit.h"

#define POST "POST /v1/chat HTTP/1.1\r\n"
#define MANY 20000

/* Addresses as malloc gives them. */
static const void *ssl_of(size_t i)
{
    return (const void *)(uintptr_t)(0x555500001000 + i * 6448);
}

static struct llmobs_connection *sent(size_t i, const char *text)
{
    return llmobs_connections_sent(ssl_of(i), text, strlen(text));
}

START_TEST(connections_told_by_first_bytes)
{
    static const struct {
        const char *first;
        bool ours;
    } rows[] = {
        {POST, true},          {"GET /", true},
        {"OPTIONS *", true},   {"GET https://h/", true},
        {"CONNECT h:1", true}, {"PRI * HTTP/2.0\r\n", false},
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
        ck_assert_ptr_eq(llmobs_connections_received(ssl_of(i)), connection);
    }
}
END_TEST

START_TEST(connections_byte_by_byte)
{
    struct llmobs_connection *connection;

    for (int i = 0; i < 5; i++) {
        ck_assert_ptr_null(llmobs_connections_sent(ssl_of(0), &POST[i], 1));
        ck_assert_ptr_null(sent(0, ""));
    }
    connection = sent(0, &POST[5]);
    ck_assert_ptr_nonnull(connection);
    ck_assert_uint_eq(connection->held, 5);
    ck_assert_int_eq(memcmp(connection->first, POST, 5), 0);
    for (int i = 0; i < 14; i++)
        ck_assert_ptr_null(
            llmobs_connections_sent(ssl_of(1), &"PRI * HTTP/2.0"[i], 1));
    ck_assert_ptr_null(sent(1, POST));
}
END_TEST

START_TEST(connections_that_receive_first)
{
    ck_assert_ptr_null(llmobs_connections_received(ssl_of(0)));
    ck_assert_ptr_null(sent(0, POST));
    ck_assert_ptr_null(sent(1, "POS"));
    ck_assert_ptr_null(llmobs_connections_received(ssl_of(1)));
    ck_assert_ptr_null(sent(1, "T /"));
}
END_TEST

/* An object that is freed leaves its address to others. */
START_TEST(connections_at_one_address)
{
    int core;

    ck_assert_ptr_null(llmobs_connections_forget(ssl_of(0)));
    ck_assert_ptr_null(llmobs_connections_received(ssl_of(0)));
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
END_TEST

/* A third of them HTTP; each finds its own again. */
START_TEST(connections_in_great_number)
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
            ck_assert_ptr_eq(llmobs_connections_received(ssl_of(i)), all[i]);
        for (size_t i = 0; i < MANY; i++)
            ck_assert_ptr_eq(llmobs_connections_forget(ssl_of(i)),
                             i % 3 ? NULL : (void *)&all[i]);
    }
}
END_TEST

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
        if (llmobs_connections_received(ssl_of(own)) != connection)
            return number;
        if (i % 3 == 0 && llmobs_connections_forget(ssl_of(own)) != ssl_of(own))
            return number;
    }
    return NULL;
}

START_TEST(connections_of_threads)
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
END_TEST

UNIT_SUITE(connections)
{
    Suite *s = suite_create("connections");

    UNIT_TEST(s, connections_told_by_first_bytes);
    UNIT_TEST(s, connections_byte_by_byte);
    UNIT_TEST(s, connections_that_receive_first);
    UNIT_TEST(s, connections_at_one_address);
    UNIT_TEST(s, connections_in_great_number);
    UNIT_TEST(s, connections_of_threads);
    return s;
}
