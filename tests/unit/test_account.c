/* Numbers that stand for credentials. */
#include <string.h>

#include "lib/base/siphash.h"
#include "lib/span/account.h"
#include "tests/unit/unit.h"

static uint64_t of(const char *line)
{
    return llmobs_account_header(0, line, strcspn(line, ":"));
}

TEST(credentials_count)
{
    static const char *const lines[] = {"Authorization: Bearer a",
                                        "authorization: Bearer b",
                                        "x-api-key: a",
                                        "api-key: a",
                                        "X-Goog-Api-Key: a",
                                        "Helicone-Auth: a",
                                        "Cookie: a=b",
                                        "X-User-Id: 7",
                                        "apikey: a",
                                        "x-api-token: a",
                                        "X-Access-Token: a",
                                        "x-auth-token: a",
                                        "x-id-token: a",
                                        "end-user: a",
                                        "x-tenant-id: a",
                                        "x-tenant: a",
                                        "x-account: a",
                                        "x-account-id: a",
                                        "OpenAI-Project: a",
                                        "Ocp-Apim-Subscription-Key: a",
                                        "OpenAI-Organization: o"};
    static const char *const others[] = {"Content-Type: application/json",
                                         "Accept: */*",
                                         "User-Agent: curl",
                                         "Idempotency-Key: 1",
                                         "anthropic-version: 2023-06-01",
                                         "Authorization:",
                                         "traceparent: 00-1-2-01",
                                         "x-monkey: a",
                                         "key: a",
                                         "Content-Location: a",
                                         "x-superuser: a",
                                         ": a"};
    size_t count = sizeof(lines) / sizeof(*lines);

    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(of(lines[i]) != 0, "%s", lines[i]);
        for (size_t k = 0; k < i; k++)
            ck_assert_msg(of(lines[i]) != of(lines[k]), "%s", lines[i]);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        ck_assert_msg(of(others[i]) == 0, "%s", others[i]);
    ck_assert(of("AUTHORIZATION:Bearer a ") == of(lines[0]));
    ck_assert(llmobs_account_header(of("api-key: 1"), "x-user-id: 2", 9) ==
              llmobs_account_header(of("x-user-id: 2"), "api-key: 1", 7));
}

/* Of a value of any length, at any address. */
TEST(each_byte_counts)
{
    char line[] = "api-key:                                         ";
    const size_t name = sizeof("api-key:") - 1;

    for (size_t len = 1; len < sizeof(line) - name; len++) {
        uint64_t seen[sizeof(line)];

        memset(line + name, 'a', len);
        line[name + len] = '\0';
        seen[len] = of(line);
        for (size_t i = 0; i < len; i++) {
            line[name + i] = 'b';
            seen[i] = of(line);
            line[name + i] = 'a';
        }
        for (size_t i = 0; i <= len; i++)
            for (size_t k = 0; k < i; k++)
                ck_assert_msg(seen[i] != seen[k], "%zu: %zu %zu", len, i, k);
        ck_assert(of(line) == seen[len]);
    }
}

TEST(a_signature_is_its_key)
{
#define SIGNED(key, day)                                      \
    "Authorization: AWS4-HMAC-SHA256 Credential=" key "/" day \
    "/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=" day
    ck_assert(of(SIGNED("AKIA1", "20261122")) ==
              of(SIGNED("AKIA1", "20261123")));
    ck_assert(of(SIGNED("AKIA1", "20261122")) !=
              of(SIGNED("AKIA2", "20261122")));
    ck_assert(of("Authorization: AWS4-HMAC-SHA256 x") != 0);
}

static uint64_t key_of(const char *line)
{
    return llmobs_account_key(line, strcspn(line, ":"));
}

/* printf %s sk-1 | sha256sum */
TEST(a_key_has_its_own_number)
{
    const uint64_t sk_1 = UINT64_C(0x10f2c10bf), akia1 = UINT64_C(0x17ad58bff);
    static const char *const none[] = {"Authorization: Basic dTpw",
                                       "Authorization: Bearer ",
                                       "Authorization: sk-1",
                                       "Authorization: AWS4-HMAC-SHA256 x",
                                       "X-Api-Key:",
                                       "X-Api-Key-Id: sk-1",
                                       "Cookie: sk-1",
                                       "OpenAI-Organization: sk-1",
                                       "Proxy-Authorization: Bearer sk-1"};
    static const char *const no_urls[] = {"https://h/v1",
                                          "https://h/?akey=sk-1",
                                          "https://h/?key=",
                                          "https://h/#key=sk-1",
                                          "https://h/?a=b#key=sk-1",
                                          "https://key=sk-1@h/",
                                          ""};

    ck_assert(key_of("Authorization: Bearer sk-1") == sk_1);
    ck_assert(key_of("authorization:bearer  sk-1 ") == sk_1);
    ck_assert(key_of("X-Api-Key: sk-1") == sk_1);
    ck_assert(key_of("api-key:sk-1") == sk_1);
    ck_assert(key_of("x-goog-api-key: sk-1") == sk_1);
    ck_assert(key_of(SIGNED("AKIA1", "20261122")) == akia1);
    ck_assert(llmobs_account_url_key("https://h/?key=sk-1&alt=sse") == sk_1);
    ck_assert(llmobs_account_url_key("https://h/?alt=sse&key=sk-1#x") == sk_1);
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
        ck_assert_msg(key_of(none[i]) == 0, "%s", none[i]);
    for (size_t i = 0; i < sizeof(no_urls) / sizeof(*no_urls); i++)
        ck_assert_msg(llmobs_account_url_key(no_urls[i]) == 0, "%s",
                      no_urls[i]);
}

TEST(keys_in_urls)
{
    static const char *const plain[] = {"https://h/v1/a",
                                        "https://h/v1?alt=sse",
                                        "https://h/#key=a",
                                        "https://h/?key",
                                        "h",
                                        "",
                                        "https://h/a@b"};

    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
        ck_assert_msg(llmobs_account_url(0, plain[i]) == 0, "%s", plain[i]);
    ck_assert(llmobs_account_url(0, "https://h/v1?alt=sse&key=a") ==
              llmobs_account_url(0, "https://i/v2?key=a"));
    ck_assert(llmobs_account_url(0, "https://h?key=a") !=
              llmobs_account_url(0, "https://h?key=b"));
    ck_assert(llmobs_account_url(0, "https://u:p@h/") !=
              llmobs_account_url(0, "https://u:q@h/"));
}

TEST(seals_differ_by_boot)
{
    uint64_t first, second;

    llmobs_account_set_boot(1);
    first = llmobs_account_seal(5);
    llmobs_account_set_boot(2);
    second = llmobs_account_seal(5);
    ck_assert(first != 5 && second != 5 && first != second);
    ck_assert(llmobs_account_seal(6) != second);
    ck_assert(llmobs_account_seal(0) == 0);
    llmobs_account_set_boot(0);
}

/* Of the vectors in Rust's coretests/tests/hash/sip.rs, of no byte and of
 * eight. */
TEST(short_vectors)
{
    static const uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    uint64_t number = 0x0706050403020100;

    ck_assert_uint_eq(llmobs_siphash_short(key, &number, 0),
                      0xabac0158050fc4dc);
    ck_assert_uint_eq(llmobs_siphash_short(key, &number, sizeof(number)),
                      0x369095118d299a8e);
}

static struct llmobs_hash128 sums_of(const void *text, size_t len)
{
    static const uint64_t key[2] = {1, 2};
    uint64_t words[LLMOBS_SIPHASH_WORDS];
    struct llmobs_siphash hash;

    llmobs_siphash_spread(key, words);
    llmobs_siphash_init(&hash, key);
    llmobs_siphash_add_sums(&hash, words, text, len);
    return llmobs_siphash_now(&hash);
}

/* Each bit counts, the length, and the places of blocks; where the text lies
 * does not. */
TEST(sums_of_long_texts)
{
    unsigned char text[801] = {0}, other[801];
    struct llmobs_hash128 seen[801 + 801 * 8], out;
    size_t count = 0;

    for (size_t len = 0; len < sizeof(text); len++)
        seen[count++] = sums_of(text, len);
    for (size_t bit = 0; bit < 700 * 8; bit += 13) {
        text[bit / 8] ^= (unsigned char)(1u << bit % 8);
        out = sums_of(text, 700);
        memcpy(other + 1, text, 700);
        ck_assert(sums_of(other + 1, 700).lo == out.lo);
        seen[count++] = out;
        text[bit / 8] = 0;
    }
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            ck_assert(seen[i].lo != seen[k].lo && seen[i].hi != seen[k].hi);
}

/* The first and last vectors of the authors for 128 bits; a text in pieces has
 * the hash of the whole. */
TEST(siphash_vectors)
{
    static const uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    struct llmobs_siphash hash, pieces;
    struct llmobs_hash128 out;
    unsigned char text[63];

    llmobs_siphash_init(&hash, key);
    out = llmobs_siphash_now(&hash);
    ck_assert_uint_eq(out.lo, 0xe6a825ba047f81a3);
    ck_assert_uint_eq(out.hi, 0x930255c71472f66d);
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (unsigned char)i;
    llmobs_siphash_add(&hash, text, sizeof(text));
    out = llmobs_siphash_now(&hash);
    ck_assert_uint_eq(out.lo, 0x4a83502f77d15051);
    ck_assert_uint_eq(out.hi, 0x7cbd3f979a063e50);
    llmobs_siphash_init(&pieces, key);
    for (size_t i = 0; i < sizeof(text); i += 7)
        llmobs_siphash_add(&pieces, text + i, 7);
    ck_assert_uint_eq(llmobs_siphash_now(&pieces).lo, out.lo);
}
