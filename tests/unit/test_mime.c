#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/capture/mime.h"
#include "tests/unit/unit.h"

/* Addresses alone count. */
static char memory[64];
#define FORM(i) ((curl_mime *)(void *)&memory[i])
#define PART(i) ((curl_mimepart *)(void *)&memory[16 + (i)])

static void check(int form, uint64_t since, const char *lines)
{
    struct llmobs_text kept;
    struct llmobs_body body;

    llmobs_body_init(&body, LLMOBS_FORM_KEPT_MAX);
    llmobs_mime_fields(FORM(form), since, &body);
    kept = llmobs_body_head(&body);
    ck_assert_msg(kept.len == strlen(lines) &&
                      memcmp(kept.data ? kept.data : "", lines, kept.len) == 0,
                  "got %.*s\nwant %s", (int)kept.len, kept.data, lines);
    llmobs_body_fini(&body);
}

static void add(int form, int part, const char *name, const char *text)
{
    llmobs_mime_part(FORM(form), PART(part));
    llmobs_mime_name(PART(part), name);
    llmobs_mime_data(PART(part), text, CURL_ZERO_TERMINATED);
}

START_TEST(texts_of_a_form)
{
    llmobs_mime_begin(FORM(0));
    add(0, 2, "b", "2");
    add(0, 1, "a", "1");
    add(1, 3, "other", "form");
    llmobs_mime_part(FORM(0), PART(4)); /* without name and text */
    check(0, llmobs_mime_now(), "{\"b\":\"2\"}\n{\"a\":\"1\"}\n");
    llmobs_mime_data(PART(1), "12345", 2);
    llmobs_mime_name(PART(2), NULL);
    check(0, llmobs_mime_now(), "{\"a\":\"12\"}\n");
    llmobs_mime_end(FORM(0));
    check(0, llmobs_mime_now(), "");
    check(1, llmobs_mime_now(), "{\"other\":\"form\"}\n");
    llmobs_mime_end(FORM(1));
}
END_TEST

START_TEST(parts_that_are_no_text)
{
    char *large = malloc(LLMOBS_FORM_TEXT_MAX + 1);

    add(0, 1, "a", "1");
    llmobs_mime_filename(PART(1), "f");
    check(0, llmobs_mime_now(), "{\"a\":{\"bytes\":1}}\n");
    /* Whatever was a file's stays so, also without the name. */
    llmobs_mime_filename(PART(1), NULL);
    check(0, llmobs_mime_now(), "{\"a\":{\"bytes\":1}}\n");
    llmobs_mime_data(PART(1), "text", CURL_ZERO_TERMINATED);
    check(0, llmobs_mime_now(), "{\"a\":\"text\"}\n");
    llmobs_mime_file(PART(1), 7, NULL);
    check(0, llmobs_mime_now(), "{\"a\":{\"bytes\":7}}\n");
    llmobs_mime_file(PART(1), -1, NULL);
    check(0, llmobs_mime_now(), "{\"a\":{}}\n");
    memset(large, ' ', LLMOBS_FORM_TEXT_MAX + 1);
    llmobs_mime_data(PART(1), large, LLMOBS_FORM_TEXT_MAX + 1);
    check(0, llmobs_mime_now(), "{\"a\":{\"bytes\":32769}}\n");
    llmobs_mime_data(PART(1), NULL, 0);
    check(0, llmobs_mime_now(), "{\"a\":{}}\n");
    llmobs_mime_end(FORM(0));
    free(large);
}
END_TEST

/* libcurl frees a form with the one that it is in, and tells nobody. */
START_TEST(forms_within_forms)
{
    add(1, 2, "inner", "text");
    add(0, 1, "outer", "text");
    llmobs_mime_file(PART(1), -1, FORM(1));
    llmobs_mime_file(PART(1), -1, FORM(1)); /* once more: it stays */
    check(1, llmobs_mime_now(), "{\"inner\":\"text\"}\n");
    check(0, llmobs_mime_now(), "{\"outer\":{}}\n");
    llmobs_mime_end(FORM(0));
    check(1, llmobs_mime_now(), "");

    /* One that was freed by itself: what comes to its address is another. */
    add(0, 1, "outer", "text");
    llmobs_mime_file(PART(1), -1, FORM(1));
    llmobs_mime_end(FORM(1));
    add(1, 2, "new", "text");
    llmobs_mime_end(FORM(0));
    check(1, llmobs_mime_now(), "{\"new\":\"text\"}\n");
    llmobs_mime_end(FORM(1));
}
END_TEST

START_TEST(addresses_that_come_again)
{
    uint64_t before;

    add(0, 1, "a", "1");
    before = llmobs_mime_now();
    /* Freed by nobody that was seen. */
    llmobs_mime_begin(FORM(0));
    check(0, before, "");
    add(0, 1, "b", "2");
    check(0, llmobs_mime_now(), "{\"b\":\"2\"}\n");
    /* A handle has the address of the form that was there before. */
    check(0, before, "");
    /* A part's address, in another form. */
    add(1, 1, "c", "3");
    check(0, llmobs_mime_now(), "");
    check(1, llmobs_mime_now(), "{\"c\":\"3\"}\n");
    llmobs_mime_end(FORM(1));
    check(0, llmobs_mime_now(), "");
    /* Those that nobody knows. */
    llmobs_mime_name(PART(9), "x");
    llmobs_mime_data(PART(9), "x", 1);
    llmobs_mime_file(NULL, 1, NULL);
    llmobs_mime_filename(PART(9), "x");
    llmobs_mime_end(NULL);
    check(0, llmobs_mime_now(), "");
}
END_TEST

UNIT_SUITE(mime)
{
    Suite *s = suite_create("mime");

    UNIT_TEST(s, texts_of_a_form);
    UNIT_TEST(s, parts_that_are_no_text);
    UNIT_TEST(s, forms_within_forms);
    UNIT_TEST(s, addresses_that_come_again);
    return s;
}
