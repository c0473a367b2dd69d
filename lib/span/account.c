/* Hashes the credentials of a request under a key of the boot. */
#include "lib/span/account.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "lib/base/clock.h"
#include "lib/base/buf.h"
#include "lib/base/sha256.h"
#include "lib/base/siphash.h"

static _Atomic uint64_t boot_key;

/* Names of headers that hold a credential or name the caller, by their ends;
 * the most usual ones first. */
#define END(text)              \
    {                          \
        text, sizeof(text) - 1 \
    }
static const struct {
    const char *text;
    size_t len;
} ends[] = {END("authorization"), END("api-key"),      END("apikey"),
            END("api-token"),     END("access-token"), END("auth-token"),
            END("id-token"),      END("-auth"),        END("cookie"),
            END("-user"),         END("user-id"),      END("tenant-id"),
            END("-tenant"),       END("account"),      END("account-id"),
            END("organization"),  END("-project"),     END("subscription-key")};

/* Parameters of a URL that hold a credential. */
static const char parameters[] =
    "key\0api_key\0api-key\0apikey\0access_token\0token\0auth\0"
    "subscription-key\0";

#define FOUR(a, b, c, d)                                        \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | \
     (uint32_t)(d) << 24)

/* True where the last four letters are those of an end above: other names are
 * looked at no further. */
static bool may_be_credential(struct llmobs_text name)
{
    const unsigned char *at;

    if (name.len < 4)
        return false;
    at = (const unsigned char *)name.data + name.len - 4;
    switch (FOUR(at[0], at[1], at[2], at[3]) | 0x20202020) {
    case FOUR('t', 'i', 'o', 'n'):
    case FOUR('-', 'k', 'e', 'y'):
    case FOUR('i', 'k', 'e', 'y'):
    case FOUR('o', 'k', 'e', 'n'):
    case FOUR('a', 'u', 't', 'h'):
    case FOUR('o', 'k', 'i', 'e'):
    case FOUR('u', 's', 'e', 'r'):
    case FOUR('r', '-', 'i', 'd'):
    case FOUR('t', '-', 'i', 'd'):
    case FOUR('n', 'a', 'n', 't'):
    case FOUR('o', 'u', 'n', 't'):
    case FOUR('j', 'e', 'c', 't'):
        return true;
    default:
        return false;
    }
}

static bool is_credential(struct llmobs_text name)
{
    if (!may_be_credential(name))
        return false;
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        const char *end = ends[i].text;
        size_t len = ends[i].len;

        if (name.len >= len &&
            (name.data[name.len - len] | 0x20) == (end[0] | 0x20) &&
            strncasecmp(name.data + name.len - len, end, len) == 0)
            return true;
    }
    return false;
}

/* Joins two numbers in one, which depends on all bits of their product. */
static uint64_t mix_numbers(uint64_t a, uint64_t b)
{
    __extension__ const unsigned __int128 product =
        (unsigned __int128)(a ^ UINT64_C(0x9e3779b97f4a7c15)) *
        (b ^ UINT64_C(0xd1b54a32d192ed03));

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t word_at(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

/* Hashes a text, for this process alone: a few instructions for sixteen bytes,
 * as the app's thread pays for it. In a long text the last two words may
 * overlap the words before. */
static uint64_t hash_bytes(uint64_t hash, struct llmobs_text text,
                           uint64_t fold)
{
    const char *at = text.data, *end = text.data + text.len;
    uint64_t word = text.len;

    for (hash ^= text.len; end - at > 16; at += 16)
        hash = mix_numbers(hash ^ (word_at(at) | fold), word_at(at + 8) | fold);
    if (text.len >= 16)
        return mix_numbers(hash ^ (word_at(end - 16) | fold),
                           word_at(end - 8) | fold);
    if (text.len >= 8)
        return mix_numbers(hash ^ (word_at(at) | fold),
                           word_at(end - 8) | fold);
    for (; at < end; at++)
        word = word << 8 | (unsigned char)*at;
    return mix_numbers(hash, word | fold);
}

/* Adds a name with its value. Upper and lower case of a name count alike. The
 * result is a sum, so that the order of the headers does not count. */
static uint64_t add_pair(uint64_t account, struct llmobs_text name,
                         struct llmobs_text value)
{
    uint64_t hash =
        hash_bytes(hash_bytes(1, name, UINT64_C(0x2020202020202020)), value, 0);

    account += hash;
    return account ? account : 1;
}

/* The part of a header's value that stays from request to request. AWS:
 * "AWS4-HMAC-SHA256 Credential=NAME/date/region/service/aws4_request, ...". */
static struct llmobs_text lasting_part(struct llmobs_text value)
{
    static const char scheme[] = "AWS4-", name[] = "Credential=";
    const char *at, *slash;

    if (value.len < sizeof(scheme) || (value.data[0] | 0x20) != 'a' ||
        strncasecmp(value.data, scheme, sizeof(scheme) - 1) != 0)
        return value;
    at = memmem(value.data, value.len, name, sizeof(name) - 1);
    slash = at ? memchr(at, '/', (size_t)(value.data + value.len - at)) : NULL;
    return slash ? (struct llmobs_text){at, (size_t)(slash - at)} : value;
}

uint64_t llmobs_account_header(uint64_t account, const char *line, size_t len)
{
    const struct llmobs_text name = {line, len};
    struct llmobs_text value = {line + len + 1, 0};

    if (!is_credential(name))
        return account;
    value.len = strlen(value.data);
    value = llmobs_text_trim(value);
    return value.len > 0 ? add_pair(account, name, lasting_part(value))
                         : account;
}

static bool is_key_parameter(struct llmobs_text name)
{
    LLMOBS_WORDS_EACH (word, parameters)
        if (llmobs_text_is_word(name, word))
            return true;
    return false;
}

uint64_t llmobs_account_url(uint64_t account, const char *url)
{
    const char *at = strchr(url, '@'), *host = at ? strstr(url, "://") : NULL;

    host = host ? host + 3 : url;
    /* An '@' in the path belongs to no user part. */
    if (at && at >= host && (size_t)(at - host) <= strcspn(host, "/?#"))
        account = add_pair(account, (struct llmobs_text){"@", 1},
                           (struct llmobs_text){host, (size_t)(at - host)});
    at = strchr(url, '?');
    for (at = at ? at + 1 : ""; *at && *at != '#';) {
        size_t len = strcspn(at, "&#");
        const char *equal = memchr(at, '=', len);
        struct llmobs_text name = {at, equal ? (size_t)(equal - at) : len};

        if (equal && is_key_parameter(name))
            account =
                add_pair(account, name,
                         (struct llmobs_text){equal + 1, len - name.len - 1});
        at += len + (at[len] == '&');
    }
    return account;
}

uint64_t llmobs_account_secret(const char *name, const char *text)
{
    return text ? add_pair(0, llmobs_text_of(name), llmobs_text_of(text)) : 0;
}

static uint64_t hash_key(struct llmobs_text key)
{
    uint8_t hash[LLMOBS_SHA256_LEN];

    if (key.len == 0)
        return 0;
    llmobs_sha256(key.data, key.len, hash);
    return (uint64_t)1 << 32 | (uint64_t)hash[0] << 24 |
           (uint64_t)hash[1] << 16 | (uint64_t)hash[2] << 8 | hash[3];
}

uint64_t llmobs_account_key(const char *line, size_t len)
{
    static const char names[] = "x-api-key\0api-key\0x-goog-api-key\0";
    static const char bearer[] = "Bearer ", aws[] = "Credential=";
    const size_t lead = sizeof(bearer) - 1;
    const struct llmobs_text name = {line, len};
    struct llmobs_text value = llmobs_text_trim(llmobs_text_of(line + len + 1));

    LLMOBS_WORDS_EACH (word, names)
        if (llmobs_text_is_word(name, word))
            return hash_key(value);
    if (!llmobs_text_is_word(name, "authorization"))
        return 0;
    if (value.len > lead && strncasecmp(value.data, bearer, lead) == 0) {
        value.data += lead;
        value.len -= lead;
        return hash_key(llmobs_text_trim(value));
    }
    value = lasting_part(value);
    if (!llmobs_text_begins(value, aws))
        return 0;
    value.data += sizeof(aws) - 1;
    value.len -= sizeof(aws) - 1;
    return hash_key(value);
}

uint64_t llmobs_account_url_key(const char *url)
{
    const char *at = strchr(url, '?');

    for (; at && *at != '#'; at = strpbrk(at, "&#"))
        if (strncmp(++at, "key=", 4) == 0)
            return hash_key(
                (struct llmobs_text){at + 4, strcspn(at + 4, "&#")});
    return 0;
}

void llmobs_account_set_boot(uint64_t boot)
{
    atomic_store_explicit(&boot_key, boot, memory_order_relaxed);
}

/* Gives the boot's key. Where it is not known, as in a process that writes no
 * calls to the disk, the process makes a key from the times in nanoseconds and
 * an address of its stack. */
static uint64_t key_now(void)
{
    static _Atomic uint64_t own_key;
    uint64_t key = atomic_load_explicit(&boot_key, memory_order_relaxed);
    uint64_t none = 0, made;

    if (key)
        return key;
    made = (uint64_t)llmobs_clock_wall_ns() ^
           (uint64_t)llmobs_clock_mono_ns() << 20 ^ (uint64_t)(uintptr_t)&made;
    if (atomic_compare_exchange_strong(&own_key, &none, made | 1))
        return made | 1;
    return none;
}

uint64_t llmobs_account_seal(uint64_t account)
{
    const uint64_t key[2] = {key_now(), 0x73706f6f6c};

    return account ? llmobs_siphash_short(key, &account, sizeof(account)) : 0;
}
