/* Parses the URL and proxy of a request of the library. */
#include "core/export/target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int copy_lower(char *out, size_t cap, const char *from, size_t len)
{
    if (len == 0 || len >= cap)
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        /* libcurl would look up a name with other bytes in another form. */
        if (from[i] <= ' ' || from[i] > '~')
            return -EINVAL;
        out[i] = lower(from[i]);
    }
    out[len] = '\0';
    return 0;
}

/* Reads digits, from 1 to `max`. */
static int read_number(const char *at, const char *end, unsigned max,
                       unsigned *out)
{
    unsigned value = 0;

    for (; at < end; at++) {
        if (*at < '0' || *at > '9' || value > max)
            return -EINVAL;
        value = value * 10 + (unsigned)(*at - '0');
    }
    if (value == 0 || value > max)
        return -EINVAL;
    *out = value;
    return 0;
}

/* Gives how many bits the address has, 32 or 128; 0: not an address. */
static unsigned read_address(const char *text, unsigned char out[16])
{
    if (inet_pton(AF_INET, text, out) == 1)
        return 32;
    return inet_pton(AF_INET6, text, out) == 1 ? 128 : 0;
}

/* Reads "host", "host:1", "[::1]:1". */
static int read_host(const char *at, const char *end, struct llmobs_target *out)
{
    unsigned char address[16];
    const char *stop;
    int rc;

    if (*at == '[') {
        at++;
        stop = memchr(at, ']', (size_t)(end - at));
        if (!stop)
            return -EINVAL;
        rc = copy_lower(out->host, sizeof(out->host), at, (size_t)(stop - at));
        stop++;
    } else {
        stop = memchr(at, ':', (size_t)(end - at));
        if (!stop)
            stop = end;
        rc = copy_lower(out->host, sizeof(out->host), at, (size_t)(stop - at));
    }
    if (rc)
        return rc;
    out->numeric = read_address(out->host, address) != 0;
    if (stop == end || stop + 1 == end)
        return stop == end || *stop == ':' ? 0 : -EINVAL;
    return *stop == ':' ? read_number(stop + 1, end, 65535, &out->port)
                        : -EINVAL;
}

int llmobs_target_parse(const char *url, const char *scheme,
                        struct llmobs_target *out)
{
    const char *at = strstr(url, "://");
    const char *end, *user;
    int rc;

    if (at)
        rc = copy_lower(out->scheme, sizeof(out->scheme), url,
                        (size_t)(at - url));
    else if (scheme)
        rc = copy_lower(out->scheme, sizeof(out->scheme), scheme,
                        strlen(scheme));
    else
        return -EINVAL;
    if (rc)
        return rc;
    at = at ? at + 3 : url;
    end = at + strcspn(at, "/?#");
    user = memrchr(at, '@', (size_t)(end - at));
    if (user)
        at = user + 1;
    out->port = strcmp(out->scheme, "http") == 0    ? 80
                : strcmp(out->scheme, "https") == 0 ? 443
                                                    : 1080;
    return at < end ? read_host(at, end, out) : -EINVAL;
}

bool llmobs_target_proxy_wants_address(const struct llmobs_target *proxy)
{
    return strcmp(proxy->scheme, "socks4") == 0 ||
           strcmp(proxy->scheme, "socks5") == 0;
}

/* -- proxies ------------------------------------------------------------ */

/* In a CGI program the client sends HTTP_PROXY as a header: neither libcurl nor
 * this library reads it. */
static const char *const http_names[] = {"http_proxy", "all_proxy", "ALL_PROXY",
                                         NULL};
static const char *const https_names[] = {"https_proxy", "HTTPS_PROXY",
                                          "all_proxy", "ALL_PROXY", NULL};
static const char *const none_names[] = {"no_proxy", "NO_PROXY", NULL};

/* The first variable that is not empty; NULL: all are empty. */
static const char *find_variable(const char *const *names)
{
    for (; *names; names++) {
        const char *value = getenv(*names);

        if (value && value[0])
            return value;
    }
    return NULL;
}

static void read_variable(char *out, const char *const *names)
{
    const char *value = find_variable(names);

    out[0] = '\0';
    if (value && strlen(value) < LLMOBS_PROXY_MAX)
        strcpy(out, value);
}

void llmobs_proxies_read(struct llmobs_proxies *proxies)
{
    read_variable(proxies->http, http_names);
    read_variable(proxies->https, https_names);
    read_variable(proxies->none, none_names);
}

bool llmobs_proxies_named(void)
{
    return find_variable(http_names) || find_variable(https_names);
}

static bool same_name(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (lower(a[i]) != lower(b[i]))
            return false;
    }
    return true;
}

/* True for an entry that is the host itself, or a domain with the host. */
static bool covers_name(const char *entry, size_t len, const char *host)
{
    size_t host_len = strlen(host);

    while (len && entry[0] == '.')
        entry++, len--;
    if (len && entry[len - 1] == '.')
        len--;
    if (host_len && host[host_len - 1] == '.')
        host_len--;
    if (len == 0 || len > host_len ||
        !same_name(entry, host + host_len - len, len))
        return false;
    return len == host_len || host[host_len - len - 1] == '.';
}

/* True for an entry that is the address itself, or a range with the address:
 * "10.0.0.0/8", "[fe80::]/10". */
static bool covers_address(const char *entry, size_t len, const char *host)
{
    const char *slash = memchr(entry, '/', len);
    unsigned char mine[16], theirs[16];
    unsigned size = read_address(host, mine);
    unsigned bits = size;
    char text[INET6_ADDRSTRLEN];

    if (slash && read_number(slash + 1, entry + len, size, &bits) != 0)
        return false;
    if (slash)
        len = (size_t)(slash - entry);
    if (len > 2 && entry[0] == '[' && entry[len - 1] == ']')
        entry++, len -= 2;
    if (len >= sizeof(text))
        return false;
    memcpy(text, entry, len);
    text[len] = '\0';
    if (read_address(text, theirs) != size ||
        memcmp(mine, theirs, bits / 8) != 0)
        return false;
    return bits % 8 == 0 ||
           (mine[bits / 8] ^ theirs[bits / 8]) >> (8 - bits % 8) == 0;
}

const char *llmobs_proxies_find(const struct llmobs_proxies *proxies,
                                const struct llmobs_target *target)
{
    const char *proxy =
        strcmp(target->scheme, "https") == 0 ? proxies->https : proxies->http;

    for (const char *at = proxies->none; *at; at += strspn(at, ", ")) {
        size_t len = strcspn(at, ", ");

        if (len == 1 && *at == '*')
            return NULL;
        if (target->numeric ? covers_address(at, len, target->host)
                            : covers_name(at, len, target->host))
            return NULL;
        at += len;
    }
    return proxy[0] ? proxy : NULL;
}
