/* The spool's notes of a match, and the words in which each shape describes
 * itself. */
#include <stdio.h>

#include "rules/custom.h"
#include "rules/providers.h"
#include "rules/read/text.h"
#include "tests/unit/match_case.h"

#define SEARCH                                                            \
    "[{\"host\":\"search.test\",\"kind\":\"retrieval\",\"input\":\"/q\"," \
    "\"documents\":\"/hits\",\"name\":\"find\",\"multipart\":true}]"

/* Another process reads the call by the pointers of this one's rule. */
TEST(a_note_has_the_pointers)
{
    static const struct match_row rows[] = {
        {"POST", "http://search.test/x", JSON, NULL, 2, NULL},
        {"POST", "http://search.test/x", FORM, NULL, 2, NULL},
    };
    struct llmobs_rules *rules = match_make(NULL, SEARCH);

    ck_assert_str_eq(match_complaints, "");
    for (size_t i = 0; i < 2; i++) {
        struct llmobs_recalls *recalls = NULL;
        struct llmobs_match match, recalled;
        char note[512];

        ck_assert_msg(match_run(rules, &rows[i], &match), "%s", match.why);
        ck_assert_int_eq(match.form, i == 1);
        ck_assert_int_eq(match.kind, LLMOBS_KIND_RETRIEVAL);
        ck_assert_int_eq(llmobs_rules_note(&match, note, sizeof(note)), 0);
        ck_assert_int_eq(llmobs_rules_recall(&recalls, llmobs_text_of(NULL),
                                             llmobs_text_of(note), &recalled),
                         0);
        ck_assert_str_eq(recalled.rule->places, "i/q\nd/hits\n");
        ck_assert_str_eq(recalled.rule->name, "find");
        ck_assert_ptr_eq(recalled.rule->shape, match.rule->shape);
        llmobs_recalls_free(recalls);
    }
    llmobs_rules_free(rules);
}

#define AT "http://app.test/x"
#define GOOGLE AT "/v1/projects/p/locations/l/publishers/"

TEST(some_stand_without_their_body)
{
    static const struct {
        const char *url;
        bool stands;
    } rows[] = {
        {AT CHAT, true},
        {AT "/openai/deployments/d/chat/completions?api-version=1", true},
        {AT "/v1beta/models/gemini-2.5-pro:generateContent", true},
        {AT "/models/m:streamGenerateContent?alt=sse", true},
        {AT "/models/m:embedContent", true},
        {AT "/models/m:batchEmbedContents", true},
        {GOOGLE "anthropic/models/claude:streamRawPredict", true},
        {GOOGLE "mistralai/models/m:rawPredict", false},
        {AT "/model/anthropic.claude/converse", true},
        {AT "/model/arn:aws:x:y/z/converse-stream", true},
        {AT "/model/m/invoke", true},
        {AT "/model/titan-embed/invoke", true},
        {AT "/model/m/invoke-with-response-stream", true},
        {AT "/v1/messages", false},
        {AT "/v1/responses", false},
        {AT "/v1/embeddings", false},
        {AT "/v1/completions", false},
        {AT "/api/chat", false},
        {AT "/api/generate", false},
        {AT "/api/embed", false},
        {"http://localhost:11434/api/chat", true},
        {"http://localhost:11434/v1/responses", true},
        {"https://api.anthropic.com/v1/messages", true},
        {"https://api.openai.com/v1/responses", true},
        {"http://proxy.test/v1/messages", true},
        {"http://mine.test/v1/messages", true},
    };
    struct llmobs_rules *rules =
        match_make("http://proxy.test", "[{\"host\":\"mine.test\",\"dialect\":"
                                        "\"anthropic\"}]");

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct match_row row = {"POST", rows[i].url, PENDING,
                                      NULL,   0,           NULL};
        struct llmobs_recalls *recalls = NULL;
        struct llmobs_match match;
        char note[512];

        ck_assert_msg(match_run(rules, &row, &match), "%s", row.url);
        ck_assert_msg(llmobs_rules_stands(&match) == rows[i].stands, "%s",
                      row.url);
        ck_assert_int_eq(llmobs_rules_note(&match, note, sizeof(note)), 0);
        ck_assert_int_eq(llmobs_rules_recall(&recalls, llmobs_text_of(NULL),
                                             llmobs_text_of(note), &match),
                         0);
        ck_assert_int_eq(llmobs_rules_stands(&match), rows[i].stands);
        llmobs_recalls_free(recalls);
    }
    llmobs_rules_free(rules);
}

/* Calls `check` for each shape of these dialects. */
static void each_shape(const struct llmobs_dialect *const *dialects,
                       void (*check)(const struct llmobs_dialect *dialect,
                                     const struct llmobs_shape *shape))
{
    for (size_t i = 0; dialects[i]; i++)
        LLMOBS_SHAPES_EACH (s, dialects[i])
            check(dialects[i], s);
}

static void check_first_look(const struct llmobs_dialect *dialect,
                             const struct llmobs_shape *shape)
{
    char url[512];

    if (!shape->bodyless || shape->signs)
        return;
    snprintf(url, sizeof(url), "https://host.test/v1%s?%s=x", shape->path,
             shape->queries);
    ck_assert_msg(llmobs_rules_fetches(url), "%s: rules/bodyless.c lacks %s",
                  dialect->name, shape->path);
}

TEST(a_request_without_a_body_has_one_look)
{
    static const char *const others[] = {
        "",
        "/",
        "responses/x",
        "http://h",
        "http://h/responses",
        "https://api.openai.com/v1/models",
        "http://h/r/e/s",
        "//r/",
        "http://h/v1/stream?id=1",
        "http://h/v1/streams/lookup?conv_id=1",
    };

    each_shape(llmobs_dialects, check_first_look);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        ck_assert_msg(!llmobs_rules_fetches(others[i]), "%s", others[i]);
    ck_assert(llmobs_rules_fetches("h/responses/x"));
}

/* The rule is one of llmobs_rules_note's own making. */
static void check_note(const struct llmobs_dialect *dialect,
                       const struct llmobs_shape *shape)
{
    const struct llmobs_rule rule = {.dialect = dialect, .shape = shape};
    struct llmobs_match match = {.rule = &rule, .kind = shape->kind};
    struct llmobs_recalls *recalls = NULL;
    char note[512];

    ck_assert_int_eq(llmobs_rules_note(&match, note, sizeof(note)), 0);
    ck_assert_int_eq(llmobs_rules_recall(&recalls, llmobs_text_of(NULL),
                                         llmobs_text_of(note), &match),
                     0);
    ck_assert_msg(match.rule->shape == shape, "%s: %s %s", dialect->name,
                  shape->method, shape->path);
    llmobs_recalls_free(recalls);
}

TEST(a_note_tells_each_shape)
{
    each_shape(llmobs_dialects, check_note);
    each_shape(llmobs_observed, check_note);
}
