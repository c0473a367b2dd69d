/* Tests the comparison of URLs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rules/read/text.h"
#include "rules/read/url.h"
#include "tests/unit/unit.h"

/* One comma-separated list of entries, one URL, and whether it lies under one
 * of them. */
struct row {
    const char *entry;
    const char *url;
    bool match;
};

/* The examples of WIRE 4.5. */
static const struct row examples[] = {
    {"http://localhost:4000", "http://localhost:4000/v1/chat/completions",
     true},
    {"http://localhost:4000/", "http://LOCALHOST:4000/chat/completions", true},
    {"http://gw/v1", "http://gw:80/v1/messages", true},
    {"http://gw/v1/", "http://gw/v1", true},
    {"http://gw/v1", "http://gw/v10/messages", false},
    {"https://gw", "http://gw/v1/messages", false},
    {"https://gw:443", "https://gw/v1/messages", true},
    {"http://localhost:4000", "http://127.0.0.1:4000/x", false},
    {"http://[::1]:4000", "http://[0:0:0:0:0:0:0:1]:4000/x", true},
    {"http://user:pw@gw", "http://gw/v1/completions", true},
    {"gw.internal:8080", "https://gw.internal:8080/v1/responses", true},
};

/* Its rules, one by one. */
static const struct row rules[] = {
    {"HTTPS://gw", "https://gw/x", true},
    {"gw", "http://gw/x", true},
    {"gw", "https://gw/x", true},
    {"gw", "http://gw:8080/x", false},
    {"gw", "http://gw:443/x", false},
    {"gw:80", "https://gw:80/x", true},
    {"gw:80", "https://gw/x", false},
    {"gw/v1", "http://gw/v1/x", true},
    {"http://gw", "http://me:secret@gw/x", true},
    {"http://a@b@gw", "http://gw/x", true},
    {"http://gw", "http://gw@evil/x", false},
    {"http://GW.Example", "http://gw.exAMPLE/x", true},
    {"http://gw.", "http://gw/x", true},
    {"http://gw", "http://gw./x", true},
    {"http://gw", "http://gw../x", false},
    {"http://xn--bcher-kva.example", "http://xn--bcher-kva.example/", true},
    {"http://b\xC3\xBC"
     "cher.example",
     "http://xn--bcher-kva.example/", false},
    {"http://b\xC3\xBC"
     "cher.example",
     "http://B\xC3\xBC"
     "cher.example./",
     true},
    {"http://b\xC3\xBC"
     "cher.example",
     "http://b%C3%BCcher.example/x", true},
    {"http://b\xFC"
     "cher.example",
     "http://b\xFC"
     "cher.example/x",
     true},
    {"http://b\xC3\xBC"
     "cher.example",
     "http://b\xC3\xBC"
     "cher.example.evil/",
     false},
    {"::1", "http://[::1]/x", true},
    {"http://fe80::1/v1", "http://[fe80::1]/v1/x", true},
    {"http://[fe80::1%25eth0]:80", "http://[fe80::1%25eth9]/x", true},
    {"http://[fe80::1]", "http://[fe80::2]/x", false},
    {"http://[::1]:4000", "http://[::1]/x", false},
    {"http://[::1", "http://[::1]/x", false},
    {"http://[::zz]", "http://[::zz]/x", false},
    {"http://[::1]x", "http://[::1]/x", false},
    {"http://127.0.0.1", "http://127.0.0.1/", true},
    {"http://127.0.0.1", "http://0x7f.0.0.1/", false},
    {"http://127.0.0.1", "http://127.1/", false},
    {"http://gw:080", "http://gw/x", true},
    {"http://gw:", "http://gw/x", true},
    {"http://gw:0", "http://gw/x", false},
    {"http://gw:65536", "http://gw/x", false},
    {"http://gw:4000x", "http://gw:4000/x", false},
    {"http://gw:+4000", "http://gw:4000/x", false},
    {"http://gw/v1", "http://gw/V1/x", false},
    {"http://gw/v1//", "http://gw/v1/x", true},
    {"http://gw/v1", "http://gw/v1?q=/v2", true},
    {"http://gw/v1", "http://gw?/v1", false},
    {"http://gw/v1", "http://gw#/v1", false},
    {"http://gw/v1?key=a#b", "http://gw/v1/x", true},
    {"http://gw?key=a", "http://gw/v1/x", true},
    {"http://gw/a/b", "http://gw/a", false},
    {"http://gw/%76%31", "http://gw/v1/x", true},
    {"http://gw/v1", "http://gw/%761/x", true},
    {"http://gw/a%2Fb", "http://gw/a/b", false},
    {"http://gw/a%2Fb", "http://gw/a%2fb/x", true},
    {"http://gw/a%", "http://gw/a%/x", true},
    {"http://gw/a%2", "http://gw/a%2/x", true},
    {"http://gw/a%zz", "http://gw/a%zz/x", true},
    {"http://gw/a/./b/../v1", "http://gw/a/v1/x", true},
    {"http://gw/v1", "http://gw/a/../v1/x", true},
    {"http://gw/v1", "http://gw/../../v1/x", true},
    {"http://gw/v1", "http://gw/v1/..", false},
    {"http://gw/v1", "http://gw/v1/../v2", false},
    {"http://gw/v1", "http://gw/%2e%2e/v1/x", true},
    {"http://gw/v1/..", "http://gw/v2", true},
    {"http://gw/.", "http://gw/v2", true},
    {"http://gw/.a", "http://gw/.a/b", true},
    {"http://gw/..a", "http://gw/..a/b", true},
    {"http://*", "http://gw/x", false},
    {"http://gw/*", "http://gw/v1", false},
    {"http://gw/*", "http://gw/*/x", true},
    {"*", "http://gw/x", false},
    {"ftp://gw", "http://gw/x", false},
    {"ftp://gw", "ftp://gw/x", false},
    {"http://gw", "ws://gw/x", false},
    {"http://gw", "gw/x", false},
    {"http://gw", "", false},
    {"http://", "http:///x", false},
    {"http://gw", "http:/gw/x", true},
    {"http://g w", "http://g w/x", false},
    {"http://gw/a b", "http://gw/a b", false},
    {"http", "http://http/x", true},
    {"http://%67w", "http://g%77/x", true},
    {"https", "https://gw/x", false},
    {"http://gw", "http://gwx/", false},
    {"http://gwx", "http://gw/", false},
};

static bool matches(const char *entry, const char *url)
{
    struct llmobs_url_list *list = NULL;
    struct llmobs_url parsed;
    bool yes;

    llmobs_url_list_add(&list, llmobs_text_of(entry));
    yes = llmobs_url_parse(llmobs_text_of(url), &parsed) == 0 &&
          llmobs_url_list_has(list, &parsed);
    llmobs_url_list_free(list);
    return yes;
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(matches(rows[i].entry, rows[i].url) == rows[i].match,
                      "entry '%s', URL '%s': not %d", rows[i].entry,
                      rows[i].url, rows[i].match);
}

TEST(entries_match_as_in_the_examples)
{
    check_rows(examples, sizeof(examples) / sizeof(examples[0]));
}

TEST(entries_match_structurally)
{
    check_rows(rules, sizeof(rules) / sizeof(rules[0]));
}

TEST(urls_come_apart)
{
    struct llmobs_url url;

    ck_assert_int_eq(
        llmobs_url_parse(
            llmobs_text_of("HTTPS://u:p@Api.X.ai.:8443/a/../v1/%63hat?k=1#f"),
            &url),
        0);
    ck_assert_int_eq(url.scheme, LLMOBS_SCHEME_HTTPS);
    ck_assert_int_eq(url.port, 8443);
    ck_assert_str_eq(url.host, "api.x.ai");
    ck_assert_uint_eq(url.path.len, strlen("/v1/chat"));
    ck_assert_int_eq(memcmp(url.path.data, "/v1/chat", url.path.len), 0);
}

TEST(long_urls_stay_within_bounds)
{
    static char text[LLMOBS_URL_PATH_MAX * 2];
    struct llmobs_url url;
    int n = snprintf(text, sizeof(text), "http://gw/%%61");

    memset(text + n, 'b', sizeof(text) - (size_t)n - 1);
    ck_assert_int_eq(llmobs_url_parse(llmobs_text_of(text), &url), 0);
    ck_assert_uint_eq(url.path.len, sizeof(text) - 1 - strlen("http://gw"));
    text[9 + LLMOBS_URL_PATH_MAX] = '\0';
    ck_assert_int_eq(llmobs_url_parse(llmobs_text_of(text), &url), 0);
    ck_assert_uint_eq(url.path.len, LLMOBS_URL_PATH_MAX - 2);
    memset(text, 'h', 300);
    memcpy(text, "http://", 7);
    text[7 + LLMOBS_URL_HOST_MAX] = '\0';
    ck_assert_int_eq(llmobs_url_parse(llmobs_text_of(text), &url), 0);
    text[7 + LLMOBS_URL_HOST_MAX] = 'h';
    text[8 + LLMOBS_URL_HOST_MAX] = '\0';
    ck_assert_int_lt(llmobs_url_parse(llmobs_text_of(text), &url), 0);
}

static void add_entry(struct llmobs_text text)
{
    struct llmobs_url_list *list = NULL;

    llmobs_url_list_add(&list, text);
    llmobs_url_list_free(list);
}

/* Every prefix and every single-byte change of a rich URL: the sanitizers
 * watch. */
TEST(hostile_urls_do_no_harm)
{
    static const char rich[] =
        "https://u:p@[fe80::1%25e]:443/a/%2e%2E/./b%2Fc%zz/../d?x#y";
    char text[sizeof(rich)];
    struct llmobs_url url;

    for (size_t n = 0; n <= strlen(rich); n++) {
        llmobs_url_parse((struct llmobs_text){rich, n}, &url);
        add_entry((struct llmobs_text){rich, n});
        add_entry((struct llmobs_text){rich + n, strlen(rich) - n});
    }
    for (size_t i = 0; i < strlen(rich); i++)
        for (int c = 0; c < 256; c++) {
            memcpy(text, rich, sizeof(rich));
            text[i] = (char)c;
            llmobs_url_parse((struct llmobs_text){text, strlen(rich)}, &url);
            add_entry((struct llmobs_text){text, strlen(rich)});
        }
}

TEST(texts_strip_as_python_does)
{
    static const char *const blank[] = {
        " ",    "\t",           "\n",           "\r",
        "\x1F", "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80",
        "\v",   "\xE2\x80\x80", "\xE2\x80\x8A", "\xE2\x80\xA8",
        "\f",   "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80",
    };
    static const char *const solid[] = {"a", "\xE2\x80\x8B", "\xC3\x85",
                                        "\xEF\xBB\xBF"};
    char text[32];
    struct llmobs_text stripped;

    for (size_t i = 0; i < sizeof(blank) / sizeof(blank[0]); i++) {
        snprintf(text, sizeof(text), "%s%s\xC3\xA9%s", blank[i], blank[i],
                 blank[i]);
        stripped = llmobs_text_strip(llmobs_text_of(text));
        ck_assert_msg(stripped.len == 2, "blank %zu", i);
        ck_assert_uint_eq(llmobs_text_strip(llmobs_text_of(blank[i])).len, 0);
    }
    for (size_t i = 0; i < sizeof(solid) / sizeof(solid[0]); i++)
        ck_assert_uint_eq(llmobs_text_strip(llmobs_text_of(solid[i])).len,
                          strlen(solid[i]));
}

TEST(patterns_match_whole_texts)
{
    struct llmobs_text host = llmobs_text_of("eu.api.openai.com");

    ck_assert(llmobs_text_like(host, "*.openai.com"));
    ck_assert(llmobs_text_like(host, "eu.*.openai.com"));
    ck_assert(llmobs_text_like(host, "*"));
    ck_assert(llmobs_text_like(host, "eu*api*com"));
    ck_assert(llmobs_text_like(host, "eu.api.openai.com*"));
    ck_assert(!llmobs_text_like(host, "*.openai.co"));
    ck_assert(!llmobs_text_like(host, "api.openai.com"));
    ck_assert(!llmobs_text_like(llmobs_text_of("openai.com"), "*.openai.com"));
    ck_assert(
        !llmobs_text_like(llmobs_text_of("x.openai.com.evil"), "*.openai.com"));
    ck_assert(llmobs_text_like(llmobs_text_of(""), "*"));
    ck_assert(!llmobs_text_like(llmobs_text_of("a"), ""));
    ck_assert(!llmobs_text_like((struct llmobs_text){"a\0b", 3}, "a"));
}

TEST(readable_texts_are_told_from_others)
{
    static const struct {
        const char *text;
        bool readable;
    } rows[] = {
        {"", true},
        {"a\tb\r\n", true},
        {"caf\xC3\xA9 \xF0\x9F\x98\x80", true},
        {"cut \xF0\x9F\x98", true},
        {"cut \xE2", true},
        {"\x80", false},
        {"\xC0\x80", false},
        {"\xE0\x80\x80", false},
        {"\xED\xA0\x80", false},
        {"\xF4\x90\x80\x80", false},
        {"\xF0\x8F\xBF\xBF", false},
        {"\xC3(", false},
        {"\x01", false},
        {"\x7F", false},
        {"\xFF", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_msg(llmobs_text_readable(llmobs_text_of(rows[i].text)) ==
                          rows[i].readable,
                      "row %zu", i);
    ck_assert(!llmobs_text_readable((struct llmobs_text){"a\0b", 3}));
    ck_assert_uint_eq(llmobs_text_cut(llmobs_text_of("ab\xE2\x82\xAC"), 4).len,
                      2);
    ck_assert_uint_eq(llmobs_text_cut(llmobs_text_of("ab\xE2\x82\xAC"), 5).len,
                      5);
    ck_assert_uint_eq(llmobs_text_cut(llmobs_text_of("abc"), 9).len, 3);
}
