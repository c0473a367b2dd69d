/* Options that libcurl refuses, and those that decide a request beside its
 * URL. */
#include "tests/clients/cases.h"

#define TOO_LONG 8000001 /* one above CURL_MAX_INPUT_LENGTH, since 7.65 */

static const char *const other =
    "{\"model\": \"gpt-4o-mini\", \"messages\": [{\"role\": \"user\", "
    "\"content\": \"say hello to the others\"}]}";

static CURLcode refuse(CURL *curl, CURLoption option)
{
    char *text = malloc(TOO_LONG + 1);
    CURLcode rc;

    if (!text)
        exit(3);
    memset(text, 'x', TOO_LONG);
    text[TOO_LONG] = '\0';
    rc = curl_easy_setopt(curl, option, text);
    free(text);
    printf("refused: %d\n", (int)rc);
    return rc;
}

/* No address is left. */
static void refused_url(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, &text);

    refuse(curl, CURLOPT_URL);
    run_one("no url", curl, &text);
    set_url(curl, base, CHAT);
    run_last("again", curl, &text);
}

static void let_read(CURL *curl, struct source *source)
{
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, feed);
    curl_easy_setopt(curl, CURLOPT_READDATA, source);
}

/* No body is left, so libcurl asks the read function for one. */
static void refused_copy(const char *base)
{
    struct source source = {other, 0, 1000};
    struct text text = {0};
    CURL *curl = asking(base, CHAT, NULL, &text);

    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, hello);
    let_read(curl, &source);
    refuse(curl, CURLOPT_COPYPOSTFIELDS);
    run_one("from the function", curl, &text);
    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, other);
    run_last("copied", curl, &text);
}

/* It makes a POST of a GET, all the same. */
static void refused_first(const char *base)
{
    struct source source = {other, 0, 1000};
    struct text text = {0};
    CURL *curl = asking(base, CHAT, NULL, &text);

    let_read(curl, &source);
    refuse(curl, CURLOPT_COPYPOSTFIELDS);
    run_last("from the function", curl, &text);
}

static size_t refuse_inside(char *data, size_t size, size_t count, void *curl)
{
    (void)data;
    refuse(curl, CURLOPT_URL);
    refuse(curl, CURLOPT_COPYPOSTFIELDS);
    return size * count;
}

/* For the next transfer: this one goes on. */
static void refused_inside(const char *base)
{
    CURL *curl = asking(base, CHAT, NULL, NULL);

    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, hello);
    write_to(curl, refuse_inside, curl);
    run_one("first", curl, NULL);
    run_one("no url", curl, NULL);
    curl_easy_cleanup(curl);
}

/* Each leaves what there would be without it: a POST to the URL. */
static void refused_words(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, &text);

    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "PATCH");
    refuse(curl, CURLOPT_CUSTOMREQUEST);
    run_one("method", curl, &text);
    curl_easy_setopt(curl, CURLOPT_REQUEST_TARGET, "/v1/models");
    refuse(curl, CURLOPT_REQUEST_TARGET);
    run_one("target", curl, &text);
    curl_easy_setopt(curl, CURLOPT_PROXY, "http://127.0.0.1:1");
    refuse(curl, CURLOPT_PROXY);
    run_last("proxy", curl, &text);
}

/* Not taken, and what was set before stays. */
static void refused_numbers(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, &text);

    printf("port: %d, size: %d, auth: %d\n",
           (int)curl_easy_setopt(curl, CURLOPT_PORT, 65536L),
           (int)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, -2L),
           (int)curl_easy_setopt(curl, CURLOPT_HTTPAUTH, 0x40000000L));
    run_last("as before", curl, &text);
}

/* -- CURLOPT_REQUEST_TARGET ------------------------------------------------ */

static void target(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, "/", hello, &text);
    CURL *twin;

    curl_easy_setopt(curl, CURLOPT_REQUEST_TARGET, CHAT);
    run_one("a call", curl, &text);
    twin = curl_easy_duphandle(curl);
    run_last("a copy", twin, &text);
    curl_easy_setopt(curl, CURLOPT_REQUEST_TARGET, NULL);
    run_one("none", curl, &text);
    set_url(curl, base, CHAT);
    curl_easy_setopt(curl, CURLOPT_REQUEST_TARGET, "/v1/models");
    run_one("none either", curl, &text);
    curl_easy_reset(curl);
    make_ask(curl, base, CHAT, hello, &text);
    run_last("anew", curl, &text);
}

static int change_target(void *curl, char *peer, char *own, int a, int b)
{
    (void)peer, (void)own, (void)a, (void)b;
    curl_easy_setopt(curl, CURLOPT_REQUEST_TARGET, "/v1/models");
    return CURL_PREREQFUNC_OK;
}

/* libcurl reads it as late as it can. */
static void target_late(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, &text);

    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, change_target);
    curl_easy_setopt(curl, CURLOPT_PREREQDATA, curl);
    run_last("none", curl, &text);
}

static void target_added(const char *base)
{
    CURLM *multi = curl_multi_init();
    struct text text[2] = {{0}};
    CURL *curl[2] = {asking(base, "/", hello, &text[0]),
                     asking(base, CHAT, hello, &text[1])};

    for (int i = 0; i < 2; i++)
        curl_multi_add_handle(multi, curl[i]);
    curl_easy_setopt(curl[0], CURLOPT_REQUEST_TARGET, CHAT);
    curl_easy_setopt(curl[1], CURLOPT_REQUEST_TARGET, "/v1/models");
    drive(multi);
    for (int i = 0; i < 2; i++) {
        curl_multi_remove_handle(multi, curl[i]);
        show(i ? "none" : "a call", curl[i], CURLE_OK, &text[i]);
        curl_easy_cleanup(curl[i]);
    }
    curl_multi_cleanup(multi);
}

static const struct one_case cases[] = {
    {"refused_url", refused_url, 1, 0},
    {"refused_copy", refused_copy, 2, 0},
    {"refused_first", refused_first, 1, 0},
    {"refused_inside", refused_inside, 1, 0},
    {"refused_words", refused_words, 3, 0},
    {"refused_numbers", refused_numbers, 1, 0},
    {"target", target, 3, 0},
    {"target_late", target_late, 0, 0},
    {"target_added", target_added, 1, 0},
};

CASES_MAIN(cases)
