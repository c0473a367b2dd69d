/* The rules and proxies that the user names, and the bad ones among them. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/match_case.h"

TEST(bad_proxy_entries_are_told_and_skipped)
{
    static const struct match_row row = {"POST", "http://b/x", JSON,
                                         NULL,   11,           NULL};
    struct llmobs_rules *rules =
        match_make(" , ftp://u:secret@a,http://a b , http://b ,,", NULL);

    match_check(rules, &row, 1);
    ck_assert_int_eq(match_complaint_count, 2);
    ck_assert_ptr_null(strstr(match_complaints, "secret"));
    ck_assert_ptr_nonnull(strstr(match_complaints, "entry 2"));
    llmobs_rules_free(rules);
}

static const char custom[] =
    "[{\"host\":\"*.Corp.test\",\"path\":\"/llm/*/ask\",\"dialect\":"
    "\"openai_chat\",\"provider\":\"corp\",\"name\":\"corp.ask\"},"
    "{\"path\":\"/raw\",\"method\":\"PUT\",\"dialect\":\"http\"},"
    "{\"path\":\"/raw\",\"method\":\"GET\",\"dialect\":\"http\"},"
    "{\"host\":\"api.groq.com\",\"dialect\":\"openai_chat\",\"operation\":"
    "\"chat\"}]";

TEST(rules_of_the_user_come_before_ours)
{
    static const struct match_row rows[] = {
        {"POST", "http://a.corp.test/llm/v2/ask?x", TEXT, NULL, 2, "corp"},
        {"PUT", "http://any.test/raw", FORM, NULL, 2, NULL},
        {"POST", "https://api.groq.com/anything", JSON, NULL, 2, "groq"},
        {"GET", "http://any.test/raw", NONE, NULL, 2, NULL},
    };
    static const struct match_row misses[] = {
        {"GET", "http://a.corp.test/llm/v2/ask", NONE, NULL, 0, NULL},
        {"POST", "http://a.corp.test/llm/ask", JSON, NULL, 0, NULL},
        {"POST", "http://a.corp.test/llm/v2/ask/x", JSON, NULL, 0, NULL},
        {"POST", "http://a.corp.test/llm/v2/ask", FORM, NULL, 0, NULL},
    };
    struct llmobs_rules *rules = match_make(NULL, custom);
    struct llmobs_match match;

    ck_assert_int_eq(match_complaint_count, 0);
    ck_assert(llmobs_rules_has_bodyless(rules));
    for (size_t i = 0; i < 4; i++) {
        ck_assert_msg(match_run(rules, &rows[i], &match), "%s", match.why);
        ck_assert_str_eq(match.why, "LLMOBS_RULES: a rule matched");
        ck_assert_int_eq(match.bodyless, i == 3);
        ck_assert_str_eq(match.provider ? match.provider : "",
                         rows[i].provider ? rows[i].provider : "");
        ck_assert(!match.confirm);
    }
    match_check(rules, misses, 4);
    llmobs_rules_free(rules);
}

/* The first rule that matches counts, also before one that says never. */
TEST(a_rule_may_say_never)
{
    static const char never[] =
        "[{\"host\":\"api.groq.com\",\"path\":\"/a\",\"dialect\":\"http\"},"
        "{\"host\":\"api.groq.com\",\"never\":true},"
        "{\"host\":\"proxy.test\",\"path\":\"/in/*\",\"never\":true},"
        "{\"path\":\"/v1/responses/*\",\"method\":\"GET\",\"never\":true},"
        "{\"host\":\"mcp.test\",\"never\":true}]";
    static const struct match_row misses[] = {
        {"POST", "https://api.groq.com/openai/v1/chat/completions", JSON, NULL,
         0, NULL},
        {"POST", "http://proxy.test/in/v1/chat/completions", JSON, NULL, 0,
         NULL},
        {"PUT", "http://proxy.test/in/x", TEXT, NULL, 0, NULL},
        {"GET", "https://api.openai.com/v1/responses/r", NONE, NULL, 0, NULL},
        {"POST", "http://mcp.test/mcp", JSON, NULL, 0, NULL},
    };
    static const struct match_row hits[] = {
        {"POST", "https://api.groq.com/a", TEXT, NULL, 2, "groq"},
        {"POST", "http://proxy.test/inner" CHAT, JSON, NULL, 1, NULL},
        {"POST", "https://api.openai.com/v1/responses", JSON, NULL, 2, NULL},
    };
    struct llmobs_rules *rules = match_make("http://proxy.test", never);
    struct llmobs_match match;

    ck_assert_str_eq(match_complaints, "");
    ck_assert(!llmobs_rules_has_bodyless(rules));
    for (size_t i = 0; i < sizeof(misses) / sizeof(misses[0]); i++) {
        ck_assert_msg(!match_run(rules, &misses[i], &match), "%s",
                      misses[i].url);
        ck_assert_str_eq(match.why, "LLMOBS_RULES: a rule says never");
        ck_assert(!match.inject && !match.near && !match.asks);
    }
    for (size_t i = 0; i < sizeof(hits) / sizeof(hits[0]); i++)
        ck_assert_msg(match_run(rules, &hits[i], &match), "%s", hits[i].url);
    llmobs_rules_free(rules);
}

TEST(a_bad_rules_file_is_ignored_whole)
{
    static const char *const bad[] = {
        "",
        "{",
        "{}",
        "[1]",
        "[{\"host\":\"a\"}]",
        "[{\"dialect\":\"openai_chat\"}]",
        "[{\"host\":\"a\",\"dialect\":\"nope\"}]",
        "[{\"host\":\"a\",\"dialect\":\"openai_chat\",\"operation\":\"x\"}]",
        "[{\"host\":1,\"dialect\":\"openai_chat\"}]",
        "[{\"host\":\"\",\"dialect\":\"openai_chat\"}]",
        ("[{\"host\":\"ok.test\",\"dialect\":\"openai_chat\"},"
         "{\"hots\":\"a\",\"dialect\":\"openai_chat\"}]"),
    };
    static const struct match_row row = {
        "POST", "http://ok.test/x", JSON, NULL, 0, NULL};
    struct llmobs_rules *rules_of_none;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct llmobs_rules *rules = match_make(NULL, bad[i]);

        ck_assert_msg(match_complaint_count == 1, "%zu: %s", i,
                      match_complaints);
        match_check(rules, &row, 1);
        llmobs_rules_free(rules);
    }
    rules_of_none = match_make(NULL, "[]");
    ck_assert(!llmobs_rules_has_bodyless(rules_of_none));
    llmobs_rules_free(rules_of_none);
    ck_assert_int_eq(match_complaint_count, 0);
}

#define LONG "/456789012345678901234567890123456789012345678901234567"

/* Which rule and what is wrong with it. */
TEST(a_bad_rule_is_named)
{
    static const char *const rows[][2] = {
        {"{", "LLMOBS_RULES: ignored, it is not JSON"},
        {"[{\"host\":\"a\"}]",
         "LLMOBS_RULES: ignored, rule 1: it names no dialect"},
        {"[{\"host\":\"a\",\"dialect\":\"http\"},7]",
         "LLMOBS_RULES: ignored, rule 2: it is not an object"},
        {"[{\"host\":\"a\",\"never\":false}]",
         "LLMOBS_RULES: ignored, rule 1: a switch is not true"},
        {"[{\"never\":true}]", "LLMOBS_RULES: ignored, rule 1: it has no host, "
                               "no path and no header"},
        {"[{\"host\":\"a\",\"never\":true,\"dialect\":\"http\"}]",
         "LLMOBS_RULES: ignored, rule 1: it says never, and how to read the "
         "call"},
        {"[{\"host\":\"a\",\"never\":true,\"header\":\"x\"}]",
         "LLMOBS_RULES: ignored, rule 1: it says never, and how to read the "
         "call"},
        {"[{\"header\":\": x\",\"kind\":\"tool\"}]",
         "LLMOBS_RULES: ignored, rule 1: its header has no name"},
        {"[{\"header\":\"\",\"kind\":\"tool\"}]",
         "LLMOBS_RULES: ignored, rule 1: a column is not a text or is empty"},
        {"[{\"host\":\"a\",\"never\":true,\"input\":\"/x\"}]",
         "LLMOBS_RULES: ignored, rule 1: it says never, and how to read the "
         "call"},
        {"[{\"host\":\"a\",\"kind\":\"agent\"}]",
         "LLMOBS_RULES: ignored, rule 1: it names an unknown kind"},
        {"[{\"host\":\"a\",\"kind\":\"tool\",\"dialect\":\"http\"}]",
         "LLMOBS_RULES: ignored, rule 1: it names a kind, and a dialect or an "
         "operation"},
        {"[{\"host\":\"a\",\"dialect\":\"http\",\"input\":\"/x\"}]",
         "LLMOBS_RULES: ignored, rule 1: it has a pointer, but no kind"},
        {"[{\"host\":\"a\",\"kind\":\"tool\",\"input\":\"x\"}]",
         "LLMOBS_RULES: ignored, rule 1: a pointer does not begin with '/'"},
        {"[{\"host\":\"a\",\"kind\":\"tool\",\"input\":\"/~2\"}]",
         "LLMOBS_RULES: ignored, rule 1: a pointer has a '~' that is neither "
         "~0 nor ~1"},
        {"[{\"host\":\"a\",\"kind\":\"tool\",\"input\":\"/\\t\"}]",
         "LLMOBS_RULES: ignored, rule 1: a pointer has a control character"},
        {"[{\"host\":\"a\",\"kind\":\"tool\",\"input\":1}]",
         "LLMOBS_RULES: ignored, rule 1: a pointer is not a text"},
        {"[{\"host\":\"a\",\"kind\":\"retrieval\",\"input\":\"/x\"}]",
         "LLMOBS_RULES: ignored, rule 1: it is a retrieval without documents"},
        {"[{\"host\":\"a\",\"kind\":\"retrieval\",\"output\":\"/x\"}]",
         "LLMOBS_RULES: ignored, rule 1: it has an output, but a retrieval has "
         "documents"},
        {"[{\"host\":\"a\",\"kind\":\"tool\",\"document_id\":\"/x\"}]",
         "LLMOBS_RULES: ignored, rule 1: it has documents, but is no "
         "retrieval"},
        {"[{\"host\":\"a\",\"kind\":\"tool\",\"text\":\"/x\"}]",
         "LLMOBS_RULES: ignored, rule 1: it has a column of an llm, but is "
         "none"},
        {"[{\"host\":\"a\",\"kind\":\"tool\",\"prompt\":\"/x\"}]",
         "LLMOBS_RULES: ignored, rule 1: it has a column of an llm, but is "
         "none"},
        {"[{\"host\":\"a\",\"kind\":\"retrieval\",\"documents\":\"/d\","
         "\"system\":\"/x\"}]",
         "LLMOBS_RULES: ignored, rule 1: it has a column of an llm, but is "
         "none"},
        {"[{\"host\":\"a\",\"kind\":\"llm\",\"finish_default\":\"\"}]",
         "LLMOBS_RULES: ignored, rule 1: a column is not a text or is empty"},
        {"[{\"host\":\"a\",\"kind\":\"llm\",\"end_value\":\"\"}]",
         "LLMOBS_RULES: ignored, rule 1: a column is not a text or is empty"},
        {"[{\"host\":\"a\",\"kind\":\"tool\",\"input\":\"" LONG LONG LONG LONG
             LONG LONG LONG LONG "\"}]",
         "LLMOBS_RULES: ignored, rule 1: its pointers, with its name and "
         "provider, are too long"},
        {"[{\"host\":\"a\",\"kind\":\"tool\",\"input\":\"/x\",\"name\":\"" LONG
             LONG LONG LONG LONG LONG LONG LONG LONG LONG LONG "\"}]",
         "LLMOBS_RULES: ignored, rule 1: its pointers, with its name and "
         "provider, are too long"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char wanted[200];

        snprintf(wanted, sizeof(wanted), "%s%s", rows[i][1],
                 strstr(rows[i][0], "never")
                     ? "; it may say never: LLMOBS_CONTENT is off"
                     : "");
        llmobs_rules_free(match_make(NULL, rows[i][0]));
        ck_assert_str_eq(match_complaints, wanted);
    }
}

TEST(patterns_of_hosts_are_in_any_case)
{
    struct llmobs_rules *rules =
        match_make(NULL, "[{\"host\":\"*.B\\u00fccher.EXAMPLE\","
                         "\"dialect\":\"http\"}]");
    struct match_row row = {"POST",
                            "http://a.b\xC3\xBC"
                            "cher.example/x",
                            TEXT,
                            NULL,
                            2,
                            NULL};
    struct llmobs_match match;

    ck_assert(match_run(rules, &row, &match));
    llmobs_rules_free(rules);
}
