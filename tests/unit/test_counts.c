/* Tests the pages of counters. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/ledger/counts.h"
#include "tests/unit/ledger_case.h"

TEST(every_changed_byte_is_noticed)
{
    struct llmobs_page page = ledger_page_of_mine(), read;
    char text[LLMOBS_PAGE_SIZE];
    size_t end_at;

    snprintf(page.last, sizeof(page.last), "12-34-ab");
    llmobs_page_write(&page, text);
    ck_assert_int_eq(llmobs_page_read(&read, text, sizeof(text)), 0);
    ck_assert_str_eq(read.last, "12-34-ab");
    ck_assert_uint_eq(read.boot, page.boot);
    ck_assert_uint_eq(llmobs_counts_get(&read.counts, "pending"), 1);
    end_at = (size_t)(strstr(text, "\n= ") - text) + 3 + 16;
    for (size_t i = 0; i < end_at; i++)
        for (int bit = 0; bit < 8; bit++) {
            text[i] = (char)(text[i] ^ (1 << bit));
            ck_assert_msg(llmobs_page_read(&read, text, sizeof(text)) < 0,
                          "byte %zu bit %d", i, bit);
            text[i] = (char)(text[i] ^ (1 << bit));
        }
    for (size_t len = 0; len < sizeof(text); len++)
        ck_assert_int_lt(llmobs_page_read(&read, text, len), 0);
}

TEST(a_page_holds_the_most_there_can_be)
{
    static const char *const bad[] = {"", "a b", "-", "Aa", "a{", "a:"};
    static struct llmobs_page page, read;
    char text[LLMOBS_PAGE_SIZE], name[LLMOBS_COUNTS_NAME_MAX + 1];

    page.boot = page.pidns = UINT64_MAX;
    memset(page.last, 'x', sizeof(page.last) - 1);
    for (int i = 0; i < LLMOBS_PAGE_COUNTS; i++) {
        snprintf(name, sizeof(name), "name_%018d", i);
        ck_assert_uint_eq(strlen(name), LLMOBS_COUNTS_NAME_MAX - 1);
        ck_assert_int_eq(
            llmobs_counts_add(&page.counts, name, UINT64_MAX - (uint64_t)i), 0);
    }
    for (int i = LLMOBS_PAGE_COUNTS; i < LLMOBS_COUNTS_MAX; i++) {
        snprintf(name, sizeof(name), "name_%018d", i);
        ck_assert_int_eq(llmobs_counts_add(&page.counts, name, 0), 0);
    }
    ck_assert_int_eq(llmobs_counts_add(&page.counts, "more", 1), -ENOSPC);
    ck_assert_int_eq(llmobs_counts_add(&read.counts, "more", 1), 0);
    ck_assert_int_eq(llmobs_counts_add(&read.counts, name, 7), 0);
    ck_assert_int_eq(llmobs_counts_merge(&page.counts, &read.counts), -ENOSPC);
    ck_assert_uint_eq(llmobs_counts_get(&page.counts, name), 7);
    page.counts.len = LLMOBS_PAGE_COUNTS; /* without what is 0 */
    memset(page.counts.list + LLMOBS_PAGE_COUNTS, 0,
           sizeof(page.counts.list) -
               LLMOBS_PAGE_COUNTS * sizeof(struct llmobs_count));
    llmobs_page_write(&page, text);
    ck_assert_int_eq(llmobs_page_read(&read, text, sizeof(text)), 0);
    ck_assert_int_eq(memcmp(&page, &read, sizeof(page)), 0);
    ck_assert_int_eq(llmobs_counts_merge(&read.counts, &page.counts), 0);
    ck_assert_uint_eq(read.counts.list[3].value, UINT64_MAX);
    read.counts.len = 0;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        ck_assert_int_eq(llmobs_counts_add(&read.counts, bad[i], 1), -ENOSPC);
    strcat(name, "x");
    ck_assert_int_eq(llmobs_counts_add(&read.counts, name, 1), -ENOSPC);
}

TEST(of_two_times_the_later_one_stays)
{
    struct llmobs_counts counts = {.len = 0}, more = {.len = 0};

    ck_assert_int_eq(llmobs_counts_add(&counts, "lost_at", 7), 0);
    ck_assert_int_eq(llmobs_counts_add(&more, "lost_at", 5), 0);
    ck_assert_int_eq(llmobs_counts_merge(&counts, &more), 0);
    ck_assert_uint_eq(llmobs_counts_get(&counts, "lost_at"), 7);
    ck_assert_int_eq(llmobs_counts_merge(&more, &counts), 0);
    ck_assert_uint_eq(llmobs_counts_get(&more, "lost_at"), 7);
}
