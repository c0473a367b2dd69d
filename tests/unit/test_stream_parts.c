/* Tests the parts of streamed responses. */
#include "rules/read/stream_parts.h"

#include <errno.h>

#include "tests/unit/unit.h"

struct item {
    int64_t index;
    int value;
};

static struct item *at(struct llmobs_stream_parts *parts, int64_t index)
{
    void *item = NULL;

    ck_assert_int_eq(
        llmobs_stream_part_at(parts, sizeof(struct item), 8, index, &item), 0);
    return item;
}

TEST(items_stay_sorted)
{
    static const int64_t order[] = {5, 1, INT64_MAX, -3, 2, INT64_MIN, 7, 0};
    struct llmobs_stream_parts parts = {NULL, 0, 0};
    struct item *items;

    for (size_t i = 0; i < 8; i++) {
        ck_assert_int_eq(at(&parts, order[i])->value, 0);
        at(&parts, order[i])->value = (int)i + 1;
    }
    ck_assert_uint_eq(parts.count, 8);
    items = parts.items;
    for (size_t i = 1; i < parts.count; i++)
        ck_assert_int_lt(items[i - 1].index, items[i].index);
    for (size_t i = 0; i < 8; i++)
        ck_assert_int_eq(at(&parts, order[i])->value, (int)i + 1);
    llmobs_stream_parts_fini(&parts);
}

TEST(there_is_a_limit)
{
    struct llmobs_stream_parts parts = {NULL, 0, 0};
    void *item;

    for (int i = 0; i < 8; i++)
        at(&parts, i);
    ck_assert_int_eq(
        llmobs_stream_part_at(&parts, sizeof(struct item), 8, 8, &item),
        -ENOSPC);
    ck_assert_int_eq(at(&parts, 7)->value, 0);
    llmobs_stream_parts_fini(&parts);
    ck_assert_uint_eq(parts.count, 0);
}
