/* Secrets of the URLs in a body. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/span/links.h"
#include "lib/text/json.h"
#include "tests/unit/unit.h"

#define LONG ((size_t)1 << 16)

/* A second one of NULL: the first one stays as it is. */
static const char *const rows[][2] = {
    /* The user part. */
    {"{\"server_url\":\"https://me:pass@host/mcp\"}",
     "{\"server_url\":\"https://*******@host/mcp\"}"},
    {"{\"a\":\"https://me:pa/ss@host/a@b http://h:{p}/c?key=abc\"}",
     "{\"a\":\"https://********@host/a@b http://h:{p}/c?key=***\"}"},
    {"{\"url\":\"https://ghp_0123@github.com/a\",\"b\":\"c@d\"}",
     "{\"url\":\"https://********@github.com/a\",\"b\":\"c@d\"}"},
    {"{\"a\":\"ssh://u:p@ss@h and http://v:w@i\"}",
     "{\"a\":\"ssh://******@h and http://***@i\"}"},
    {"{\"a\":\"https:\\/\\/me:pass@host\\/mcp\"}",
     "{\"a\":\"https:\\/\\/*******@host\\/mcp\"}"},
    {"{\"a\":\"https\\u003a\\u002F\\/me\\u003apass\\u0040host\"}",
     "{\"a\":\"https\\u003a\\u002F\\/************\\u0040host\"}"},
    {"{\"a\":\"{\\\"u\\\":\\\"https:\\\\/\\\\/me:p\\\\u00e9@host\\\"}\"}",
     "{\"a\":\"{\\\"u\\\":\\\"https:\\\\/\\\\/***********@host\\\"}\"}"},
    {"{\"a\":\"https://me:p\303\251ss@host\"}",
     "{\"a\":\"https://********@host\"}"},
    {"https://me:\303\251@host https://me:8\303\251@host",
     "https://*****@host https://me:8\303\251@host"},
    {"redis://:pass@host jdbc:sqlserver://h:1433;user=a;password=abc",
     "redis://*****@host jdbc:sqlserver://h:1433;user=a;password=***"},
    {"mongodb://u:p@h:1,i:2/d?authSource=a&token=b me@host",
     "mongodb://***@h:1,i:2/d?authSource=a&token=* me@host"},
    {"postgres://u:p@db:5432/x", "postgres://***@db:5432/x"},
    {"http://a://u:p@b", "http://a://***@b"},
    {"see http://p/http://u:p@b", "see http://p/http://***@b"},
    /* Texts without a URL's secret. */
    {"{\"a\":\"mail me@host or http://host/@me, you@host\"}", NULL},
    {"Acme,https://host,me@host", NULL},
    {"(http://host),me@host [http://host]me@host", NULL},
    {"http://host|me@host http://host;me@host", NULL},
    {"http://host:80/a@b http://host:80?a@b http://host#a@b", NULL},
    {"http://[::1]:80/a@b http://[::1]:8080", NULL},
    {"{\"a\":\"http://host:80\",\"b\":\"c@d\"}", NULL},
    {"{\"a\":\"http://host\\nme@host\"}", NULL},
    {"http://host\346\210\226me@host http://host:80\346\210\226me@host", NULL},
    {"{\"a\":\"http://host\\u6216me@host\"}", NULL},
    {"mailto:me@host //u:p@host (://u:p@host u:p@host", NULL},
    {"data:image/png;base64,aa//bb+c?key=abc", NULL},
    /* Parameters. */
    {"{\"a\":\"https://h/?api_key=abcdefghijkl&q=abc\"}",
     "{\"a\":\"https://h/?api_key=********ijkl&q=abc\"}"},
    {"http://h?key=a&token=b&sig=c&q=d#access_token=e",
     "http://h?key=*&token=*&sig=*&q=d#access_token=*"},
    {"http://h/a;password=b;c=d e", "http://h/a;password=***** e"},
    {"http://h?X-Amz-Signature=ab&X-Amz-Credential=cd&Expires=1",
     "http://h?X-Amz-Signature=**&X-Amz-Credential=**&Expires=1"},
    {"{\"a\":\"http://h?a=b\\u0026ke\\u0079\\u003dabc\\u0026c=d\"}",
     "{\"a\":\"http://h?a=b\\u0026ke\\u0079\\u003d***\\u0026c=d\"}"},
    {"http://h?a=b&amp;key=abc&amp;c=d", "http://h?a=b&amp;key=***&amp;c=d"},
    {"http://h?auth[token]=a&api%5Fkey=b&c%5Bkey%5D=d",
     "http://h?auth[token]=*&api%5Fkey=*&c%5Bkey%5D=*"},
    {"http://h?password[confirmation]=a&user%5Bapi_key%5D%5B0%5D=b&c[d]=e",
     "http://h?password[confirmation]=*&user%5Bapi_key%5D%5B0%5D=*&c[d]=e"},
    {"[x](http://h?key=abc), (http://h?key=abc). y",
     "[x](http://h?key=***), (http://h?key=***). y"},
    {"get('http://h?key=abc', 'a@b')", "get('http://h?key=***', 'a@b')"},
    {"http://h?key=abc\346\210\226me", "http://h?key=***\346\210\226me"},
    {"http://h?monkey=abc&max_tokens=5&q=key=abc&=abc&key", NULL},
    {"http://h/key=abc?keys=abc&sort=key&page_token=abc", NULL},
    {"http://h?code=a&jwt=b&key2=c&apiKey=d&X-Amz-Security-Token=e",
     "http://h?code=*&jwt=*&key2=*&apiKey=*&X-Amz-Security-Token=*"},
    {"what?key=abc /v1?key=abc", NULL},
    /* A URL in a URL. */
    {"http://h?u=https%3A%2F%2Fme%3Apass%40i%2F%3Fkey%3Dabc%26a%3Db&sig=c",
     "http://h?u=https%3A%2F%2F*********%40i%2F%3Fkey%3D***%26a%3Db&sig=*"},
    {"http://h?u=https%3A//me%3Apass%40i&b@c",
     "http://h?u=https%3A//*********%40i&b@c"},
    {"http://h?u=https://me:pass@i/?key=abc&sig=c",
     "http://h?u=https://*******@i/?key=***&sig=*"},
    {"http://h?u=https%3A%2F%2Fi&sig=c", "http://h?u=https%3A%2F%2Fi&sig=*"},
    {"http://h?key=a%26b%40c&d=e", "http://h?key=*********&d=e"},
    {"http://u:p%40%2Fq@h", "http://**********@h"},
    /* Cut anywhere. */
    {"{\"a\":\"https://me:pass", "{\"a\":\"https://*******"},
    {"{\"a\":\"https://me:pass\\", "{\"a\":\"https://*******\\"},
    {"{\"a\":\"https://me:123456", "{\"a\":\"https://*********"},
    {"{\"a\":\"https://me:\\u00", "{\"a\":\"https://*******"},
    {"{\"a\":\"https://h?key=ab", "{\"a\":\"https://h?key=**"},
    {"{\"a\":\"https://h?key=abcdefghijklmn",
     "{\"a\":\"https://h?key=**************"},
    {"{\"a\":\"https://h?key=ab\\", "{\"a\":\"https://h?key=**\\"},
    {"{\"a\":\"https://host:80", NULL},
    {"{\"a\":\"https://host", NULL},
    {"{\"a\":\"https://h?key=", NULL},
    {"{\"a\":\"https:/", NULL},
    {"{\"a\":\"https:\\", NULL},
    {"{\"a\":\"https\\u003", NULL},
    {"://u:p@h", "://***@h"},
    {"%", NULL},
    {"", NULL},
};

static void check(const char *text, const char *want)
{
    size_t len = strlen(text);
    char *exact = malloc(len ? len : 1); /* asan sees who reads on */
    struct llmobs_json *json = NULL;
    bool was = llmobs_json_parse((struct llmobs_text){text, len}, &json) == 0;

    llmobs_json_free(json);
    ck_assert_uint_eq(strlen(want), len);
    memcpy(exact, text, len);
    llmobs_links_mask(exact, len, NULL);
    ck_assert_msg(memcmp(exact, want, len) == 0, "%s: %.*s", text, (int)len,
                  exact);
    ck_assert(!was ||
              llmobs_json_parse((struct llmobs_text){exact, len}, &json) == 0);
    llmobs_json_free(json);
    free(exact);
}

TEST(urls_of_a_body_lose_their_secrets)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        check(rows[i][0], rows[i][1] ? rows[i][1] : rows[i][0]);
}

/* A body ends anywhere: of a password no more than its first letters, which
 * might be a port, are left, and of a value nothing. */
TEST(a_cut_url_keeps_no_secret)
{
    static const char text[] = "{\"a\":\"https://me:"
                               "pass@host/?key=s3cret\"}";

    for (size_t len = 0; len < sizeof(text); len++) {
        char *exact = malloc(len ? len : 1);

        memcpy(exact, text, len);
        llmobs_links_mask(exact, len, NULL);
        ck_assert_ptr_null(memmem(exact, len, ":p", 2));
        ck_assert_ptr_null(memmem(exact, len, "=s", 2));
        free(exact);
    }
}

static double seconds_of(const char *piece)
{
    char *text = malloc(LONG);
    struct timespec from, to;

    for (size_t i = 0, len = strlen(piece); i < LONG; i++)
        text[i] = piece[i % len];
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    llmobs_links_mask(text, LONG, NULL);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    free(text);
    return (double)(to.tv_sec - from.tv_sec) +
           (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

/* One pass, whatever the text is made of: to look for the next backslash
 * at each slash would take seconds. */
TEST(no_text_is_read_twice)
{
    static const char *const pieces[] = {
        "a",       "a://",     "a://b:",     "@",        "a://b:c@",
        "a://b:c", "\\",       "a:\\",       "\\u003a",  "a://b?key=",
        "?key=",   "&token=a", "%3A%2F%2Fa", "a://%3A/", "a\\u003a\\/\\/b:@",
        "a:/ ",    "a:// ",    "a:%2F ",     "a:\\/ ",   "a:\\/\\/ "};

    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++)
        ck_assert_msg(seconds_of(pieces[i]) < 0.5, "%s", pieces[i]);
}
