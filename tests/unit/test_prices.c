/* Tests the look-up of prices. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query/prices.h"
#include "tests/unit/unit.h"

static struct llmobs_prices *prices;

/* Adds a table, which has ' for ", so that C can read it. */
static int add(const char *table, const char *date)
{
    size_t len = strlen(table);
    char *json = strdup(table);
    int rc;

    ck_assert_ptr_nonnull(json);
    for (char *at = json; *at != '\0'; at++)
        if (*at == '\'')
            *at = '"';
    rc = llmobs_prices_add(prices, (struct llmobs_text){json, len}, date);
    free(json);
    return rc;
}

static void begin(const char *json)
{
    prices = llmobs_prices_new();
    ck_assert_ptr_nonnull(prices);
    ck_assert_int_eq(add(json, "2026-01-01"), 0);
}

static void end(void)
{
    llmobs_prices_free(prices);
    prices = NULL;
}

/* The cost of one token of input. */
static double one(const char *provider, const char *model)
{
    const struct llmobs_price_tokens tokens = {1, 0, -1, -1, -1, -1, -1, 0};

    return llmobs_prices_cost(prices, provider, model, false, &tokens);
}

#define COSTS(rest) "{'input_cost_per_token': " rest "}"

static const char names[] =
    "{'llmobs_prices': {'date': '2026-09-23'},"
    "'gpt-4o': {'litellm_provider': 'openai', 'input_cost_per_token': 0.5},"
    "'GPT-4o-2024-05-13': {'litellm_provider': 'openai',"
    " 'input_cost_per_token': 0.75},"
    "'azure/gpt-4o': {'litellm_provider': 'azure',"
    " 'input_cost_per_token': 0.25},"
    "'groq/llama-3.3-70b': {'input_cost_per_token': 0.125},"
    "'gemini-2.5-pro': {'litellm_provider': 'vertex_ai-language-models',"
    " 'input_cost_per_token': 0.375},"
    "'gemini/*-tts': {'input_cost_per_token': 1},"
    "'gemini/gemini-2.5-pro-*': {'input_cost_per_token': 0.0625},"
    "'anthropic.claude-x-20250514-v1:0': {"
    " 'litellm_provider': 'bedrock_converse', 'input_cost_per_token': 0.25},"
    "'eu.anthropic.claude-x-20250514-v1:0': {"
    " 'litellm_provider': 'bedrock', 'input_cost_per_token': 0.875},"
    "'mine': {'input_cost_per_token': 0.5},"
    "'free': {'input_cost_per_token': 0}}";

TEST(a_model_has_many_names)
{
    static const struct {
        const char *provider, *model;
        double cost;
    } cases[] = {
        {"openai", "gpt-4o", 0.5},
        {"openai", "GPT-4o", 0.5},
        {"openai", "gpt-4o-2024-08-06", 0.5},
        {"openai", "gpt-4o-20240806", 0.5},
        {"openai", "gpt-4o@20240806", 0.5},
        {"openai", "gpt-4o-2024-05-13", 0.75}, /* a name of its own */
        {"openai", "gpt-4o-2024-8-6", -1},
        {"openai", "gpt-4o-mini", -1},
        {"azure_openai", "gpt-4o", 0.25},
        {"azure_openai", "my-deployment", -1},
        {"groq", "gpt-4o", -1}, /* another host's model of that name */
        {"ollama", "gpt-4o", -1},
        {"groq", "llama-3.3-70b", 0.125},
        {"custom", "gpt-4o", 0.5}, /* a gateway */
        {"custom", "openai/gpt-4o", 0.5},
        {"custom", "groq/llama-3.3-70b", 0.125},
        {"custom", "openai/llama-3.3-70b", -1},
        {NULL, "gpt-4o", 0.5},
        {"google", "gemini-2.5-pro", 0.375},
        {"google", "gemini-2.5-pro-001", 0.0625},
        {"google", "gemini-2.5-pro-tts", 1},
        {"amazon_bedrock", "anthropic.claude-x-20250514-v1:0", 0.25},
        {"amazon_bedrock", "us.anthropic.claude-x-20250514-v1:0", 0.25},
        {"amazon_bedrock", "eu.anthropic.claude-x-20250514-v1:0", 0.875},
        {"amazon_bedrock",
         "arn:aws:bedrock:us-east-1:1:inference-profile/"
         "us.anthropic.claude-x-20250514-v1:0",
         0.25},
        {"anthropic", "mine", 0.5}, /* nobody's in the table */
        {"anthropic", "", -1},
        {"anthropic", NULL, -1},
        {"anthropic", "llmobs_prices", -1},
        {"anthropic", "free", 0},
        {"anthropic", "/", -1},
        {"custom", "//", -1},
        {"custom", "openai/", -1},
    };

    begin(names);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int again = 0; again < 2; again++)
            ck_assert_msg(one(cases[i].provider, cases[i].model) ==
                              cases[i].cost,
                          "%s %s", cases[i].provider, cases[i].model);
    end();
}

TEST(the_first_table_counts)
{
    begin("{'gpt-4o*': " COSTS("0.5") ", 'dear': {}}");
    ck_assert_int_eq(
        add("{'llmobs_prices': {'date': '2025-02-03'},"
            "'gpt-4o': " COSTS(
                "0.25") ","
                        "'dear': " COSTS("0.25") ","
                                                 "'other': " COSTS("0.25") "}",
            "2026-03-01"),
        0);
    ck_assert_str_eq(llmobs_prices_date(prices), "2025-02-03");
    ck_assert(one("openai", "gpt-4o") == 0.5);
    ck_assert_str_eq(llmobs_prices_date(prices), "2026-01-01");
    ck_assert(one("openai", "dear") == -1);
    ck_assert(one("openai", "other") == 0.25);
    ck_assert_str_eq(llmobs_prices_date(prices), "2025-02-03");
    end();
}

/* Each is a model for which nothing has a price. */
TEST(a_price_that_is_none_makes_costs_unknown)
{
    static const char *const models[] = {
        "{}",
        "[]",
        "'1e-6'",
        "null",
        COSTS("null"),
        COSTS("'1e-6'"),
        COSTS("-1e-6"),
        COSTS("1e999"),
        COSTS("2.5"), /* that of a million tokens */
        COSTS("NaN"),
        COSTS("true"),
        COSTS("[1e-6]"),
        "{'output_cost_per_token': 1e-6}",
        "{'input_cost_per_token': 1e-6, 'output_cost_per_token': -1}",
        "{'input_cost_per_token': 1e-6,"
        " 'cache_read_input_token_cost': 'x'}",
        "{'input_cost_per_token_above_200k_tokens': 1e-6}",
        "{'input_cost_per_token': 1e-6,"
        " 'input_cost_per_token_above_1k_tokens': 1e-6,"
        " 'input_cost_per_token_above_2k_tokens': 1e-6,"
        " 'input_cost_per_token_above_3k_tokens': 1e-6,"
        " 'input_cost_per_token_above_4k_tokens': 1e-6,"
        " 'input_cost_per_token_above_5k_tokens': 1e-6}",
    };

    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        char json[1024] = "{'m': ";

        strcat(strcat(json, models[i]), "}");
        begin(json);
        ck_assert_msg(one("openai", "m") == -1, "%s", models[i]);
        end();
    }
}

TEST(other_members_are_ignored)
{
    begin("{'sample_spec': {'input_cost_per_token': 'a number'},"
          "'m': {'input_cost_per_token': 0.5, 'mode': 'chat',"
          "'input_cost_per_token_regional': 'x',"
          "'input_cost_per_token_above_200k_tokens_slow': -1,"
          "'input_cost_per_token_above__tokens': -1,"
          "'input_cost_per_token_above_9999999999999k_tokens': -1,"
          "'input_cost_per_token_above_-1k_tokens': -1,"
          "'cache_read_input_token_cost': null,"
          "'max_tokens': {'deep': [1, 2, 3]}}}");
    ck_assert(one("openai", "m") == 0.5);
    end();
}

TEST(a_name_is_read_as_json_has_it)
{
    begin("\xEF\xBB\xBF{'\\u006d\\/1': {'input_cost_per_token': 0.5},"
          "'n': [{'n': 1}], 'n*': {'input_cost_per_token': 0.25},"
          "'twice': {'input_cost_per_token': 0.5},"
          "'Twice': {'input_cost_per_token': 1},"
          "'b\xFF': {'input_cost_per_token': 0.125}}");
    ck_assert(one("openai", "m/1") == 0.5);
    ck_assert(one("openai", "n") == 0.25);
    ck_assert(one("openai", "twice") == 1);
    ck_assert(one("openai", "b\xEF\xBF\xBD") == 0.125);
    end();
}

TEST(a_file_that_is_no_table_is_refused)
{
    static const char *const texts[] = {"",
                                        "[]",
                                        "1",
                                        "null",
                                        "[{}]",
                                        "[{'m': " COSTS("0.5") "}]",
                                        "{'m'",
                                        "{",
                                        "{'a'}",
                                        "{'m': {}",
                                        "model,price\n"};
    size_t deep = 100000;
    char *text = malloc(deep + 1);

    prices = llmobs_prices_new();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        ck_assert_int_eq(add(texts[i], ""), -EINVAL);
    memset(text, '[', deep);
    text[deep] = '\0';
    ck_assert_int_eq(add(text, ""), -E2BIG);
    free(text);
    ck_assert_ptr_null(llmobs_prices_date(prices));
    ck_assert(one("openai", "m") == -1);
    for (int i = 0; i < 16; i++)
        ck_assert_int_eq(add("{}", "2026-01-01"), 0);
    ck_assert_int_eq(add("{}", "2026-01-01"), -E2BIG);
    end();
}

TEST(a_date_has_its_form)
{
    static const char *const dates[] = {"yesterday", "2026-09-23\\u202e",
                                        "2026-9-23", "", "<script>"};

    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        char json[128] = "{'llmobs_prices': {'date': '";

        begin(strcat(strcat(json, dates[i]), "'}}"));
        ck_assert_str_eq(llmobs_prices_date(prices), "2026-01-01");
        end();
    }
}

TEST(a_name_may_be_too_long)
{
    char name[2 * LLMOBS_PRICES_NAME];

    begin("{'*': " COSTS("0.5") "}");
    memset(name, 'a', sizeof name);
    name[LLMOBS_PRICES_NAME - 1] = '\0';
    ck_assert(one("openai", name) == 0.5);
    ck_assert(one(name, name) == 0.5);
    name[LLMOBS_PRICES_NAME - 1] = 'a';
    name[LLMOBS_PRICES_NAME] = '\0';
    ck_assert(one("openai", name) == -1);
    ck_assert(one(name, "m") == -1);
    end();
}

static double cost(const char *model, int64_t input, int64_t output,
                   int64_t read, int64_t write, int64_t hour, int64_t thought)
{
    const struct llmobs_price_tokens tokens = {
        input, output, read, write, hour, thought, -1, LLMOBS_PRICE_STANDARD};
    char table[1024] = "{'m': ";
    double found;

    begin(strcat(strcat(table, model), "}"));
    found = llmobs_prices_cost(prices, "openai", "m", false, &tokens);
    end();
    return found;
}

/* Powers of two, so that sums are exact. */
#define FULL                                          \
    "{'input_cost_per_token': 0.25,"                  \
    "'cache_read_input_token_cost': 0.0625,"          \
    "'cache_creation_input_token_cost': 0.5,"         \
    "'cache_creation_input_token_cost_above_1hr': 1," \
    "'output_cost_per_token': 0.125,"                 \
    "'output_cost_per_reasoning_token': 0.75}"

TEST(each_kind_of_token_has_its_price)
{
    ck_assert(cost(FULL, 100, 10, -1, -1, -1, -1) == 26.25);
    ck_assert(cost(FULL, 100, 10, 40, -1, -1, -1) == 15 + 2.5 + 1.25);
    ck_assert(cost(FULL, 100, 10, 40, 20, -1, -1) == 10 + 2.5 + 10 + 1.25);
    ck_assert(cost(FULL, 100, 10, 40, 20, 4, -1) == 10 + 2.5 + 8 + 4 + 1.25);
    ck_assert(cost(FULL, 100, 10, -1, -1, -1, 8) == 25 + 0.25 + 6);
    ck_assert(cost(COSTS("0.25"), 100, 0, 40, 20, 4, 0) == 25);
    /* More of them than there are. */
    ck_assert(cost(FULL, 100, 10, 400, 20, 4, 40) == 6.25 + 7.5);
    ck_assert(cost(FULL, 0, 0, 0, 0, 0, 0) == 0);
    ck_assert(cost(FULL, INT64_MAX, 0, INT64_MAX, INT64_MAX, INT64_MAX,
                   INT64_MAX) == (double)INT64_MAX * 0.0625);
    ck_assert(cost(FULL, 0, INT64_MAX, 0, 0, 0, INT64_MAX) ==
              (double)INT64_MAX * 0.75);
}

TEST(a_cost_needs_its_counts)
{
    ck_assert(cost(FULL, -1, 10, -1, -1, -1, -1) == -1);
    ck_assert(cost(FULL, 100, -1, -1, -1, -1, -1) == -1);
    /* An embedding has no output. */
    ck_assert(cost(COSTS("0.25"), 100, -1, -1, -1, -1, -1) == 25);
    ck_assert(cost("{'input_cost_per_token': 0.25,"
                   "'output_cost_per_token': 0}",
                   100, -1, -1, -1, -1, -1) == 25);
    ck_assert(cost(COSTS("0.25"), 100, 5, -1, -1, -1, -1) == -1);
}

TEST(a_long_call_has_other_prices)
{
    static const char model[] =
        "{'input_cost_per_token_above_512k_tokens': 1,"
        "'input_cost_per_token_above_200k_tokens': 0.5,"
        "'input_cost_per_token': 0.25,"
        "'output_cost_per_token': 0.125,"
        "'output_cost_per_token_above_199999_tokens': 0.25,"
        "'cache_read_input_token_cost': 0.0625,"
        "'cache_read_input_token_cost_above_200k_tokens': 0.125}";

    ck_assert(cost(model, 199999, 8, -1, -1, -1, -1) == 199999 * 0.25 + 1);
    ck_assert(cost(model, 200000, 8, -1, -1, -1, -1) == 50000 + 2);
    ck_assert(cost(model, 200001, 8, -1, -1, -1, -1) == 100000.5 + 2);
    ck_assert(cost(model, 300000, 8, 100000, -1, -1, -1) == 100000 + 12500 + 2);
    ck_assert(cost(model, 600000, 8, 100000, -1, -1, -1) == 500000 + 12500 + 2);
}

static double served(const char *model, const char *tier, int64_t searches,
                     bool local)
{
    const struct llmobs_price_tokens tokens = {.input = 100,
                                               .output = 10,
                                               .cache_read = 40,
                                               .searches = searches,
                                               .service =
                                                   llmobs_price_service(tier)};

    return llmobs_prices_cost(prices, local ? "unknown" : "openai", model,
                              local, &tokens);
}

/* 60 of 100 tokens are plain. */
TEST(a_tier_of_service_has_its_prices)
{
    begin("{'llmobs_prices': {'tiers': {'openai': {'flex': 0.5}}},"
          "'m': {'litellm_provider': 'openai', 'input_cost_per_token': 0.5,"
          "'cache_read_input_token_cost': 0.25, 'output_cost_per_token': 1,"
          "'input_cost_per_token_priority': 1,"
          "'cache_read_input_token_cost_priority': 0.5,"
          "'output_cost_per_token_priority': 0.125,"
          "'output_cost_per_token_above_50_tokens_batches': 0.25},"
          "'n': {'litellm_provider': 'azure', 'input_cost_per_token': 0.5}}");
    ck_assert(served("m", NULL, -1, false) == 30 + 10 + 10);
    ck_assert(served("m", "default", 0, false) == 30 + 10 + 10);
    ck_assert(served("m", "flex", -1, false) == 15 + 5 + 5);
    ck_assert(served("m", "priority", -1, false) == 60 + 20 + 1.25);
    ck_assert(served("m", "fast", -1, false) == 60 + 20 + 1.25);
    ck_assert(served("m", "batch", -1, false) == 30 + 10 + 2.5);
    end();
}

TEST(searches_are_paid_by_the_piece)
{
    begin("{'llmobs_prices': {'web_search': {'openai': 1}},"
          "'m': {'litellm_provider': 'openai', 'input_cost_per_token': 0.5,"
          "'output_cost_per_token': 1},"
          "'n': {'litellm_provider': 'openai', 'input_cost_per_token': 0.5,"
          "'output_cost_per_token': 1, 'search_context_cost_per_query':"
          "{'search_context_size_medium': 0.5}},"
          "'o': {'input_cost_per_token': 0.5, 'output_cost_per_token': 1}}");
    ck_assert(served("m", NULL, 3, false) == 60 + 3);
    ck_assert(served("n", "priority", 3, false) == 60 + 1.5);
    ck_assert(served("o", NULL, 3, false) == 60);
    end();
}

/* A server at home may call its model as it likes. */
TEST(a_public_table_says_nothing_of_a_local_host)
{
    begin("{'llmobs_prices': {'local': false}, 'm': " COSTS(
        "0.5") ","
               "'n': {'input_cost_per_token': 0.5, 'output_cost_per_token': "
               "0}}");
    ck_assert_int_eq(add("{'n': {'input_cost_per_token': 0.25,"
                         "'output_cost_per_token': 0}}",
                         ""),
                     0);
    ck_assert(served("n", NULL, -1, false) == 50);
    ck_assert(served("n", NULL, -1, true) == 25);
    ck_assert(served("n", NULL, -1, false) == 50);
    ck_assert(served("m", NULL, -1, true) == -1);
    end();
}
