#include "core/capture/handle_url.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/export/target.h"

static bool handle_url_is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Length of the scheme that `url` begins with, 0: none. "://" follows it. */
static size_t scheme_len(const char *url)
{
    size_t len = 0;

    if (!handle_url_is_letter(url[0]))
        return 0;
    while (handle_url_is_letter(url[len]) ||
           (url[len] >= '0' && url[len] <= '9') ||
           (url[len] && strchr("+-.", url[len])))
        len++;
    return strncmp(url + len, "://", 3) == 0 ? len : 0;
}

/* libcurl guesses the scheme of a bare host by its first label. */
static const char *scheme_of(const struct llmobs_handle *handle,
                             const char *url)
{
    static const char *const other[] = {"ftp.",  "dict.", "ldap.",
                                        "imap.", "smtp.", "pop3."};

    if (handle->app.default_protocol[0])
        return handle->app.default_protocol;
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        if (strncasecmp(url, other[i], strlen(other[i])) == 0)
            return NULL;
    }
    return "http";
}

static bool handle_url_is_whole(const char *target)
{
    return target && scheme_len(target) > 0;
}

static const char *with_scheme(const struct llmobs_handle *handle,
                               const char *url, char **owned)
{
    const char *scheme;

    if (scheme_len(url))
        return url;
    scheme = scheme_of(handle, url);
    if (!scheme || asprintf(owned, "%s://%s", scheme, url) < 0)
        *owned = NULL;
    return *owned;
}

/* CURLOPT_PORT beats the port of the URL. */
static const char *with_port(const char *url, long port, char **owned)
{
    const char *host = url + scheme_len(url);
    const char *end, *at, *colon;
    char *made = NULL;

    if (host == url)
        return NULL;
    host += 3;
    end = host + strcspn(host, "/?#");
    at = memrchr(host, '@', (size_t)(end - host));
    if (at)
        host = at + 1;
    colon = memrchr(host, ':', (size_t)(end - host));
    if (!colon || memchr(colon, ']', (size_t)(end - colon)))
        colon = end;
    if (asprintf(&made, "%.*s:%ld%s", (int)(colon - url), url, port, end) < 0)
        made = NULL;
    free(*owned);
    *owned = made;
    return made;
}

/* The path and query are those of CURLOPT_REQUEST_TARGET, which libcurl sends
 * as it stands, for https and with a proxy as well. A whole URL in it beats
 * the URL of the connection (RFC 9112, 3.2.2). */
static const char *with_target(const char *url, const char *target,
                               char **owned)
{
    size_t scheme = scheme_len(url);
    char *made = NULL;
    int end;

    if (handle_url_is_whole(target))
        made = strdup(target);
    else if (scheme) {
        scheme += 3;
        end = (int)(scheme + strcspn(url + scheme, "/?#"));
        if (asprintf(&made, "%.*s%s%s", end, url, *target == '/' ? "" : "/",
                     target) < 0)
            made = NULL;
    }
    free(*owned);
    *owned = made;
    return made;
}

static const char *url_of_curlu(const struct llmobs_handle *handle,
                                char **owned)
{
    char *text = NULL;

    if (!handle->real->url_get || !handle->real->free)
        return NULL;
    if (handle->real->url_get(llmobs_handle_curlu(handle), CURLUPART_URL, &text,
                              0) != CURLUE_OK ||
        !text)
        return NULL;
    /* libcurl's own memory goes back through its own free. */
    *owned = strdup(text);
    handle->real->free(text);
    return *owned;
}

/* The URL with the other options that decide the address put in. */
static const char *as_sent(const struct llmobs_handle *handle, const char *url,
                           char **owned)
{
    if (url && handle->app.port > 0)
        url = with_port(url, handle->app.port, owned);
    if (url && handle->app.target)
        url = with_target(url, handle->app.target, owned);
    return url;
}

const char *llmobs_handle_url_at(const struct llmobs_handle *handle,
                                 const char *url, char **owned)
{
    *owned = NULL;
    return as_sent(handle, url, owned);
}

const char *llmobs_handle_url(const struct llmobs_handle *handle, char **owned)
{
    const char *url;

    *owned = NULL;
    if (llmobs_handle_curlu(handle))
        url = url_of_curlu(handle, owned);
    else if (handle->app.url && handle->app.url[0])
        url = with_scheme(handle, handle->app.url, owned);
    else
        return NULL;
    return as_sent(handle, url, owned);
}

/* -- who sees the headers ------------------------------------------------ */

/* 7.42.1 made SEPARATE the default. Asking libcurl for its version takes a
 * microsecond, and twelve the first time: a copy with the functions of 7.62 is
 * therefore not asked, and an older copy that answered well is remembered. */
static bool unified_by_default(const struct llmobs_real *real)
{
    static _Atomic(const struct llmobs_real *) separate;
    const curl_version_info_data *info;

    if (real->url_get || atomic_load(&separate) == real)
        return false;
    info = real->version_info ? real->version_info(CURLVERSION_FIRST) : NULL;
    if (!info || info->version_num < 0x072a01)
        return true;
    atomic_store(&separate, real);
    return false;
}

bool llmobs_handle_exposes_headers(const struct llmobs_handle *handle)
{
    long mask = handle->app.headeropt;
    bool unified = mask == LONG_MIN ? unified_by_default(handle->real)
                                    : !(mask & 1); /* CURLHEADER_SEPARATE */

    if (handle_url_is_whole(handle->app.target))
        return true;
    if (handle->app.list_signed)
        return true;
    if (!unified || handle->app.proxy == LLMOBS_PROXY_NONE)
        return false;
    return handle->app.proxy == LLMOBS_PROXY_SET || llmobs_proxies_named();
}
