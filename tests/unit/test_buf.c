/* Tests byte buffers. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "tests/unit/unit.h"

TEST(test_buf_adds)
{
    UNIT_ENDS(llmobs_buf) buf;
    size_t len;
    char *taken;

    llmobs_buf_init(&buf, 100);
    ck_assert_ptr_null(buf.data);
    ck_assert_int_eq(llmobs_buf_adds(&buf, "ab"), 0);
    ck_assert_int_eq(llmobs_buf_addc(&buf, '\0'), 0);
    ck_assert_int_eq(llmobs_buf_addf(&buf, "%d-%s", 7, "x"), 0);
    ck_assert_int_eq(llmobs_buf_add(&buf, NULL, 0), 0);
    ck_assert_mem_eq(buf.data,
                     "ab\0"
                     "7-x",
                     7);
    taken = llmobs_buf_take(&buf, &len);
    ck_assert_uint_eq(len, 6);
    free(taken);
    ck_assert_ptr_null(buf.data);
    ck_assert_ptr_null(llmobs_buf_take(&buf, NULL));
    ck_assert_int_eq(llmobs_buf_adds(&buf, "again"), 0);
    ck_assert_str_eq(buf.data, "again");
    llmobs_buf_fini(&buf);
}

/* Adding nothing makes an empty C string: it can be told from no memory. */
TEST(test_buf_empty_add)
{
    struct llmobs_buf buf;
    char *taken;

    llmobs_buf_init(&buf, 0);
    ck_assert_int_eq(llmobs_buf_adds(&buf, ""), 0);
    ck_assert_int_eq(llmobs_buf_addc(&buf, 'x'), -EFBIG);
    ck_assert_int_eq(llmobs_buf_addf(&buf, "%s", ""), 0);
    taken = llmobs_buf_take(&buf, NULL);
    ck_assert_str_eq(taken, "");
    free(taken);
}

/* The first failure stays, whatever else fails or succeeds. */
TEST(test_buf_error)
{
    struct llmobs_buf buf;

    llmobs_buf_init(&buf, 100);
    llmobs_buf_adds(&buf, "ab");
    ck_assert_int_eq(buf.error, 0);
    llmobs_buf_reserve(&buf, 200);
    ck_assert_int_eq(buf.error, -EFBIG);
    buf.error = -ENOMEM;
    ck_assert_int_eq(llmobs_buf_addf(&buf, "%101s", "x"), -EFBIG);
    ck_assert_int_eq(llmobs_buf_adds(&buf, "c"), 0);
    ck_assert_int_eq(buf.error, -ENOMEM);
    ck_assert_str_eq(buf.data, "abc");
    llmobs_buf_cut(&buf, 0);
    ck_assert_int_eq(buf.error, -ENOMEM);
    llmobs_buf_fini(&buf);
    ck_assert_int_eq(buf.error, 0);
}

/* Every cap against every size of add: refused whole or taken whole. */
TEST(test_buf_cap)
{
    char bytes[300];

    memset(bytes, 'x', sizeof(bytes));
    for (size_t max = 0; max < 280; max++) {
        for (size_t size = 1; size <= sizeof(bytes); size += 13) {
            UNIT_ENDS(llmobs_buf) buf;
            size_t want = 0;
            int rc;

            llmobs_buf_init(&buf, max);
            do {
                rc = llmobs_buf_add(&buf, bytes, size);
                want += rc == 0 ? size : 0;
                ck_assert_uint_eq(buf.len, want);
                ck_assert_uint_le(buf.cap, max + 1);
            } while (rc == 0);
            ck_assert_int_eq(rc, -EFBIG);
            ck_assert_uint_eq(want, max / size * size);
            if (want > 0)
                ck_assert_int_eq(buf.data[want], '\0');
        }
    }
}

TEST(test_buf_huge_lengths)
{
    static const size_t lengths[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 3,
                                     SIZE_MAX / 2 + 1};
    struct llmobs_buf buf;

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        llmobs_buf_init(&buf, SIZE_MAX);
        ck_assert_int_eq(llmobs_buf_adds(&buf, "abc"), 0);
        ck_assert_int_eq(llmobs_buf_add(&buf, "", lengths[i]), -EFBIG);
        ck_assert_uint_eq(buf.len, 3);
        ck_assert_str_eq(buf.data, "abc");
        llmobs_buf_fini(&buf);
    }
}

TEST(test_buf_format)
{
    struct llmobs_buf buf;
    char text[600];

    for (int width = 0; width < 600; width += 7) {
        llmobs_buf_init(&buf, 400);
        ck_assert_int_eq(llmobs_buf_adds(&buf, "="), 0);
        memset(text, ' ', sizeof(text));
        text[width > 0 ? width - 1 : 0] = '5';
        text[width > 0 ? width : 1] = '\0';
        ck_assert_int_eq(llmobs_buf_addf(&buf, "%*d", width, 5),
                         width < 400 ? 0 : -EFBIG);
        ck_assert_str_eq(buf.data + 1, width < 400 ? text : "");
        llmobs_buf_fini(&buf);
    }
}

TEST(test_buf_cut_and_fit)
{
    UNIT_ENDS(llmobs_buf) buf;

    llmobs_buf_init(&buf, 1000);
    llmobs_buf_cut(&buf, 0);
    llmobs_buf_fit(&buf);
    ck_assert_ptr_null(buf.data);
    ck_assert_int_eq(llmobs_buf_addf(&buf, "%500d", 1), 0);
    llmobs_buf_cut(&buf, 600);
    ck_assert_uint_eq(buf.len, 500);
    llmobs_buf_cut(&buf, 10);
    ck_assert_uint_eq(strlen(buf.data), 10);
    llmobs_buf_fit(&buf);
    ck_assert_uint_eq(buf.cap, 11);
    llmobs_buf_fit(&buf);
    ck_assert_int_eq(llmobs_buf_addf(&buf, "%500d", 1), 0);
    ck_assert_uint_eq(buf.len, 510);
    llmobs_buf_cut(&buf, 0);
    ck_assert_str_eq(buf.data, "");
}

/* Small adds cost time in proportion, or this would take hours. */
TEST(test_buf_many_adds)
{
    UNIT_ENDS(llmobs_buf) buf;

    llmobs_buf_init(&buf, 10000000);
    for (size_t i = 0; i < 10000000; i++) {
        if (llmobs_buf_addc(&buf, (char)(i % 251)) != 0)
            ck_abort_msg("add %zu fails", i);
    }
    ck_assert_int_eq(llmobs_buf_addc(&buf, 'x'), -EFBIG);
    for (size_t i = 0; i < 10000000; i++) {
        if (buf.data[i] != (char)(i % 251))
            ck_abort_msg("byte %zu is wrong", i);
    }
}

/* Lent memory is used up to its end and no further, and never freed. */
TEST(test_buf_lent)
{
    char room[9], bytes[] = "12345678";
    struct llmobs_buf buf;
    char *taken;
    size_t len;

    llmobs_buf_init(&buf, 100);
    llmobs_buf_lend(&buf, room, sizeof(room));
    ck_assert_int_eq(llmobs_buf_add(&buf, bytes, 8), 0);
    ck_assert_ptr_eq(buf.data, room);
    llmobs_buf_fit(&buf);
    ck_assert_ptr_eq(buf.data, room);
    ck_assert_int_eq(llmobs_buf_addc(&buf, '9'), 0);
    ck_assert_ptr_ne(buf.data, room);
    ck_assert_str_eq(buf.data, "123456789");
    llmobs_buf_fini(&buf);
    llmobs_buf_lend(&buf, room, sizeof(room));
    llmobs_buf_fini(&buf);
    llmobs_buf_lend(&buf, room, sizeof(room));
    ck_assert_int_eq(llmobs_buf_add(&buf, bytes, 3), 0);
    taken = llmobs_buf_take(&buf, &len);
    ck_assert_uint_eq(len, 3);
    ck_assert_ptr_ne(taken, room);
    ck_assert_str_eq(taken, "123");
    free(taken);
    ck_assert_ptr_null(buf.data);
}
