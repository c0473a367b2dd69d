#include "core/privacy/allowlist.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/privacy/mask.h"

/* Larger than any URL: a path of %-escapes grows a little when it is masked. */
#define URL_MAX ((size_t)1 << 24)
/* "streamGenerateContent" has 21 letters; keys are longer, or have digits. */
#define WORD_MAX 24
#define VERSION_MAX 8

/* The headers that dialects and the body's decoding need (WIRE 6.1, 6.9). */
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

const char *llmobs_allowlist_header(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
        if (len > 0 && (*name | 0x20) == *headers[i] &&
            strlen(headers[i]) == len &&
            strncasecmp(name, headers[i], len) == 0)
            return headers[i];
    return NULL;
}

/* True for ":" and a text that is no port: a password with a slash in it. */
static bool is_password(const char *host, size_t len)
{
    const char *close = memrchr(host, ']', len);
    const char *from = close ? close : host;
    const char *colon = memchr(from, ':', len - (size_t)(from - host));

    return colon && colon + 1 + strspn(colon + 1, "0123456789") != host + len;
}

/* Host and port of a URL; borrowed from it. */
static struct llmobs_text host_of(const char *url)
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

/* Adds the path up to the query, without parameters. */
static int add_plain(const char *path, struct llmobs_buf *out)
{
    size_t end = strcspn(path, "?#"), at = 0;
    int rc = 0;

    while (at < end && !rc) {
        size_t len = strcspn(path + at, ";?#");

        rc = llmobs_buf_add(out, path + at, len);
        at += len;
        at += strcspn(path + at, "/?#");
    }
    return rc;
}

/* Adds the path without parameters, its keys masked. */
static int add_path(const char *path, struct llmobs_buf *out)
{
    size_t at = out->len;
    struct llmobs_buf plain;
    int rc;

    llmobs_buf_init(&plain, URL_MAX);
    if (!path[strcspn(path, ";?#")])
        rc = llmobs_mask_body(path, out);
    else if (!(rc = add_plain(path, &plain)) && plain.data)
        rc = llmobs_mask_body(plain.data, out);
    llmobs_buf_fini(&plain);
    llmobs_mask_opaque(out, at);
    return rc;
}

int llmobs_allowlist_url(const char *url, struct llmobs_buf *out)
{
    const char *host = strstr(url, "://");
    struct llmobs_text host_part = host_of(url);
    int rc = host ? llmobs_buf_add(out, url, (size_t)(host + 3 - url)) : 0;

    if (!rc)
        rc = llmobs_buf_add(out, host_part.data, host_part.len);
    return rc ? rc : add_path(host_part.data + host_part.len, out);
}

/* True for letters with '-', '_' or '.' between them, and for a version: v1,
 * v1beta2. */
static bool is_word(const char *text, size_t len)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.";
    bool version =
        len > 1 && text[0] == 'v' && text[1] >= '0' && text[1] <= '9';

    if (version)
        return len <= VERSION_MAX && strspn(text, "abetlph0123456789v.") >= len;
    return len <= WORD_MAX && strspn(text, letters) >= len;
}

int llmobs_allowlist_words(const char *url, struct llmobs_buf *out)
{
    struct llmobs_text host_part = host_of(url);
    const char *at = host_part.data + host_part.len;
    int rc = llmobs_buf_add(out, host_part.data, host_part.len);

    while (rc == 0 && *at != '\0' && !strchr("?#;", *at)) {
        size_t mark = *at == '/' || *at == ':';
        size_t len = strcspn(at + mark, "/:?#;");

        rc = llmobs_buf_add(out, at, mark);
        if (rc == 0)
            rc = is_word(at + mark, len) ? llmobs_buf_add(out, at + mark, len)
                                         : llmobs_buf_add(out, "*", 1);
        at += mark + len;
    }
    return rc;
}

char *llmobs_allowlist_url_copy(const char *url)
{
    struct llmobs_buf out;

    llmobs_buf_init(&out, URL_MAX);
    if (llmobs_allowlist_url(url, &out) != 0)
        llmobs_buf_fini(&out);
    return llmobs_buf_take(&out, NULL);
}
