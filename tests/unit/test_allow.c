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
        {"https://h/v1/t0k3nA9bC8dE7fG6hI5jK4lM/chat/completions",
         "https://h/v1/***K4lM/chat/completions"},
        {"https://h/9f8e7d6c5b4a39281706f5e4d3c2b1a0/gw/openai",
         "https://h/***b1a0/gw/openai"},
        {"https://h/model/us.anthropic.claude-3-5-sonnet-20241022-v2:0/invoke",
         "https://h/model/us.anthropic.claude-3-5-sonnet-20241022-v2:0/invoke"},
        {"https://h/models/Meta-Llama-3.1-405B-Instruct-Turbo/x",
         "https://h/models/Meta-Llama-3.1-405B-Instruct-Turbo/x"},
        {"https://h/v1/projects/my-project-123456/locations/us-central1/models/"
         "gemini-2.5-flash-preview-05-20:streamGenerateContent",
         "https://h/v1/projects/my-project-123456/locations/us-central1/models/"
         "gemini-2.5-flash-preview-05-20:streamGenerateContent"},
        {"https://h/openai/deployments/gpt-4o-mini-2024-07-18-prod-2/chat",
         "https://h/openai/deployments/gpt-4o-mini-2024-07-18-prod-2/chat"},
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

START_TEST(test_words)
{
    static const char *const rows[][2] = {
        {"https://h:8443/v1/chat/completions?key=x",
         "h:8443/v1/chat/completions"},
        {"https://u:p@h/v1beta/models/gemini-1.5-pro:streamGenerateContent",
         "h/v1beta/models/*:streamGenerateContent"},
        {"https://api.telegram.org/bot123456:AAEhBOweik6ad/sendMessage",
         "api.telegram.org/*:*/sendMessage"},
        {"https://h/services/T000/B000/XXXXXXXXXXXXXXXXXXXXXXXXX",
         "h/services/*/*/*"},
        {"https://h/v1234567/vx/v1.0/v0-key1", "h/v1234567/vx/v1.0/*"},
        {"https://h/v12345678/%41/a%20b", "h/*/*/*"},
        {"https://h/a;key=secret/b", "h/a"},
        {"https://h//x/", "h//x/"},
        {"https://h/#secret", "h/"},
        {"https://h/\n\x1b[0m", "h/*"},
        {"", ""}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct llmobs_buf out;

        llmobs_buf_init(&out, 4096);
        ck_assert_int_eq(llmobs_allow_words(rows[i][0], &out), 0);
        ck_assert_str_eq(out.data ? out.data : "", rows[i][1]);
        llmobs_buf_fini(&out);
    }
}
END_TEST

UNIT_SUITE(allow)
{
    Suite *suite = suite_create("allow");

    UNIT_TEST(suite, test_headers);
    UNIT_TEST(suite, test_urls);
    UNIT_TEST(suite, test_host);
    UNIT_TEST(suite, test_words);
    return suite;
}
