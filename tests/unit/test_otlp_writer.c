#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/otlp/fields.h"
#include "tests/support/otlp_reader.h"
#include "tests/unit/json_case.h"

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

START_TEST(test_otlp_scalars)
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
END_TEST

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

START_TEST(test_otlp_attributes)
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
END_TEST

static void fill_limited(struct llmobs_otlp_writer *w)
{
    with_attributes(w, 3, 0, add_each);
}

START_TEST(test_otlp_attribute_limit)
{
    is(fill_limited, "t {\"stringValue\": \"x\"}\n"
                     "e {\"stringValue\": \"\"}\n"
                     "i {\"intValue\": \"-9223372036854775808\"}\n"
                     "droppedAttributesCount: 7\n");
}
END_TEST

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

START_TEST(test_otlp_value_limit)
{
    is(fill_long, "a {\"stringValue\": \"1234\"}\n"
                  "b {\"stringValue\": \"1234\"}\n"
                  "c {\"stringValue\": \"123\"}\n"
                  "d {\"stringValue\": \"\xF0\x9F\x98\x80\"}\n"
                  "e {\"stringValue\": \"\xEF\xBF\xBD\"}\n"
                  "l {\"arrayValue\": {\"values\": [{\"stringValue\": "
                  "\"1234\"}, {\"stringValue\": \"1234\"}]}}\n");
}
END_TEST

UNIT_SUITE(otlp_writer)
{
    Suite *s = suite_create("otlp_writer");

    UNIT_TEST(s, test_otlp_scalars);
    UNIT_TEST(s, test_otlp_attributes);
    UNIT_TEST(s, test_otlp_attribute_limit);
    UNIT_TEST(s, test_otlp_value_limit);
    return s;
}
