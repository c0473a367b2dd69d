/* handle_place - where a handle's request goes, and past whom: the half of
 * handle.h that reads several settings together. */
#include "core/capture/handle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/net/target.h"

/* -- the URL ------------------------------------------------------------- */

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

size_t llmobs_handle_scheme(const char *url)
{
    size_t len = 0;

    if (!is_letter(url[0]))
        return 0;
    while (is_letter(url[len]) || (url[len] >= '0' && url[len] <= '9') ||
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

    if (handle->default_protocol[0])
        return handle->default_protocol;
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        if (strncasecmp(url, other[i], strlen(other[i])) == 0)
            return NULL;
    }
    return "http";
}

static const char *with_scheme(const struct llmobs_handle *handle,
                               const char *url, char **owned)
{
    const char *scheme;

    if (llmobs_handle_scheme(url))
        return url;
    scheme = scheme_of(handle, url);
    if (!scheme || asprintf(owned, "%s://%s", scheme, url) < 0)
        *owned = NULL;
    return *owned;
}

/* CURLOPT_PORT beats the port of the URL. */
static const char *with_port(const char *url, long port, char **owned)
{
    const char *host = url + llmobs_handle_scheme(url);
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

static const char *url_of_curlu(const struct llmobs_handle *handle,
                                char **owned)
{
    char *text = NULL;

    if (!handle->real->url_get || !handle->real->free)
        return NULL;
    if (handle->real->url_get(handle->curlu, CURLUPART_URL, &text, 0) !=
            CURLUE_OK ||
        !text)
        return NULL;
    /* libcurl's own memory goes back through its own free. */
    *owned = strdup(text);
    handle->real->free(text);
    return *owned;
}

const char *llmobs_handle_url_at(const struct llmobs_handle *handle,
                                 const char *url, char **owned)
{
    *owned = NULL;
    return handle->port > 0 ? with_port(url, handle->port, owned) : url;
}

const char *llmobs_handle_url(const struct llmobs_handle *handle, char **owned)
{
    const char *url;

    *owned = NULL;
    if (handle->curlu)
        url = url_of_curlu(handle, owned);
    else if (handle->url && handle->url[0])
        url = with_scheme(handle, handle->url, owned);
    else
        return NULL;
    if (url && handle->port > 0)
        url = with_port(url, handle->port, owned);
    return url;
}

/* -- who sees the headers ------------------------------------------------ */

/* 7.42.1 made SEPARATE the default. Asking takes libcurl a microsecond, and
 * twelve the first time: so who has the functions of 7.62 is not asked, and an
 * older copy that answered well is remembered. */
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
    bool unified = handle->unified_set ? handle->unified
                                       : unified_by_default(handle->real);

    if (handle->signs)
        return true;
    if (!unified || handle->proxy == LLMOBS_PROXY_NONE)
        return false;
    return handle->proxy == LLMOBS_PROXY_SET || llmobs_proxies_named();
}

/* -- headers ------------------------------------------------------------- */

const char *llmobs_handle_header(const struct llmobs_handle *handle,
                                 const char *name)
{
    size_t len = strlen(name);

    for (const struct curl_slist *h = handle->headers; h; h = h->next) {
        if (h->data && strncasecmp(h->data, name, len) == 0)
            return h->data + len + strspn(h->data + len, " \t");
    }
    return NULL;
}
