/* Tests multipart forms. */
#include <stdlib.h>
#include <string.h>

#include "lib/text/form.h"
#include "tests/unit/unit.h"

#define TYPE "multipart/form-data; boundary=b"
#define PART(name) \
    "--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n"
#define FILE_PART(name)                                   \
    "--b\r\nContent-Disposition: form-data; name=\"" name \
    "\"; filename=\"f\"\r\n"

static const struct {
    const char *type;
    const char *form;
    const char *lines;
} rows[] = {
    {TYPE, PART("model") "\r\nm-1\r\n--b--\r\n", "{\"model\":\"m-1\"}\n"},
    /* Line feeds alone, a preamble, an epilogue, blanks behind a boundary. */
    {TYPE,
     "hello\n--b \t\nContent-Disposition: form-data; name=a\n\n1\n--b\n"
     "content-disposition:form-data;NAME=\"c\"\n\n2\n--b--\n--b\n"
     "Content-Disposition: form-data; name=d\n\n3\n--b--",
     "{\"a\":\"1\"}\n{\"c\":\"2\"}\n"},
    /* An empty text, a text of line ends, one that ends with one. */
    {TYPE,
     PART("a") "\r\n\r\n" PART("c") "\r\n\r\n\r\n\r\n" PART(
         "d") "\r\nx\r\n\r\n--b--",
     "{\"a\":\"\"}\n{\"c\":\"\\u000d\\u000a\\u000d\\u000a\"}\n{\"d\":"
     "\"x\\u000d\\u000a\"}\n"},
    /* No line end before the delimiter of an empty part. */
    {TYPE, PART("a") "\r\n--b--", "{\"a\":\"\"}\n"},
    /* Lines that nearly are a delimiter. */
    {TYPE, PART("a") "\r\n--b1\r\n--\r\n-b\r\n\r\n--b--", ""},
    {TYPE, PART("a") "\r\n--\r\n--c\r\n-\r\n--b--",
     "{\"a\":\"--\\u000d\\u000a--c\\u000d\\u000a-\"}\n"},
    {TYPE, PART("a") "\r\nx\r\n--b-\r\n" PART("c") "\r\ny\r\n--b--",
     "{\"c\":\"y\"}\n"},
    /* Files, by whatever they are known. */
    {TYPE, FILE_PART("a") "Content-Type: audio/wav\r\n\r\nRIFF\r\n--b--",
     "{\"a\":{\"type\":\"audio/wav\",\"bytes\":4}}\n"},
    {TYPE, FILE_PART("a") "\r\n\r\n--b--", "{\"a\":{\"bytes\":0}}\n"},
    {TYPE,
     "--b\r\nContent-Disposition: form-data; filename*=UTF-8''f; name=a\r\n\r\n"
     "x\r\n--b--",
     "{\"a\":{\"bytes\":1}}\n"},
    {TYPE, PART("a") "Content-Type: image/png; q=1\r\n\r\nPNG\r\n--b--",
     "{\"a\":{\"type\":\"image/png\",\"bytes\":3}}\n"},
    {TYPE, PART("a") "Content-Type: Text/Plain\r\n\r\nx\r\n--b--",
     "{\"a\":\"x\"}\n"},
    {TYPE, PART("a") "Content-Transfer-Encoding: base64\r\n\r\neA==\r\n--b--",
     "{\"a\":{\"bytes\":4}}\n"},
    {TYPE, PART("a") "\r\nx\x01y\r\n--b--", "{\"a\":{\"bytes\":3}}\n"},
    /* Quotes and backslashes in names, and parameters within others. */
    {TYPE,
     "--b\r\nContent-Disposition: form-data; x=\"; name=no\"; "
     "name=\"a\\\"b\\\\\"\r\n\r\n\"\\\r\n--b--",
     "{\"a\\\"b\\\\\":\"\\\"\\\\\"}\n"},
    {TYPE, "--b\r\nContent-Disposition: form-data; name=\"\"\r\n\r\nx\r\n--b--",
     ""},
    {TYPE, "--b\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--b--",
     ""},
    {TYPE, "--b\r\nName: a\r\n\r\nx\r\n--b--", ""},
    /* A form within a form is one part of it. */
    {TYPE,
     PART("a") "Content-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n"
               "Content-Disposition: form-data; "
               "name=in\r\n\r\nx\r\n--bb--\r\n" PART("c") "\r\n2\r\n--b--",
     "{\"c\":\"2\"}\n"},
    {TYPE,
     PART("a") "Content-Type: multipart/mixed; boundary=n\r\n\r\n--n\r\n"
               "Content-Disposition: form-data; "
               "name=in\r\n\r\nx\r\n--n--\r\n--b--",
     "{\"a\":{\"type\":\"multipart/mixed\",\"bytes\":56}}\n"},
    /* Forms that are cut. */
    {TYPE, PART("a") "\r\n1\r\n" PART("c") "\r\n2", "{\"a\":\"1\"}\n"},
    {TYPE, PART("a") "\r\n1\r\n--b", ""},
    {TYPE, "", ""},
    /* Boundaries. */
    {"Multipart/Related; start=x; Boundary=\"b c\"; type=y",
     "--b c\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--b c--",
     "{\"a\":\"1\"}\n"},
};

static void check(const char *type, struct llmobs_text form, size_t step,
                  const char *lines)
{
    struct llmobs_form_parser *parser = llmobs_form_new(type);
    struct llmobs_text kept;
    UNIT_ENDS(llmobs_body) body;

    ck_assert_ptr_nonnull(parser);
    llmobs_body_init(&body, LLMOBS_FORM_KEPT_MAX);
    for (size_t at = 0; at < form.len; at += step)
        llmobs_form_feed(parser, form.data + at,
                         at + step < form.len ? step : form.len - at, &body);
    kept = llmobs_body_head(&body);
    ck_assert_msg(kept.len == strlen(lines) &&
                      memcmp(kept.data ? kept.data : "", lines, kept.len) == 0,
                  "by %zu: %.*s\ngot %.*s\nwant %s", step, (int)form.len,
                  form.data, (int)kept.len, kept.data, lines);
    llmobs_form_free(parser);
}

TEST(fields_are_read)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct llmobs_text form = {rows[i].form, strlen(rows[i].form)};

        for (size_t step = 1; step <= form.len + 1; step++)
            check(rows[i].type, form, step, rows[i].lines);
    }
}

TEST(what_names_no_boundary_is_no_form)
{
    static const char *const types[] = {
        "application/json",
        "multipart/form-data",
        "multipart/form-data; boundary",
        "multipart/form-data; boundary=",
        "multipart/form-data; x=\"boundary=b\"",
    };
    struct llmobs_form_parser *parser;
    struct llmobs_body body;

    ck_assert_ptr_null(llmobs_form_new(NULL));
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        parser = llmobs_form_new(types[i]);
        llmobs_body_init(&body, LLMOBS_FORM_KEPT_MAX);
        if (parser)
            llmobs_form_feed(parser, rows[0].form, strlen(rows[0].form), &body);
        ck_assert_msg(body.total == 0, "%s", types[i]);
        llmobs_body_fini(&body);
        llmobs_form_free(parser);
    }
}

/* A form of one part with `len` bytes made by `fill`. */
static char *make_part(size_t len, const char *fill, size_t *total)
{
    static const char begin[] = PART("a") "\r\n", end[] = "\r\n--b--";
    size_t unit = strlen(fill);
    char *form = malloc(sizeof(begin) + len + sizeof(end));

    memcpy(form, begin, sizeof(begin) - 1);
    for (size_t i = 0; i < len; i++)
        form[sizeof(begin) - 1 + i] = fill[i % unit];
    memcpy(form + sizeof(begin) - 1 + len, end, sizeof(end) - 1);
    *total = sizeof(begin) - 1 + len + sizeof(end) - 1;
    return form;
}

static size_t kept_of(size_t len, const char *fill)
{
    struct llmobs_form_parser *parser = llmobs_form_new(TYPE);
    struct llmobs_body body;
    size_t total, kept;
    char *form = make_part(len, fill, &total);

    llmobs_body_init(&body, LLMOBS_FORM_KEPT_MAX);
    llmobs_form_feed(parser, form, total, &body);
    kept = (size_t)body.total;
    llmobs_body_fini(&body);
    llmobs_form_free(parser);
    free(form);
    return kept;
}

TEST(long_texts_have_a_size)
{
    const size_t around = strlen("{\"a\":\"\"}\n");
    const size_t told = strlen("{\"a\":{\"bytes\":32769}}\n");

    ck_assert_uint_eq(kept_of(LLMOBS_FORM_TEXT_MAX, "a word "),
                      LLMOBS_FORM_TEXT_MAX + around);
    ck_assert_uint_eq(kept_of(LLMOBS_FORM_TEXT_MAX + 1, "a word "), told);
    ck_assert_uint_eq(kept_of(1023, "YWJj"), 1023 + around);
    ck_assert_uint_eq(kept_of(1024, "YWJj"), told - 1);
    /* Text without blanks, in another script. */
    ck_assert_uint_eq(kept_of(3000, "\xe4\xb8\xad"), 3000 + around);
}

TEST(limits_of_a_form)
{
    static const char part[] = PART("a") "\r\n1\r\n";
    struct llmobs_form_parser *parser = llmobs_form_new(TYPE);
    char head[2 * LLMOBS_FORM_HEAD_MAX];
    UNIT_ENDS(llmobs_body) body;

    llmobs_body_init(&body, LLMOBS_FORM_KEPT_MAX);
    for (int i = 0; i < LLMOBS_FORM_PARTS_MAX + 10; i++)
        llmobs_form_feed(parser, part, sizeof(part) - 1, &body);
    ck_assert_uint_eq(body.total,
                      LLMOBS_FORM_PARTS_MAX * strlen("{\"a\":\"1\"}\n"));
    llmobs_form_rewind(parser, 0);
    llmobs_body_rewind(&body, 0);
    memset(head, 'x', sizeof(head));
    llmobs_form_feed(parser, part, sizeof(part) - 6, &body);
    llmobs_form_feed(parser, head, sizeof(head), &body);
    llmobs_form_feed(parser, "\r\n\r\n1\r\n--b--", 12, &body);
    ck_assert_uint_eq(body.total, 0);
    llmobs_form_free(parser);
}

TEST(a_form_sent_again_is_read_again)
{
    static const char form[] =
        PART("a") "\r\n1\r\n" PART("c") "\r\n2\r\n--b--\r\n";
    struct llmobs_form_parser *parser = llmobs_form_new(TYPE);
    UNIT_ENDS(llmobs_body) body;

    llmobs_body_init(&body, LLMOBS_FORM_KEPT_MAX);
    llmobs_form_feed(parser, form, 70, &body);
    ck_assert_uint_gt(body.total, 0);
    llmobs_form_rewind(parser, 0);
    llmobs_body_rewind(&body, 0);
    llmobs_form_feed(parser, form, sizeof(form) - 1, &body);
    ck_assert_uint_eq(body.total, strlen("{\"a\":\"1\"}\n{\"c\":\"2\"}\n"));
    /* From another byte on nobody knows where it is. */
    llmobs_form_rewind(parser, 3);
    llmobs_form_feed(parser, form, sizeof(form) - 1, &body);
    ck_assert_uint_eq(body.total, strlen("{\"a\":\"1\"}\n{\"c\":\"2\"}\n"));
    llmobs_form_free(parser);
}
