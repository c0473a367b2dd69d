/* The core's picture of a handle, against what libcurl's own setopt
 * makes of the same calls. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "core/capture/handle.h"
#include "core/trace/carrier.h"
#include "tests/unit/unit.h"

#define COPY_MAX (1024 * 1024)

static const struct llmobs_real no_real;
static int memory[64]; /* addresses that stand for easy handles */

static void note(struct llmobs_handle *h, CURLoption option, const void *arg)
{
    llmobs_handle_set(h, llmobs_setting(option), (void *)arg, COPY_MAX);
}

static void note_long(struct llmobs_handle *h, CURLoption option, long arg)
{
    note(h, option, (const void *)arg);
}

static struct llmobs_handle *fresh(int i)
{
    return llmobs_handle_create(&no_real, (CURL *)&memory[i]);
}

TEST(test_find)
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

/* The table knows each option that the shim passes on, and no other. */
TEST(test_rows)
{
#define ROW(with, number, ...) \
    ck_assert_int_eq(llmobs_setting((CURLoption)(number))->option, number);
    LLMOBS_WATCHED(ROW, )
#undef ROW
    ck_assert_int_eq(llmobs_setting(CURLOPT_TIMEOUT)->option, 0);
    ck_assert_int_eq(llmobs_setting((CURLoption)20002)->option, 0);
    ck_assert_int_eq(llmobs_setting((CURLoption)99999)->option, 0);
    ck_assert_int_eq(llmobs_setting((CURLoption)-5)->option, 0);
}

/* A handle of libcurl that went unseen, and another at its address. */
TEST(test_stale)
{
    struct llmobs_handle *h = fresh(2);

    h->exchange = llmobs_exchange_new(1000);
    h->step = LLMOBS_STEP_CALL;
    h->in = LLMOBS_IN_ANY | LLMOBS_IN_READ | LLMOBS_IN_IOCTL;
    llmobs_handle_join(h, (CURLM *)&memory[3]);
    ck_assert_ptr_eq(fresh(2), h);
    ck_assert_ptr_null(h->exchange);
    ck_assert(!h->step && !h->in && !llmobs_handle_multi(h));
}

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
    {{{CURLOPT_NOBODY, 1, NULL}, {CURLOPT_POSTFIELDS, 0, "x"}}, "HEAD", NULL},
    {{{CURLOPT_NOBODY, 1, NULL},
      {CURLOPT_POSTFIELDS, 0, "x"},
      {CURLOPT_POST, 1, NULL}},
     "POST",
     "x"},
    {{{CURLOPT_NOBODY, 1, NULL},
      {CURLOPT_POSTFIELDS, 0, "x"},
      {CURLOPT_NOBODY, 0, NULL}},
     "POST",
     "x"},
    {{{CURLOPT_COPYPOSTFIELDS, 0, ""}}, "POST", ""},
    {{{CURLOPT_COPYPOSTFIELDS, 0, "old"}, {CURLOPT_POSTFIELDS, 0, "new"}},
     "POST",
     "new"},
};

TEST(test_methods)
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

static const struct {
    const char *url;
    const char *protocol;
    long port;
    const char *want; /* NULL: none */
    const char *target;
} urls[] = {
    {"http://a/x", NULL, 0, "http://a/x", NULL},
    {"a.example/x", NULL, 0, "http://a.example/x", NULL},
    {"a.example/x", "https", 0, "https://a.example/x", NULL},
    {"a:1/x?u=http://b", NULL, 0, "http://a:1/x?u=http://b", NULL},
    {"1a://b/x", NULL, 0, "http://1a://b/x", NULL},
    {"a:1/x?u=http://b", NULL, 8080, "http://a:8080/x?u=http://b", NULL},
    {"FTP.example/x", NULL, 0, NULL, NULL},
    {"smtp.example", NULL, 0, NULL, NULL},
    {"http://a:1/x?y=z:9", NULL, 8080, "http://a:8080/x?y=z:9", NULL},
    {"http://a", NULL, 8080, "http://a:8080", NULL},
    {"http://u:p@a/x", NULL, 81, "http://u:p@a:81/x", NULL},
    {"http://[::1]/x", NULL, 81, "http://[::1]:81/x", NULL},
    {"http://[::1]:5/x", NULL, 81, "http://[::1]:81/x", NULL},
    {"", NULL, 0, NULL, NULL},
    {NULL, NULL, 0, NULL, NULL},
    {"http://a/x?y", NULL, 0, "http://a/t?z", "/t?z"},
    {"a", "https", 8080, "https://a:8080/t", "/t"},
    {"http://u:p@a?x", NULL, 0, "http://u:p@a/*", "*"},
    {"http://a/x", NULL, 0, "http://a/", ""},
    {"http://a/x", NULL, 81, "https://b/t", "https://b/t"},
    {"smtp.example", NULL, 0, NULL, "/t"},
};

TEST(test_urls)
{
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct llmobs_handle *h = fresh(4);
        char *owned = NULL;
        const char *got;

        note(h, CURLOPT_URL, urls[i].url);
        note(h, CURLOPT_DEFAULT_PROTOCOL, urls[i].protocol);
        note_long(h, CURLOPT_PORT, urls[i].port);
        note(h, LLMOBS_OPT_REQUEST_TARGET, urls[i].target);
        got = llmobs_handle_url(h, &owned);
        if (urls[i].want)
            ck_assert_str_eq(got, urls[i].want);
        else
            ck_assert_ptr_null(got);
        free(owned);
    }
}

static void copy_into(const struct llmobs_handle *h, struct llmobs_body *body)
{
    struct llmobs_exchange *exchange = llmobs_exchange_new(COPY_MAX);

    llmobs_handle_copy_body(h, exchange);
    llmobs_body_init(body, COPY_MAX);
    ck_assert_int_eq(llmobs_body_clone(body, &exchange->request), 0);
    llmobs_exchange_free(exchange);
}

TEST(test_copies)
{
    struct llmobs_handle *h = fresh(5), *twin = fresh(6);
    char *big = unit_own(malloc(COPY_MAX + 2));
    struct llmobs_body body;
    struct llmobs_text tail;

    /* A large body that is not JSON is never copied, but known of. */
    memset(big, 'x', COPY_MAX);
    big[COPY_MAX] = '\0';
    note(h, CURLOPT_COPYPOSTFIELDS, big);
    ck_assert_ptr_null(llmobs_handle_body(h).data);
    copy_into(h, &body);
    ck_assert(body.lost);
    ck_assert_uint_eq(body.total, COPY_MAX);
    llmobs_body_fini(&body);
    big[0] = ' ';
    big[1] = '{';
    note(h, CURLOPT_COPYPOSTFIELDS, big);
    ck_assert_uint_eq(llmobs_handle_body(h).len, COPY_MAX);
    copy_into(h, &body);
    ck_assert(!body.truncated && !body.lost);
    llmobs_body_fini(&body);
    /* Beyond the cap: head and tail. */
    big[COPY_MAX] = 'y';
    big[COPY_MAX + 1] = '\0';
    note(h, CURLOPT_COPYPOSTFIELDS, big);
    copy_into(h, &body);
    ck_assert(body.truncated && !body.lost);
    ck_assert_uint_eq(body.total, COPY_MAX + 1);
    ck_assert_uint_eq(llmobs_body_head(&body).len, LLMOBS_BODY_EDGE);
    tail = llmobs_body_tail(&body);
    ck_assert_uint_eq(tail.len, LLMOBS_BODY_EDGE);
    ck_assert_int_eq(tail.data[tail.len - 1], 'y');
    llmobs_body_fini(&body);
    note(h, CURLOPT_COPYPOSTFIELDS, "{small}");
    note(h, CURLOPT_URL, "http://a/");
    ck_assert(llmobs_handle_copy(twin, h));
    llmobs_handle_reset(h);
    ck_assert_uint_eq(llmobs_handle_body(twin).len, 7);
    ck_assert_ptr_null(llmobs_handle_body(h).data);
    ck_assert_str_eq(twin->app.url, "http://a/");
    llmobs_handle_reset(twin);
}

/* As if a capture had put headers in. */
static struct llmobs_inject *inject_into(struct llmobs_handle *h)
{
    struct llmobs_config config = {
        .ml_app = (char *)"a",
        .inject_styles = {{LLMOBS_STYLE_TRACECONTEXT}, 1}};
    struct llmobs_context context;
    struct llmobs_own_headers own = {0};
    struct llmobs_inject_plan plan = {
        .config = &config, .own = &own, .url = "http://a/x"};

    llmobs_context_root(&context, &config);
    plan.sender = llmobs_propagate_span(&context);
    free(h->inject);
    h->inject = malloc(sizeof(*h->inject));
    ck_assert(llmobs_inject_fill(h->inject, &plan));
    (void)llmobs_inject_link(h->inject, llmobs_handle_headers(h));
    h->in |= LLMOBS_IN_HEADERS;
    return h->inject;
}

TEST(test_headers_follow)
{
    struct llmobs_handle *h = fresh(7);
    struct curl_slist list = {(char *)(uintptr_t) "A: b", NULL};
    struct llmobs_inject *inject;
    static const CURLoption elsewhere[] = {
        CURLOPT_URL,       CURLOPT_CURLU,
        CURLOPT_PORT,      CURLOPT_DEFAULT_PROTOCOL,
        CURLOPT_PROXY,     (CURLoption)229,
        (CURLoption)10305, LLMOBS_OPT_REQUEST_TARGET};

    note(h, CURLOPT_HTTPHEADER, NULL);
    inject = inject_into(h);
    note(h, CURLOPT_HTTPHEADER, &list);
    ck_assert_ptr_eq(llmobs_handle_headers(h), &list);
    ck_assert_ptr_eq(inject->nodes[inject->count - 1].next, &list);
    note_long(h, CURLOPT_HEADER, 1);
    note_long(h, CURLOPT_POSTFIELDSIZE, 1);
    ck_assert(!inject->blanked);
    for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
        inject = inject_into(h);
        note(h, elsewhere[i], NULL);
        ck_assert_msg(inject->blanked, "option %d", (int)elsewhere[i]);
        ck_assert_str_eq(inject->nodes[0].data, "traceparent:");
    }
    /* The values that libcurl forgets at a reset are gone. */
    inject_into(h);
    llmobs_handle_reset(h);
    ck_assert(!h->in);
    llmobs_handle_detach(h);
    llmobs_handle_release(h);
    ck_assert_ptr_null(h->inject);
}

static unsigned told_version;

static curl_version_info_data *tell_version(CURLversion age)
{
    static curl_version_info_data data;

    (void)age;
    data.version_num = told_version;
    return &data;
}

static const struct {
    unsigned version;
    CURLoption option;
    CURLcode rc;
    long size;        /* POSTFIELDSIZE */
    const char *was;  /* the method before, and the URL after that */
    const char *body; /* NULL: none */
} refusals[] = {
    {0x075800, CURLOPT_COPYPOSTFIELDS, CURLE_BAD_FUNCTION_ARGUMENT, -1, "POST",
     NULL},
    {0x080c00, CURLOPT_COPYPOSTFIELDS, CURLE_OUT_OF_MEMORY, -1, "POST", NULL},
    {0x075800, CURLOPT_COPYPOSTFIELDS, CURLE_OUT_OF_MEMORY, 3, "POST", NULL},
    {0x080600, CURLOPT_COPYPOSTFIELDS, CURLE_OUT_OF_MEMORY, 3, "POST", "old"},
    {0x080b00, CURLOPT_COPYPOSTFIELDS, CURLE_OUT_OF_MEMORY, 3, "GET", "old"},
    {0x075800, CURLOPT_COPYPOSTFIELDS, CURLE_NOT_BUILT_IN, -1, "GET", "old"},
    {0x075800, CURLOPT_COPYPOSTFIELDS, CURLE_UNKNOWN_OPTION, -1, "GET", "old"},
    {0x075800, CURLOPT_PORT, CURLE_BAD_FUNCTION_ARGUMENT, -1, "GET", "old"},
    {0x075800, CURLOPT_USERPWD, CURLE_OUT_OF_MEMORY, -1, "GET", "old"},
};

TEST(test_refused)
{
    struct llmobs_real real = {.version_info = tell_version};
    struct llmobs_text body;

    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        struct llmobs_handle *h = llmobs_handle_create(&real, (CURL *)memory);

        told_version = refusals[i].version;
        note_long(h, CURLOPT_POSTFIELDSIZE, refusals[i].size);
        note(h, CURLOPT_COPYPOSTFIELDS, "old");
        note_long(h, CURLOPT_HTTPGET, 1);
        llmobs_handle_refuse(h, llmobs_setting(refusals[i].option),
                             refusals[i].rc);
        ck_assert_msg(strcmp(llmobs_handle_method(h), refusals[i].was) == 0,
                      "row %zu: %s", i, llmobs_handle_method(h));
        note_long(h, CURLOPT_POST, 1);
        body = llmobs_handle_body(h);
        ck_assert_msg(!body.data == !refusals[i].body, "row %zu: body", i);
    }
}

/* The size of a body may be one that nobody saw: no byte is read until libcurl
 * has sent it. The program's own settings are known. */
TEST(test_unseen)
{
    struct llmobs_handle *h = fresh(0), *twin = fresh(1);

    h->app.unseen = true;
    note(h, CURLOPT_POSTFIELDS, "not a string");
    note(h, CURLOPT_COPYPOSTFIELDS, "nor this");
    llmobs_handle_refuse(h, llmobs_setting(CURLOPT_COPYPOSTFIELDS),
                         CURLE_OUT_OF_MEMORY);
    ck_assert_ptr_null(llmobs_handle_body(h).data);
    ck_assert(h->app.knows_verb && !h->app.knows_url && !h->app.knows_size);
    note(h, CURLOPT_COPYPOSTFIELDS, "not a string");
    ck_assert(h->app.has_copy && llmobs_handle_sends_body(h));
    ck_assert_uint_eq(llmobs_handle_body(h).len, 0);
    note(h, CURLOPT_POSTFIELDS, "a string, perhaps");
    llmobs_handle_begin_transfer(h, LLMOBS_STEP_BEGUN);
    llmobs_handle_defer(h);
    ck_assert_ptr_null(llmobs_handle_body(h).data);
    ck_assert_uint_eq(llmobs_handle_fields(h, 8).len, 8);
    llmobs_handle_drop_transfer(h);
    note_long(h, CURLOPT_POSTFIELDSIZE, 3);
    note(h, CURLOPT_COPYPOSTFIELDS, "not a string");
    ck_assert_uint_eq(llmobs_handle_body(h).len, 3);
    note(h, CURLOPT_WRITEFUNCTION, "a function");
    ck_assert(!llmobs_handle_knows(h, &h->app.write));
    note(h, CURLOPT_WRITEDATA, NULL);
    ck_assert(llmobs_handle_knows(h, &h->app.write));
    ck_assert(llmobs_handle_copy(twin, h) && twin->app.unseen);
    ck_assert(twin->app.knows_verb && twin->app.knows_size &&
              !twin->app.knows_url);
    ck_assert(llmobs_handle_knows(twin, &twin->app.write));
    llmobs_handle_reset(h);
    note(h, CURLOPT_POSTFIELDS, "all is known");
    ck_assert_uint_eq(llmobs_handle_body(h).len, 12);
    llmobs_handle_reset(h);
    llmobs_handle_reset(twin);
}

TEST(test_refused_texts)
{
    struct llmobs_handle *h = fresh(0);
    char *owned;

    note(h, CURLOPT_URL, "a/x");
    note(h, CURLOPT_DEFAULT_PROTOCOL, "https");
    note(h, LLMOBS_OPT_REQUEST_TARGET, "/t");
    note(h, CURLOPT_CUSTOMREQUEST, "PATCH");
    note(h, CURLOPT_PROXY, "p");
    note(h, CURLOPT_USERNAME, "u");
    note(h, CURLOPT_MIMEPOST, &memory[9]);
    llmobs_handle_refuse(h, llmobs_setting(CURLOPT_DEFAULT_PROTOCOL),
                         CURLE_BAD_FUNCTION_ARGUMENT);
    llmobs_handle_refuse(h, llmobs_setting(LLMOBS_OPT_REQUEST_TARGET),
                         CURLE_OUT_OF_MEMORY);
    ck_assert_str_eq(llmobs_handle_url(h, &owned), "http://a/x");
    free(owned);
    llmobs_handle_refuse(h, llmobs_setting(CURLOPT_CUSTOMREQUEST),
                         CURLE_OUT_OF_MEMORY);
    ck_assert_str_eq(llmobs_handle_method(h), "POST");
    llmobs_handle_refuse(h, llmobs_setting(CURLOPT_PROXY), CURLE_OUT_OF_MEMORY);
    ck_assert_int_eq(h->app.proxy, LLMOBS_PROXY_BY_ENVIRONMENT);
    llmobs_handle_refuse(h, llmobs_setting(CURLOPT_USERNAME),
                         CURLE_OUT_OF_MEMORY);
    ck_assert_uint_eq(h->app.account[1], 0);
    llmobs_handle_refuse(h, llmobs_setting(CURLOPT_MIMEPOST),
                         CURLE_BAD_FUNCTION_ARGUMENT);
    ck_assert_ptr_null(llmobs_shown(h->app.mime));
    llmobs_handle_refuse(h, llmobs_setting(CURLOPT_URL), CURLE_OUT_OF_MEMORY);
    ck_assert_ptr_null(llmobs_handle_url(h, &owned));
    llmobs_handle_reset(h);
}

static const struct {
    unsigned version;
    int headeropt;     /* -1: not set */
    const char *proxy; /* "-": not set */
    const char *variable;
    bool exposes;
} ways[] = {
    {0x075800, -1, "-", NULL, false},
    {0x075800, -1, "http://p", NULL, false},
    {0x075800, 1, "http://p", NULL, false},
    {0x075800, 0, "http://p", NULL, true},
    {0x075800, 0, "", NULL, false},
    {0x075800, 0, "-", NULL, false},
    {0x075800, 0, "-", "https_proxy", true},
    {0x075800, 0, "", "https_proxy", false},
    {0x075800, 1, "-", "https_proxy", false},
    {0x072a00, -1, "-", NULL, false},
    {0x072a00, -1, "http://p", NULL, true},
    {0x072a00, -1, "-", "ALL_PROXY", true},
    {0x072a00, 1, "http://p", NULL, false},
    {0x072a01, -1, "http://p", NULL, false},
    {0, -1, "http://p", NULL, false},
};

static CURLUcode get_no_url(const CURLU *url, CURLUPart part, char **text,
                            unsigned flags)
{
    (void)url, (void)part, (void)text, (void)flags;
    return CURLUE_NO_HOST;
}

TEST(test_who_sees_headers)
{
    static struct llmobs_real reals[sizeof(ways) / sizeof(ways[0])];
    static const char *const variables[] = {
        "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};

    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        unsetenv(variables[i]);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct llmobs_real *real = &reals[i];
        struct llmobs_handle *h =
            llmobs_handle_create(real, (CURL *)&memory[8 + i]);

        /* One of 7.62 or later is not asked. */
        if (ways[i].version == 0)
            real->url_get = get_no_url;
        real->version_info = ways[i].version ? tell_version : NULL;
        told_version = ways[i].version;
        if (ways[i].headeropt >= 0)
            note_long(h, (CURLoption)229, ways[i].headeropt);
        if (strcmp(ways[i].proxy, "-") != 0)
            note(h, CURLOPT_PROXY, ways[i].proxy);
        if (ways[i].variable)
            setenv(ways[i].variable, "http://p", 1);
        ck_assert_msg(llmobs_handle_exposes_headers(h) == ways[i].exposes,
                      "row %zu", i);
        if (ways[i].variable)
            unsetenv(ways[i].variable);
        note(h, (CURLoption)10305, "aws:amz");
        ck_assert(llmobs_handle_exposes_headers(h));
        note(h, (CURLoption)10305, NULL);
        ck_assert(llmobs_handle_exposes_headers(h) == ways[i].exposes ||
                  ways[i].variable);
    }
}

/* By siglongjmp, or by the exit handler of a thread that a child has not. Of
 * some tries one is quick, also on a busy machine. */
TEST(locks_that_were_left)
{
    struct llmobs_handle *h = fresh(0);
    int64_t start, took = INT64_MAX;

    for (int i = 0; i < 10 && took >= 90 * LLMOBS_NS_PER_MS; i++) {
        start = llmobs_clock_mono_ns();
        llmobs_handle_lock(h);
        ck_assert(!llmobs_holder_trylock(&h->exchange_holder, 1));
        llmobs_handle_lock(h);
        took = llmobs_clock_mono_ns() - start;
        llmobs_handle_unlock(h);
    }
    ck_assert_int_lt(took, 90 * LLMOBS_NS_PER_MS);
    ck_assert(llmobs_holder_trylock(&h->exchange_holder, 1));
    ck_assert(!llmobs_holder_trylock(&h->exchange_holder, 1));
    start = llmobs_clock_mono_ns();
    llmobs_handle_lock(h);
    ck_assert_int_ge(llmobs_clock_mono_ns() - start, 90 * LLMOBS_NS_PER_MS);
    llmobs_handle_unlock(h);
    ck_assert(llmobs_holder_trylock(&h->exchange_holder, 1));
    llmobs_handle_unlock(h);
}

static atomic_int holder, has_it;

static int64_t own_ns(void)
{
    return llmobs_clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* As an exit's, or one that claims a call: what it does takes 2 ms here. Gives
 * whether it kept the lock. */
static void *claims(void *unused)
{
    bool kept;

    (void)unused;
    ck_assert(llmobs_holder_trylock(&holder, 0));
    atomic_store(&has_it, 1);
    for (int64_t end = own_ns() + 2 * LLMOBS_NS_PER_MS; own_ns() < end;)
        ;
    kept = !llmobs_holder_trylock(&holder, 0) && atomic_load(&has_it);
    llmobs_holder_unlock(&holder);
    return (void *)(intptr_t)kept;
}

/* An owner of a higher priority lets the other thread have their processor. */
TEST(a_lock_of_a_thread_that_waits_for_the_processor)
{
    const struct sched_param high = {.sched_priority = 1}, none = {0};
    cpu_set_t all, one;
    pthread_t thread;
    void *kept;

    sched_getaffinity(0, sizeof(all), &all);
    CPU_ZERO(&one);
    for (size_t i = 0; CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    sched_setaffinity(0, sizeof(one), &one);
    ck_assert_int_eq(pthread_create(&thread, NULL, claims, NULL), 0);
    while (!atomic_load(&has_it))
        usleep(100);
    (void)pthread_setschedparam(pthread_self(), SCHED_FIFO, &high); /* root's */
    llmobs_holder_lock(&holder);
    atomic_store(&has_it, 0);
    llmobs_holder_unlock(&holder);
    (void)pthread_setschedparam(pthread_self(), SCHED_OTHER, &none);
    sched_setaffinity(0, sizeof(all), &all);
    pthread_join(thread, &kept);
    ck_assert_msg(kept != NULL, "the lock was taken from it");
}
