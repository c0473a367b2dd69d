/* Writes events as OTLP for tests. */
#include "tests/unit/otlp_case.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

struct llmobs_config otlp_case_config;
static struct llmobs_json *span;

static struct llmobs_json *parse(const char *text)
{
    struct llmobs_json *value;

    ck_assert_msg(llmobs_json_parse(llmobs_text_of(text), &value) == 0, "%s",
                  text);
    return value;
}

/* Writes the span of an event; both forms of OTLP must take it. */
void otlp_case_write(const char *event_text, enum llmobs_semconv form,
                     bool content)
{
    struct llmobs_json *event = parse(event_text);
    struct llmobs_otlp_writer writer;
    UNIT_ENDS(llmobs_buf) out;

    otlp_case_config.otlp.semconv = form;
    llmobs_buf_init(&out, (size_t)1 << 24);
    llmobs_otlp_begin(&writer, &out, false);
    llmobs_otlp_span(&writer, &otlp_case_config, content, event);
    ck_assert_int_eq(llmobs_otlp_end(&writer), 0);
    llmobs_buf_cut(&out, 0);
    llmobs_otlp_begin(&writer, &out, true);
    llmobs_otlp_span(&writer, &otlp_case_config, content, event);
    ck_assert_int_eq(llmobs_otlp_end(&writer), 0);
    llmobs_json_free(span);
    span = parse(out.data);
    llmobs_json_free(event);
}

static struct llmobs_json *plain(const struct llmobs_json *value)
{
    void *it = llmobs_json_iter(value);
    const char *type = llmobs_json_iter_key(it);
    struct llmobs_json *inner = llmobs_json_iter_value(it);
    struct llmobs_json *list;

    if (strcmp(type, "intValue") == 0)
        return llmobs_json_int(atoll(llmobs_json_text(inner)));
    if (strcmp(type, "doubleValue") == 0)
        return llmobs_json_real(llmobs_json_to_real(inner));
    if (strcmp(type, "arrayValue") != 0)
        return llmobs_json_share(inner);
    list = llmobs_json_array();
    inner = llmobs_json_get(inner, "values");
    for (size_t i = 0; i < llmobs_json_len(inner); i++)
        llmobs_json_add(list, plain(llmobs_json_at(inner, i)));
    return list;
}

/* The attributes as an object; none comes twice. */
static struct llmobs_json *attributes_of(const struct llmobs_json *of)
{
    const struct llmobs_json *list = llmobs_json_get(of, "attributes");
    struct llmobs_json *out = llmobs_json_object();

    for (size_t i = 0; i < llmobs_json_len(list); i++) {
        const struct llmobs_json *pair = llmobs_json_at(list, i);
        const char *key = llmobs_json_gets(pair, "key");

        ck_assert_msg(!llmobs_json_get(out, key), "%s comes twice", key);
        llmobs_json_set(out, key, plain(llmobs_json_get(pair, "value")));
    }
    return out;
}

/* Takes the value. */
static void expect_json(const char *what, struct llmobs_json *value,
                        const char *expected)
{
    struct llmobs_json *wanted = parse(expected);
    char *want = llmobs_json_dumps(wanted, 0);
    char *have = llmobs_json_dumps(value, 0);

    ck_assert_msg(strcmp(want, have) == 0, "%s:\nexpected %s\ngot      %s",
                  what, want, have);
    free(want);
    free(have);
    llmobs_json_free(wanted);
    llmobs_json_free(value);
}

void otlp_case_attributes(const char *expected)
{
    expect_json("attributes", attributes_of(span), expected);
}

void otlp_case_attribute(const char *name, const char *expected)
{
    struct llmobs_json *all = attributes_of(span);
    struct llmobs_json *value = llmobs_json_get(all, name);
    const char *text = llmobs_json_text(value);

    if (!expected)
        ck_assert_msg(value == NULL, "%s is there", name);
    else if (text)
        ck_assert_str_eq(text, expected);
    else
        expect_json(name, llmobs_json_share(value), expected);
    llmobs_json_free(all);
}

void otlp_case_document(const char *name, const char *expected)
{
    struct llmobs_json *all = attributes_of(span);
    const char *text = llmobs_json_gets(all, name);

    ck_assert_msg(text != NULL, "%s is not there", name);
    expect_json(name, parse(text), expected);
    llmobs_json_free(all);
}

const struct llmobs_json *otlp_case_span(void)
{
    return span;
}

void otlp_case_field(const char *name, const char *expected)
{
    const char *text = llmobs_json_gets(span, name);

    if (!expected)
        ck_assert_ptr_null(text);
    else
        ck_assert_msg(text && strcmp(text, expected) == 0, "%s is %s", name,
                      text ? text : "absent");
}
