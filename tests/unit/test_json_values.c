/* Values: read, made, printed. */
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text/json.h"
#include "lib/text/decimal.h"
#include "tests/unit/json_case.h"

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

TEST(test_json_reals)
{
    char text[LLMOBS_DECIMAL_MAX];

    for (size_t i = 0; i < sizeof(reals) / sizeof(reals[0]); i++) {
        size_t len = llmobs_decimal_write(reals[i].number, text);

        ck_assert_str_eq(text, reals[i].text);
        ck_assert_uint_eq(len, strlen(text));
    }
}

static double read_back(const char *text)
{
    struct llmobs_buf scratch;
    double number;

    llmobs_buf_init(&scratch, SIZE_MAX);
    ck_assert_int_eq(
        llmobs_decimal_read((struct llmobs_text){text, strlen(text)}, &scratch,
                            &number),
        0);
    llmobs_buf_fini(&scratch);
    return number;
}

static void check_real(double number)
{
    char text[LLMOBS_DECIMAL_MAX];
    double back;

    if (llmobs_decimal_write(number, text) >= LLMOBS_DECIMAL_MAX)
        ck_abort_msg("%a is too long", number);
    back = strtod(text, NULL);
    if (memcmp(&back, &number, sizeof(back)) != 0)
        ck_abort_msg("%a is written as %s", number, text);
    back = read_back(text);
    if (memcmp(&back, &number, sizeof(back)) != 0)
        ck_abort_msg("%s is read as %a", text, back);
    if (strpbrk(text, ".e") == NULL)
        ck_abort_msg("%a looks like an integer: %s", number, text);
}

/* Every power of two with its neighbours, short decimals, random bits. */
TEST(test_json_reals_read_back)
{
    uint64_t state = 0x243F6A8885A308D3;

    for (int power = -1074; power <= 1023; power++) {
        double number = ldexp(1, power);

        check_real(number);
        check_real(nextafter(number, 0));
        check_real(-nextafter(number, HUGE_VAL));
    }
    for (size_t i = 0; i < 50000; i++) {
        uint64_t bits = json_case_random(&state);
        double number;

        memcpy(&number, &bits, sizeof(number));
        if (isfinite(number))
            check_real(number);
        check_real((double)(bits >> 40) / 1000);
    }
}

/* The digits and the power that a processor can still multiply exactly, and
 * those just beyond, against the C library. */
TEST(test_json_reals_are_read)
{
    static const char *const digits[] = {"9007199254740991",
                                         "9007199254740992",
                                         "9007199254740993",
                                         "900719925474099.3",
                                         "0.0000009007199254740993",
                                         "18446744073709551615",
                                         "18446744073709551617",
                                         "10000000000000000000000",
                                         "0.10000000000000000000001",
                                         "000.5",
                                         "1.7",
                                         "0.000"};
    uint64_t state = 0xA4093822299F31D0;
    char text[80];

    for (size_t i = 0; i < sizeof(digits) / sizeof(digits[0]); i++) {
        for (int power = -350; power <= 320; power++) {
            (void)snprintf(text, sizeof(text), "-%se%+d", digits[i], power);
            ck_assert(read_back(text) == strtod(text, NULL));
        }
    }
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = json_case_random(&state);

        (void)snprintf(text, sizeof(text), "%llu.%lluE%d",
                       (unsigned long long)bits >> (bits % 64),
                       (unsigned long long)json_case_random(&state) >>
                           (bits % 61),
                       (int)(bits % 50) - 25);
        ck_assert(read_back(text) == strtod(text, NULL));
    }
    ck_assert(read_back("1e-99999999999999999999") == 0);
    ck_assert(read_back("1E99999999999999999999") == HUGE_VAL);
}

TEST(test_json_integers)
{
    static const int64_t numbers[] = {0,   9,         10,        -1,
                                      -10, INT64_MAX, INT64_MIN, 1767225600};
    char text[LLMOBS_DECIMAL_MAX], expected[LLMOBS_DECIMAL_MAX];

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        (void)snprintf(expected, sizeof(expected), "%" PRId64, numbers[i]);
        ck_assert_uint_eq(llmobs_decimal_write_int(numbers[i], text),
                          strlen(expected));
        ck_assert_str_eq(text, expected);
    }
}

/* A locale with a decimal comma changes nothing. Where none is installed the
 * rest of the tests stands. */
TEST(test_json_locale)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8",
                                        "fr_FR.UTF-8", "de_DE", "cs_CZ"};
    struct llmobs_json *json;
    char *text;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (setlocale(LC_ALL, names[i]) != NULL)
            break;
    }
    json =
        json_case_parsed("[0.7,1e22,12345678901234567890,0.3333333333333333]");
    text = llmobs_json_dumps(json, 0);
    ck_assert_str_eq(text, "[0.7, 1e+22, 1.2345678901234567e+19, "
                           "0.3333333333333333]");
    free(text);
    llmobs_json_free(json);
    (void)setlocale(LC_ALL, "C");
}

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

TEST(test_json_dumps)
{
    for (size_t i = 0; i < sizeof(dumps) / sizeof(dumps[0]); i++) {
        struct llmobs_json *json = json_case_parsed(dumps[i].in);
        char *text = llmobs_json_dumps(json, dumps[i].flags);

        ck_assert_str_eq(text, dumps[i].out);
        free(text);
        llmobs_json_free(json);
    }
}

/* Without room nothing is left behind in the buffer, at any size. */
TEST(test_json_dump_is_all_or_nothing)
{
    struct llmobs_json *json =
        json_case_parsed("{\"b\":[1,2.5,\"x\xC3\xA9\\n\"],\"a\":{\"c\":null}}");
    char *whole = unit_own(llmobs_json_dumps(json, LLMOBS_JSON_ASCII));
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
    llmobs_json_free(json);
}

TEST(test_json_dump_depth)
{
    struct llmobs_json *json = llmobs_json_array();
    UNIT_ENDS(llmobs_buf) buf;
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
    llmobs_json_free(json);
}

TEST(test_json_makers)
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

/* A container remembers that a value is missing, in it or below it, but not in
 * what another owner has too. */
TEST(test_json_error)
{
    struct llmobs_json *object = llmobs_json_object();
    struct llmobs_json *array = llmobs_json_array();
    struct llmobs_json *outer = llmobs_json_object();
    struct llmobs_json *list = llmobs_json_array();

    llmobs_json_set(object, "a", llmobs_json_bool(true));
    llmobs_json_set(object, "b", llmobs_json_array());
    llmobs_json_sets(object, "c", NULL);
    ck_assert_int_eq(llmobs_json_error(object), 0);
    ck_assert_int_eq(llmobs_json_error(NULL), -ENOMEM);
    llmobs_json_add(array, NULL);
    llmobs_json_add(array, llmobs_json_int(1));
    ck_assert_int_eq(llmobs_json_error(array), -ENOMEM);
    ck_assert_int_eq(llmobs_json_set(outer, "array", array), 0);
    ck_assert_int_eq(llmobs_json_error(outer), -ENOMEM);
    ck_assert_int_eq(llmobs_json_add(list, outer), 0);
    ck_assert_int_eq(llmobs_json_error(list), -ENOMEM);
    llmobs_json_set(object, "d", NULL);
    ck_assert_int_eq(llmobs_json_error(object), -ENOMEM);
    llmobs_json_set(llmobs_json_bool(true), "a", NULL); /* nothing is written */
    outer = llmobs_json_object();
    llmobs_json_set(outer, "shared", llmobs_json_share(object));
    ck_assert_int_eq(llmobs_json_error(outer), 0);
    llmobs_json_free(outer);
    outer = llmobs_json_array();
    llmobs_json_add(outer, llmobs_json_share(object));
    ck_assert_int_eq(llmobs_json_error(outer), 0);
    llmobs_json_free(outer);
    llmobs_json_free(object);
    llmobs_json_free(list);
}

/* Values given to a set or an add that fails are freed: valgrind and asan
 * watch this test. */
TEST(test_json_takes)
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
    ck_assert(llmobs_json_says(object, "a", "y"));
    ck_assert(!llmobs_json_says(object, "a", "x"));
    ck_assert(!llmobs_json_says(object, "none", "y"));
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

TEST(test_json_readers)
{
    struct llmobs_json *json =
        json_case_parsed("{\"s\":\"t\",\"i\":7,\"r\":2.5,\"n\":"
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

TEST(test_json_clone_and_walk)
{
    struct llmobs_json *json =
        json_case_parsed("{\"b\":[1],\"a\":{\"c\":2},\"d\":3}");
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
