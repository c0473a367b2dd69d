/* Tests the JSON parser and writer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text/json.h"
#include "lib/text/json_clean.h"
#include "tests/unit/json_case.h"

static const struct {
    const char *in;
    size_t len;
    const char *out; /* NULL: -EINVAL */
} documents[] = {
    /* every kind of document, and white space */
    {BYTES("{}"), "{}"},
    {BYTES("[]"), "[]"},
    {BYTES(" \t\r\n[ ] \t\r\n"), "[]"},
    {BYTES("\"\""), "\"\""},
    {BYTES("0"), "0"},
    {BYTES("true"), "true"},
    {BYTES("false"), "false"},
    {BYTES("null"), "null"},
    {BYTES("{\"b\":[1,{\"a\":null}],\"a\":true}"),
     "{\"a\": true, \"b\": [1, {\"a\": null}]}"},
    {BYTES("\xEF\xBB\xBF{\"a\":1}"), "{\"a\": 1}"},
    /* no documents */
    {BYTES(""), NULL},
    {BYTES(" "), NULL},
    {BYTES("\xEF\xBB\xBF"), NULL},
    {BYTES("\xEF\xBB"), NULL},
    {BYTES("\xEF\xBB\xBF\xEF\xBB\xBF{}"), NULL},
    {BYTES("{\xEF\xBB\xBF}"), NULL},
    {BYTES("{} {}"), NULL},
    {BYTES("{}x"), NULL},
    {BYTES("{}\0"), NULL},
    {BYTES("\0{}"), NULL},
    {BYTES("[1,]"), NULL},
    {BYTES("[,1]"), NULL},
    {BYTES("[1 2]"), NULL},
    {BYTES("{\"a\"}"), NULL},
    {BYTES("{\"a\":}"), NULL},
    {BYTES("{\"a\":1,}"), NULL},
    {BYTES("{a:1}"), NULL},
    {BYTES("{1:1}"), NULL},
    {BYTES("[}"), NULL},
    {BYTES("{]"), NULL},
    {BYTES("]"), NULL},
    {BYTES("[]]"), NULL},
    {BYTES("["), NULL},
    {BYTES("2\0"), NULL},
    {BYTES("truefalse"), NULL},
    {BYTES("[true false]"), NULL},
    {BYTES("{\"a\":1:2}"), NULL},
    {BYTES("{\"a\",1}"), NULL},
    {BYTES("{:1}"), NULL},
    {BYTES("[1:2]"), NULL},
    {BYTES("[[1],]"), NULL},
    {BYTES("1,2"), NULL},
    {BYTES("1]"), NULL},
    {BYTES("[1\"a\"]"), NULL},
    {BYTES("tru"), NULL},
    {BYTES("True"), NULL},
    {BYTES("nulll"), NULL},
    {BYTES("NaNN"), NULL},
    {BYTES("-NaN"), NULL},
    {BYTES("nan"), NULL},
    {BYTES("Infinit"), NULL},
    {BYTES("--Infinity"), NULL},
    {BYTES("+Infinity"), NULL},
    {BYTES("-"), NULL},
    {BYTES("-I"), NULL},
    {BYTES("{NaN:1}"), NULL},
    {BYTES("'a'"), NULL},
    {BYTES("// c\n1"), NULL},
    {BYTES("<html>"), NULL},
    {BYTES("\"a"), NULL},
    {BYTES("\"a\\"), NULL},
    {BYTES("\"a\\\""), NULL},
    {BYTES("\"\\x41\""), NULL},
    {BYTES("\"\\\0\""), NULL},
    {BYTES("\"\\u12\""), NULL},
    {BYTES("\"\\u12g4\""), NULL},
    {BYTES("\"\\u"), NULL},
    {BYTES("\"\\u123"), NULL},
    {BYTES("\"\\ud83d\\u"), NULL},
    {BYTES("\"\\ud83d\\u12"), NULL},
    {BYTES("\"\\ud83d\\uzzzz\""), NULL},
    /* what Python writes where it has no number */
    {BYTES("NaN"), "null"},
    {BYTES("-Infinity"), "null"},
    {BYTES("[NaN,1,Infinity ,-Infinity]"), "[null, 1, null, null]"},
    {BYTES("{\"a\":NaN,\"b\":\"NaN\"}"), "{\"a\": null, \"b\": \"NaN\"}"},
    /* escapes */
    {BYTES("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
    {BYTES("\"\\u0041\\u00e9\\u20AC\\uD83D\\uDE00\""),
     "\"A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\""},
    {BYTES("\"\\u0001\\u001f\\u007f\""), "\"\\u0001\\u001f\x7F\""},
    /* lone surrogates and NUL, in values and keys */
    {BYTES("\"\\ud83d\""), "\"" BAD "\""},
    {BYTES("\"\\ude00\""), "\"" BAD "\""},
    {BYTES("\"\\ud83dx\""), "\"" BAD "x\""},
    {BYTES("\"\\ud83d\\n\""), "\"" BAD "\\n\""},
    {BYTES("\"\\ud83d\\u0041\""), "\"" BAD "A\""},
    {BYTES("\"\\ud83d\\ud83d\\ude00\""), "\"" BAD "\xF0\x9F\x98\x80\""},
    {BYTES("\"\\ud83d\\ue000\""), "\"" BAD "\xEE\x80\x80\""},
    {BYTES("\"\\ude00\\ud83d\""), "\"" BAD BAD "\""},
    {BYTES("\"a\\u0000b\""), "\"a" BAD "b\""},
    {BYTES("\"\\\\u0000\""), "\"\\\\u0000\""},
    {BYTES("\"\\\\ud83d\""), "\"\\\\ud83d\""},
    {BYTES("{\"\\u0000\":1,\"\\ud83d\":2}"), "{\"" BAD "\": 2}"},
    {BYTES("\"a\0b\""), "\"a" BAD "b\""},
    /* raw control characters keep their meaning */
    {BYTES("\"a\nb\tc\rd\be\ff\x01g\x1Fh\""),
     "\"a\\nb\\tc\\rd\\be\\ff\\u0001g\\u001fh\""},
    {BYTES("{\"a\nb\":1}"), "{\"a\\nb\": 1}"},
    {BYTES("\"\x7F\""), "\"\x7F\""},
    /* bytes that are no UTF-8: each is replaced */
    {BYTES("\"\x80\""), "\"" BAD "\""},
    {BYTES("\"\xFF\xFE\""), "\"" BAD BAD "\""},
    {BYTES("\"\xC0\x80\""), "\"" BAD BAD "\""},
    {BYTES("\"\xC1\xBF\""), "\"" BAD BAD "\""},
    {BYTES("\"\xE0\x9F\xBF\""), "\"" BAD BAD BAD "\""},
    {BYTES("\"\xED\xA0\x80\""), "\"" BAD BAD BAD "\""},
    {BYTES("\"\xED\x9F\xBF\""), "\"\xED\x9F\xBF\""},
    {BYTES("\"\xEE\x80\x80\""), "\"\xEE\x80\x80\""},
    {BYTES("\"\xEF\xBF\xBF\""), "\"\xEF\xBF\xBF\""},
    {BYTES("\"\xF0\x8F\xBF\xBF\""), "\"" BAD BAD BAD BAD "\""},
    {BYTES("\"\xF0\x90\x80\x80\""), "\"\xF0\x90\x80\x80\""},
    {BYTES("\"\xF4\x8F\xBF\xBF\""), "\"\xF4\x8F\xBF\xBF\""},
    {BYTES("\"\xF4\x90\x80\x80\""), "\"" BAD BAD BAD BAD "\""},
    {BYTES("\"\xF5\x80\x80\x80\""), "\"" BAD BAD BAD BAD "\""},
    {BYTES("\"\xE2\x82\""), "\"" BAD BAD "\""},
    {BYTES("\"\xE2\x82z\xE2\x82\xAC\""), "\"" BAD BAD "z\xE2\x82\xAC\""},
    {BYTES("{\"\xFF\":\"\xFF\"}"), "{\"" BAD "\": \"" BAD "\"}"},
    {BYTES("[\xFF]"), NULL},
    {BYTES("\"\xF0\x9F\x98"), NULL},
    /* numbers */
    {BYTES("-0"), "0"},
    {BYTES("-0.0"), "-0.0"},
    {BYTES("9223372036854775807"), "9223372036854775807"},
    {BYTES("-9223372036854775808"), "-9223372036854775808"},
    {BYTES("9223372036854775808"), "9.223372036854776e+18"},
    {BYTES("-9223372036854775809"), "-9.223372036854776e+18"},
    {BYTES("[18446744073709551615]"), "[1.8446744073709552e+19]"},
    {BYTES("{\"a\":123456789012345678901234567890,\"b\":1}"),
     "{\"a\": 1.2345678901234568e+29, \"b\": 1}"},
    {BYTES("0.7"), "0.7"},
    {BYTES("1.0"), "1.0"},
    {BYTES("1e2"), "100.0"},
    {BYTES("1E+2"), "100.0"},
    {BYTES("1e-7"), "1e-07"},
    {BYTES("1e22"), "1e+22"},
    {BYTES("1e308"), "1e+308"},
    {BYTES("1e309"), "null"},
    {BYTES("[-1e999,1]"), "[null, 1]"},
    {BYTES("1e99999999999999999999999"), "null"},
    {BYTES("1e-99999999999999999999999"), "0.0"},
    {BYTES("0e99999999999999999999999"), "0.0"},
    {BYTES("0.000e999"), "0.0"},
    {BYTES("0.00001e313"), "1e+308"},
    {BYTES("0.00001e314"), "null"},
    {BYTES("1.7976931348623157e308"), "1.7976931348623157e+308"},
    {BYTES("1.7976931348623158e308"), "1.7976931348623157e+308"},
    {BYTES("1.797693134862315807e308"), "1.7976931348623157e+308"},
    {BYTES("1.7976931348623159e308"), "null"},
    {BYTES("17976931348623159e292"), "null"},
    {BYTES("5e-324"), "5e-324"},
    {BYTES("1e-400"), "0.0"},
    {BYTES("01"), NULL},
    {BYTES("-01"), NULL},
    {BYTES("+1"), NULL},
    {BYTES(".5"), NULL},
    {BYTES("5."), NULL},
    {BYTES("-"), NULL},
    {BYTES("1e"), NULL},
    {BYTES("1e+"), NULL},
    {BYTES("0x10"), NULL},
    {BYTES("1-2"), NULL},
    {BYTES("1.2.3"), NULL},
    {BYTES("1,5"), NULL},
    {BYTES("[1\0]"), NULL},
    /* duplicates: the last one holds */
    {BYTES("{\"a\":1,\"b\":2,\"a\":3}"), "{\"a\": 3, \"b\": 2}"},
    /* order of code points, not of UTF-16 units or of a locale */
    {BYTES("{\"\xF0\x90\x80\x80\":1,\"\xEF\xBF\xBD\":2,\"b\":3,\"B\":4,"
           "\"\":5,\"aa\":6,\"a\":7}"),
     "{\"\": 5, \"B\": 4, \"a\": 7, \"aa\": 6, \"b\": 3, \"" BAD
     "\": 2, \"\xF0\x90\x80\x80\": 1}"},
};

TEST(test_json_documents)
{
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        struct llmobs_json *json;
        int rc = json_case_parse(documents[i].in, documents[i].len, &json);
        char *text;

        ck_assert_msg(rc == (documents[i].out != NULL ? 0 : -EINVAL),
                      "row %zu: %s gives %d", i, documents[i].in, rc);
        if (rc != 0)
            continue;
        text = llmobs_json_dumps(json, 0);
        ck_assert_msg(strcmp(text, documents[i].out) == 0, "row %zu: %s", i,
                      text);
        free(text);
        llmobs_json_free(json);
    }
}

/* Every document cut anywhere: an object is never taken for whole. */
TEST(test_json_cuts)
{
    static const char text[] =
        "{\"a\": [1.5e3, -20, true, false, null, \"x\\u00e9\\ud83d\\ude00"
        "\xE2\x82\xAC\\n\", {\"\": {}}], \"b\": 12345678901234567890}";
    struct llmobs_json *json;

    for (size_t len = 0; len < sizeof(text) - 1; len++)
        ck_assert_int_eq(json_case_parse(text, len, &json), -EINVAL);
    ck_assert_int_eq(json_case_parse(text, sizeof(text) - 1, &json), 0);
    llmobs_json_free(json);
}

static int parse_nested(size_t depth, const char *open, const char *shut)
{
    struct llmobs_json *json;
    struct llmobs_buf buf;
    int rc;

    llmobs_buf_init(&buf, 1 << 20);
    for (size_t i = 0; i < depth; i++)
        ck_assert_int_eq(llmobs_buf_adds(&buf, open), 0);
    for (size_t i = 0; i < depth; i++)
        ck_assert_int_eq(llmobs_buf_adds(&buf, shut), 0);
    rc = json_case_parse(buf.data, buf.len, &json);
    llmobs_json_free(json);
    llmobs_buf_fini(&buf);
    return rc;
}

TEST(test_json_depth)
{
    struct llmobs_json *json;
    char *deep = unit_own(malloc(1000000));

    ck_assert_int_eq(parse_nested(LLMOBS_JSON_DEPTH_MAX, "[", "]"), 0);
    ck_assert_int_eq(parse_nested(LLMOBS_JSON_DEPTH_MAX + 1, "[", "]"), -E2BIG);
    ck_assert_int_eq(parse_nested(LLMOBS_JSON_DEPTH_MAX - 1, "{\"a\":", "}"),
                     -EINVAL);
    ck_assert_int_eq(parse_nested(20000, "{\"a\":", "}"), -E2BIG);
    memset(deep, '[', 1000000);
    ck_assert_int_eq(json_case_parse(deep, 1000000, &json), -E2BIG);
}

static int parse_tokens(size_t count)
{
    char *text = malloc(2 * count + 2);
    struct llmobs_json *json;
    int rc;

    text[0] = '[';
    for (size_t i = 1; i < count; i++)
        memcpy(text + 2 * i - 1, "0,", 2);
    text[2 * count - 2] = ']';
    rc = json_case_parse(text, 2 * count - 1, &json);
    if (rc == 0)
        ck_assert_uint_eq(llmobs_json_len(json), count - 1);
    llmobs_json_free(json);
    free(text);
    return rc;
}

TEST(test_json_tokens)
{
    ck_assert_int_eq(parse_tokens(LLMOBS_JSON_TOKENS_MAX), 0);
    ck_assert_int_eq(parse_tokens(LLMOBS_JSON_TOKENS_MAX + 1), -E2BIG);
}

static const char *const seeds[] = {
    ("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"h\\u00e9"
     "\\ud83d\\ude00\\n\"}],\"temperature\":0.7,\"max_tokens\":100}"),
    "[1,-2.5e10,true,false,null,\"\xE2\x82\xAC\xF0\x9F\x98\x80\",{},[[]]]",
    "{\"usage\":{\"a\":18446744073709551616,\"b\":1e400,\"c\":-0.0}}",
    "\"\\\\\\\"\\/\\b\\f\\n\\r\\t\\u0000\\ud800\"",
};

/* Changes some bytes, likely to ones that mean something. */
static size_t mutate(char *text, size_t len, uint64_t *state)
{
    static const char bytes[] =
        "{}[],:\"\\0123456789.eE+-truefalsnu \n\xEF\xBB\xBF\xED\xA0\xF4\xC2";
    uint64_t count = json_case_random(state) % 4;

    for (uint64_t i = 0; i <= count && len > 1; i++) {
        size_t at = json_case_random(state) % len;
        uint64_t kind = json_case_random(state) % 4;

        if (kind == 0)
            text[at] = (char)json_case_random(state);
        else if (kind == 1)
            text[at] = bytes[json_case_random(state) % sizeof(bytes)];
        else if (kind == 2)
            memmove(text + at, text + at + 1, --len - at);
        else
            len -= json_case_random(state) % len / 8;
    }
    return len;
}

static void check_output(const char *text, unsigned flags)
{
    struct llmobs_text rest = {text, strlen(text)};

    while (rest.len > 0) {
        uint32_t point;
        size_t len = llmobs_utf8_decode(rest, &point);

        if (len == 0 || point < 0x20)
            ck_abort_msg("bad output: %s", text);
        if ((flags & LLMOBS_JSON_ASCII) != 0 && point > 0x7E)
            ck_abort_msg("not ASCII: %s", text);
        rest.data += len;
        rest.len -= len;
    }
}

/* A text that parses is written as text that parses to the same. */
static void check_round(struct llmobs_json *json, unsigned flags)
{
    char *first = llmobs_json_dumps(json, flags);
    struct llmobs_json *again = NULL;
    char *second;

    if (first == NULL)
        ck_abort_msg("cannot be written");
    check_output(first, flags);
    if (json_case_parse(first, strlen(first), &again) != 0)
        ck_abort_msg("does not parse: %s", first);
    second = llmobs_json_dumps(again, flags);
    if (strcmp(first, second) != 0)
        ck_abort_msg("%s becomes %s", first, second);
    free(first);
    free(second);
    llmobs_json_free(again);
}

TEST(test_json_fuzz)
{
    uint64_t state = 0x9E3779B97F4A7C15;
    size_t parsed_count = 0;
    char text[256];

    for (size_t i = 0; i < 300000; i++) {
        const char *seed = seeds[i % (sizeof(seeds) / sizeof(seeds[0]))];
        struct llmobs_json *json;
        size_t len = strlen(seed);
        int rc;

        memcpy(text, seed, len);
        len = mutate(text, len, &state);
        rc = json_case_parse(text, len, &json);
        if (rc != 0 && rc != -EINVAL)
            ck_abort_msg("%.*s gives %d", (int)len, text, rc);
        if (rc != 0)
            continue;
        parsed_count++;
        check_round(json, i % 2 ? LLMOBS_JSON_ASCII : 0);
        llmobs_json_free(json);
    }
    /* A fuzzer that never gets past the first token shows nothing. */
    ck_assert_uint_gt(parsed_count, 15000);
    ck_assert_uint_lt(parsed_count, 285000);
}

/* Long input of one kind takes time in proportion: each of these is some
 * megabytes, and a minute is the limit. */
TEST(test_json_long)
{
    static const struct {
        const char *open;
        char fill;
        const char *shut;
        int rc;
    } rows[] = {
        {"\"", '\x01', "\"", 0},  {"\"", '\xFF', "\"", 0},
        {"\"", '\0', "\"", 0},    {"\"", 'a', "\"", 0},
        {"\"", 'a', "", -EINVAL}, {"", '9', "", 0},
        {"0.", '3', "", 0},       {"0.", '0', "1e4000000", 0},
        {"1e", '0', "1", 0},      {"1e-", '9', "", 0},
        {"[", ' ', "]", 0},       {"", '\xFF', "", -EINVAL},
        {"", ']', "", -EINVAL},   {"\"", '\xE2', "\"", 0},
    };
    size_t len = 4000000;
    char *text = unit_own(malloc(len + 32));

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t lead = strlen(rows[i].open);
        size_t end = strlen(rows[i].shut);
        struct llmobs_json *json;

        memcpy(text, rows[i].open, lead);
        memset(text + lead, rows[i].fill, len);
        memcpy(text + lead + len, rows[i].shut, end);
        ck_assert_int_eq(json_case_parse(text, lead + len + end, &json),
                         rows[i].rc);
        llmobs_json_free(json);
    }
}
