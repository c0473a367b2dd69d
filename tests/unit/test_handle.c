/* What the core believes a handle will do, against what libcurl's own setopt
 * makes of the same calls. */
#include <stdlib.h>
#include <string.h>

#include "core/handle.h"
#include "tests/unit/unit.h"

#define COPY_MAX (1024 * 1024)

static const struct llmobs_real no_real;
static int memory[64]; /* addresses that stand for easy handles */

static void note(struct llmobs_handle *h, CURLoption option, const void *arg)
{
    llmobs_handle_note(h, option, (void *)arg, COPY_MAX);
}

static void note_long(struct llmobs_handle *h, CURLoption option, long arg)
{
    note(h, option, (const void *)arg);
}

static struct llmobs_handle *fresh(int i)
{
    return llmobs_handle_born(&no_real, (CURL *)&memory[i]);
}

START_TEST(test_find)
{
    struct llmobs_handle *a = fresh(0), *b = fresh(1);

    ck_assert_ptr_eq(llmobs_handle_find((CURL *)&memory[0]), a);
    ck_assert_ptr_eq(llmobs_handle_find((CURL *)&memory[1]), b);
    ck_assert_ptr_null(llmobs_handle_find((CURL *)&memory[2]));
    ck_assert_ptr_null(llmobs_handle_find(NULL));
    llmobs_handle_detach(a);
    ck_assert_ptr_null(llmobs_handle_find((CURL *)&memory[0]));
    llmobs_handle_release(a);
    ck_assert_ptr_eq(fresh(0), a);
    ck_assert_ptr_eq(fresh(0), a);
}
END_TEST

struct step {
    CURLoption option;
    long number;
    const char *text;
};

static const struct {
    struct step steps[4];
    const char *method;
    const char *body; /* NULL: none known */
} methods[] = {
    {{{0, 0, NULL}}, "GET", NULL},
    {{{CURLOPT_POST, 1, NULL}}, "POST", NULL},
    {{{CURLOPT_POST, 1, NULL}, {CURLOPT_POST, 0, NULL}}, "GET", NULL},
    {{{CURLOPT_POSTFIELDS, 0, "{}"}}, "POST", "{}"},
    {{{CURLOPT_POSTFIELDS, 0, "{}"}, {CURLOPT_HTTPGET, 1, NULL}}, "GET", NULL},
    {{{CURLOPT_HTTPGET, 1, NULL}, {CURLOPT_COPYPOSTFIELDS, 0, "{}"}},
     "POST",
     "{}"},
    {{{CURLOPT_POSTFIELDSIZE, 1, NULL}, {CURLOPT_COPYPOSTFIELDS, 0, "{}"}},
     "POST",
     "{"},
    {{{CURLOPT_COPYPOSTFIELDS, 0, "{}"}, {CURLOPT_POSTFIELDSIZE, 9, NULL}},
     "POST",
     NULL},
    {{{CURLOPT_POSTFIELDS, 0, "abc"},
      {CURLOPT_POSTFIELDSIZE, 2, NULL},
      {CURLOPT_POSTFIELDSIZE, -1, NULL}},
     "POST",
     "abc"},
    {{{CURLOPT_UPLOAD, 1, NULL}}, "PUT", NULL},
    {{{CURLOPT_UPLOAD, 1, NULL}, {CURLOPT_CUSTOMREQUEST, 0, "POST"}},
     "POST",
     NULL},
    {{{CURLOPT_NOBODY, 1, NULL}}, "HEAD", NULL},
    {{{CURLOPT_NOBODY, 1, NULL}, {CURLOPT_NOBODY, 0, NULL}}, "GET", NULL},
    {{{CURLOPT_POSTFIELDS, 0, "x"}, {CURLOPT_NOBODY, 0, NULL}}, "POST", "x"},
    {{{CURLOPT_POSTFIELDS, 0, "x"},
      {CURLOPT_CUSTOMREQUEST, 0, "PATCH"},
      {CURLOPT_CUSTOMREQUEST, 0, NULL}},
     "POST",
     "x"},
    {{{CURLOPT_POSTFIELDS, 0, "x"},
      {CURLOPT_CUSTOMREQUEST, 0, "A-NAME-THAT-IS-MUCH-LONGER-THAN-ANY-METHOD"}},
     "?",
     "x"},
    {{{CURLOPT_COPYPOSTFIELDS, 0, "old"}, {CURLOPT_POSTFIELDS, 0, "new"}},
     "POST",
     "new"},
};

START_TEST(test_methods)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        struct llmobs_handle *h = fresh(3);
        struct llmobs_text body;

        for (size_t s = 0; s < 4 && methods[i].steps[s].option; s++) {
            const struct step *step = &methods[i].steps[s];

            if (step->text || step->option == CURLOPT_CUSTOMREQUEST)
                note(h, step->option, step->text);
            else
                note_long(h, step->option, step->number);
        }
        ck_assert_msg(strcmp(llmobs_handle_method(h), methods[i].method) == 0,
                      "row %zu: %s", i, llmobs_handle_method(h));
        body = llmobs_handle_body(h);
        if (!methods[i].body) {
            ck_assert_msg(!body.data, "row %zu has a body", i);
            continue;
        }
        ck_assert_msg(body.len == strlen(methods[i].body) &&
                          memcmp(body.data, methods[i].body, body.len) == 0,
                      "row %zu: body %.*s", i, (int)body.len, body.data);
    }
}
END_TEST

static const struct {
    const char *url;
    const char *protocol;
    long port;
    const char *want; /* NULL: none */
} urls[] = {
    {"http://a/x", NULL, 0, "http://a/x"},
    {"a.example/x", NULL, 0, "http://a.example/x"},
    {"a.example/x", "https", 0, "https://a.example/x"},
    {"FTP.example/x", NULL, 0, NULL},
    {"smtp.example", NULL, 0, NULL},
    {"http://a:1/x?y=z:9", NULL, 8080, "http://a:8080/x?y=z:9"},
    {"http://a", NULL, 8080, "http://a:8080"},
    {"http://u:p@a/x", NULL, 81, "http://u:p@a:81/x"},
    {"http://[::1]/x", NULL, 81, "http://[::1]:81/x"},
    {"http://[::1]:5/x", NULL, 81, "http://[::1]:81/x"},
    {"", NULL, 0, NULL},
    {NULL, NULL, 0, NULL},
};

START_TEST(test_urls)
{
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct llmobs_handle *h = fresh(4);
        char *owned = NULL;
        const char *got;

        note(h, CURLOPT_URL, urls[i].url);
        note(h, CURLOPT_DEFAULT_PROTOCOL, urls[i].protocol);
        note_long(h, CURLOPT_PORT, urls[i].port);
        got = llmobs_handle_url(h, &owned);
        if (urls[i].want)
            ck_assert_str_eq(got, urls[i].want);
        else
            ck_assert_ptr_null(got);
        free(owned);
    }
}
END_TEST

START_TEST(test_copies)
{
    struct llmobs_handle *h = fresh(5), *twin = fresh(6);
    char *big = malloc(COPY_MAX + 2);

    /* A large body that is not JSON is never copied. */
    memset(big, 'x', COPY_MAX);
    big[COPY_MAX] = '\0';
    note(h, CURLOPT_COPYPOSTFIELDS, big);
    ck_assert_ptr_null(h->copied);
    ck_assert(h->copy_skipped);
    big[0] = ' ';
    big[1] = '{';
    note(h, CURLOPT_COPYPOSTFIELDS, big);
    ck_assert_uint_eq(llmobs_handle_body(h).len, COPY_MAX);
    big[COPY_MAX] = 'x';
    big[COPY_MAX + 1] = '\0';
    note(h, CURLOPT_COPYPOSTFIELDS, big);
    ck_assert_ptr_null(h->copied);
    note(h, CURLOPT_COPYPOSTFIELDS, "{small}");
    note(h, CURLOPT_URL, "http://a/");
    ck_assert(llmobs_handle_copy(twin, h));
    llmobs_handle_reset(h);
    ck_assert_uint_eq(llmobs_handle_body(twin).len, 7);
    ck_assert_ptr_null(llmobs_handle_body(h).data);
    ck_assert_str_eq(twin->url, "http://a/");
    llmobs_handle_reset(twin);
    free(big);
}
END_TEST

UNIT_SUITE(handle)
{
    Suite *s = suite_create("handle");

    UNIT_TEST(s, test_find);
    UNIT_TEST(s, test_methods);
    UNIT_TEST(s, test_urls);
    UNIT_TEST(s, test_copies);
    return s;
}
