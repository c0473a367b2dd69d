#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/json_clean.h"
#include "core/real.h"
#include "tests/unit/unit.h"

#define BAD "\xEF\xBF\xBD" /* U+FFFD */
#define BYTES(text) (text), sizeof(text) - 1

/* Parses from memory of exactly the text's size, so that a sanitizer sees any
 * byte read beyond it. */
static int parse(const char *text, size_t len, struct llmobs_json **json)
{
    char *exact = malloc(len > 0 ? len : 1);
    int rc;

    memcpy(exact, text, len);
    rc = llmobs_json_parse((struct llmobs_text){exact, len}, json);
    if ((rc == 0) != (*json != NULL))
        ck_abort_msg("%d with %p", rc, (void *)*json);
    free(exact);
    return rc;
}

static struct llmobs_json *parsed(const char *text)
{
    struct llmobs_json *json;

    ck_assert_int_eq(parse(text, strlen(text), &json), 0);
    return json;
}

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

START_TEST(test_json_documents)
{
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        struct llmobs_json *json;
        int rc = parse(documents[i].in, documents[i].len, &json);
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
END_TEST

/* Every document cut anywhere: an object is never taken for whole. */
START_TEST(test_json_cuts)
{
    static const char text[] =
        "{\"a\": [1.5e3, -20, true, false, null, \"x\\u00e9\\ud83d\\ude00"
        "\xE2\x82\xAC\\n\", {\"\": {}}], \"b\": 12345678901234567890}";
    struct llmobs_json *json;

    for (size_t len = 0; len < sizeof(text) - 1; len++)
        ck_assert_int_eq(parse(text, len, &json), -EINVAL);
    ck_assert_int_eq(parse(text, sizeof(text) - 1, &json), 0);
    llmobs_json_free(json);
}
END_TEST

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
    rc = parse(buf.data, buf.len, &json);
    llmobs_json_free(json);
    llmobs_buf_fini(&buf);
    return rc;
}

START_TEST(test_json_depth)
{
    struct llmobs_json *json;
    char *deep = malloc(1000000);

    ck_assert_int_eq(parse_nested(LLMOBS_JSON_DEPTH_MAX, "[", "]"), 0);
    ck_assert_int_eq(parse_nested(LLMOBS_JSON_DEPTH_MAX + 1, "[", "]"), -E2BIG);
    ck_assert_int_eq(parse_nested(LLMOBS_JSON_DEPTH_MAX - 1, "{\"a\":", "}"),
                     -EINVAL);
    ck_assert_int_eq(parse_nested(20000, "{\"a\":", "}"), -E2BIG);
    memset(deep, '[', 1000000);
    ck_assert_int_eq(parse(deep, 1000000, &json), -E2BIG);
    free(deep);
}
END_TEST

static int parse_tokens(size_t count)
{
    char *text = malloc(2 * count + 2);
    struct llmobs_json *json;
    int rc;

    text[0] = '[';
    for (size_t i = 1; i < count; i++)
        memcpy(text + 2 * i - 1, "0,", 2);
    text[2 * count - 2] = ']';
    rc = parse(text, 2 * count - 1, &json);
    if (rc == 0)
        ck_assert_uint_eq(llmobs_json_len(json), count - 1);
    llmobs_json_free(json);
    free(text);
    return rc;
}

START_TEST(test_json_tokens)
{
    ck_assert_int_eq(parse_tokens(LLMOBS_JSON_TOKENS_MAX), 0);
    ck_assert_int_eq(parse_tokens(LLMOBS_JSON_TOKENS_MAX + 1), -E2BIG);
}
END_TEST

static const struct {
    double number;
    const char *text; /* as Python's repr has it */
} reals[] = {
    {0.0, "0.0"},
    {-0.0, "-0.0"},
    {1.0, "1.0"},
    {-1.5, "-1.5"},
    {0.1, "0.1"},
    {0.7, "0.7"},
    {0.3, "0.3"},
    {0.1 + 0.2, "0.30000000000000004"},
    {1.0 / 3, "0.3333333333333333"},
    {2.0 / 3, "0.6666666666666666"},
    {100.0, "100.0"},
    {123456.789, "123456.789"},
    {1e15, "1000000000000000.0"},
    {999999999999999.0, "999999999999999.0"},
    {999999999999999.9, "999999999999999.9"},
    {9007199254740993.0, "9007199254740992.0"},
    {9999999999999998.0, "9999999999999998.0"},
    {1e16, "1e+16"},
    {1.5e16, "1.5e+16"},
    {123456789012345680.0, "1.2345678901234568e+17"},
    {1e22, "1e+22"},
    {1e23, "1e+23"},
    {1e100, "1e+100"},
    {0.001, "0.001"},
    {0.0001, "0.0001"},
    {0.00012345, "0.00012345"},
    {0.00001, "1e-05"},
    {1.5e-7, "1.5e-07"},
    {1.7976931348623157e308, "1.7976931348623157e+308"},
    {2.2250738585072014e-308, "2.2250738585072014e-308"},
    {2.225073858507201e-308, "2.225073858507201e-308"},
    {5e-324, "5e-324"},
    {1e-323, "1e-323"},
    {1.2e-310, "1.2e-310"},
    /* powers of two whose nearest 16 digits read back wrong */
    {0x1p-24, "5.960464477539063e-08"},
    {0x1p-44, "5.684341886080802e-14"},
    {0x1p89, "6.189700196426902e+26"},
    {-0x1p-24, "-5.960464477539063e-08"},
    /* numbers that catch careless shortest-digit code */
    {9.5367431640625e-07, "9.5367431640625e-07"},
    {5e-5, "5e-05"},
    {4.35, "4.35"},
    {0.285, "0.285"},
    {1.005, "1.005"},
    {299792458.0, "299792458.0"},
};

START_TEST(test_json_reals)
{
    char text[LLMOBS_REAL_MAX];

    for (size_t i = 0; i < sizeof(reals) / sizeof(reals[0]); i++) {
        size_t len = llmobs_real_write(reals[i].number, text);

        ck_assert_str_eq(text, reals[i].text);
        ck_assert_uint_eq(len, strlen(text));
    }
}
END_TEST

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void check_real(double number)
{
    char text[LLMOBS_REAL_MAX];
    double back;

    if (llmobs_real_write(number, text) >= LLMOBS_REAL_MAX)
        ck_abort_msg("%a is too long", number);
    back = strtod(text, NULL);
    if (memcmp(&back, &number, sizeof(back)) != 0)
        ck_abort_msg("%a is written as %s", number, text);
    if (strpbrk(text, ".e") == NULL)
        ck_abort_msg("%a looks like an integer: %s", number, text);
}

/* Every power of two with its neighbours, short decimals, random bits. */
START_TEST(test_json_reals_read_back)
{
    uint64_t state = 0x243F6A8885A308D3;

    for (int power = -1074; power <= 1023; power++) {
        double number = ldexp(1, power);

        check_real(number);
        check_real(nextafter(number, 0));
        check_real(-nextafter(number, HUGE_VAL));
    }
    for (size_t i = 0; i < 50000; i++) {
        uint64_t bits = next_random(&state);
        double number;

        memcpy(&number, &bits, sizeof(number));
        if (isfinite(number))
            check_real(number);
        check_real((double)(bits >> 40) / 1000);
    }
}
END_TEST

/* A locale with a decimal comma changes nothing. Where none is installed the
 * rest of the tests stands. */
START_TEST(test_json_locale)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8",
                                        "fr_FR.UTF-8", "de_DE", "cs_CZ"};
    struct llmobs_json *json;
    char *text;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (setlocale(LC_ALL, names[i]) != NULL)
            break;
    }
    json = parsed("[0.7,1e22,12345678901234567890,0.3333333333333333]");
    text = llmobs_json_dumps(json, 0);
    ck_assert_str_eq(text, "[0.7, 1e+22, 1.2345678901234567e+19, "
                           "0.3333333333333333]");
    free(text);
    llmobs_json_free(json);
    (void)setlocale(LC_ALL, "C");
}
END_TEST

static const struct {
    const char *in;
    unsigned flags;
    const char *out;
} dumps[] = {
    {"{\"b\":1,\"a\":2}", 0, "{\"a\": 2, \"b\": 1}"},
    {"{\"b\":1,\"a\":2}", LLMOBS_JSON_KEEP_ORDER, "{\"b\": 1, \"a\": 2}"},
    {"{\"b\":{\"d\":1,\"c\":[{\"z\":0,\"y\":0}]},\"a\":2}", 0,
     "{\"a\": 2, \"b\": {\"c\": [{\"y\": 0, \"z\": 0}], \"d\": 1}}"},
    {"{\"b\":{\"d\":1,\"c\":[{\"z\":0,\"y\":0}]},\"a\":2}",
     LLMOBS_JSON_KEEP_ORDER,
     "{\"b\": {\"d\": 1, \"c\": [{\"z\": 0, \"y\": 0}]}, \"a\": 2}"},
    {"\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"", LLMOBS_JSON_ASCII,
     "\"\\u00e9\\u20ac\\ud83d\\ude00\""},
    {"\"\\u007f~\\uffff\xF4\x8F\xBF\xBF\xF0\x90\x80\x80\"", LLMOBS_JSON_ASCII,
     "\"\\u007f~\\uffff\\udbff\\udfff\\ud800\\udc00\""},
    {"{\"\xC3\xA9\":1,\"z\":2}", LLMOBS_JSON_ASCII | LLMOBS_JSON_KEEP_ORDER,
     "{\"\\u00e9\": 1, \"z\": 2}"},
    {"\"</script>'/&\"", LLMOBS_JSON_ASCII, "\"</script>'/&\""},
    {"[[],{},[[]],[{}]]", 0, "[[], {}, [[]], [{}]]"},
};

START_TEST(test_json_dumps)
{
    for (size_t i = 0; i < sizeof(dumps) / sizeof(dumps[0]); i++) {
        struct llmobs_json *json = parsed(dumps[i].in);
        char *text = llmobs_json_dumps(json, dumps[i].flags);

        ck_assert_str_eq(text, dumps[i].out);
        free(text);
        llmobs_json_free(json);
    }
}
END_TEST

/* Without room nothing is left behind in the buffer, at any size. */
START_TEST(test_json_dump_is_all_or_nothing)
{
    struct llmobs_json *json =
        parsed("{\"b\":[1,2.5,\"x\xC3\xA9\\n\"],\"a\":{\"c\":null}}");
    char *whole = llmobs_json_dumps(json, LLMOBS_JSON_ASCII);
    size_t need = strlen(whole);
    struct llmobs_buf buf;

    for (size_t max = 0; max < need + 5; max++) {
        int rc;

        llmobs_buf_init(&buf, max + 2);
        ck_assert_int_eq(llmobs_buf_adds(&buf, "=>"), 0);
        rc = llmobs_json_dump(json, LLMOBS_JSON_ASCII, &buf);
        ck_assert_int_eq(rc, max < need ? -EFBIG : 0);
        ck_assert_uint_eq(buf.len, max < need ? 2 : need + 2);
        ck_assert_str_eq(buf.data + 2, max < need ? "" : whole);
        llmobs_buf_fini(&buf);
    }
    free(whole);
    llmobs_json_free(json);
}
END_TEST

START_TEST(test_json_dump_depth)
{
    struct llmobs_json *json = llmobs_json_array();
    struct llmobs_buf buf;
    size_t depth = 1;
    char *text;

    for (; depth < 1000; depth++) {
        struct llmobs_json *outer =
            depth % 2 ? llmobs_json_array() : llmobs_json_object();

        if (depth % 2)
            ck_assert_int_eq(llmobs_json_add(outer, json), 0);
        else
            ck_assert_int_eq(llmobs_json_set(outer, "k", json), 0);
        json = outer;
    }
    text = llmobs_json_dumps(json, 0);
    ck_assert_ptr_nonnull(text);
    free(text);
    for (; depth < 5000; depth++) {
        struct llmobs_json *outer = llmobs_json_array();

        ck_assert_int_eq(llmobs_json_add(outer, json), 0);
        json = outer;
    }
    ck_assert_ptr_null(llmobs_json_dumps(json, 0));
    llmobs_buf_init(&buf, 100000);
    ck_assert_int_eq(llmobs_json_dump(json, 0, &buf), -E2BIG);
    ck_assert_uint_eq(buf.len, 0);
    ck_assert_int_eq(llmobs_json_dump(NULL, 0, &buf), -EINVAL);
    llmobs_buf_fini(&buf);
    llmobs_json_free(json);
}
END_TEST

START_TEST(test_json_makers)
{
    static const struct {
        const char *in;
        size_t len;
        const char *out;
    } strings[] = {
        {BYTES("plain"), "plain"},
        {BYTES(""), ""},
        {BYTES("a\0b"), "a" BAD "b"},
        {BYTES("\xFFz\xC3\xA9\xE2\x82"), BAD "z\xC3\xA9" BAD BAD},
        {BYTES("\\u0000\n"), "\\u0000\n"},
    };
    struct llmobs_json *json;

    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        json = llmobs_json_stringn(strings[i].in, strings[i].len);
        ck_assert_str_eq(llmobs_json_text(json), strings[i].out);
        llmobs_json_free(json);
    }
    ck_assert_ptr_null(llmobs_json_string(NULL));
    json = llmobs_json_stringn(NULL, 0);
    ck_assert_str_eq(llmobs_json_text(json), "");
    llmobs_json_free(json);
    ck_assert(llmobs_json_is_null(llmobs_json_real(HUGE_VAL)));
    ck_assert(llmobs_json_is_null(llmobs_json_real(-HUGE_VAL)));
    ck_assert(llmobs_json_is_null(llmobs_json_real(nan(""))));
    ck_assert(llmobs_json_is_true(llmobs_json_bool(true)));
    ck_assert(llmobs_json_is_false(llmobs_json_bool(false)));
    json = llmobs_json_int(INT64_MIN);
    ck_assert(llmobs_json_to_int(json) == INT64_MIN);
    llmobs_json_free(json);
}
END_TEST

/* Values given to a set or an add that fails are freed: valgrind and asan
 * watch this test. */
START_TEST(test_json_takes)
{
    struct llmobs_json *object = llmobs_json_object();
    struct llmobs_json *array = llmobs_json_array();
    struct llmobs_json *number = llmobs_json_int(1);

    ck_assert_int_eq(llmobs_json_set(object, "a", NULL), -ENOMEM);
    ck_assert_int_eq(llmobs_json_add(array, NULL), -ENOMEM);
    ck_assert_int_eq(llmobs_json_set(NULL, "a", llmobs_json_int(1)), -ENOMEM);
    ck_assert_int_eq(llmobs_json_set(array, "a", llmobs_json_int(1)), -EINVAL);
    ck_assert_int_eq(llmobs_json_set(object, NULL, llmobs_json_int(1)),
                     -EINVAL);
    ck_assert_int_eq(llmobs_json_add(object, llmobs_json_int(1)), -EINVAL);
    ck_assert_int_eq(llmobs_json_add(NULL, llmobs_json_int(1)), -ENOMEM);
    ck_assert_int_eq(llmobs_json_set(object, "self", llmobs_json_share(object)),
                     -EINVAL);
    ck_assert_int_eq(llmobs_json_add(array, llmobs_json_share(array)), -EINVAL);
    ck_assert_int_eq(llmobs_json_sets(object, "a", NULL), 0);
    ck_assert_uint_eq(llmobs_json_len(object), 0);
    ck_assert_int_eq(llmobs_json_sets(object, "a", "x"), 0);
    ck_assert_int_eq(llmobs_json_sets(object, "a", "y"), 0);
    ck_assert_str_eq(llmobs_json_gets(object, "a"), "y");
    ck_assert_int_eq(llmobs_json_sets(object, "b\xFF", "\xFF"), 0);
    ck_assert_str_eq(llmobs_json_gets(object, "b" BAD), BAD);
    llmobs_json_unset(object, "a");
    llmobs_json_unset(object, "not there");
    llmobs_json_unset(object, NULL);
    llmobs_json_unset(NULL, "a");
    ck_assert_uint_eq(llmobs_json_len(object), 1);
    ck_assert_int_eq(llmobs_json_add(array, llmobs_json_share(number)), 0);
    ck_assert_int_eq(llmobs_json_add(array, number), 0);
    ck_assert_uint_eq(llmobs_json_len(array), 2);
    llmobs_json_free(object);
    llmobs_json_free(array);
    llmobs_json_free(NULL);
}
END_TEST

START_TEST(test_json_readers)
{
    struct llmobs_json *json = parsed("{\"s\":\"t\",\"i\":7,\"r\":2.5,\"n\":"
                                      "null,\"a\":[1,\"x\"],\"o\":{\"k\":1}}");
    struct llmobs_json *none = llmobs_json_get(json, "none");

    ck_assert_ptr_null(none);
    ck_assert_ptr_null(llmobs_json_get(json, NULL));
    ck_assert_ptr_null(llmobs_json_get(none, "k"));
    ck_assert_ptr_null(llmobs_json_get(llmobs_json_get(json, "a"), "k"));
    ck_assert_ptr_null(llmobs_json_at(json, 0));
    ck_assert_ptr_null(llmobs_json_at(none, 0));
    ck_assert_ptr_null(llmobs_json_at(llmobs_json_get(json, "a"), 2));
    ck_assert_ptr_null(llmobs_json_text(json));
    ck_assert_ptr_null(llmobs_json_gets(json, "i"));
    ck_assert_ptr_null(llmobs_json_gets(NULL, "i"));
    ck_assert_str_eq(llmobs_json_gets(json, "s"), "t");
    ck_assert_uint_eq(llmobs_json_len(json), 6);
    ck_assert_uint_eq(llmobs_json_len(llmobs_json_get(json, "a")), 2);
    ck_assert_uint_eq(llmobs_json_len(llmobs_json_get(json, "s")), 0);
    ck_assert_uint_eq(llmobs_json_len(NULL), 0);
    ck_assert_int_eq(llmobs_json_to_int(llmobs_json_get(json, "i")), 7);
    ck_assert_int_eq(llmobs_json_to_int(llmobs_json_get(json, "r")), 0);
    ck_assert_int_eq(llmobs_json_to_int(NULL), 0);
    ck_assert(llmobs_json_to_real(llmobs_json_get(json, "i")) == 7);
    ck_assert(llmobs_json_to_real(llmobs_json_get(json, "r")) == 2.5);
    ck_assert(llmobs_json_to_real(NULL) == 0);
    ck_assert(llmobs_json_is_null(llmobs_json_get(json, "n")));
    ck_assert(!llmobs_json_is_null(NULL));
    ck_assert(llmobs_json_is_int(llmobs_json_get(json, "i")));
    ck_assert(!llmobs_json_is_int(llmobs_json_get(json, "r")));
    ck_assert(llmobs_json_is_number(llmobs_json_get(json, "r")));
    ck_assert(!llmobs_json_is_number(llmobs_json_get(json, "s")));
    ck_assert(!llmobs_json_is_string(NULL) && !llmobs_json_is_array(NULL) &&
              !llmobs_json_is_object(NULL) && !llmobs_json_is_true(NULL) &&
              !llmobs_json_is_false(NULL));
    ck_assert_ptr_null(llmobs_json_iter(NULL));
    ck_assert_ptr_null(llmobs_json_iter(llmobs_json_get(json, "a")));
    llmobs_json_free(json);
}
END_TEST

START_TEST(test_json_clone_and_walk)
{
    struct llmobs_json *json = parsed("{\"b\":[1],\"a\":{\"c\":2},\"d\":3}");
    struct llmobs_json *other = llmobs_json_clone(json);
    struct llmobs_json *inner = llmobs_json_get(other, "a");
    char keys[8] = "";
    size_t count = 0;
    char *text;

    ck_assert_int_eq(llmobs_json_set(inner, "c", llmobs_json_int(9)), 0);
    text = llmobs_json_dumps(json, 0);
    ck_assert_str_eq(text, "{\"a\": {\"c\": 2}, \"b\": [1], \"d\": 3}");
    free(text);
    for (void *it = llmobs_json_iter(json); it != NULL;
         it = llmobs_json_next(json, it)) {
        keys[count++] = llmobs_json_iter_key(it)[0];
        ck_assert_ptr_nonnull(llmobs_json_iter_value(it));
    }
    ck_assert_str_eq(keys, "bad");
    llmobs_json_free(json);
    text = llmobs_json_dumps(other, 0);
    ck_assert_str_eq(text, "{\"a\": {\"c\": 9}, \"b\": [1], \"d\": 3}");
    free(text);
    llmobs_json_free(other);
}
END_TEST

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
    uint64_t count = next_random(state) % 4;

    for (uint64_t i = 0; i <= count && len > 1; i++) {
        size_t at = next_random(state) % len;
        uint64_t kind = next_random(state) % 4;

        if (kind == 0)
            text[at] = (char)next_random(state);
        else if (kind == 1)
            text[at] = bytes[next_random(state) % sizeof(bytes)];
        else if (kind == 2)
            memmove(text + at, text + at + 1, --len - at);
        else
            len -= next_random(state) % len / 8;
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

/* What parses is written as text that parses to the same. */
static void check_round(struct llmobs_json *json, unsigned flags)
{
    char *first = llmobs_json_dumps(json, flags);
    struct llmobs_json *again = NULL;
    char *second;

    if (first == NULL)
        ck_abort_msg("cannot be written");
    check_output(first, flags);
    if (parse(first, strlen(first), &again) != 0)
        ck_abort_msg("does not parse: %s", first);
    second = llmobs_json_dumps(again, flags);
    if (strcmp(first, second) != 0)
        ck_abort_msg("%s becomes %s", first, second);
    free(first);
    free(second);
    llmobs_json_free(again);
}

START_TEST(test_json_fuzz)
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
        rc = parse(text, len, &json);
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
END_TEST

/* Long input of one kind takes time in proportion: each of these is some
 * megabytes, and a minute is the limit. */
START_TEST(test_json_long)
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
    char *text = malloc(len + 32);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t lead = strlen(rows[i].open);
        size_t end = strlen(rows[i].shut);
        struct llmobs_json *json;

        memcpy(text, rows[i].open, lead);
        memset(text + lead, rows[i].fill, len);
        memcpy(text + lead + len, rows[i].shut, end);
        ck_assert_int_eq(parse(text, lead + len + end, &json), rows[i].rc);
        llmobs_json_free(json);
    }
    free(text);
}
END_TEST

UNIT_SUITE(json)
{
    Suite *suite = suite_create("json");

    UNIT_TEST(suite, test_json_documents);
    UNIT_TEST(suite, test_json_cuts);
    UNIT_TEST(suite, test_json_depth);
    UNIT_TEST(suite, test_json_tokens);
    UNIT_TEST(suite, test_json_reals);
    UNIT_TEST(suite, test_json_reals_read_back);
    UNIT_TEST(suite, test_json_locale);
    UNIT_TEST(suite, test_json_dumps);
    UNIT_TEST(suite, test_json_dump_is_all_or_nothing);
    UNIT_TEST(suite, test_json_dump_depth);
    UNIT_TEST(suite, test_json_makers);
    UNIT_TEST(suite, test_json_takes);
    UNIT_TEST(suite, test_json_readers);
    UNIT_TEST(suite, test_json_clone_and_walk);
    UNIT_TEST(suite, test_json_fuzz);
    UNIT_TEST(suite, test_json_long);
    return suite;
}
