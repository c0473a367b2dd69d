#include "rules/read/slots.h"

#include <errno.h>

#include "tests/unit/unit.h"

struct item {
    int64_t index;
    int value;
};

static struct item *at(struct llmobs_slots *slots, int64_t index)
{
    void *item = NULL;

    ck_assert_int_eq(
        llmobs_slots_at(slots, sizeof(struct item), 8, index, &item), 0);
    return item;
}

START_TEST(items_stay_sorted)
{
    static const int64_t order[] = {5, 1, INT64_MAX, -3, 2, INT64_MIN, 7, 0};
    struct llmobs_slots slots = {NULL, 0, 0};
    struct item *items;

    for (size_t i = 0; i < 8; i++) {
        ck_assert_int_eq(at(&slots, order[i])->value, 0);
        at(&slots, order[i])->value = (int)i + 1;
    }
    ck_assert_uint_eq(slots.count, 8);
    items = slots.items;
    for (size_t i = 1; i < slots.count; i++)
        ck_assert_int_lt(items[i - 1].index, items[i].index);
    for (size_t i = 0; i < 8; i++)
        ck_assert_int_eq(at(&slots, order[i])->value, (int)i + 1);
    llmobs_slots_fini(&slots);
}
END_TEST

START_TEST(there_is_a_limit)
{
    struct llmobs_slots slots = {NULL, 0, 0};
    void *item;

    for (int i = 0; i < 8; i++)
        at(&slots, i);
    ck_assert_int_eq(llmobs_slots_at(&slots, sizeof(struct item), 8, 8, &item),
                     -ENOSPC);
    ck_assert_int_eq(at(&slots, 7)->value, 0);
    llmobs_slots_fini(&slots);
    ck_assert_uint_eq(slots.count, 0);
}
END_TEST

UNIT_SUITE(slots)
{
    Suite *s = suite_create("slots");

    UNIT_TEST(s, items_stay_sorted);
    UNIT_TEST(s, there_is_a_limit);
    return s;
}
