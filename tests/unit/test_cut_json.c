/* The reader finds the members of a document whose middle is missing, and tells
 * when bytes came. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "rules/read/cut_json.h"
#include "rules/read/text.h"
#include "rules/rules.h"
#include "tests/unit/unit.h"

TEST(times_are_found_by_offset)
{
    static const struct llmobs_mark marks[] = {{10, 100}, {20, 200}, {30, 300}};
    struct llmobs_call call = {.marks = marks, .mark_count = 3};

    ck_assert_int_eq(llmobs_call_time_at(&call, 1), 100);
    ck_assert_int_eq(llmobs_call_time_at(&call, 10), 100);
    ck_assert_int_eq(llmobs_call_time_at(&call, 11), 200);
    ck_assert_int_eq(llmobs_call_time_at(&call, 30), 300);
    ck_assert_int_eq(llmobs_call_time_at(&call, 31), 0);
    call.mark_count = 0;
    ck_assert_int_eq(llmobs_call_time_at(&call, 1), 0);
}

static void check_scan(struct llmobs_json *got, const char *expected)
{
    char *text = got ? llmobs_json_dumps(got, 0) : NULL;

    ck_assert_str_eq(text ? text : "none", expected);
    free(text);
    llmobs_json_free(got);
}

TEST(cut_documents_are_scanned)
{
    const char keys[] = "model\0n\0";
    const char *head = "{\"a\":{\"model\":\"no\"},\"b\":\"\\\"model\\\":1\","
                       "\"model\" : \"yes\",\"n\":2,\"usage\":{\"x\":";
    const char *tail = "or\"}],\"m\":[{\"usage\":null}],\"t\":\"{\\\"usage\\\""
                       ":1}\",\"usage\":{\"p\":[\"}\"]},\"n\":{\"n\":9}}";

    check_scan(llmobs_cut_json_first(llmobs_text_of(head), "model"), "\"yes\"");
    check_scan(llmobs_cut_json_first(llmobs_text_of(head), "usage"), "none");
    check_scan(llmobs_cut_json_first(llmobs_text_of("{\"n\":12"), "n"), "none");
    check_scan(llmobs_cut_json_last(llmobs_text_of(tail), "usage"),
               "{\"p\": [\"}\"]}");
    check_scan(llmobs_cut_json_last(llmobs_text_of("{\"usage\":{\"p\":1},"
                                                   "\"say \\\"usage\":5}"),
                                    "usage"),
               "{\"p\": 1}");
    check_scan(llmobs_cut_json_last(llmobs_text_of("{\"usage\":{"), "usage"),
               "none");
    check_scan(llmobs_cut_json_object(llmobs_text_of("{\"a\":1"),
                                      llmobs_text_of("\"b\":2}"), NULL),
               "{}");
    check_scan(llmobs_cut_json_object(
                   llmobs_text_of("{\"messages\":[{\"a\":"),
                   llmobs_text_of("}],\"n\":3,\"model\":\"m\"}"), keys),
               "{\"model\": \"m\", \"n\": 3}");
    check_scan(llmobs_cut_json_object(
                   llmobs_text_of("{"),
                   llmobs_text_of("{\"model\":\"deep\"}],\"n\":3}"), keys),
               "{\"n\": 3}");
}

TEST(values_too_long_to_scan_are_left)
{
    static char text[40 * 1024];
    struct llmobs_text tail = {text, sizeof(text)};
    struct llmobs_json *found;

    memset(text, 'x', sizeof(text));
    memcpy(text, "\"usage\":\"", 9);
    text[8] = '"';
    text[17 * 1024] = '"';
    ck_assert_ptr_null(llmobs_cut_json_last(tail, "usage"));
    text[15 * 1024] = '"';
    found = llmobs_cut_json_last(tail, "usage");
    ck_assert_ptr_nonnull(found);
    llmobs_json_free(found);
}

/* Some milliseconds; a quadratic scan would take an hour.  The limit tells the
 * two apart on any machine, under any sanitizer. */
TEST(hostile_texts_are_scanned_in_bounded_time)
{
    const size_t len = 8 * 1024 * 1024;
    char *text = unit_own(malloc(len));
    int64_t start = llmobs_clock_mono_ns();

    for (size_t i = 0; i + 9 <= len; i += 9)
        memcpy(text + i, "\"usage\":{", 9);
    check_scan(llmobs_cut_json_last((struct llmobs_text){text, len}, "usage"),
               "none");
    memset(text, '\\', len);
    text[len - 1] = '"';
    check_scan(llmobs_cut_json_last((struct llmobs_text){text, len}, "usage"),
               "none");
    memset(text, '{', len);
    check_scan(llmobs_cut_json_first((struct llmobs_text){text, len}, "usage"),
               "none");
    ck_assert_int_lt(llmobs_clock_mono_ns() - start, 60000000000);
}
