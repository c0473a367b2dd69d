/* The memory that all bodies have together. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/fork.h"
#include "core/capture/handle.h"
#include "lib/text/body.h"
#include "lib/text/budget.h"
#include "tests/unit/unit.h"

#define MIB ((size_t)1 << 20)
#define MAX (8 * MIB)
#define PIECE 1000

static void start(size_t max)
{
    ck_assert_int_eq(llmobs_fork_init(), 0);
    llmobs_budget_init(max);
    ck_assert_uint_eq(unit_budget_left(), max);
}

/* All is given back. */
static void end(size_t max)
{
    ck_assert_uint_eq(unit_budget_left(), max);
    llmobs_budget_init(0);
}

static char byte_at(size_t at)
{
    return (char)('a' + at % 23);
}

static void grow(struct llmobs_body *body, size_t len)
{
    char piece[PIECE];

    while (len > 0) {
        size_t some = len < PIECE ? len : PIECE;

        for (size_t i = 0; i < some; i++)
            piece[i] = byte_at((size_t)body->total + i);
        ck_assert_int_eq(llmobs_body_add(body, piece, some), 0);
        len -= some;
    }
}

/* Where the first byte stands that is not the one of its place; the length: all
 * are right. One assertion a body: each costs a write to the disk. */
static size_t first_wrong(struct llmobs_text text, size_t offset)
{
    size_t i = 0;

    while (i < text.len && text.data[i] == byte_at(offset + i))
        i++;
    return i;
}

static void check(struct llmobs_body *body, size_t total, bool whole)
{
    struct llmobs_text head = llmobs_body_head(body);
    struct llmobs_text tail = llmobs_body_tail(body);

    ck_assert_uint_eq(body->total, total);
    ck_assert(body->truncated == !whole);
    ck_assert_uint_eq(head.len, whole ? total : tail.len);
    ck_assert_uint_ge(2 * head.len, LLMOBS_BODY_SMALL);
    ck_assert_uint_eq(first_wrong(head, 0), head.len);
    ck_assert_uint_eq(first_wrong(tail, total - tail.len), tail.len);
}

/* One that finds no room keeps its ends, and gives back what it had beyond
 * them: the next one finds it. */
TEST(long_bodies_share_it)
{
    struct llmobs_body list[4];

    start(MAX);
    for (size_t i = 0; i < 4; i++)
        llmobs_body_init(&list[i], 16 * MIB);
    for (size_t i = 0; i < 4; i++)
        for (size_t done = 0; done < 3; done++)
            grow(&list[i], MIB);
    check(&list[0], 3 * MIB, true);
    for (size_t i = 1; i < 4; i++)
        check(&list[i], 3 * MIB, false);
    ck_assert_uint_ge(unit_budget_left(), MAX / 4);
    llmobs_body_fini(&list[0]);
    llmobs_body_init(&list[0], 16 * MIB);
    grow(&list[0], 3 * MIB);
    check(&list[0], 3 * MIB, true);
    for (size_t i = 0; i < 4; i++)
        llmobs_body_fini(&list[i]);
    end(MAX);
}

/* A short body is kept whole, however much the others have. */
TEST(short_bodies_are_whole)
{
    struct llmobs_body body;

    start(MIB);
    llmobs_budget_force(2 * MIB);
    for (size_t len = 1; len <= LLMOBS_BODY_SMALL; len += 501) {
        llmobs_body_init(&body, MIB);
        grow(&body, len);
        ck_assert(!body.truncated);
        ck_assert_uint_eq(body.head.len, len);
        llmobs_body_fini(&body);
    }
    llmobs_body_init(&body, MIB);
    grow(&body, MIB / 2);
    check(&body, MIB / 2, false);
    llmobs_body_fini(&body);
    llmobs_budget_release(2 * MIB);
    end(MIB);
}

TEST(copies_and_shrunk_ones_count)
{
    struct llmobs_body body, copy;

    start(MAX);
    llmobs_body_init(&body, 16 * MIB);
    llmobs_body_init(&copy, 16 * MIB);
    grow(&body, 4 * MIB);
    ck_assert_int_eq(llmobs_body_clone(&copy, &body), 0);
    check(&copy, 4 * MIB, false);
    llmobs_body_fini(&copy);
    llmobs_body_shrink(&body);
    check(&body, 4 * MIB, false);
    ck_assert_uint_eq(unit_budget_left(), MAX - 2 * LLMOBS_BODY_EDGE);
    llmobs_body_init(&copy, 16 * MIB);
    ck_assert_int_eq(llmobs_body_clone(&copy, &body), 0);
    grow(&copy, MIB);
    check(&copy, 5 * MIB, false);
    llmobs_body_fini(&copy);
    llmobs_body_fini(&body);
    end(MAX);
}

/* The copies that idle handles keep take nothing from calls. */
TEST(copies_of_handles_are_free)
{
    static const struct llmobs_real real;
    static char text[MIB], keys[20];
    struct llmobs_handle *h = NULL;
    struct llmobs_exchange *exchange;

    start(MAX);
    memset(text, '{', sizeof(text) - 1);
    for (size_t i = 0; i < sizeof(keys); i++) {
        h = llmobs_handle_create(&real, (CURL *)&keys[i]);
        llmobs_handle_set(h, llmobs_setting(CURLOPT_COPYPOSTFIELDS), text,
                          2 * MIB);
    }
    ck_assert_uint_eq(unit_budget_left(), MAX);
    exchange = llmobs_exchange_new(2 * MIB);
    llmobs_handle_copy_body(h, exchange);
    ck_assert_uint_eq(exchange->request.total, MIB - 1);
    ck_assert(!exchange->request.truncated && !exchange->request.lost);
    ck_assert_uint_eq(unit_budget_left(), MAX - MIB);
    llmobs_exchange_free(exchange);
    llmobs_handle_set(h, llmobs_setting(CURLOPT_COPYPOSTFIELDS), text, MIB / 2);
    exchange = llmobs_exchange_new(MIB / 2);
    llmobs_handle_copy_body(h, exchange);
    ck_assert(exchange->request.truncated);
    ck_assert_uint_eq(unit_budget_left(), MAX - MIB / 2);
    llmobs_exchange_free(exchange);
    for (size_t i = 0; i < sizeof(keys); i++)
        llmobs_handle_release(llmobs_handle_find((CURL *)&keys[i]));
    end(MAX);
}

/* A child has it all, also when it frees what it inherited. */
TEST(a_child_begins_anew)
{
    struct llmobs_body body, own;
    int status;
    pid_t pid;

    start(MAX);
    llmobs_body_init(&body, 16 * MIB);
    grow(&body, 4 * MIB);
    pid = fork();
    if (pid == 0) {
        llmobs_body_init(&own, 16 * MIB);
        grow(&own, 4 * MIB);
        llmobs_body_fini(&body);
        if (own.truncated || unit_budget_left() > MAX - 4 * MIB)
            _exit(1);
        llmobs_body_fini(&own);
        _exit(unit_budget_left() == MAX ? 0 : 2);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    llmobs_body_fini(&body);
    end(MAX);
}
