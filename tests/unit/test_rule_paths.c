/* Patterns of paths, and pointers into a document. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text/json_series.h"
#include "rules/read/layout.h"
#include "rules/read/match.h"
#include "rules/read/text.h"
#include "tests/unit/unit.h"

/* Memory of its own, as it is big. */
static const struct llmobs_json *find(const char *places,
                                      const struct llmobs_json *json)
{
    struct llmobs_layout_values *values = calloc(1, sizeof(*values));
    const struct llmobs_json *value, *other;

    llmobs_layout_read(values, places);
    llmobs_layout_go(values, json, NULL);
    value = llmobs_layout_at(values, LLMOBS_AT_INPUT);
    other = llmobs_layout_of(values, LLMOBS_AT_INPUT, json);
    free(values);
    ck_assert_ptr_eq(value, other);
    return value;
}

TEST(a_pointer_finds_as_the_rfc_says)
{
    static const struct {
        const char *pointer, *value; /* RFC 6901, 5 */
    } rows[] = {
        {"/foo", "[\"bar\", \"baz\"]"},
        {"/foo/0", "\"bar\""},
        {"/", "0"},
        {"/a~1b", "1"},
        {"/c%d", "2"},
        {"/m~0n", "8"},
        {"/foo/2", NULL},
        {"/foo/-", NULL},
        {"/foo/00", NULL},
        {"/foo/0/x", NULL},
        {"/foo/", NULL},
        {"/no", NULL},
        {"/foo/99999999999", NULL},
        {"/no|/foo/0", "\"bar\""},
        {"/foo/1|/foo/0", "\"baz\""},
        {"/no|/nor", NULL},
        {"/a|b", "9"},
    };
    struct llmobs_json *json;
    char places[64];

    ck_assert_int_eq(
        llmobs_json_parse(
            llmobs_text_of("{\"foo\":[\"bar\",\"baz\"],\"\":0,"
                           "\"a/b\":1,\"c%d\":2,\"m~n\":8,\"a|b\":9}"),
            &json),
        0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct llmobs_json *value;
        char *text;

        snprintf(places, sizeof(places), "o/x\ni%s\nm/y\n", rows[i].pointer);
        value = find(places, json);
        ck_assert_msg((value != NULL) == (rows[i].value != NULL), "%s",
                      rows[i].pointer);
        text = value ? llmobs_json_dumps(value, 0) : NULL;
        ck_assert_str_eq(text ? text : "", value ? rows[i].value : "");
        free(text);
    }
    ck_assert_ptr_eq(find("i\n", json), json);
    ck_assert_ptr_null(find("o/x\n", json));
    ck_assert_ptr_null(find(NULL, json));
    llmobs_json_free(json);
}

static const struct llmobs_json *next(struct llmobs_json_series *series,
                                      struct llmobs_layout_values *values,
                                      const char *text, bool alike)
{
    struct llmobs_json *json = NULL;

    llmobs_json_series_parse(series, llmobs_text_of(text), &json);
    ck_assert_int_eq(series->alike != NULL, alike);
    llmobs_layout_go(values, json, series->alike);
    return llmobs_layout_at(values, LLMOBS_AT_TEXT);
}

/* Documents that are alike have a place where the one before had it. */
TEST(a_place_is_found_again)
{
    struct llmobs_layout_values *values = unit_own(calloc(1, sizeof(*values)));
    UNIT_ENDS(llmobs_json_series) series = {.turns = false};
    static const struct {
        const char *text, *found;
        bool alike;
    } rows[] = {
        {"{\"type\":\"text\",\"m\":{\"t\":\"a\"}}", "a", false},
        {"{\"type\":\"text\",\"m\":{\"t\":\"bc\"}}", "bc", true},
        {"{\"type\":\"text\",\"m\":{\"t\":\"\\n\"}}", "\n", true},
        {"{\"type\":\"none\",\"m\":{\"u\":\"d\"}}", NULL, false},
        {"{\"type\":\"text\",\"m\":{\"t\":\"e\"}}", "e", true},
        {"{\"type\":\"none\",\"m\":{\"u\":\"f\"}}", NULL, true},
        {"{\"type\":\"text\",\"x\":\"g\"}", "g", false},
        {"{\"type\":\"text\",\"m\":{\"t\":\"h\"}}", "h", false},
    };

    llmobs_layout_read(values, "r/role\nx/m/t|/x\nELAST\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_pstr_eq(llmobs_json_text(next(&series, values, rows[i].text,
                                                rows[i].alike)),
                          rows[i].found);
    ck_assert_str_eq(llmobs_layout_key(values, LLMOBS_AT_LAST, 0), "LAST");
    ck_assert_str_eq(llmobs_layout_key(values, LLMOBS_AT_TEXT, 1), "x");
    ck_assert_ptr_null(llmobs_layout_key(values, LLMOBS_AT_TEXT, 2));
}

/* A tree that no layout saw may lie where one was that it saw. */
TEST(a_place_of_a_tree_that_is_gone_is_not_found)
{
    struct llmobs_layout_values *values = unit_own(calloc(1, sizeof(*values)));
    UNIT_ENDS(llmobs_json_series) series = {.turns = false};
    struct llmobs_json *json;

    llmobs_layout_read(values, "x/t|/x\n");
    (void)next(&series, values, "{\"type\":\"seen\",\"t\":\"a\"}", false);
    (void)next(&series, values, "{\"kind\":\"seen\",\"t\":\"b\"}", false);
    for (char i = '0'; i < '9'; i++) {
        char text[] = "{\"x\":\"c\",\"type_0\":\"new\"}";

        text[15] = i;
        llmobs_json_series_parse(&series, llmobs_text_of(text), &json);
        ck_assert_ptr_null(series.alike);
        if (i % 2)
            ck_assert_pstr_eq(
                llmobs_json_text(next(&series, values, text, true)), "c");
    }
}

/* Lines beyond the limits are left out, whatever they are. */
TEST(a_layout_may_be_too_long)
{
    struct llmobs_layout_values *values = unit_own(calloc(1, sizeof(*values)));
    char lines[2 * LLMOBS_LAYOUT_MAX];

    for (size_t i = 0; i < sizeof(lines); i++)
        lines[i] = i == 0 ? 'x' : "|/"[i % 2];
    lines[sizeof(lines) - 1] = '\0';
    llmobs_layout_read(values, lines);
    ck_assert_uint_eq(values->count, 0);
    lines[LLMOBS_LAYOUT_MAX] = '\0';
    llmobs_layout_read(values, lines);
    ck_assert_uint_eq(values->count, LLMOBS_LAYOUT_PLACES);
    for (size_t i = 0; i < LLMOBS_LAYOUT_MAX; i++)
        lines[i] = i == 0 ? 'x' : '/';
    memset(values, 0, sizeof(*values));
    llmobs_layout_read(values, lines);
    ck_assert_uint_eq(values->step_count, LLMOBS_LAYOUT_STEPS);
    for (size_t i = 0; i < LLMOBS_LAYOUT_MAX; i++)
        lines[i] = "E\n"[i % 2];
    memset(values, 0, sizeof(*values));
    llmobs_layout_read(values, lines);
    ck_assert_str_eq(llmobs_layout_key(values, LLMOBS_AT_LAST, 0), "");
}

TEST(paths_match_by_their_end)
{
    static const struct llmobs_shape shape = {.path = "/model/*/invoke",
                                              .not_path = "/x/model/*/invoke"};

    ck_assert_uint_eq(
        llmobs_match_path(&shape, llmobs_text_of("/a/model/m%2F1/invoke")),
        strlen("/model/m%2F1/invoke"));
    ck_assert_uint_eq(
        llmobs_match_path(&shape, llmobs_text_of("/a/model/m/invoke//")),
        strlen("/model/m/invoke//"));
    ck_assert_uint_eq(
        llmobs_match_path(&shape, llmobs_text_of("/model//invoke")), 0);
    ck_assert_uint_eq(
        llmobs_match_path(&shape, llmobs_text_of("/model/a/b/invoke")), 0);
    ck_assert_uint_eq(
        llmobs_match_path(&shape, llmobs_text_of("/x/model/m/invoke")), 0);
    ck_assert_uint_eq(llmobs_match_path(&shape, llmobs_text_of("/invoke")), 0);
    ck_assert_uint_eq(llmobs_match_path(&shape, llmobs_text_of("")), 0);
}

static const struct {
    const char *path;
    const char *rest; /* NULL: it does not match */
} model_paths[] = {
    {"/model/m/invoke", "m"},
    {"/a/model/m%2F1/invoke/", "m%2F1"},
    {"/model/arn:aws:bedrock:x:1:inference-profile/m.1/invoke",
     "arn:aws:bedrock:x:1:inference-profile/m.1"},
    {"/model/a/model/b/invoke", "a/model/b"},
    {"/model/a/invoke/invoke", "a/invoke"},
    {"/model//invoke", NULL},
    {"/model/invoke", NULL},
    {"/models/m/invoke", NULL},
    {"/model/m/invoke-not", NULL},
    {"/model/M/converse", NULL},
    {"/invoke", NULL},
    {"", NULL},
};

TEST(rests_of_paths_are_taken)
{
    static const struct llmobs_shape shape = {.path = "/model/**/invoke"};
    static const struct llmobs_shape holds = {.path = "/model/**/invoke",
                                              .holds = "embed"};

    for (size_t i = 0; i < sizeof(model_paths) / sizeof(model_paths[0]); i++) {
        struct llmobs_text path = llmobs_text_of(model_paths[i].path);
        const char *rest = model_paths[i].rest;

        ck_assert_msg((llmobs_match_path(&shape, path) > 0) == (rest != NULL),
                      "%s", path.data);
        ck_assert(
            llmobs_text_is(llmobs_match_rest(&shape, path), rest ? rest : ""));
        ck_assert_uint_eq(llmobs_match_path(&holds, path), 0);
    }
    ck_assert_uint_eq(
        llmobs_match_path(&holds, llmobs_text_of("/x/model/a.Embed/invoke//")),
        strlen("/model/a.Embed/invoke//"));
    ck_assert_uint_eq(
        llmobs_match_path(&holds, llmobs_text_of("/embed/model/a/invoke")), 0);
}

TEST(stars_stand_for_bytes_of_a_segment)
{
    static const struct llmobs_shape shape = {.path = "/models/*embed*:go"};
    static const char *const paths[] = {"/v1/models/embed:go",
                                        "/models/text-embedding@1:go",
                                        "/models/embed:go:go/"};
    static const char *const others[] = {"/models/embed:going",
                                         "/models/text:go",
                                         "/models/embed/x:go",
                                         "/models/:go",
                                         "/models/embed:",
                                         "/xmodels/embed:go",
                                         "models/embed:go",
                                         "/embed:go",
                                         "/",
                                         ""};

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        ck_assert_uint_gt(llmobs_match_path(&shape, llmobs_text_of(paths[i])),
                          0);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        ck_assert_uint_eq(llmobs_match_path(&shape, llmobs_text_of(others[i])),
                          0);
}
