/* Normalizes and compares URLs. */
#include "rules/read/url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/scratch.h"

struct llmobs_url_list {
    struct llmobs_url_list *next;
    struct llmobs_url url; /* its path may point into `text` */
    char text[];
};

static char url_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool unreserved(int c)
{
    return (c >= '0' && c <= '9') || (url_lower((char)c) >= 'a' && c <= 'z') ||
           c == '-' || c == '.' || c == '_' || c == '~';
}

void llmobs_url_lower(char *host)
{
    for (; *host; host++)
        *host = url_lower(*host);
}

/* Removes "." and ".." segments in place (RFC 3986, 5.2.4), as libcurl does
 * before it sends. */
static size_t remove_dots(char *path, size_t len)
{
    size_t from = 0, to = 0;

    while (from < len) {
        const char *slash = memchr(path + from + 1, '/', len - from - 1);
        size_t end = slash ? (size_t)(slash - path) : len;
        size_t n = end - from - 1;
        bool dots = n == 2 && memcmp(path + from + 1, "..", 2) == 0;

        if (dots)
            while (to > 0 && path[--to] != '/')
                ;
        if (dots || (n == 1 && path[from + 1] == '.')) {
            if (end == len)
                path[to++] = '/';
        } else {
            memmove(path + to, path + from, end - from);
            to += end - from;
        }
        from = end;
    }
    return to;
}

static void set_path(struct llmobs_text path, struct llmobs_url *url)
{
    size_t n;

    url->path = path;
    if (path.len == 0 || path.len > sizeof(url->path_buf))
        return;
    if (!memchr(path.data, '%', path.len) &&
        !memmem(path.data, path.len, "/.", 2))
        return;
    /* Copies a path with its unreserved characters decoded, and the digits of
     * all other escapes in one case. The copy is never longer. */
    n = 0;
    for (size_t i = 0; i < path.len; i++) {
        int c = llmobs_text_escape(path, i);

        if (c < 0) {
            url->path_buf[n++] = path.data[i];
            continue;
        }
        if (unreserved(c)) {
            url->path_buf[n++] = (char)c;
        } else {
            url->path_buf[n++] = '%';
            url->path_buf[n++] = url_lower(path.data[i + 1]);
            url->path_buf[n++] = url_lower(path.data[i + 2]);
        }
        i += 2;
    }
    url->path.len = n;
    url->path.len = remove_dots(url->path_buf, url->path.len);
    url->path.data = url->path_buf;
}

static int parse_port(struct llmobs_text text, uint16_t *port)
{
    unsigned number = 0;

    if (text.len == 0)
        return 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return -EINVAL;
        number = number * 10 + (unsigned)(text.data[i] - '0');
        if (number > UINT16_MAX)
            return -EINVAL;
    }
    if (number == 0)
        return -EINVAL;
    *port = (uint16_t)number;
    return 0;
}

/* Sets the host in lower case, with escapes decoded (as libcurl does) and
 * without one dot at its end.
 */
static int set_host(struct llmobs_text host, struct llmobs_url *url)
{
    size_t n = 0;

    for (size_t i = 0; i < host.len; i++) {
        int c = llmobs_text_escape(host, i);

        if (n == LLMOBS_URL_HOST_MAX)
            return -EINVAL;
        if (c >= 0)
            i += 2;
        else
            c = (unsigned char)host.data[i];
        if (c <= ' ' || c == 0x7F || c == '/')
            return -EINVAL;
        url->host[n++] = url_lower((char)c);
    }
    if (n > 0 && url->host[n - 1] == '.')
        n--;
    url->host[n] = '\0';
    url->host_len = n;
    return n > 0 ? 0 : -EINVAL;
}

/* Sets an IPv6 address, given without its brackets. Its zone ("%25eth0") is
 * dropped, as it does not name the peer. */
static int set_address(struct llmobs_text host, struct llmobs_url *url)
{
    const char *zone = memchr(host.data, '%', host.len);
    int rc;

    if (zone)
        host.len = (size_t)(zone - host.data);
    rc = set_host(host, url);
    if (rc == 0 && inet_pton(AF_INET6, url->host, url->address) != 1)
        rc = -EINVAL;
    url->ipv6 = rc == 0;
    return rc;
}

/* Takes "[address]" off the host, so that the port with its colon remains. */
static int split_address(struct llmobs_text *host, struct llmobs_text *port)
{
    const char *end = memchr(host->data, ']', host->len);

    if (!end)
        return -EINVAL;
    port->data = end + 1;
    port->len = host->len - (size_t)(end + 1 - host->data);
    if (port->len > 0 && port->data[0] != ':')
        return -EINVAL;
    host->len = (size_t)(end - host->data) - 1;
    host->data++;
    return 0;
}

/* Reads "user@host:port". `bare` allows an IPv6 address without brackets. */
static int parse_authority(struct llmobs_text text, bool bare,
                           struct llmobs_url *url)
{
    const char *at = memrchr(text.data, '@', text.len);
    struct llmobs_text host = text, port = {NULL, 0};
    int rc;

    if (at) {
        host.data = at + 1;
        host.len = text.len - (size_t)(at + 1 - text.data);
    }
    if (host.len == 0)
        return -EINVAL;
    if (host.data[0] == '[') {
        rc = split_address(&host, &port);
        if (rc == 0)
            rc = set_address(host, url);
    } else if (bare && memchr(host.data, ':', host.len) !=
                           memrchr(host.data, ':', host.len)) {
        return set_address(host, url);
    } else {
        const char *colon = memchr(host.data, ':', host.len);

        if (colon) {
            port.data = colon;
            port.len = host.len - (size_t)(colon - host.data);
            host.len -= port.len;
        }
        rc = set_host(host, url);
    }
    if (rc == 0 && port.len > 0)
        rc = parse_port((struct llmobs_text){port.data + 1, port.len - 1},
                        &url->port);
    return rc;
}

/* Takes scheme and slashes off `text`; as libcurl, accepts one slash and
 * three. */
static bool read_scheme(struct llmobs_text *text, enum llmobs_scheme *scheme)
{
    size_t n, slashes = 0;

    if (text->len >= 5 && strncasecmp(text->data, "http:", 5) == 0)
        n = 5, *scheme = LLMOBS_SCHEME_HTTP;
    else if (text->len >= 6 && strncasecmp(text->data, "https:", 6) == 0)
        n = 6, *scheme = LLMOBS_SCHEME_HTTPS;
    else
        return false;
    while (n + slashes < text->len && text->data[n + slashes] == '/')
        slashes++;
    if (slashes < 1 || slashes > 3)
        return false;
    text->data += n + slashes;
    text->len -= n + slashes;
    return true;
}

static int parse_rest(struct llmobs_text text, bool entry,
                      struct llmobs_url *url)
{
    struct llmobs_text path;
    size_t n = 0, end;
    int rc;

    while (n < text.len && !memchr("/?#", text.data[n], 3))
        n++;
    end = n;
    while (end < text.len && text.data[end] != '?' && text.data[end] != '#')
        end++;
    path = (struct llmobs_text){text.data + n, end - n};
    url->ipv6 = false;
    url->port = url->scheme == LLMOBS_SCHEME_HTTP    ? 80
                : url->scheme == LLMOBS_SCHEME_HTTPS ? 443
                                                     : 0;
    rc = parse_authority((struct llmobs_text){text.data, n}, entry, url);
    if (rc == 0)
        set_path(path, url);
    return rc;
}

int llmobs_url_parse(struct llmobs_text text, struct llmobs_url *url)
{
    int rc;

    url->path = (struct llmobs_text){NULL, 0}; /* llmobs_url_free asks for it */
    if (!text.data || !read_scheme(&text, &url->scheme))
        return -EINVAL;
    rc = parse_rest(text, false, url);
    if (rc == 0 && url->path.len == 0)
        url->path = llmobs_text_of("/"); /* as libcurl sends it */
    return rc;
}

/* A URL is wiped (scratch.h), but for room of a path that is borrowed. */
void llmobs_url_free(struct llmobs_url *url)
{
    if (!url || url->path.data == url->path_buf) {
        llmobs_scratch_free(url);
        return;
    }
    memset(url, 0, offsetof(struct llmobs_url, path_buf));
    llmobs_scratch_free_text((char *)url);
}

static int parse_entry(struct llmobs_text text, struct llmobs_url *url)
{
    int rc;

    if (!text.data)
        return -EINVAL;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] <= ' ')
            return -EINVAL;
    if (!read_scheme(&text, &url->scheme)) {
        /* "htp://x", and "http//x", whose host would be "http". */
        if (memmem(text.data, text.len, "//", 2))
            return -EINVAL;
        url->scheme = LLMOBS_SCHEME_ANY;
    }
    rc = parse_rest(text, true, url);
    while (rc == 0 && url->path.len > 0 &&
           url->path.data[url->path.len - 1] == '/')
        url->path.len--;
    /* Hosts are compared as they stand. */
    return rc == 0 && strchr(url->host, '*') ? -EINVAL : rc;
}

static bool same_host(const struct llmobs_url *a, const struct llmobs_url *b)
{
    if (a->ipv6 != b->ipv6)
        return false;
    if (a->ipv6)
        return memcmp(a->address, b->address, sizeof(a->address)) == 0;
    return a->host_len == b->host_len &&
           memcmp(a->host, b->host, a->host_len) == 0;
}

static bool is_under(const struct llmobs_url *entry,
                     const struct llmobs_url *url)
{
    size_t n = entry->path.len;
    int usual = url->scheme == LLMOBS_SCHEME_HTTPS ? 443 : 80;

    if (entry->scheme != LLMOBS_SCHEME_ANY && entry->scheme != url->scheme)
        return false;
    if (url->port != (entry->port ? entry->port : usual) ||
        !same_host(entry, url))
        return false;
    if (n == 0)
        return true;
    return url->path.len >= n &&
           memcmp(entry->path.data, url->path.data, n) == 0 &&
           (url->path.len == n || url->path.data[n] == '/');
}

/* True for a text that begins with "name:". */
static bool names_scheme(struct llmobs_text text)
{
    size_t n = 0;

    while (n < text.len &&
           (unreserved((unsigned char)text.data[n]) || text.data[n] == '+'))
        n++;
    return n > 0 && n < text.len && text.data[n] == ':';
}

/* True for a text with control characters: libcurl's versions resolve such a
 * reference in different ways. */
static bool has_control(struct llmobs_text text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
            return true;
    return false;
}

/* llmobs_url_stays for a reference that has no blanks at its ends. */
static bool leads_to(const struct llmobs_url *base,
                     struct llmobs_text reference, struct llmobs_url *url)
{
    size_t slashes = 0;
    int rc;

    if (reference.len == 0 || has_control(reference) ||
        memchr(reference.data, '\\', reference.len))
        return false;
    while (slashes < reference.len && reference.data[slashes] == '/')
        slashes++;
    if (names_scheme(reference)) {
        rc = llmobs_url_parse(reference, url);
    } else if (slashes >= 2) {
        reference.data += slashes;
        reference.len -= slashes;
        url->scheme = base->scheme;
        rc = parse_rest(reference, false, url);
    } else {
        return true;
    }
    return rc == 0 && url->scheme == base->scheme && url->port == base->port &&
           same_host(url, base);
}

bool llmobs_url_stays(const struct llmobs_url *base,
                      struct llmobs_text reference)
{
    /* The blanks that libcurl skips. */
    static const char blanks[] = " \t\n\v\f\r";
    const size_t count = sizeof(blanks) - 1;
    struct llmobs_url *url;
    bool same;

    while (reference.len > 0 && memchr(blanks, reference.data[0], count)) {
        reference.data++;
        reference.len--;
    }
    while (reference.len > 0 &&
           memchr(blanks, reference.data[reference.len - 1], count))
        reference.len--;
    url = llmobs_scratch_alloc(sizeof(*url));
    if (!url)
        return false;
    memset(url, 0, sizeof(*url));
    same = leads_to(base, reference, url);
    llmobs_url_free(url);
    return same;
}

char *llmobs_url_decode(struct llmobs_text text)
{
    char *out = malloc(text.len + 1);
    size_t n = 0;

    for (size_t i = 0; out && i < text.len; i++) {
        int c = llmobs_text_escape(text, i);

        if (c > 0)
            i += 2;
        out[n++] = c > 0 ? (char)c : text.data[i];
    }
    if (out)
        out[n] = '\0';
    return out;
}

size_t llmobs_url_behind(const char *at)
{
    size_t count = 0;

    for (; at && *at; at++)
        count += *at == '/';
    return count;
}

char *llmobs_url_segment(struct llmobs_text path, size_t back)
{
    const char *slash = NULL;

    while (path.len > 0 && path.data[path.len - 1] == '/')
        path.len--;
    while (path.len > 0 && (slash = memrchr(path.data, '/', path.len)) &&
           back-- > 0)
        path.len = (size_t)(slash - path.data);
    if (path.len == 0 || !slash)
        return strdup("");
    slash++;
    path.len -= (size_t)(slash - path.data);
    return llmobs_url_decode((struct llmobs_text){slash, path.len});
}

int llmobs_url_list_add(struct llmobs_url_list **list, struct llmobs_text text)
{
    struct llmobs_url_list *entry = malloc(sizeof(*entry) + text.len + 1);
    int rc;

    if (!entry)
        return -ENOMEM;
    memcpy(entry->text, text.data ? text.data : "", text.len);
    rc = parse_entry((struct llmobs_text){entry->text, text.len}, &entry->url);
    if (rc < 0) {
        free(entry);
        return rc;
    }
    entry->next = *list;
    *list = entry;
    return 0;
}

bool llmobs_url_list_has(const struct llmobs_url_list *list,
                         const struct llmobs_url *url)
{
    for (; list; list = list->next)
        if (is_under(&list->url, url))
            return true;
    return false;
}

bool llmobs_url_list_may_have(const struct llmobs_url_list *list,
                              const char *url)
{
    const char *host = strstr(url, "://");

    for (; host && list; list = list->next) {
        const struct llmobs_url *entry = &list->url;
        const char *rest = host + 3 + entry->host_len;

        if (entry->ipv6 ||
            (strncasecmp(host + 3, entry->host, entry->host_len) == 0 &&
             (*rest != ':' || strtoul(rest + 1, NULL, 10) == entry->port)))
            return true;
    }
    return false;
}

void llmobs_url_list_free(struct llmobs_url_list *list)
{
    while (list) {
        struct llmobs_url_list *next = list->next;

        free(list);
        list = next;
    }
}
