/* Tests the lists of headers and parameters that may be kept. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/span/allowlist.h"
#include "tests/unit/unit.h"

TEST(test_headers)
{
    static const char *const kept[] = {
        "content-type", "Content-Type", "Anthropic-Beta",
        "X-Stainless-Helper-Method",
        "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"};
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
        ck_assert(llmobs_allowlist_header(kept[i], strlen(kept[i])));
    for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
        ck_assert(!llmobs_allowlist_header(secret[i], strlen(secret[i])));
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        ck_assert(llmobs_allowlist_answer(kept[i], strlen(kept[i])));
    for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
        ck_assert(!llmobs_allowlist_answer(secret[i], strlen(secret[i])));
    ck_assert(!llmobs_allowlist_header("x-request-id", 12));
    ck_assert_str_eq(llmobs_allowlist_answer("X-Request-ID", 12),
                     "x-request-id");
    ck_assert(!llmobs_allowlist_header("cf-aig-cache-status", 19));
    ck_assert_str_eq(llmobs_allowlist_answer("CF-AIG-Cache-Status", 19),
                     "cf-aig-cache-status");
}

/* No answer has these, and no name that only begins or ends so. */
TEST(test_tag_headers)
{
    static const char *const names[] = {"X-Title", "helicone-property-x",
                                        "CF-AIG-Metadata",
                                        "OpenAI-Organization"};
    static const char *const others[] = {"x-titles",
                                         "helicone-property",
                                         "helicone-auth",
                                         "x-helicone-property-x",
                                         "referer",
                                         "authorization",
                                         "x-portkey-api-key",
                                         "content-type",
                                         ""};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ck_assert(llmobs_allowlist_tag(names[i], strlen(names[i])));
        ck_assert(!llmobs_allowlist_header(names[i], strlen(names[i])));
        ck_assert(!llmobs_allowlist_answer(names[i], strlen(names[i])));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        ck_assert(!llmobs_allowlist_tag(others[i], strlen(others[i])));
    ck_assert_str_eq(llmobs_allowlist_tag("Helicone-Property-X", 19),
                     "helicone-property-");
}

TEST(test_urls)
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
        {"https://u:p?x@h/v1", "https://***"},
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
         "https://sk-************mnop.example/v1"},
        {"https://h/v1/t0k3nA9bC8dE7fG6hI5jK4lM/chat/completions",
         "https://h/v1/***K4lM/chat/completions"},
        {"https://h/9f8e7d6c5b4a39281706f5e4d3c2b1a0/gw/openai",
         "https://h/***b1a0/gw/openai"},
        {"https://h/v1/3f2504e0-4f89-11d3-9a0c-0305e82c3301/openai",
         "https://h/v1/***3301/openai"},
        {"https://h/v1/3f2504e0-4f89-11d3-9a0c-0305e82c330x/openai",
         "https://h/v1/3f2504e0-4f89-11d3-9a0c-0305e82c330x/openai"},
        {"https://h/v1/x_t0k3nA9bC8dE7fG6hI-abcd/x", "https://h/v1/***abcd/x"},
        {"https://h/v1/aB3xK9q-Zt7Rb2-Lm4Pq-x-y/x", "https://h/v1/***-x-y/x"},
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
        /* A picture's name, and keys of that length and letters. */
        {"https://h/i/logo-192x192-3f2a9c8e7b1d4f60a5c2e9d8b7f61234.png",
         "https://h/i/logo-192x192-3f2a9c8e7b1d4f60a5c2e9d8b7f61234.png"},
        {"https://h/i/3f2a9c8e7b1d4f60a5c2e9d8b7f61234.webp",
         "https://h/i/3f2a9c8e7b1d4f60a5c2e9d8b7f61234.webp"},
        {"https://h/favicon_0123456789abcdef01234567.ICO/a",
         "https://h/favicon_0123456789abcdef01234567.ICO/a"},
        {"https://h/i/logo-192x192-3f2a9c8e7b1d4f60a5c2e9d8b7f61234",
         "https://h/i/***1234"},
        {"https://h/i/logo-192x192-3f2a9c8e7b1d4f60a5c2e9d8b7f61234.txt",
         "https://h/i/***1234.txt"},
        {"https://h/i/logo-192x192-3f2a9c8e7b1d4f60a5c2e9d8b7f61234/x.png",
         "https://h/i/***1234/x.png"},
        {"https://h/i/logo-192x192-3F2a9C8e7b1D4f60a5C2e9d8B7f61234.png",
         "https://h/i/***1234.png"},
        {"https://h/t0k3nA9bC8dE7fG6hI5jK4lM-0123abcd.png",
         "https://h/***abcd.png"},
        {"unix:///var/run/x.sock", "unix:///var/run/x.sock"},
        {"h:80/x?y", "h:80/x"},
        {"git@host:org/repo", "host:org/repo"},
        {"", ""},
        {"?key=secret", ""},
        {"://@", "://"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char *got = llmobs_allowlist_url_copy(rows[i][0]);

        ck_assert_msg(got && strcmp(got, rows[i][1]) == 0, "%s: %s", rows[i][0],
                      got ? got : "(none)");
        free(got);
    }
}

/* Names whose parts have as many digits as a key, and more. */
static const char *const names[] = {
    "mistral.mixtral-8x7b-instruct-v0:1",
    "Mixtral-8x7B-Instruct-v0.1",
    "NousResearch_Nous-Hermes-2-Mixtral-8x7B-DPO",
    "Mixtral8x22B-Instruct-prod-eastus2",
    "Qwen2VL7B-Instruct-GPTQ-Int4-prod",
    "qwen.qwen3-235b-a22b-2507-v1:0",
    "qwen.qwen3-coder-480b-a35b-v1:0",
    "Qwen3-235B-A22B-Instruct-2507-tput",
    "Qwen3-30B-A3B-GPTQ-Int4",
    "us.meta.llama4-maverick-17b-instruct-v1:0",
    "Llama-4-Maverick-17B-128E-Instruct-FP8",
    "llama-v3p1-405b-instruct",
    "Llama-3_1-Nemotron-Ultra-253B-v1-FP8",
    "llama-3.1-8b-instruct-q4_K_M",
    "DeepSeek-R1-0528-Qwen3-8B",
    "c4ai-command-r7b-12-2024",
    "InternVL2_5-78B-MPO-AWQ",
    "gpt4o-eastus2-v2a-prod",
    "GPT4Turbo128k-EastUS2-Prod",
    "GPT4o-AzureEastUS2-Prod-2024",
    "prod-gpt4o-mini-0718-eu2-a1",
    "anthropic.claude-3-5-sonnet-20241022-v2:0",
    "amazon.nova-2-multimodal-embeddings-v1:0",
    "arn:aws:bedrock:us-east-1:123456789012:custom-model/"
    "amazon.titan-text-lite-"
    "v1:0:4k/abc123def456",
};

TEST(names_are_no_keys)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char url[256], *got;

        snprintf(url, sizeof(url), "https://h/model/%s/x", names[i]);
        got = llmobs_allowlist_url_copy(url);
        ck_assert_str_eq(got, url);
        free(got);
    }
}

/* Keys of random letters, digits, '-' and '_' whose last path segment stays. */
static size_t count_missed(size_t len, size_t keys)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    uint64_t seed = 1;
    size_t missed = 0;

    for (size_t i = 0; i < keys; i++) {
        char url[128] = "https://h/", *got;
        size_t at = strlen(url);

        for (size_t n = 0; n < len; n++, at++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            url[at] = letters[seed >> 58];
        }
        got = llmobs_allowlist_url_copy(url);
        missed += strcmp(got, url) == 0;
        free(got);
    }
    return missed;
}

/* Most have '-' or '_' in them: of those that are as short as 32, two in a
 * hundred look like a name. */
TEST(random_keys_are_masked)
{
    ck_assert_uint_le(count_missed(32, 10000), 250);
    ck_assert_uint_le(count_missed(40, 10000), 60);
    ck_assert_uint_le(count_missed(64, 10000), 4);
}

TEST(test_words)
{
    static const char *const rows[][2] = {
        {"https://u:p@h:1/v1?x", "h:1/v1"},
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
        UNIT_ENDS(llmobs_buf) out;

        llmobs_buf_init(&out, 4096);
        ck_assert_int_eq(llmobs_allowlist_words(rows[i][0], &out), 0);
        ck_assert_str_eq(out.data ? out.data : "", rows[i][1]);
    }
}
