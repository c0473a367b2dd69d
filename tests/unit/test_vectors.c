/* Vectors go from the bytes of a body. */
#include <stdlib.h>
#include <string.h>

#include "lib/span/vectors.h"
#include "lib/text/json.h"
#include "tests/unit/unit.h"

/* A second one of NULL: the first one stays as it is. */
static const char *const rows[][2] = {
    {"{\"vector\":[0.1,-2e-05, 3]}", "{\"vector\":[             ]}"},
    {"{\"v\":[[1],[0.5,\n2]],\"k\":3}", "{\"v\":[[ ],[      ]],\"k\":3}"},
    {"{\"v\" : [1, null, NaN]}", "{\"v\" : [            ]}"},
    {"[0.5]", "[   ]"},
    {"{\"indices\":[17,99],\"values\":[0.25,0.75]}",
     "{\"indices\":[     ],\"values\":[         ]}"},
    {"{\"data\":[{\"17\":0.5,\"99\": 1}]}", "{\"data\":[{                }]}"},
    /* How near the documents are stays. */
    {"{\"distances\":[[0.1,0.2],[3]],\"scores\": [0.5]}", NULL},
    {"{\"distances\":[[0.1]],\"v\":[0.1]}",
     "{\"distances\":[[0.1]],\"v\":[   ]}"},
    {"{\"distances\":7,\"v\":[0.1]}", "{\"distances\":7,\"v\":[   ]}"},
    {"{\"a\":\"distances\",\"v\":[0.1]}", "{\"a\":\"distances\",\"v\":[   ]}"},
    {"[\"distances\",[0.1]]", "[\"distances\",[   ]]"},
    /* In a text, a vector and no reference. */
    {"{\"query\":\"nearVector: {vector: [0.1, 0.2]}\"}",
     "{\"query\":\"nearVector: {vector: [        ]}\"}"},
    {"{\"query\":\"[0.1,\\n\\t0.2]\"}", "{\"query\":\"[           ]\"}"},
    {"{\"query\":\"\\\"[0.1,2]\\\" [3.5, 4]\"}",
     "{\"query\":\"\\\"[     ]\\\" [      ]\"}"},
    {"{\"query\":\"[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]\"}",
     "{\"query\":\"[                                      ]\"}"},
    {"{\"text\":\"see [1], [2, 3] and [4.5]\"}", NULL},
    {"{\"text\":\"[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]\"}", NULL},
    /* No vectors. */
    {"{\"a\":[],\"b\":{},\"c\":7,\"d\":0.5,\"e\":[null]}", NULL},
    {"{\"a\":[1,\"x\"],\"b\":[true,2],\"c\":[{\"d\":1}]}", NULL},
    {"{\"limit\":3,\"a1\":{\"b\":2}}", NULL},
    {"{\"a\":{\"1}7\":0.5}}", NULL},
    /* Cut off. */
    {"{\"v\":[0.1, 0.", "{\"v\":[       "},
    {"{\"v\":[", NULL},
    {"{\"query\":\"vector: [0.25", "{\"query\":\"vector: [    "},
    {"{\"query\":\"see [25", NULL},
    {"{\"v\":{\"17\":0.5,\"2", "{\"v\":{           "},
};

static const char *const tails[][2] = {
    {"25, 0.5], \"k\": [0.5, 2]}", "       ], \"k\": [      ]}"},
    {"0.5, 0.25", "         "},
    {"7]}", " ]}"},
    {"], \"text\": \"see [1]\"}", NULL},
    {"5, \"k\": 2}", NULL},
    {"end of a text [2, 3]\"}", NULL},
};

static void check(const char *text, const char *wanted, bool from_start)
{
    size_t len = strlen(text);
    char *exact = malloc(len); /* so that a sanitizer sees its end */

    ck_assert_ptr_nonnull(exact);
    memcpy(exact, text, len);
    llmobs_vectors_mask(exact, len, from_start);
    ck_assert_msg(memcmp(exact, wanted ? wanted : text, len) == 0, "%s: %.*s",
                  text, (int)len, exact);
    free(exact);
}

TEST(vectors_are_blanked)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check(rows[i][0], rows[i][1], true);
    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++)
        check(tails[i][0], tails[i][1], false);
}

/* However a body is cut, no digit of a vector of it stays, and what is masked
 * again stays as it is. */
TEST(no_cut_keeps_a_number)
{
    static const char body[] =
        "{\"limit\": \"x\", \"vector\": [0.7311, -0.7311, 7.311e-05],"
        " \"query\": \"{vector: [0.7311, 0.7311]}\", \"v\": [[0.7311]]}";
    const size_t len = sizeof(body) - 1;

    for (size_t cut = 0; cut <= len; cut++) {
        char *part = strndup(body, cut);

        llmobs_vectors_mask(part, cut, true);
        ck_assert_msg(!strstr(part, "311"), "%s", part);
        free(part);
    }
}

TEST(json_stays_json)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = strdup(rows[i][0]);
        struct llmobs_json *json = NULL;
        size_t len = strlen(text);
        int rc = llmobs_json_parse((struct llmobs_text){text, len}, &json);

        llmobs_json_free(json);
        llmobs_vectors_mask(text, len, true);
        json = NULL;
        ck_assert_int_eq(
            llmobs_json_parse((struct llmobs_text){text, len}, &json), rc);
        llmobs_json_free(json);
        free(text);
    }
}

/* Brackets and runs of numbers without an end take no longer than others. */
TEST(it_is_one_pass)
{
    const size_t len = (size_t)1 << 20;
    static const char *const pieces[] = {"[",        "[1,", "{\"1\":", "[0.5 x",
                                         "\"[1.5,2", "{",   "1,",      "\\["};

    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        char *text = malloc(len);

        ck_assert_ptr_nonnull(text);
        for (size_t at = 0; at < len; at++)
            text[at] = pieces[i][at % strlen(pieces[i])];
        llmobs_vectors_mask(text, len, true);
        llmobs_vectors_mask(text, len, false);
        free(text);
    }
}
