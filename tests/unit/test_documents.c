/* Values and documents of spans that are no conversation. */
#include <stdlib.h>
#include <string.h>

#include "rules/read/documents.h"
#include "rules/read/text.h"
#include "rules/read/values.h"
#include "tests/unit/unit.h"

static struct llmobs_span span;

static struct llmobs_json *parse(const char *text)
{
    struct llmobs_json *json;

    ck_assert_int_eq(llmobs_json_parse(llmobs_text_of(text), &json), 0);
    return json;
}

/* Adds a document of these members. */
static void add(const char *members)
{
    struct llmobs_json *json = parse(members);
    const struct llmobs_found found = {
        .text = llmobs_json_get(json, "text"),
        .name = llmobs_json_get(json, "name"),
        .id = llmobs_json_get(json, "id"),
        .score = llmobs_json_get(json, "score"),
    };

    ck_assert_int_eq(llmobs_documents_add(&span, &found), 0);
    llmobs_json_free(json);
}

static void check_documents(const char *want)
{
    char *text = llmobs_json_dumps(span.output_documents, 0);

    ck_assert_str_eq(text, want);
    free(text);
}

TEST(a_document_has_what_is_known)
{
    ck_assert_int_eq(llmobs_span_init(&span), 0);
    add("{\"text\": \"a\", \"name\": \"n\", \"id\": \"i\", \"score\": 0}");
    add("{\"text\": {\"title\": 1, \"content\": \"c\"}, \"name\": 1, \"id\": 7,"
        " \"score\": \"high\"}");
    add("{\"text\": {\"text\": 1, \"b\": 2}}");
    add("{}");
    check_documents("[{\"id\": \"i\", \"name\": \"n\", \"score\": 0, \"text\": "
                    "\"a\"}, {\"id\": \"7\", \"text\": \"c\"}, {\"text\": "
                    "\"{\\\"text\\\": 1, \\\"b\\\": 2}\"}, {\"text\": \"\"}]");
    llmobs_span_fini(&span);
}

TEST(documents_have_a_limit)
{
    const size_t len = LLMOBS_DOCUMENT_MAX + 10;
    char *text = malloc(len + 1);
    struct llmobs_found found = {.text = NULL};

    ck_assert_int_eq(llmobs_span_init(&span), 0);
    memset(text, 'a', len);
    memcpy(text + LLMOBS_DOCUMENT_MAX - 1, "\xc3\xa4", 2);
    found.text = llmobs_json_stringn(text, len);
    for (size_t i = 0; i < LLMOBS_DOCUMENTS_MAX + 2; i++)
        ck_assert_int_eq(llmobs_documents_add(&span, &found), 0);
    ck_assert_uint_eq(llmobs_json_len(span.output_documents),
                      LLMOBS_DOCUMENTS_MAX);
    ck_assert_uint_eq(llmobs_json_text_len(llmobs_json_get(
                          llmobs_json_at(span.output_documents, 0), "text")),
                      LLMOBS_DOCUMENT_MAX - 1);
    llmobs_json_free((struct llmobs_json *)(uintptr_t)found.text);
    free(text);
    llmobs_span_fini(&span);
}

static void check_value(const char *json, const char *want)
{
    struct llmobs_json *value = parse(json);

    ck_assert_int_eq(llmobs_value_input(&span, value), 0);
    ck_assert_int_eq(llmobs_value_output(&span, value), 0);
    ck_assert_pstr_eq(span.input_value, want);
    ck_assert_pstr_eq(span.output_value, want);
    llmobs_json_free(value);
}

TEST(a_value_is_a_text_or_json)
{
    ck_assert_int_eq(llmobs_span_init(&span), 0);
    ck_assert_int_eq(llmobs_value_input(&span, NULL), 0);
    check_value("null", NULL);
    check_value("\"a\"", "a");
    check_value("{\"b\": [1], \"a\": null}", "{\"b\": [1], \"a\": null}");
    check_value("null", "{\"b\": [1], \"a\": null}");
    llmobs_span_fini(&span);
}

static void check_cut(struct llmobs_json *value)
{
    char *text = llmobs_value_text(value);

    ck_assert_uint_eq(strlen(text), LLMOBS_VALUE_MAX);
    free(text);
    llmobs_json_free(value);
}

TEST(a_value_has_a_limit)
{
    char *text = unit_own(malloc(LLMOBS_VALUE_MAX + 2));
    struct llmobs_json *list = llmobs_json_array();

    memset(text, '.', LLMOBS_VALUE_MAX + 1);
    text[LLMOBS_VALUE_MAX + 1] = '\0';
    ck_assert_int_eq(llmobs_json_add(list, llmobs_json_string(text)), 0);
    check_cut(list);
    check_cut(llmobs_json_string(text));
}
