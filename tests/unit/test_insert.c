/* Of the mix of a program's bytes and ours each part may be taken, and the
 * program is told how many of its own were. */
#include "shim/insert.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#define OURS "<trace>"

/* Three places in a text, one of them at its begin, and one of three bytes that
 * change before the second, as the length of a frame. */
static const char program[] = "\r\nfirst body\r\n\r\nsecond\r\n\r\nthird";
static const char wanted[] =
    OURS "\r\nfirst body\r\n" OURS "\r\nsecond\r\n" OURS "\r\nthird";
static const char changed[] =
    OURS "\r\nfirst NEWy\r\n" OURS "\r\nsecond\r\n" OURS "\r\nthird";

static struct llmobs_insertions list(bool changes)
{
    static char text[] = OURS "NEW" OURS OURS;
    static const struct llmobs_insertion rows[] = {{0, 0, 7, false},
                                                   {8, 7, 3, true},
                                                   {14, 10, 7, false},
                                                   {24, 17, 7, false}};
    struct llmobs_insertions all = {.text = text};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (changes || !rows[i].instead)
            all.list[all.count++] = rows[i];
    return all;
}

/* So many pieces of about one length. */
static size_t parts(const char *text, size_t count, struct iovec *pieces)
{
    size_t len = strlen(text), at = 0;

    for (size_t i = 0; i < count; i++) {
        size_t end = len * (i + 1) / count;

        pieces[i] = (struct iovec){(void *)(uintptr_t)(text + at), end - at};
        at = end;
    }
    return count;
}

/* Takes `most` bytes a call; gives what came. */
static void run(size_t most, size_t count, bool changes, char *came)
{
    struct llmobs_insertions all = list(changes);
    size_t sent = 0, len = 0;

    while (sent + 1 < sizeof(program)) {
        struct iovec pieces[16];
        size_t left = most, own, n;

        n = parts(program + sent, count, pieces);
        llmobs_insert_check(&all, pieces, n, true);
        if (sent == 0)
            all = list(changes); /* the first call's are new */
        do {
            size_t mix = llmobs_insert_mix(&all, pieces, n), took = 0;

            left = most;
            for (size_t i = 0; i < mix && left > 0; i++) {
                size_t part =
                    all.pieces[i].iov_len < left ? all.pieces[i].iov_len : left;

                memcpy(came + len, all.pieces[i].iov_base, part);
                len += part;
                took += part;
                left -= part;
            }
            own = llmobs_insert_took(&all, took);
        } while (own == 0);
        ck_assert_uint_le(own, sizeof(program) - 1 - sent);
        llmobs_insert_show(&all, pieces, n, own, true);
        sent += own;
    }
    ck_assert_uint_eq(all.count, 0);
    ck_assert_uint_eq(all.lost, 0);
    came[len] = '\0';
}

TEST(any_part_is_taken)
{
    for (size_t most = 1; most < sizeof(wanted) + 3; most++)
        for (size_t count = 1; count <= 16; count++) {
            char came[200];

            run(most, count, false, came);
            ck_assert_str_eq(came, wanted);
            run(most, 1, true, came);
            ck_assert_str_eq(came, changed);
        }
}

/* Other bytes come than were shown: only a rest stays. */
TEST(others_come)
{
    struct iovec whole = {(void *)(uintptr_t)program, sizeof(program) - 1};
    struct iovec less = {whole.iov_base, 5};
    char other[sizeof(program)];

    for (int torn = 0; torn < 2; torn++)
        for (int how = 0; how < 4; how++) {
            struct llmobs_insertions all = list(false);
            struct iovec next = how == 1 ? less : whole;

            if (torn)
                ck_assert_uint_eq(llmobs_insert_took(&all, 3), 0);
            memcpy(other, program, sizeof(program));
            if (how == 2)
                other[20] = 'X';
            llmobs_insert_show(&all, &whole, 1, 0, true);
            if (how == 2)
                next.iov_base = other;
            llmobs_insert_check(&all, &next, 1, how != 3);
            ck_assert_uint_eq(all.count, how == 0 ? 3 : (size_t)torn);
            ck_assert_uint_eq(all.lost, how == 0 ? 0 : 3 - (size_t)torn);
        }
}

/* Another process has sent what was torn. */
TEST(others_come_behind_a_child)
{
    struct iovec whole = {(void *)(uintptr_t)program, sizeof(program) - 1};
    struct iovec next = {(void *)(uintptr_t) "POST", 4};
    struct llmobs_insertions all = list(false);

    ck_assert_uint_eq(llmobs_insert_took(&all, 3), 0);
    llmobs_insert_show(&all, &whole, 1, 0, true);
    llmobs_insert_check(&all, &next, 1, true);
    ck_assert_uint_eq(all.count, 0);
    ck_assert(!all.torn);
    /* nobody knows what must come behind a call that went whole */
    all = list(false);
    ck_assert_uint_eq(llmobs_insert_took(&all, 3), 0);
    whole.iov_len = 1;
    llmobs_insert_show(&all, &whole, 1, 1, true);
    llmobs_insert_check(&all, &next, 1, true);
    ck_assert_uint_eq(all.count, 1);
}

/* Once a part of a frame's length has gone, what it counts must follow, also
 * where the program passes fewer bytes. */
TEST(others_come_behind_a_length)
{
    for (size_t took = 8; took <= 14; took++) {
        struct llmobs_insertions all = list(true);
        struct iovec next = {(void *)(uintptr_t) "dy\r", 3};
        bool torn = took > 8;
        size_t mix;

        ck_assert_uint_eq(llmobs_insert_took(&all, strlen(OURS) + took), took);
        llmobs_insert_show(&all, &next, 1, 0, true);
        next.iov_base = (char *)(uintptr_t) "dXZ";
        llmobs_insert_check(&all, &next, 1, true);
        ck_assert_uint_eq(all.count, !torn ? 0 : took < 11 ? 2 : 1);
        ck_assert_uint_eq(all.lost, torn ? 1 : 2);
        mix = llmobs_insert_mix(&all, &next, 1);
        ck_assert_uint_eq(llmobs_insert_took(&all, 1), took < 14);
        ck_assert_uint_eq(mix, took == 8 || took == 11 ? 1 : 3);
    }
}
