/* Tests estimated costs. */
#include <string.h>

#include "cli/query/cost.h"
#include "tests/unit/unit.h"

static const char *text_of(double cost)
{
    static char room[LLMOBS_COST_TEXT];

    return llmobs_cost_text(cost, room);
}

TEST(a_cost_has_two_digits_at_least)
{
    static const struct {
        double cost;
        const char *text;
    } cases[] = {
        {0, "$0"},
        {1e-9, "<$0.000001"},
        {1.24e-6, "$0.0000012"},
        {0.000123, "$0.00012"},
        {0.0123, "$0.012"},
        {0.123, "$0.12"},
        {0.5, "$0.50"},
        {0.999, "$1.00"},
        {1, "$1.00"},
        {12.345, "$12.35"},
        {999.5, "$999.50"},
        {1204.5, "$1,204.50"},
        {1234567.891, "$1,234,567.89"},
        {LLMOBS_COST_MAX, "$1,000,000,000,000.00"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_str_eq(text_of(cases[i].cost), cases[i].text);
}

TEST(an_unknown_cost_has_no_text)
{
    ck_assert_ptr_null(text_of(-1));
    ck_assert_ptr_null(text_of(2 * LLMOBS_COST_MAX));
    ck_assert_ptr_null(text_of(__builtin_inf()));
    ck_assert_ptr_null(text_of(__builtin_nan("")));
}

TEST(a_sum_says_of_how_many_calls)
{
    struct llmobs_row priced = {.kind = "llm", .cost = 0.25};
    struct llmobs_row unknown = {.kind = "embedding", .cost = -1};
    struct llmobs_row other = {.kind = "workflow", .cost = 7};
    struct llmobs_cost_sum sum = {0};
    char note[LLMOBS_COST_NOTE];

    llmobs_cost_add(&sum, &unknown);
    ck_assert(!sum.any);
    ck_assert_str_eq(llmobs_cost_note(&sum, note), "of 0 of 1 calls");
    llmobs_cost_add(&sum, &priced);
    llmobs_cost_add(&sum, &priced);
    llmobs_cost_add(&sum, &other);
    ck_assert(sum.known_cost == 0.5);
    ck_assert_str_eq(llmobs_cost_note(&sum, note), "of 2 of 3 calls");
    priced.cost = LLMOBS_COST_MAX;
    llmobs_cost_add(&sum, &priced);
    ck_assert(sum.known_cost == LLMOBS_COST_MAX);
    sum.calls = 3;
    ck_assert_str_eq(llmobs_cost_note(&sum, note), "");
}

static double estimate(struct llmobs_row row)
{
    static const char table[] = "{\"m\": {\"input_cost_per_token\": 0.5,"
                                " \"output_cost_per_token\": 0.25},"
                                " \"wise\": {\"input_cost_per_token\": 1,"
                                " \"output_cost_per_token\": 1,"
                                " \"cache_read_input_token_cost\": 0.5}}";
    struct llmobs_prices *prices = llmobs_prices_new();

    ck_assert_int_eq(llmobs_prices_add(prices, llmobs_text_of(table), ""), 0);
    row.filled = true;
    row.kind = "llm";
    row.cost = -1;
    llmobs_cost_estimate(&row, prices);
    llmobs_prices_free(prices);
    return row.cost;
}

TEST(each_model_of_a_call_has_its_price)
{
    struct llmobs_row row = {.price_model = "m",
                             .input_tokens = 10,
                             .output_tokens = 4,
                             .cache_read_tokens = -1,
                             .cache_write_tokens = -1};

    ck_assert(estimate(row) == 6);
    row.others = "{\"wise\": {\"input_tokens\": 20, \"output_tokens\": 2,"
                 " \"cache_read_input_tokens\": 8}}";
    ck_assert(estimate(row) == 6 + 12 + 4 + 2);
    row.others = "{\"wise\": {\"input_tokens\": 1, \"output_tokens\": 1},"
                 " \"other\": {\"input_tokens\": 1, \"output_tokens\": 1}}";
    ck_assert(estimate(row) == -1);
}
