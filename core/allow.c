#include "core/allow.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/mask.h"

/* A path of %-escapes that is masked grows a little. */
#define URL_MAX ((size_t)1 << 24)

/* What dialects and the body's decoding need (llmobs-wire 6.1, 6.9). */
static const char *const headers[] = {
    "content-type",
    "content-encoding",
    "x-stainless-helper-method",
    "x-amzn-errortype",
    "x-amzn-bedrock-input-token-count",
    "x-amzn-bedrock-output-token-count",
    "x-amzn-bedrock-cache-read-input-token-count",
    "x-amzn-bedrock-cache-write-input-token-count",
};

bool llmobs_allow_header(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
        if (strlen(headers[i]) == len &&
            strncasecmp(name, headers[i], len) == 0)
            return true;
    return false;
}

/* True for ":" and what is no port: a password with a slash in it. */
static bool is_password(const char *host, size_t len)
{
    const char *close = memrchr(host, ']', len);
    const char *from = close ? close : host;
    const char *colon = memchr(from, ':', len - (size_t)(from - host));

    return colon && colon + 1 + strspn(colon + 1, "0123456789") != host + len;
}

struct llmobs_text llmobs_allow_host(const char *url)
{
    const char *host = strstr(url, "://"), *at;
    size_t len;

    host = host ? host + 3 : url;
    len = strcspn(host, "/?#\\");
    at = memrchr(host, '@', len);
    if (!at && is_password(host, len))
        at = memrchr(host, '@', strcspn(host, "?#"));
    if (at) {
        host = at + 1;
        len = strcspn(host, "/?#\\");
    }
    return (struct llmobs_text){host, len};
}

/* The path without parameters, its keys masked. */
static int add_path(const char *path, struct llmobs_buf *out)
{
    struct llmobs_buf plain;
    size_t end = strcspn(path, "?#"), at = 0;
    int rc = 0;

    llmobs_buf_init(&plain, URL_MAX);
    while (at < end && !rc) {
        size_t len = strcspn(path + at, ";?#");

        rc = llmobs_buf_add(&plain, path + at, len);
        at += len;
        at += strcspn(path + at, "/?#");
    }
    if (!rc && plain.data)
        rc = llmobs_mask_body(plain.data, out);
    llmobs_buf_fini(&plain);
    return rc;
}

int llmobs_allow_url(const char *url, struct llmobs_buf *out)
{
    const char *host = strstr(url, "://");
    struct llmobs_text place = llmobs_allow_host(url);
    int rc = host ? llmobs_buf_add(out, url, (size_t)(host + 3 - url)) : 0;

    if (!rc)
        rc = llmobs_buf_add(out, place.data, place.len);
    return rc ? rc : add_path(place.data + place.len, out);
}

char *llmobs_allow_url_copy(const char *url)
{
    struct llmobs_buf out;

    llmobs_buf_init(&out, URL_MAX);
    if (llmobs_allow_url(url, &out) != 0)
        llmobs_buf_fini(&out);
    return llmobs_buf_take(&out, NULL);
}
