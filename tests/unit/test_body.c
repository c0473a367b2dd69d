/* Tests captured bodies and their limits. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text/body.h"
#include "tests/unit/unit.h"

/* A body beside all the bytes it was given. */
struct model {
    struct llmobs_body body;
    unsigned char *all;
    size_t len;
    size_t whole_max;
    bool lost;
    bool split; /* head and tail */
};

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void check(struct model *m)
{
    size_t edge = min(m->whole_max / 2, LLMOBS_BODY_EDGE);
    struct llmobs_text head = llmobs_body_head(&m->body);
    struct llmobs_text tail = llmobs_body_tail(&m->body);

    if (m->body.total != m->len || m->body.lost != m->lost ||
        m->body.truncated != m->split ||
        head.len != (m->split ? edge : m->len) ||
        tail.len != (m->split && !m->lost ? edge : 0) ||
        head.len + tail.len > m->whole_max)
        ck_abort_msg("cap %zu, at %zu: head %zu, tail %zu", m->whole_max,
                     m->len, head.len, tail.len);
    if (head.len > 0 && memcmp(head.data, m->all, head.len) != 0)
        ck_abort_msg("cap %zu, at %zu: wrong head", m->whole_max, m->len);
    if (tail.len > 0 &&
        memcmp(tail.data, m->all + m->len - tail.len, tail.len) != 0)
        ck_abort_msg("cap %zu, at %zu: wrong tail", m->whole_max, m->len);
}

static void add(struct model *m, size_t len)
{
    unsigned char *exact = malloc(len > 0 ? len : 1);
    static unsigned char next;

    for (size_t i = 0; i < len; i++)
        exact[i] = m->all[m->len + i] = next++;
    m->len += len;
    if (len > 0 && !m->lost && m->len > m->whole_max)
        m->split = true;
    if (llmobs_body_add(&m->body, exact, len) != (m->lost ? -ENOMEM : 0))
        ck_abort_msg("cap %zu, at %zu: cannot add", m->whole_max, m->len);
    free(exact);
}

static void rewind_to(struct model *m, size_t total)
{
    size_t edge = min(m->whole_max / 2, LLMOBS_BODY_EDGE);
    size_t kept = m->split ? edge : m->len;

    llmobs_body_rewind(&m->body, total);
    if (total >= m->len)
        return;
    m->len = total;
    m->lost = total > kept;
    m->split = m->lost;
}

static void start(struct model *m, size_t whole_max, size_t room)
{
    memset(m, 0, sizeof(*m));
    m->all = malloc(room);
    m->whole_max = whole_max;
    llmobs_body_init(&m->body, whole_max);
}

static void end(struct model *m)
{
    llmobs_body_fini(&m->body);
    free(m->all);
}

/* Every cap, every size of add, looked at after each and at the end only: a
 * look turns the ring. */
TEST(test_body_sizes)
{
    for (size_t max = 0; max < 24; max++) {
        for (size_t size = 1; size < 40; size++) {
            for (int look = 0; look < 2; look++) {
                struct model m;

                start(&m, max, 200);
                check(&m);
                while (m.len + size < 150) {
                    add(&m, size);
                    if (look)
                        check(&m);
                }
                check(&m);
                check(&m);
                end(&m);
            }
        }
    }
}

TEST(test_body_fuzz)
{
    uint64_t state = 0x13198A2E03707344;

    for (size_t round = 0; round < 20000; round++) {
        struct model m;

        start(&m, (state >> 40) % 64, 4000);
        for (size_t i = 0; i < 24; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            if ((state >> 60) < 2)
                rewind_to(&m, (state >> 33) % (m.len + 2));
            else
                add(&m, (state >> 33) % 40 * ((state >> 50) % 3));
            if ((state >> 55) % 2)
                check(&m);
        }
        check(&m);
        end(&m);
    }
}

/* The real edge, at and around where a body stops to be whole. */
TEST(test_body_edges)
{
    size_t max = 3 * LLMOBS_BODY_EDGE;
    static const size_t sizes[] = {1000,
                                   4096,
                                   65536,
                                   LLMOBS_BODY_EDGE,
                                   LLMOBS_BODY_EDGE + 1,
                                   3 * LLMOBS_BODY_EDGE + 1};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct model m;

        start(&m, max, 8 * LLMOBS_BODY_EDGE);
        while (m.len + sizes[i] <= max)
            add(&m, sizes[i]);
        add(&m, max - m.len);
        check(&m);
        ck_assert(!m.body.truncated);
        add(&m, 1);
        check(&m);
        ck_assert(m.body.truncated);
        add(&m, sizes[i]);
        check(&m);
        rewind_to(&m, LLMOBS_BODY_EDGE);
        check(&m);
        ck_assert(!m.body.truncated);
        add(&m, max);
        check(&m);
        rewind_to(&m, LLMOBS_BODY_EDGE + 1);
        check(&m);
        ck_assert(m.body.lost);
        rewind_to(&m, 0);
        check(&m);
        add(&m, sizes[i]);
        check(&m);
        end(&m);
    }
}

TEST(test_body_gigabyte)
{
    static char chunk[65536];
    UNIT_ENDS(llmobs_body) body;
    struct llmobs_text tail;

    memset(chunk, 'x', sizeof(chunk));
    llmobs_body_init(&body, 16 << 20);
    for (size_t i = 0; i < 16384; i++) {
        chunk[0] = (char)i;
        ck_assert_int_eq(llmobs_body_add(&body, chunk, sizeof(chunk)), 0);
        if (body.truncated)
            ck_assert_uint_le(body.head.cap, LLMOBS_BODY_EDGE + 1);
        else
            ck_assert_uint_le(body.head.cap, (32 << 20) + 1);
    }
    ck_assert_uint_eq(body.total, (uint64_t)1 << 30);
    tail = llmobs_body_tail(&body);
    ck_assert_uint_eq(tail.len, LLMOBS_BODY_EDGE);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(tail.data[i * sizeof(chunk)], (char)(16380 + i));
}

/* Without memory: a prefix and a count, until the app seeks back into it. */
TEST(test_body_lost)
{
    UNIT_ENDS(llmobs_body) body;

    llmobs_body_init(&body, 1000);
    body.head.max = 8;
    ck_assert_int_eq(llmobs_body_add(&body, "12345", 5), 0);
    ck_assert_int_ne(llmobs_body_add(&body, "67890", 5), 0);
    ck_assert(body.lost);
    ck_assert_int_eq(llmobs_body_add(&body, "a", 1), -ENOMEM);
    ck_assert_int_eq(llmobs_body_add(&body, "", 0), -ENOMEM);
    ck_assert_uint_eq(body.total, 11);
    ck_assert_uint_eq(llmobs_body_head(&body).len, 5);
    ck_assert_uint_eq(llmobs_body_tail(&body).len, 0);
    llmobs_body_rewind(&body, 6);
    ck_assert(body.lost);
    llmobs_body_rewind(&body, 2);
    ck_assert(!body.lost);
    ck_assert_int_eq(llmobs_body_add(&body, "ab", 2), 0);
    ck_assert_str_eq(body.head.data, "12ab");
}

/* A body that is as long as its header says does not move; one that is shorter
 * gives its memory back. */
TEST(test_body_expected)
{
    static const size_t len = 1000000, piece = 10000;
    char *data = unit_own(calloc(1, piece));
    UNIT_ENDS(llmobs_body) body;

    for (int cut = 0; cut < 2; cut++) {
        const char *at = NULL;

        llmobs_body_init(&body, 16 * len);
        llmobs_body_expect(&body, len);
        for (size_t i = 0; i < len / (cut ? 10 : 1); i += piece) {
            ck_assert_int_eq(llmobs_body_add(&body, data, piece), 0);
            ck_assert(!at || at == body.head.data);
            at = body.head.data;
        }
        ck_assert_uint_gt(body.head.cap, len);
        llmobs_body_end(&body);
        ck_assert((body.head.cap < len) == cut);
        llmobs_body_fini(&body);
    }
    llmobs_body_init(&body, piece / 2);
    llmobs_body_expect(&body, UINT64_MAX);
    ck_assert_int_eq(llmobs_body_add(&body, data, piece), 0);
    ck_assert_uint_le(body.head.cap, piece);
    ck_assert(body.truncated);
}

/* A sound is of no use: of its megabytes a few KiB are kept. */
TEST(test_body_limit)
{
    char piece[4096];
    UNIT_ENDS(llmobs_body) body;

    memset(piece, 'x', sizeof(piece));
    llmobs_body_init(&body, (size_t)16 << 20);
    llmobs_body_expect(&body, (size_t)1 << 20);
    llmobs_body_limit(&body, LLMOBS_BODY_SMALL);
    for (size_t i = 0; i < 256; i++)
        ck_assert_int_eq(llmobs_body_add(&body, piece, sizeof(piece)), 0);
    ck_assert(body.truncated);
    ck_assert_uint_eq(body.total, (size_t)1 << 20);
    ck_assert_uint_le(llmobs_body_head(&body).len + llmobs_body_tail(&body).len,
                      LLMOBS_BODY_SMALL);
    llmobs_body_limit(&body, 1);
    ck_assert_uint_eq(body.whole_max, LLMOBS_BODY_SMALL);
}
