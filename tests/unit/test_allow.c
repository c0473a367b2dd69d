#include <stdlib.h>
#include <string.h>

#include "core/allow.h"
#include "tests/unit/unit.h"

START_TEST(test_headers)
{
    static const char *const kept[] = {"content-type", "Content-Type",
                                       "X-Stainless-Helper-Method"};
    static const char *const secret[] = {"authorization",
                                         "x-api-key",
                                         "api-key",
                                         "x-goog-api-key",
                                         "cookie",
                                         "set-cookie",
                                         "openai-api-key",
                                         "proxy-authorization",
                                         "x-amz-security-token",
                                         "dd-api-key",
                                         "content-typ",
                                         "content-types",
                                         "",
                                         "x-auth-token",
                                         "location",
                                         "tracestate",
                                         "x-datadog-tags"};

    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        ck_assert(llmobs_allow_header(kept[i], strlen(kept[i])));
    for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
        ck_assert(!llmobs_allow_header(secret[i], strlen(secret[i])));
}
END_TEST

START_TEST(test_urls)
{
    static const char *const rows[][2] = {
        {"https://h/v1/chat/completions", "https://h/v1/chat/completions"},
        {"https://h:8443/v1?api-version=1&sig=abc", "https://h:8443/v1"},
        {"https://h/v1#token=x", "https://h/v1"},
        {"https://h?key=x", "https://h"},
        {"https://u:p@h/v1", "https://h/v1"},
        {"https://u@h/v1", "https://h/v1"},
        {"https://u:p@w@h:1/v1", "https://h:1/v1"},
        {"https://u:pa/ss@h/v1", "https://h/v1"},
        {"https://u:p?x@h/v1", "https://u:p"},
        {"https://[::1]:80/v1", "https://[::1]:80/v1"},
        {"https://u:p@[::1]/v1", "https://[::1]/v1"},
        {"https://h/models/claude@2024:rawPredict",
         "https://h/models/claude@2024:rawPredict"},
        {"https://h:80/models/claude@2024", "https://h:80/models/claude@2024"},
        {"https://h/a;key=1/b;x/c;", "https://h/a/b/c"},
        {"https://h/sk-abcdefghijklmnop/v1", "https://h/sk-***mnop/v1"},
        {"https://h/bot/AIzaSyA1234567890abcdef/x",
         "https://h/bot/AIza***cdef/x"},
        {"https://h/v1/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.c2ln/x",
         "https://h/v1/eyJ***c2ln/x"},
        {"https://sk-abcdefghijklmnop.example/v1",
         "https://sk-abcdefghijklmnop.example/v1"},
        {"unix:///var/run/x.sock", "unix:///var/run/x.sock"},
        {"h:80/x?y", "h:80/x"},
        {"git@host:org/repo", "host:org/repo"},
        {"", ""},
        {"?key=secret", ""},
        {"://@", "://"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char *got = llmobs_allow_url_copy(rows[i][0]);

        ck_assert_msg(got && strcmp(got, rows[i][1]) == 0, "%s: %s", rows[i][0],
                      got ? got : "(none)");
        free(got);
    }
}
END_TEST

START_TEST(test_host)
{
    struct llmobs_text host = llmobs_allow_host("https://u:p@h:1/v1?x");

    ck_assert_uint_eq(host.len, 3);
    ck_assert_mem_eq(host.data, "h:1", 3);
}
END_TEST

UNIT_SUITE(allow)
{
    Suite *suite = suite_create("allow");

    UNIT_TEST(suite, test_headers);
    UNIT_TEST(suite, test_urls);
    UNIT_TEST(suite, test_host);
    return suite;
}
