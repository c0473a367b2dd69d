/* Tests curl_mime_* forms. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/capture/mime.h"
#include "tests/unit/unit.h"

/* Addresses alone count. */
#define LIVE_FORMS 20000
static char memory[16 + 11 * LIVE_FORMS];
#define FORM(i) ((curl_mime *)(void *)&memory[i])
#define PART(i) ((curl_mimepart *)(void *)&memory[16 + (i)])
/* For those of many forms. */
#define NEXT_FORM(i) FORM(16 + (i))
#define NEXT_PART(i) ((curl_mimepart *)(void *)&memory[16 + LIVE_FORMS + (i)])

/* libcurl makes what the test says next, and accepts all. */
static curl_mime *next_form;
static curl_mimepart *next_part;

static curl_mime *make(CURL *curl)
{
    (void)curl;
    return next_form;
}

static void end(curl_mime *form)
{
    (void)form;
}

static curl_mimepart *make_part(curl_mime *form)
{
    (void)form;
    return next_part;
}

static CURLcode accept_text(curl_mimepart *part, const char *text)
{
    (void)part;
    (void)text;
    return CURLE_OK;
}

static CURLcode accept_data(curl_mimepart *part, const char *data, size_t size)
{
    (void)size;
    return accept_text(part, data);
}

static CURLcode accept_function(curl_mimepart *part, curl_off_t size,
                                curl_read_callback read,
                                curl_seek_callback seek,
                                curl_free_callback free_it, void *user)
{
    (void)size;
    (void)read;
    (void)seek;
    (void)free_it;
    return accept_text(part, user);
}

static CURLcode accept_form(curl_mimepart *part, curl_mime *form)
{
    (void)form;
    return accept_text(part, NULL);
}

static CURLcode accept_headers(curl_mimepart *part, struct curl_slist *headers,
                               int owned)
{
    (void)headers;
    (void)owned;
    return accept_text(part, NULL);
}

static const struct llmobs_real real = {.mime_init = make,
                                        .mime_free = end,
                                        .mime_addpart = make_part,
                                        .mime_name = accept_text,
                                        .mime_filename = accept_text,
                                        .mime_data = accept_data,
                                        .mime_data_cb = accept_function,
                                        .mime_subparts = accept_form,
                                        .mime_type = accept_text,
                                        .mime_encoder = accept_text,
                                        .mime_headers = accept_headers};

static void begin(curl_mime *form)
{
    next_form = form;
    (void)llmobs_ops_mime_init(&real, NULL);
}

static void add_part(curl_mime *form, curl_mimepart *part)
{
    next_part = part;
    (void)llmobs_ops_mime_addpart(&real, form);
}

static void set_file(curl_mimepart *part, curl_off_t size)
{
    (void)llmobs_ops_mime_data_cb(&real, part, size, NULL, NULL, NULL, NULL);
}

static void set_headers(curl_mimepart *part, struct curl_slist *headers)
{
    (void)llmobs_ops_mime_headers(&real, part, headers, 0);
}

static void check_at(curl_mime *form, uint64_t since, const char *lines)
{
    struct llmobs_text kept;
    UNIT_ENDS(llmobs_body) body;

    llmobs_body_init(&body, LLMOBS_FORM_KEPT_MAX);
    llmobs_mime_append_form(form, since, &body);
    kept = llmobs_body_head(&body);
    ck_assert_msg(kept.len == strlen(lines) &&
                      memcmp(kept.data ? kept.data : "", lines, kept.len) == 0,
                  "got %.*s\nwant %s", (int)kept.len, kept.data, lines);
}

static void check(int form, uint64_t since, const char *lines)
{
    check_at(FORM(form), since, lines);
}

static void add_at(curl_mime *form, curl_mimepart *part, const char *name,
                   const char *text)
{
    add_part(form, part);
    llmobs_ops_mime_name(&real, part, name);
    llmobs_ops_mime_data(&real, part, text, CURL_ZERO_TERMINATED);
}

static void add(int form, int part, const char *name, const char *text)
{
    add_at(FORM(form), PART(part), name, text);
}

TEST(texts_of_a_form)
{
    begin(FORM(0));
    begin(FORM(1));
    add(0, 2, "b", "2");
    add(0, 1, "a", "1");
    add(1, 3, "other", "form");
    add_part(FORM(0), PART(4)); /* without name and text */
    check(0, llmobs_mime_now(), "{\"b\":\"2\"}\n{\"a\":\"1\"}\n");
    llmobs_ops_mime_data(&real, PART(1), "12345", 2);
    llmobs_ops_mime_name(&real, PART(2), NULL);
    check(0, llmobs_mime_now(), "{\"a\":\"12\"}\n");
    llmobs_ops_mime_free(&real, FORM(0));
    check(0, llmobs_mime_now(), "");
    check(1, llmobs_mime_now(), "{\"other\":\"form\"}\n");
    llmobs_ops_mime_free(&real, FORM(1));
}

TEST(parts_that_are_no_text)
{
    char *large = unit_own(malloc(LLMOBS_FORM_TEXT_MAX + 1));

    begin(FORM(0));
    add(0, 1, "a", "1");
    llmobs_ops_mime_filename(&real, PART(1), "f");
    check(0, llmobs_mime_now(), "{\"a\":{\"bytes\":1}}\n");
    /* A file's bytes stay a file's, also without the name. */
    llmobs_ops_mime_filename(&real, PART(1), NULL);
    check(0, llmobs_mime_now(), "{\"a\":{\"bytes\":1}}\n");
    llmobs_ops_mime_data(&real, PART(1), "text", CURL_ZERO_TERMINATED);
    check(0, llmobs_mime_now(), "{\"a\":\"text\"}\n");
    set_file(PART(1), 7);
    check(0, llmobs_mime_now(), "{\"a\":{\"bytes\":7}}\n");
    set_file(PART(1), -1);
    check(0, llmobs_mime_now(), "{\"a\":{}}\n");
    memset(large, ' ', LLMOBS_FORM_TEXT_MAX + 1);
    llmobs_ops_mime_data(&real, PART(1), large, LLMOBS_FORM_TEXT_MAX + 1);
    check(0, llmobs_mime_now(), "{\"a\":{\"bytes\":32769}}\n");
    llmobs_ops_mime_data(&real, PART(1), NULL, 0);
    check(0, llmobs_mime_now(), "{\"a\":{}}\n");
    llmobs_ops_mime_free(&real, FORM(0));
}

TEST(types_and_codings)
{
    begin(FORM(0));
    add(0, 1, "a", "1");
    llmobs_ops_mime_type(&real, PART(1), "application/octet-stream; x=y");
    check(0, llmobs_mime_now(),
          "{\"a\":{\"type\":\"application/octet-stream\",\"bytes\":1}}\n");
    llmobs_ops_mime_type(&real, PART(1), "text/plain;charset=utf-8");
    check(0, llmobs_mime_now(), "{\"a\":\"1\"}\n");
    llmobs_ops_mime_type(&real, PART(1), NULL);
    llmobs_ops_mime_encoder(&real, PART(1), "8bit");
    check(0, llmobs_mime_now(), "{\"a\":\"1\"}\n");
    llmobs_ops_mime_encoder(&real, PART(1), "base64");
    check(0, llmobs_mime_now(), "{\"a\":{\"bytes\":1}}\n");
    llmobs_ops_mime_data(&real, PART(1), "12", CURL_ZERO_TERMINATED);
    check(0, llmobs_mime_now(), "{\"a\":{\"bytes\":2}}\n");
    llmobs_ops_mime_encoder(&real, PART(1), NULL);
    llmobs_ops_mime_data(&real, PART(1), "123", CURL_ZERO_TERMINATED);
    check(0, llmobs_mime_now(), "{\"a\":\"123\"}\n");
    llmobs_ops_mime_type(&real, PART(9), "x");
    llmobs_ops_mime_encoder(&real, PART(9), "x");
    llmobs_ops_mime_free(&real, FORM(0));
}

#define HEADER(line, after)                        \
    &(struct curl_slist)                           \
    {                                              \
        (char *)(uintptr_t)(line), (void *)(after) \
    }

TEST(headers_of_a_part)
{
    begin(FORM(0));
    add(0, 1, "a", "1");
    set_headers(PART(1), HEADER("X-A: b", NULL));
    check(0, llmobs_mime_now(), "{\"a\":\"1\"}\n");
    set_headers(
        PART(1),
        HEADER("X-A: b", HEADER("content-TYPE:  audio/wav; x=y",
                                HEADER("Content-Type: text/plain", NULL))));
    check(0, llmobs_mime_now(),
          "{\"a\":{\"type\":\"audio/wav\",\"bytes\":1}}\n");
    /* libcurl sends that of curl_mime_type. */
    llmobs_ops_mime_type(&real, PART(1), "text/plain");
    check(0, llmobs_mime_now(), "{\"a\":\"1\"}\n");
    llmobs_ops_mime_type(&real, PART(1), NULL);
    set_headers(PART(1), HEADER("Content-Type : audio/wav",
                                HEADER("Content-Type;", NULL)));
    check(0, llmobs_mime_now(), "{\"a\":\"1\"}\n");
    set_headers(PART(1), HEADER("Content-Transfer-Encoding: 8bit", NULL));
    check(0, llmobs_mime_now(), "{\"a\":\"1\"}\n");
    set_headers(PART(1), HEADER("Content-Transfer-Encoding: base64", NULL));
    check(0, llmobs_mime_now(), "{\"a\":{\"bytes\":1}}\n");
    set_headers(
        PART(1),
        HEADER("content-disposition: form-data; name=\"b\"; filename=\"c\"",
               NULL));
    llmobs_ops_mime_data(&real, PART(1), "12", CURL_ZERO_TERMINATED);
    check(0, llmobs_mime_now(), "{\"a\":{\"bytes\":2}}\n");
    set_headers(PART(1), NULL);
    llmobs_ops_mime_data(&real, PART(1), "123", CURL_ZERO_TERMINATED);
    check(0, llmobs_mime_now(), "{\"a\":\"123\"}\n");
    set_headers(PART(9), HEADER("Content-Type: x", NULL));
    llmobs_ops_mime_free(&real, FORM(0));
}

static void check_list(struct curl_slist *headers, const char *type,
                       const char *wanted)
{
    struct curl_httppost part = {.name = (char *)(uintptr_t) "a",
                                 .contents = (char *)(uintptr_t) "1",
                                 .contenttype = (char *)(uintptr_t)type,
                                 .contentheader = headers};
    UNIT_ENDS(llmobs_body) body;
    struct llmobs_text kept;

    llmobs_body_init(&body, LLMOBS_FORM_KEPT_MAX);
    llmobs_mime_append_list(&part, &body);
    kept = llmobs_body_head(&body);
    ck_assert_uint_eq(kept.len, strlen(wanted));
    ck_assert_mem_eq(kept.data, wanted, kept.len);
}

TEST(headers_in_a_list)
{
    check_list(NULL, NULL, "{\"a\":\"1\"}\n");
    check_list(HEADER("Content-Type: audio/wav", NULL), NULL,
               "{\"a\":{\"type\":\"audio/wav\",\"bytes\":1}}\n");
    check_list(HEADER("Content-Type: audio/wav", NULL), "text/plain",
               "{\"a\":\"1\"}\n");
    check_list(HEADER("Content-Disposition: form-data", NULL), NULL,
               "{\"a\":{}}\n");
}

/* libcurl frees a form with the one that it is in, and tells nobody. */
TEST(forms_within_forms)
{
    begin(FORM(0));
    begin(FORM(1));
    add(1, 2, "inner", "text");
    add(0, 1, "outer", "text");
    check(1, llmobs_mime_now(), "{\"inner\":\"text\"}\n");
    llmobs_ops_mime_subparts(&real, PART(1), FORM(1));
    llmobs_ops_mime_subparts(&real, PART(1), FORM(1)); /* once more: it stays */
    check(0, llmobs_mime_now(), "{\"outer\":{}}\n");
    add(1, 3, "late", "text");
    check(1, llmobs_mime_now(), "");

    /* The form that comes to its address is another one. */
    begin(FORM(1));
    add(1, 2, "new", "text");
    llmobs_ops_mime_free(&real, FORM(0));
    check(0, llmobs_mime_now(), "");
    check(1, llmobs_mime_now(), "{\"new\":\"text\"}\n");
    llmobs_ops_mime_free(&real, FORM(1));
}

/* Each with ten parts, in a program that frees them in any order. */
static void make_many(int forms)
{
    for (int i = 0; i < forms; i++) {
        begin(NEXT_FORM(i));
        for (int j = 0; j < 10; j++)
            add_at(NEXT_FORM(i), NEXT_PART(10 * i + j), "a", "1");
    }
}

static void end_many(int forms)
{
    for (int i = 0; i < forms; i++)
        llmobs_ops_mime_free(&real, NEXT_FORM((i * 7919L) % forms));
}

/* A walk over all records at each of these would take minutes. */
TEST(a_form_touches_its_own_parts)
{
    make_many(LLMOBS_MIME_PARTS_MAX / 10);
    for (int i = 0; i < 4000000; i++) {
        begin(FORM(0));
        llmobs_ops_mime_free(&real, FORM(0));
    }
    end_many(LLMOBS_MIME_PARTS_MAX / 10);
    for (int i = 0; i < 100; i++) {
        make_many(LLMOBS_MIME_PARTS_MAX / 10);
        check_at(NEXT_FORM(i), llmobs_mime_now(),
                 "{\"a\":\"1\"}\n{\"a\":\"1\"}\n{\"a\":\"1\"}\n{\"a\":\"1\"}\n"
                 "{\"a\":\"1\"}\n{\"a\":\"1\"}\n{\"a\":\"1\"}\n{\"a\":\"1\"}\n"
                 "{\"a\":\"1\"}\n{\"a\":\"1\"}\n");
        end_many(LLMOBS_MIME_PARTS_MAX / 10);
    }
}

/* A form that cannot be noted as a whole is as if no hook had seen it. */
TEST(more_than_can_be_noted)
{
    const int fit = LLMOBS_MIME_PARTS_MAX / 10;

    make_many(LIVE_FORMS);
    check_at(NEXT_FORM(fit), llmobs_mime_now(), "");
    check_at(NEXT_FORM(LLMOBS_MIME_FORMS_MAX), llmobs_mime_now(), "");
    check_at(NEXT_FORM(LIVE_FORMS - 1), llmobs_mime_now(), "");
    end_many(LIVE_FORMS);
    /* All of it has come back. */
    begin(FORM(0));
    for (int i = 0; i < LLMOBS_FORM_PARTS_MAX + 1; i++)
        add_at(FORM(0), NEXT_PART(i), i ? "" : "a", "1");
    check(0, llmobs_mime_now(), "{\"a\":\"1\"}\n");
    make_many(fit - LLMOBS_FORM_PARTS_MAX);
    llmobs_ops_mime_free(&real, FORM(0));
    end_many(fit - LLMOBS_FORM_PARTS_MAX);
}

/* The texts of a process have a limit together; then a part has its size. */
TEST(more_text_than_fits)
{
    const int fit = LLMOBS_MIME_TEXTS_MAX / LLMOBS_FORM_TEXT_MAX;
    char *text = unit_own(malloc(LLMOBS_FORM_TEXT_MAX));

    memset(text, ' ', LLMOBS_FORM_TEXT_MAX);
    for (int i = 0; i < fit; i++) {
        begin(NEXT_FORM(i));
        add_part(NEXT_FORM(i), NEXT_PART(i));
        llmobs_ops_mime_data(&real, NEXT_PART(i), text, LLMOBS_FORM_TEXT_MAX);
    }
    begin(FORM(0));
    add(0, 1, "a", "text");
    check(0, llmobs_mime_now(), "{\"a\":{\"bytes\":4}}\n");
    end_many(fit);
    llmobs_ops_mime_data(&real, PART(1), "text", CURL_ZERO_TERMINATED);
    check(0, llmobs_mime_now(), "{\"a\":\"text\"}\n");
    llmobs_ops_mime_free(&real, FORM(0));
}

TEST(addresses_that_come_again)
{
    uint64_t before;

    begin(FORM(0));
    begin(FORM(1));
    add(0, 1, "a", "1");
    before = llmobs_mime_now();
    /* Freed by nobody that was seen. */
    begin(FORM(0));
    check(0, before, "");
    add(0, 1, "b", "2");
    check(0, llmobs_mime_now(), "{\"b\":\"2\"}\n");
    /* A handle has the address of the form that was there before. */
    check(0, before, "");
    /* A part's address, in another form. */
    add(1, 1, "c", "3");
    check(0, llmobs_mime_now(), "");
    check(1, llmobs_mime_now(), "{\"c\":\"3\"}\n");
    llmobs_ops_mime_free(&real, FORM(1));
    check(0, llmobs_mime_now(), "");
    /* Those that nobody knows. */
    llmobs_ops_mime_name(&real, PART(9), "x");
    llmobs_ops_mime_data(&real, PART(9), "x", 1);
    set_file(NULL, 1);
    llmobs_ops_mime_filename(&real, PART(9), "x");
    llmobs_ops_mime_free(&real, NULL);
    check(0, llmobs_mime_now(), "");
}
