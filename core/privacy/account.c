#include "core/privacy/account.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/siphash.h"

static _Atomic uint64_t boot_key;

/* Names of headers that hold a credential or name the caller, by their ends. */
static const char *const ends[] = {
    "authorization", "api-key",         "apikey",     "api-token",
    "access-token",  "auth-token",      "id-token",   "-auth",
    "cookie",        "-user",           "user-id",    "tenant-id",
    "-tenant",       "account",         "account-id", "organization",
    "-project",      "subscription-key"};

/* Parameters of a URL that do. */
static const char *const parameters[] = {"key",    "api_key",         "api-key",
                                         "apikey", "access_token",    "token",
                                         "auth",   "subscription-key"};

static bool ends_with(struct llmobs_text name, const char *end)
{
    size_t len = strlen(end);

    return name.len >= len &&
           strncasecmp(name.data + name.len - len, end, len) == 0;
}

/* The last letters that a name of the list has: other names are looked at no
 * further. */
static bool may_be(struct llmobs_text name)
{
    return name.len >= 4 && strchr("nyhredtENYHREDT", name.data[name.len - 1]);
}

static bool is_credential(struct llmobs_text name)
{
    if (!may_be(name))
        return false;
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        if (ends_with(name, ends[i]))
            return true;
    return false;
}

/* A sum, so that the order of the headers does not count. */
static uint64_t with(uint64_t account, struct llmobs_text name,
                     struct llmobs_text value)
{
    static const uint64_t plain[2] = {0x6c6c6d6f6273, 0x6163636f756e74};
    struct llmobs_siphash hash;
    unsigned char c;

    llmobs_siphash_init(&hash, plain);
    for (size_t i = 0; i < name.len; i++) {
        c = (unsigned char)name.data[i];
        c = c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
        llmobs_siphash_add(&hash, &c, 1);
    }
    llmobs_siphash_add(&hash, ":", 1);
    llmobs_siphash_add(&hash, value.data, value.len);
    account += llmobs_siphash_now(&hash).lo;
    return account ? account : 1;
}

/* "AWS4-HMAC-SHA256 Credential=NAME/date/region/service/aws4_request, ...". */
static struct llmobs_text lasting(struct llmobs_text value)
{
    static const char scheme[] = "AWS4-", name[] = "Credential=";
    const char *at, *slash;

    if (value.len < sizeof(scheme) ||
        strncasecmp(value.data, scheme, sizeof(scheme) - 1) != 0)
        return value;
    at = memmem(value.data, value.len, name, sizeof(name) - 1);
    slash = at ? memchr(at, '/', (size_t)(value.data + value.len - at)) : NULL;
    return slash ? (struct llmobs_text){at, (size_t)(slash - at)} : value;
}

uint64_t llmobs_account_header(uint64_t account, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    struct llmobs_text name, value;

    if (!colon)
        return account;
    name = (struct llmobs_text){line, (size_t)(colon - line)};
    if (!is_credential(name))
        return account;
    value = llmobs_text_trim(
        (struct llmobs_text){colon + 1, len - (size_t)(colon - line) - 1});
    return value.len > 0 ? with(account, name, lasting(value)) : account;
}

static bool is_key(struct llmobs_text name)
{
    for (size_t i = 0; i < sizeof(parameters) / sizeof(*parameters); i++)
        if (name.len == strlen(parameters[i]) &&
            strncasecmp(name.data, parameters[i], name.len) == 0)
            return true;
    return false;
}

static uint64_t with_parameters(uint64_t account, const char *at)
{
    while (*at && *at != '#') {
        size_t len = strcspn(at, "&#");
        const char *equal = memchr(at, '=', len);
        struct llmobs_text name = {at, equal ? (size_t)(equal - at) : len};

        if (equal && is_key(name))
            account = with(account, name,
                           (struct llmobs_text){equal + 1, len - name.len - 1});
        at += len + (at[len] == '&');
    }
    return account;
}

uint64_t llmobs_account_url(uint64_t account, const char *url)
{
    const char *host = strstr(url, "://"), *at, *query;
    size_t len;

    host = host ? host + 3 : url;
    len = strcspn(host, "/?#");
    at = memrchr(host, '@', len);
    if (at)
        account = with(account, (struct llmobs_text){"@", 1},
                       (struct llmobs_text){host, (size_t)(at - host)});
    query = strchr(host, '?');
    return query ? with_parameters(account, query + 1) : account;
}

uint64_t llmobs_account_secret(const char *name, const char *text)
{
    return text ? with(0, (struct llmobs_text){name, strlen(name)},
                       (struct llmobs_text){text, strlen(text)})
                : 0;
}

void llmobs_account_set_boot(uint64_t boot)
{
    atomic_store_explicit(&boot_key, boot, memory_order_relaxed);
}

uint64_t llmobs_account_seal(uint64_t account)
{
    const uint64_t key[2] = {
        atomic_load_explicit(&boot_key, memory_order_relaxed), 0x73706f6f6c};
    struct llmobs_siphash hash;

    if (!account)
        return 0;
    llmobs_siphash_init(&hash, key);
    llmobs_siphash_add(&hash, &account, sizeof(account));
    return llmobs_siphash_now(&hash).lo;
}
