/* Patterns of paths, and pointers into a document. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/match.h"
#include "rules/read/places.h"
#include "rules/read/text.h"
#include "tests/unit/unit.h"

START_TEST(a_pointer_finds_as_the_rfc_says)
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
    };
    struct llmobs_json *json;
    char places[64];

    ck_assert_int_eq(
        llmobs_json_parse(llmobs_text_of("{\"foo\":[\"bar\",\"baz\"],\"\":0,"
                                         "\"a/b\":1,\"c%d\":2,\"m~n\":8}"),
                          &json),
        0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct llmobs_json *value;
        char *text;

        snprintf(places, sizeof(places), "o/x\ni%s\nm/y\n", rows[i].pointer);
        value = llmobs_place_of(places, LLMOBS_PLACE_INPUT, json);
        ck_assert_msg((value != NULL) == (rows[i].value != NULL), "%s",
                      rows[i].pointer);
        text = value ? llmobs_json_dumps(value, 0) : NULL;
        ck_assert_str_eq(text ? text : "", value ? rows[i].value : "");
        free(text);
    }
    ck_assert_ptr_eq(llmobs_place_of("i\n", LLMOBS_PLACE_INPUT, json), json);
    ck_assert_ptr_null(llmobs_place_of("o/x\n", LLMOBS_PLACE_INPUT, json));
    ck_assert_ptr_null(llmobs_place_of(NULL, LLMOBS_PLACE_INPUT, json));
    llmobs_json_free(json);
}
END_TEST

START_TEST(paths_match_by_their_end)
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
END_TEST

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

START_TEST(rests_of_paths_are_taken)
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
END_TEST

START_TEST(stars_stand_for_bytes_of_a_segment)
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
END_TEST

UNIT_SUITE(rule_paths)
{
    Suite *s = suite_create("rule_paths");

    UNIT_TEST(s, a_pointer_finds_as_the_rfc_says);
    UNIT_TEST(s, paths_match_by_their_end);
    UNIT_TEST(s, rests_of_paths_are_taken);
    UNIT_TEST(s, stars_stand_for_bytes_of_a_segment);
    return s;
}
