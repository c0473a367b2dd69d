/* Tests the writer of protobuf and JSON. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/export/fields.h"
#include "tests/support/otlp_reader.h"
#include "tests/unit/json_case.h"
#include "core/export/writer.h"

#define TEXT(bytes) ((struct llmobs_text){bytes, sizeof(bytes) - 1})

typedef void filler(struct llmobs_otlp_writer *writer);

/* Writes a request, and gives what a reader reads. */
static struct llmobs_json *through(filler *fill, bool json)
{
    struct llmobs_otlp_writer writer;
    struct llmobs_json *read;
    struct llmobs_buf out;
    const char *why;

    llmobs_buf_init(&out, SIZE_MAX);
    llmobs_otlp_begin(&writer, &out, json);
    fill(&writer);
    ck_assert_int_eq(llmobs_otlp_end(&writer), 0);
    read = (json ? otlp_read_json : otlp_read_protobuf)(
        "traces", (struct llmobs_text){out.data, out.len}, &why);
    ck_assert_msg(read != NULL, "%s: %s", json ? "JSON" : "protobuf", why);
    llmobs_buf_fini(&out);
    return read;
}

static const struct llmobs_json *first(const struct llmobs_json *json,
                                       const char *list)
{
    return llmobs_json_at(llmobs_json_get(json, list), 0);
}

/* Gives the lines of a span: a member, or an attribute and its value. */
static char *lines_of(const struct llmobs_json *request)
{
    const struct llmobs_json *span =
        first(first(first(request, "resourceSpans"), "scopeSpans"), "spans");
    const struct llmobs_json *list = llmobs_json_get(span, "attributes");
    struct llmobs_buf out;
    char *text;

    llmobs_buf_init(&out, SIZE_MAX);
    for (size_t i = 0; i < llmobs_json_len(list); i++) {
        const struct llmobs_json *pair = llmobs_json_at(list, i);

        text = llmobs_json_dumps(llmobs_json_get(pair, "value"), 0);
        llmobs_buf_addf(&out, "%s %s\n", llmobs_json_gets(pair, "key"), text);
        free(text);
    }
    for (void *it = llmobs_json_iter(span); it;
         it = llmobs_json_next(span, it)) {
        if (llmobs_json_iter_value(it) == list)
            continue;
        text = llmobs_json_dumps(llmobs_json_iter_value(it), 0);
        llmobs_buf_addf(&out, "%s: %s\n", llmobs_json_iter_key(it), text);
        free(text);
    }
    return llmobs_buf_take(&out, NULL);
}

static void is(filler *fill, const char *expected)
{
    for (int json = 0; json < 2; json++) {
        struct llmobs_json *read = through(fill, json);
        char *text = lines_of(read);

        ck_assert_str_eq(text, expected);
        free(text);
        llmobs_json_free(read);
    }
}

/* -- all of one span ------------------------------------------------------- */

static void open_span(struct llmobs_otlp_writer *w)
{
    llmobs_otlp_list(w, OTLP_RESOURCE_SPANS);
    llmobs_otlp_item(w, OTLP_RESOURCE_SPANS);
    llmobs_otlp_list(w, OTLP_SCOPE_SPANS);
    llmobs_otlp_item(w, OTLP_SCOPE_SPANS);
    llmobs_otlp_list(w, OTLP_SPANS);
    llmobs_otlp_item(w, OTLP_SPANS);
}

static void close_span(struct llmobs_otlp_writer *w)
{
    llmobs_otlp_close(w);
    llmobs_otlp_close_list(w);
    llmobs_otlp_close(w);
    llmobs_otlp_close_list(w);
    llmobs_otlp_close(w);
    llmobs_otlp_close_list(w);
}

static void fill_scalars(struct llmobs_otlp_writer *w)
{
    static const uint8_t id[] = {0x00, 0x7F, 0x80, 0xFF,
                                 0x01, 0x02, 0x03, 0xAB};

    open_span(w);
    llmobs_otlp_hex(w, OTLP_SPAN_ID, id, sizeof(id));
    llmobs_otlp_string(w, OTLP_SPAN_NAME, TEXT("chat \"x\"\n"));
    llmobs_otlp_enum(w, OTLP_SPAN_KIND, 3);
    llmobs_otlp_fixed64(w, OTLP_SPAN_START, UINT64_MAX);
    llmobs_otlp_fixed64(w, OTLP_SPAN_END, 0);
    llmobs_otlp_uint32(w, OTLP_SPAN_DROPPED, UINT32_MAX);
    llmobs_otlp_message(w, OTLP_SPAN_STATUS);
    llmobs_otlp_close(w);
    llmobs_otlp_fixed32(w, OTLP_SPAN_FLAGS, UINT32_MAX);
    close_span(w);
}

TEST(test_otlp_scalars)
{
    is(fill_scalars, "spanId: \"007f80ff010203ab\"\n"
                     "name: \"chat \\\"x\\\"\\n\"\n"
                     "kind: 3\n"
                     "startTimeUnixNano: \"18446744073709551615\"\n"
                     "endTimeUnixNano: \"0\"\n"
                     "droppedAttributesCount: 4294967295\n"
                     "status: {}\n"
                     "flags: 4294967295\n");
}

/* -- attributes ------------------------------------------------------------ */

static void with_attributes(struct llmobs_otlp_writer *w, size_t max,
                            size_t value_max,
                            void (*add)(struct llmobs_otlp_attributes *))
{
    struct llmobs_otlp_attributes a = {
        .writer = w,
        .list = OTLP_SPAN_ATTRIBUTES,
        .max = max,
        .value_max = value_max,
    };

    open_span(w);
    llmobs_otlp_list(w, OTLP_SPAN_ATTRIBUTES);
    add(&a);
    llmobs_otlp_close_list(w);
    if (a.dropped)
        llmobs_otlp_uint32(w, OTLP_SPAN_DROPPED, (uint32_t)a.dropped);
    close_span(w);
}

static void add_each(struct llmobs_otlp_attributes *a)
{
    const struct llmobs_text texts[] = {TEXT("a"), TEXT(""), TEXT("\xC3\xA9")};

    llmobs_otlp_attr_text(a, "t", TEXT("x"));
    llmobs_otlp_attr_text(a, "e", (struct llmobs_text){NULL, 0});
    llmobs_otlp_attr_int(a, "i", INT64_MIN);
    llmobs_otlp_attr_int(a, "j", INT64_MAX);
    llmobs_otlp_attr_double(a, "d", 0.7);
    llmobs_otlp_attr_double(a, "z", 0);
    llmobs_otlp_attr_double(a, "n", (double)NAN);
    llmobs_otlp_attr_double(a, "f", (double)INFINITY);
    llmobs_otlp_attr_bool(a, "b", true);
    llmobs_otlp_attr_bool(a, "c", false);
    llmobs_otlp_attr_texts(a, "l", texts, 3);
    llmobs_otlp_attr_texts(a, "m", NULL, 0);
}

static void fill_each(struct llmobs_otlp_writer *w)
{
    with_attributes(w, 0, 0, add_each);
}

TEST(test_otlp_attributes)
{
    is(fill_each,
       "t {\"stringValue\": \"x\"}\n"
       "e {\"stringValue\": \"\"}\n"
       "i {\"intValue\": \"-9223372036854775808\"}\n"
       "j {\"intValue\": \"9223372036854775807\"}\n"
       "d {\"doubleValue\": 0.7}\n"
       "z {\"doubleValue\": 0.0}\n"
       "b {\"boolValue\": true}\n"
       "c {\"boolValue\": false}\n"
       "l {\"arrayValue\": {\"values\": [{\"stringValue\": \"a\"}, "
       "{\"stringValue\": \"\"}, {\"stringValue\": \"\xC3\xA9\"}]}}\n"
       "m {\"arrayValue\": {}}\n");
}

static void fill_limited(struct llmobs_otlp_writer *w)
{
    with_attributes(w, 3, 0, add_each);
}

TEST(test_otlp_attribute_limit)
{
    is(fill_limited, "t {\"stringValue\": \"x\"}\n"
                     "e {\"stringValue\": \"\"}\n"
                     "i {\"intValue\": \"-9223372036854775808\"}\n"
                     "droppedAttributesCount: 7\n");
}

static void add_long(struct llmobs_otlp_attributes *a)
{
    const struct llmobs_text texts[] = {TEXT("12345"), TEXT("1234")};

    llmobs_otlp_attr_text(a, "a", TEXT("1234"));
    llmobs_otlp_attr_text(a, "b", TEXT("12345"));
    llmobs_otlp_attr_text(a, "c", TEXT("123\xC3\xA9"));
    llmobs_otlp_attr_text(a, "d", TEXT("\xF0\x9F\x98\x80\xF0\x9F\x98\x80"));
    llmobs_otlp_attr_text(a, "e", TEXT("\x80\x80\x80\x80\x80"));
    llmobs_otlp_attr_texts(a, "l", texts, 2);
}

static void fill_long(struct llmobs_otlp_writer *w)
{
    with_attributes(w, 0, 4, add_long);
}

TEST(test_otlp_value_limit)
{
    is(fill_long, "a {\"stringValue\": \"1234\"}\n"
                  "b {\"stringValue\": \"1234\"}\n"
                  "c {\"stringValue\": \"123\"}\n"
                  "d {\"stringValue\": \"\xF0\x9F\x98\x80\"}\n"
                  "e {\"stringValue\": \"\xEF\xBF\xBD\"}\n"
                  "l {\"arrayValue\": {\"values\": [{\"stringValue\": "
                  "\"1234\"}, {\"stringValue\": \"1234\"}]}}\n");
}

/* -- texts ----------------------------------------------------------------- */

/* The bytes that must come out for each kind of character. */
static const struct {
    const char *in;
    size_t len;
    const char *out; /* as a text; it has no NUL */
} kinds[] = {
    {BYTES("x"), "x"},
    {BYTES("\""), "\""},
    {BYTES("\\"), "\\"},
    {BYTES("\n"), "\n"},
    {BYTES("\b"), "\b"},
    {BYTES("\x01"), "\x01"},
    {BYTES("\x1F"), "\x1F"},
    {BYTES("\x7F"), "\x7F"},
    {BYTES("\xC3\xA9"), "\xC3\xA9"},
    {BYTES("\xE2\x82\xAC"), "\xE2\x82\xAC"},
    {BYTES("\xF0\x9F\x98\x80"), "\xF0\x9F\x98\x80"},
    {BYTES("\0"), BAD},
    {BYTES("\x80"), BAD},
    {BYTES("\xE2\x82"), BAD BAD},
    {BYTES("\xC0\xAF"), BAD BAD},
    {BYTES("\xED\xA0\x80"), BAD BAD BAD},
    {BYTES("\xF5"), BAD},
};

#define KINDS (sizeof(kinds) / sizeof(*kinds))

/* A text of many kinds in an order that differs from round to round. */
static void random_text(uint64_t *state, struct llmobs_buf *in,
                        struct llmobs_buf *out)
{
    size_t count = json_case_random(state) % 60;

    llmobs_buf_cut(in, 0);
    llmobs_buf_cut(out, 0);
    llmobs_buf_adds(in, "");
    llmobs_buf_adds(out, "");
    for (size_t i = 0; i < count; i++) {
        size_t kind = json_case_random(state) % (2 * KINDS);

        kind = kind < KINDS ? kind : 0;
        llmobs_buf_add(in, kinds[kind].in, kinds[kind].len);
        llmobs_buf_adds(out, kinds[kind].out);
        if (kinds[kind].out[0] == BAD[0] && kinds[kind].len > 1) {
            llmobs_buf_adds(in, "-"); /* it ends there */
            llmobs_buf_adds(out, "-");
        }
    }
}

static struct llmobs_text text_now;

static void add_text(struct llmobs_otlp_attributes *a)
{
    llmobs_otlp_attr_text(a, "", text_now);
    if (!llmobs_otlp_doc_open(a, "doc"))
        return;
    llmobs_otlp_doc_raw(a->writer, "{\"k\": [");
    llmobs_otlp_doc_string(a->writer, text_now);
    llmobs_otlp_doc_raw(a->writer, "]}");
    llmobs_otlp_doc_close(a->writer);
}

static void fill_text(struct llmobs_otlp_writer *w)
{
    with_attributes(w, 0, 0, add_text);
}

static const char *attribute_at(const struct llmobs_json *request, size_t i)
{
    const struct llmobs_json *span =
        first(first(first(request, "resourceSpans"), "scopeSpans"), "spans");
    const struct llmobs_json *pair =
        llmobs_json_at(llmobs_json_get(span, "attributes"), i);

    return llmobs_json_gets(llmobs_json_get(pair, "value"), "stringValue");
}

static void is_text(const struct llmobs_json *request, const char *expected)
{
    struct llmobs_json *doc = json_case_parsed(attribute_at(request, 1));

    ck_assert_str_eq(attribute_at(request, 0), expected);
    ck_assert_str_eq(
        llmobs_json_text(llmobs_json_at(llmobs_json_get(doc, "k"), 0)),
        expected);
    llmobs_json_free(doc);
}

/* Every place in a block of sixteen, and every neighbour. */
TEST(test_otlp_texts)
{
    struct llmobs_buf in, out;
    uint64_t state = 7;

    llmobs_buf_init(&in, SIZE_MAX);
    llmobs_buf_init(&out, SIZE_MAX);
    for (int i = 0; i < 4000; i++) {
        char *exact;

        random_text(&state, &in, &out);
        exact = malloc(in.len ? in.len : 1);
        memcpy(exact, in.data, in.len);
        text_now = (struct llmobs_text){exact, in.len};
        for (int json = 0; json < 2; json++) {
            struct llmobs_json *read = through(fill_text, json);

            is_text(read, out.data);
            llmobs_json_free(read);
        }
        free(exact);
    }
    llmobs_buf_fini(&in);
    llmobs_buf_fini(&out);
}

static void add_keys(struct llmobs_otlp_attributes *a)
{
    llmobs_otlp_attr_int(a, "a\"b\n", 1);
    llmobs_otlp_attr_text(a, "\xFF", TEXT(""));
    llmobs_otlp_attr_double(a, "\xC3\xA9", 1e22);
    if (llmobs_otlp_doc_open(a, "\x80")) {
        llmobs_otlp_doc_value(a->writer, NULL);
        llmobs_otlp_doc_close(a->writer);
    }
}

static void fill_keys(struct llmobs_otlp_writer *w)
{
    with_attributes(w, 0, 0, add_keys);
}

TEST(test_otlp_keys)
{
    is(fill_keys,
       "a\"b\n {\"intValue\": \"1\"}\n" BAD " {\"stringValue\": \"\"}\n"
       "\xC3\xA9 {\"doubleValue\": 1e+22}\n" BAD
       " {\"stringValue\": \"null\"}\n");
}

static void add_value(struct llmobs_otlp_attributes *a)
{
    struct llmobs_json *json = json_case_parsed(
        "{\"b\": [1, 0.5, null, true], \"a\": {\"t\": \"x\\\"\\n\"}}");

    if (llmobs_otlp_doc_open(a, "doc")) {
        llmobs_otlp_doc_value(a->writer, json);
        llmobs_otlp_doc_close(a->writer);
    }
    if (llmobs_otlp_doc_open(a, "text")) {
        llmobs_otlp_doc_value(a->writer,
                              llmobs_json_get(llmobs_json_get(json, "a"), "t"));
        llmobs_otlp_doc_close(a->writer);
    }
    llmobs_json_free(json);
}

static void fill_value(struct llmobs_otlp_writer *w)
{
    with_attributes(w, 0, 0, add_value);
}

TEST(test_otlp_values)
{
    is(fill_value, "doc {\"stringValue\": \"{\\\"b\\\": [1, 0.5, null, true], "
                   "\\\"a\\\": {\\\"t\\\": \\\"x\\\\\\\"\\\\n\\\"}}\"}\n"
                   "text {\"stringValue\": \"\\\"x\\\\\\\"\\\\n\\\"\"}\n");
}

/* -- limits ---------------------------------------------------------------- */

static int nested(size_t levels, bool json, bool uneven)
{
    struct llmobs_otlp_writer w;
    struct llmobs_buf out;
    int rc;

    llmobs_buf_init(&out, SIZE_MAX);
    llmobs_buf_adds(&out, "before");
    llmobs_otlp_begin(&w, &out, json);
    for (size_t i = 0; i < levels; i++)
        llmobs_otlp_message(&w, OTLP_VALUE);
    for (size_t i = uneven; i < levels; i++)
        llmobs_otlp_close(&w);
    rc = llmobs_otlp_end(&w);
    if (rc)
        ck_assert_str_eq(out.data, "before");
    llmobs_buf_fini(&out);
    return rc;
}

TEST(test_otlp_levels)
{
    for (int json = 0; json < 2; json++) {
        ck_assert_int_eq(nested(LLMOBS_OTLP_LEVELS - 1, json, false), 0);
        ck_assert_int_eq(nested(LLMOBS_OTLP_LEVELS, json, false), -E2BIG);
        ck_assert_int_eq(nested(1000, json, false), -E2BIG);
        ck_assert_int_eq(nested(3, json, true), -EINVAL);
    }
}

TEST(test_otlp_uneven)
{
    for (int json = 0; json < 2; json++) {
        struct llmobs_otlp_writer w;
        UNIT_ENDS(llmobs_buf) out;

        llmobs_buf_init(&out, SIZE_MAX);
        llmobs_otlp_begin(&w, &out, json);
        llmobs_otlp_list(&w, OTLP_SPANS);
        llmobs_otlp_close(&w);
        ck_assert_int_eq(llmobs_otlp_end(&w), -EINVAL);
        llmobs_otlp_begin(&w, &out, json);
        llmobs_otlp_close(&w);
        ck_assert_int_eq(llmobs_otlp_end(&w), -EINVAL);
        ck_assert_uint_eq(out.len, 0);
    }
}

/* The writer keeps within every limit of the buffer. */
TEST(test_otlp_full)
{
    for (int json = 0; json < 2; json++) {
        bool whole = false;

        for (size_t max = 0; max < 900 && !whole; max++) {
            struct llmobs_otlp_writer w;
            UNIT_ENDS(llmobs_buf) out;
            int rc;

            llmobs_buf_init(&out, max);
            llmobs_otlp_begin(&w, &out, json);
            fill_each(&w);
            rc = llmobs_otlp_end(&w);
            ck_assert(rc == 0 || rc == -EFBIG);
            ck_assert_uint_le(out.len, max);
            if (rc)
                ck_assert_uint_eq(out.len, 0);
            whole = rc == 0;
        }
        ck_assert(whole);
    }
}

/* -- packed numbers -------------------------------------------------------- */

static struct llmobs_json *packed(bool json, double odd)
{
    const uint64_t counts[] = {0, 1, UINT64_MAX};
    const double bounds[] = {0.01, 1, odd};
    struct llmobs_otlp_writer w;
    struct llmobs_json *read;
    struct llmobs_buf out;
    const char *why;

    llmobs_buf_init(&out, SIZE_MAX);
    llmobs_otlp_begin(&w, &out, json);
    llmobs_otlp_list(&w, OTLP_RESOURCE_METRICS);
    llmobs_otlp_item(&w, OTLP_RESOURCE_METRICS);
    llmobs_otlp_list(&w, OTLP_SCOPE_METRICS);
    llmobs_otlp_item(&w, OTLP_SCOPE_METRICS);
    llmobs_otlp_list(&w, OTLP_METRICS);
    llmobs_otlp_item(&w, OTLP_METRICS);
    llmobs_otlp_message(&w, OTLP_METRIC_HISTOGRAM);
    llmobs_otlp_list(&w, OTLP_DATA_POINTS);
    llmobs_otlp_item(&w, OTLP_DATA_POINTS);
    llmobs_otlp_fixed64s(&w, OTLP_HISTOGRAM_BUCKETS, counts, 3);
    llmobs_otlp_doubles(&w, OTLP_HISTOGRAM_BOUNDS, bounds, 3);
    llmobs_otlp_double(&w, OTLP_HISTOGRAM_SUM, odd);
    llmobs_otlp_close(&w);
    llmobs_otlp_close_list(&w);
    llmobs_otlp_close(&w);
    close_span(&w);
    ck_assert_int_eq(llmobs_otlp_end(&w), 0);
    read = (json ? otlp_read_json : otlp_read_protobuf)(
        "metrics", (struct llmobs_text){out.data, out.len}, &why);
    ck_assert_msg(read != NULL, "%s", why);
    llmobs_buf_fini(&out);
    return read;
}

static void is_packed(double odd, const char *expected)
{
    for (int json = 0; json < 2; json++) {
        struct llmobs_json *read = packed(json, odd);
        char *text = llmobs_json_dumps(read, 0);

        ck_assert_msg(strstr(text, expected) != NULL, "%s", text);
        free(text);
        llmobs_json_free(read);
    }
}

TEST(test_otlp_packed)
{
    is_packed(81.92, "[{\"bucketCounts\": [\"0\", \"1\", "
                     "\"18446744073709551615\"], \"explicitBounds\": "
                     "[0.01, 1.0, 81.92], \"sum\": 81.92}]");
    is_packed((double)INFINITY, "[{\"bucketCounts\": [\"0\", \"1\", "
                                "\"18446744073709551615\"]}]");
}
