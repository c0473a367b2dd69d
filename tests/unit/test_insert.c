/* Of the mix of a program's bytes and ours each part may be taken, and the
 * program is told how many of its own were. */
#include "shim/insert.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#define OURS "<trace>"

/* Three places in a text, one of them at its begin. */
static const char program[] = "\r\nfirst body\r\n\r\nsecond\r\n\r\nthird";
static const size_t places[] = {0, 14, 24};
static const char wanted[] =
    OURS "\r\nfirst body\r\n" OURS "\r\nsecond\r\n" OURS "\r\nthird";

static struct llmobs_insertions list(void)
{
    static char text[] = OURS OURS OURS;
    struct llmobs_insertions all = {.text = text, .count = 3};

    for (size_t i = 0; i < 3; i++)
        all.list[i] = (struct llmobs_insertion){places[i], i * strlen(OURS),
                                                strlen(OURS)};
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
static void run(size_t most, size_t count, char *came)
{
    struct llmobs_insertions all = list();
    size_t sent = 0, len = 0;

    while (sent + 1 < sizeof(program)) {
        struct iovec pieces[16];
        size_t left = most, own, n;

        n = parts(program + sent, count, pieces);
        llmobs_insert_check(&all, pieces, n, true);
        if (sent == 0)
            all = list(); /* the first call's are new */
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

            run(most, count, came);
            ck_assert_str_eq(came, wanted);
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
            struct llmobs_insertions all = list();
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
