/* Documents that are much alike, each beside a tree of its own. */
#include "lib/text/json_series.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/json_case.h"

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

/* Parses from memory of exactly the text's size, which is gone afterwards. */
static struct llmobs_json *parse(struct llmobs_json_series *series,
                                 const char *text)
{
    struct llmobs_json *json, *own;
    size_t len = strlen(text);
    char *exact = malloc(len ? len : 1);
    int rc;

    memcpy(exact, text, len);
    rc = llmobs_json_series_parse(series, (struct llmobs_text){exact, len},
                                  &json);
    free(exact);
    ck_assert_msg(rc == json_case_parse(text, len, &own), "%s: %d", text, rc);
    ck_assert((json == NULL) == (own == NULL));
    if (json) {
        char *have = llmobs_json_dumps(json, LLMOBS_JSON_KEEP_ORDER);
        char *want = llmobs_json_dumps(own, LLMOBS_JSON_KEEP_ORDER);

        ck_assert_str_eq(have, want);
        free(have);
        free(want);
    }
    llmobs_json_free(own);
    return json;
}

#define HEAD "{\"id\":\"chat-1\",\"n\":7,\"c\":[{\"i\":0,\"d\":"
#define DOC(delta) HEAD "{\"content\":\"" delta "\"},\"f\":null}]}"

/* The first document, and one behind it, which has the same tree or another.
 */
static const struct {
    const char *first, *then;
    bool same;
} rows[] = {
    {DOC("a"), DOC("a"), true},
    {DOC("a"), DOC("b"), true},
    {DOC(""), DOC("more than before"), true},
    {DOC("more than before"), DOC(""), true},
    {DOC("a"), DOC("a\\\"b\\\\"), true},
    {DOC("a\\n"), DOC("a\\u00e9\\ud83d\\ude00"), true},
    {DOC("a"), DOC("\xC3\xA9 \xFF \x01 \x7F"), true},
    {DOC("a"), DOC("\\ud800 \\u0000"), true},
    {DOC("a"), DOC("\\b\\f\\n\\r\\t\\/ \xE4\xBD\xA0\xF0\x9F\x98\x80\x7F"),
     true},
    {DOC("a\\t"), DOC("\xF0\x9F\x98"), true},
    {DOC("a"), DOC("\xED\xA0\x80 \xC0\x80 \xF5\x80\x80\x80"), true},
    {DOC("a\\\\"), DOC("a\\\\\\\\"), true},
    {DOC("a"),
     "{\"id\":\"chat-20\",\"n\":-1.5e3,\"c\":[{\"i\":12345678901,"
     "\"d\":{\"content\":\"\"},\"f\":null}]}",
     true},
    {DOC("a"),
     "{\"id\":\"chat-1\",\"n\":99999999999999999999,\"c\":[{\"i\":"
     "1e999,\"d\":{\"content\":\"\"},\"f\":null}]}",
     true},
    {"{\"alike up to here\":1,\"b\":2}", "{\"alike up to here\":12,\"b\":2}",
     true},
    {"{\"alike up to here\":12,\"b\":2}", "{\"alike up to here\":1,\"b\":2}",
     true},
    {"{\"alike up to here\":12}", "{\"alike up to here\":\"1\"}", true},
    {"{\"alike up to here\":12}", "{\"alike up to here\":02}", false},
    {"{\"alike up to here\":12}", "{\"alike up to here\":1.}", false},
    {"{\"alike up to here\":12}", "{\"alike up to here\":-Infinity}", false},
    {"{\"alike up to here\":12}", "{\"alike up to here\":null}", false},
    {"{\"alike up to here\":12}", "{\"alike up to here\":12,\"b\":1}", false},
    {"{\"alike up to here\":\"a\"}", "{\"alike up to here\":1}", false},
    {"{\"alike up to here\":\"a\"}", "{\"alike up to here\":\"a", false},
    {"{\"alike up to here\":\"a\"}", "{\"alike up to here\":\"a\\", false},
    {"{\"alike up to here\":\"a\"}", "{\"alike up to here\":\"\\x\"}", false},
    {"{\"alike up to here\":\"a\"}", "{\"alike up to here\":\"b\"} ", false},
    {"{\"alike up to here\":\"a\"}", "{\"alike up to here\":\"b\"}}", false},
    {"{\"alike up to here\":\"a\"}", "{\"alike up to heRe\":\"a\"}", false},
    {"{\"alike up to here\":\"a\"}", "{\"alike up to here\":[\"a\"]}", false},
    {"[\"alike up to here\",true,1]", "[\"alike up to here\",true,2]", true},
    {"[\"alike up to here\",true,1]", "[\"alike up to here\",false,1]", false},
    {"[\"alike up to here\",{},[]]", "[\"alike up to herE\",{},[]]", true},
    {" [ \"alike up to here\" , 1 ] ", " [ \"alike up to here\" , 2 ] ", true},
    {"\xEF\xBB\xBF[\"alike up to here\"]", "\xEF\xBB\xBF[\"alike up to her\"]",
     false},
    {"{\"alike up to here\":1,\"a\":1,\"a\":2}",
     "{\"alike up to here\":1,\"a\":1,\"a\":3}", false},
    {"{\"a\":1,\"alike up to here\":1,\"a\":2}",
     "{\"a\":1,\"alike up to here\":1,\"a\":3}", false},
    {"{\"alike \\u0061 to here\":1}", "{\"alike \\u0061 to here\":2}", false},
    {"[\"alike up to here\",NaN,1]", "[\"alike up to here\",NaN,2]", false},
    {"[\"alike up to here\",[[[[[[[[[[1]]]]]]]]]]]",
     "[\"alike up to here\",[[[[[[[[[[2]]]]]]]]]]]", false},
    {"[\"alike up to here\",1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3,4,5,6]",
     "[\"alike up to here\",2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7]",
     true},
    {"[\"alike up to here\",1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,9]",
     "[\"alike up to here\",2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,0]",
     false},
    {"\"no more than one text\"", "\"no more than one word\"", false},
    {"not json", DOC("a"), false},
};

/* After a document that is another one, the first comes again. */
TEST(alike_documents_share_a_tree)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        UNIT_ENDS(llmobs_json_series) series = {.other = NULL};
        struct llmobs_json *first = parse(&series, rows[i].first);
        struct llmobs_json *then = parse(&series, rows[i].then);

        ck_assert_msg((first == then) == rows[i].same, "%s", rows[i].then);
        parse(&series, rows[i].first);
        parse(&series, rows[i].then);
    }
}

/* A part of a document that somebody shares stays as it was. */
TEST(shared_parts_stay)
{
    struct llmobs_json_series series = {.other = NULL};
    struct llmobs_json *trees[6], *share = NULL;

    for (size_t i = 0; i < COUNT(trees); i++) {
        char text[] = "{\"usageMetadata\":{\"tokens\":[{\"count\":0}]}}";

        *strchr(text, '0') = (char)('1' + i);
        trees[i] = parse(&series, text);
        if (i > 0) {
            ck_assert_int_eq(
                (int)llmobs_json_to_int(llmobs_json_get(share, "count")),
                (int)i);
            llmobs_json_free(share);
        }
        share = llmobs_json_share(llmobs_json_at(
            llmobs_json_get(llmobs_json_get(trees[i], "usageMetadata"),
                            "tokens"),
            0));
    }
    ck_assert_ptr_ne(trees[0], trees[1]);
    ck_assert_ptr_eq(trees[2], trees[0]);
    ck_assert_ptr_eq(trees[5], trees[1]);
    llmobs_json_series_fini(&series);
    ck_assert_int_eq((int)llmobs_json_to_int(llmobs_json_get(share, "count")),
                     (int)COUNT(trees));
    llmobs_json_free(share);
}

/* So does a number. */
TEST(shared_numbers_stay)
{
    UNIT_ENDS(llmobs_json_series) series = {.other = NULL};
    struct llmobs_json *first, *share;

    parse(&series, "{\"alike up to here\":1}");
    first = parse(&series, "{\"alike up to here\":2}");
    share = llmobs_json_share(llmobs_json_get(first, "alike up to here"));
    ck_assert_ptr_eq(parse(&series, "{\"alike up to here\":3}"), first);
    ck_assert_int_eq((int)llmobs_json_to_int(share), 2);
    llmobs_json_free(share);
}

/* A string changes in its place where that has room, and nobody else has it. */
TEST(strings_change_in_place)
{
    static const size_t lens[] = {1,  0,  33, 34, 5,   66, 67, 1, 300,
                                  20, 31, 32, 33, 331, 0,  2,  1};
    UNIT_ENDS(llmobs_json_series) series = {.other = NULL};
    struct llmobs_json *first = NULL, *share = NULL;

    for (size_t i = 0; i < COUNT(lens); i++) {
        char text[400] = "{\"alike up to here\":\"", had[400] = "";
        size_t len = strlen(text);

        memset(text + len, 'a' + (int)i, lens[i]);
        strcpy(text + len + lens[i], i % 5 == 3 ? "\\n\"}" : "\"}");
        if (share)
            strcpy(had, llmobs_json_text(share));
        first = parse(&series, text);
        if (share)
            ck_assert_str_eq(llmobs_json_text(share), had);
        llmobs_json_free(share);
        share =
            i % 3
                ? NULL
                : llmobs_json_share(llmobs_json_get(first, "alike up to here"));
    }
    llmobs_json_free(share);
}

/* A caller that changes a tree, which is not allowed, harms nobody by that. */
TEST(changed_trees_are_left)
{
    for (int how = 0; how < 5; how++) {
        UNIT_ENDS(llmobs_json_series) series = {.other = NULL};
        struct llmobs_json *tree, *list;

        parse(&series, DOC("a"));
        tree = parse(&series, DOC("b"));
        list = llmobs_json_get(tree, "c");
        for (int i = 0; how == 0 && i < 9; i++)
            llmobs_json_add(list, llmobs_json_int(i));
        for (char key[] = "a"; how == 1 && key[0] < 'z'; key[0]++)
            llmobs_json_set(llmobs_json_at(list, 0), key, llmobs_json_null());
        if (how == 2)
            llmobs_json_set(llmobs_json_at(list, 0), "d", llmobs_json_object());
        if (how == 3)
            llmobs_json_unset(tree, "c");
        if (how == 4) /* there is room in its block */
            llmobs_json_set(tree, "e", llmobs_json_null());
        parse(&series, DOC("c"));
        parse(&series, DOC("d"));
    }
}

/* Two kinds of documents in turn have a tree each. */
TEST(two_kinds_take_turns)
{
    UNIT_ENDS(llmobs_json_series) series = {.other = NULL};
    struct llmobs_json *one = parse(&series, DOC("a"));
    struct llmobs_json *other = parse(&series, "[\"alike up to here\",1]");

    for (int i = 0; i < 3; i++) {
        ck_assert_ptr_eq(parse(&series, i % 2 ? DOC("b") : DOC("c")), one);
        ck_assert_ptr_eq(parse(&series, "[\"alike up to here\",2]"), other);
    }
}

/* A long document, and one with many values, has a tree of its own. */
TEST(large_documents_have_own_trees)
{
    size_t len = LLMOBS_JSON_SERIES_LEN + 1;
    char *text = unit_own(malloc(len + 1));

    for (int many = 0; many < 2; many++) {
        UNIT_ENDS(llmobs_json_series) series = {.other = NULL};

        memset(text, many ? ',' : 'x', len);
        for (size_t i = 0; many && i < LLMOBS_JSON_SERIES_VALUES * 2 + 2;
             i += 2)
            text[i] = '1';
        len = many ? LLMOBS_JSON_SERIES_VALUES * 2 + 2 : len;
        text[0] = many ? '[' : '"';
        text[1] = '1';
        text[len - 1] = many ? ']' : '"';
        text[len] = '\0';
        parse(&series, text);
        text[many ? len - 2 : 2] = '2';
        parse(&series, text);
        ck_assert(many || (series.other && !series.models[0]));
    }
}
