/* Tests the base64 decoder. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/base64.h"
#include "rules/read/text.h"
#include "tests/unit/unit.h"

static const struct {
    const char *text;
    const char *bytes; /* NULL: it is none */
} rows[] = {
    {"", ""},        {"TQ==", "M"},      {"TWE=", "Ma"},
    {"TWFu", "Man"}, {"TWFuTQ", "ManM"}, {"+/+/", "\xfb\xff\xbf"},
    {"T", NULL},     {"TWFuT", NULL},    {"TW Fu", NULL},
    {"TWF\n", NULL}, {"TQ===", NULL},    {"=", ""},
    {"T=Fu", NULL},  {"TW-_", NULL},     {"\xc3\xa4==", NULL},
};

TEST(base64_is_read)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        UNIT_ENDS(llmobs_buf) buf;
        int rc;

        llmobs_buf_init(&buf, 64);
        rc = llmobs_base64_decode(llmobs_text_of(rows[i].text), &buf);
        ck_assert_msg(rc == (rows[i].bytes ? 0 : -EINVAL), "%s", rows[i].text);
        if (rows[i].bytes)
            ck_assert_str_eq(buf.data ? buf.data : "", rows[i].bytes);
    }
}

/* Longer than what is added at once. */
TEST(long_base64_is_read)
{
    const size_t groups = 5000;
    char *text = unit_own(malloc(groups * 4));
    UNIT_ENDS(llmobs_buf) buf;

    for (size_t i = 0; i < groups; i++)
        memcpy(text + 4 * i, "TWFu", 4);
    llmobs_buf_init(&buf, groups * 3);
    ck_assert_int_eq(
        llmobs_base64_decode((struct llmobs_text){text, groups * 4}, &buf), 0);
    ck_assert_uint_eq(buf.len, groups * 3);
    for (size_t i = 0; i < groups; i++)
        ck_assert_int_eq(memcmp(buf.data + 3 * i, "Man", 3), 0);
    ck_assert_int_eq(llmobs_base64_decode((struct llmobs_text){text, 4}, &buf),
                     -EFBIG);
}
