/* Holds the lists of headers and parameters that may be kept. */
#include "lib/span/allowlist.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/span/mask.h"
#include "lib/span/secrets.h"
#include "lib/span/shapes.h"

/* Larger than any URL: a path of %-escapes grows a little when it is masked. */
#define URL_MAX ((size_t)1 << 24)
/* "streamGenerateContent" has 21 letters; keys are longer, or have digits. */
#define WORD_MAX 24
#define VERSION_MAX 8

/* The longest name below. */
#define NAME_ROOM 44

struct name {
    unsigned char len;
    char text[NAME_ROOM];
};

#define NAME(text)             \
    {                          \
        sizeof(text) - 1, text \
    }
#define COUNT(names) (sizeof(names) / sizeof(*(names)))

/* Anybody who knows the id of a session may go on with it (WIRE 6.14). */
static const char session_id[] = "mcp-session-id";

/* The headers that dialects and the body's decoding need (WIRE 6.1, 6.9). */
static const struct name needed[] = {
    NAME("content-type"),
    NAME("mcp-method"),
    NAME("mcp-protocol-version"),
    NAME("mcp-session-id"),
    NAME("content-encoding"),
    NAME("x-stainless-helper-method"),
    NAME("anthropic-beta"),
    NAME("ai-language-model-id"),
    NAME("ai-model-id"),
    NAME("x-amzn-bedrock-agentcore-runtime-session-id"),
    NAME("x-amzn-errortype"),
    NAME("x-amzn-bedrock-input-token-count"),
    NAME("x-amzn-bedrock-output-token-count"),
    NAME("x-amzn-bedrock-cache-read-input-token-count"),
    NAME("x-amzn-bedrock-cache-write-input-token-count"),
};

/* The names that llmobs_provider_headers_add knows
 * (core/event/provider_headers.c). */
static const struct name told[] = {
    NAME("x-request-id"),
    NAME("request-id"),
    NAME("x-amzn-requestid"),
    NAME("apim-request-id"),
    NAME("cf-ray"),
    NAME("x-litellm-call-id"),
    NAME("x-portkey-trace-id"),
    NAME("x-kong-request-id"),
    NAME("cf-aig-log-id"),
    NAME("helicone-id"),
    NAME("openai-processing-ms"),
    NAME("x-envoy-upstream-service-time"),
    NAME("x-amzn-bedrock-invocation-latency"),
    NAME("retry-after"),
    NAME("retry-after-ms"),
    NAME("x-ratelimit-limit-requests"),
    NAME("x-ratelimit-remaining-requests"),
    NAME("x-ratelimit-reset-requests"),
    NAME("x-ratelimit-limit-tokens"),
    NAME("x-ratelimit-remaining-tokens"),
    NAME("x-ratelimit-reset-tokens"),
    NAME("anthropic-ratelimit-requests-limit"),
    NAME("anthropic-ratelimit-requests-remaining"),
    NAME("anthropic-ratelimit-requests-reset"),
    NAME("anthropic-ratelimit-tokens-limit"),
    NAME("anthropic-ratelimit-tokens-remaining"),
    NAME("anthropic-ratelimit-tokens-reset"),
    NAME("anthropic-ratelimit-input-tokens-limit"),
    NAME("anthropic-ratelimit-input-tokens-remaining"),
    NAME("anthropic-ratelimit-input-tokens-reset"),
    NAME("anthropic-ratelimit-output-tokens-limit"),
    NAME("anthropic-ratelimit-output-tokens-remaining"),
    NAME("anthropic-ratelimit-output-tokens-reset"),
};

#define NAMED(name, says) NAME(name),
static const struct name gateways[] = {LLMOBS_GATEWAY_HEADERS(NAMED)};

static const char property[] = "helicone-property-";
static const char referer[] = "http-referer";

/* The names that rules/read/request_tags.c knows. */
static const struct name tags[] = {
    LLMOBS_TAG_HEADERS(NAMED) NAME("helicone-property-"),
    NAME("x-litellm-spend-logs-metadata"),
    NAME("x-portkey-metadata"),
    NAME("cf-aig-metadata"),
    NAME("x-tfy-metadata"),
    NAME("x-amzn-bedrock-request-metadata"),
    NAME("x-litellm-tags"),
};

/* Runs for each line of a header, on the app's thread: few names have the
 * length of another header. */
static const char *find_name(const struct name *names, size_t count,
                             const char *name, size_t len)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].len == len && strncasecmp(name, names[i].text, len) == 0)
            return names[i].text;
    return NULL;
}

const char *llmobs_allowlist_header(const char *name, size_t len)
{
    return find_name(needed, COUNT(needed), name, len);
}

const char *llmobs_allowlist_answer(const char *name, size_t len)
{
    const char *found = llmobs_allowlist_header(name, len);

    if (!found)
        found = find_name(told, COUNT(told), name, len);
    return found ? found : find_name(gateways, COUNT(gateways), name, len);
}

const char *llmobs_allowlist_tag(const char *name, size_t len)
{
    size_t lead = sizeof(property) - 1;

    return find_name(
        tags, COUNT(tags), name,
        len > lead && strncasecmp(name, property, lead) == 0 ? lead : len);
}

bool llmobs_allowlist_hashed(const char *name)
{
    return strcmp(name, session_id) == 0;
}

/* True for ":" and a text that is no port, as where a password has a slash. */
static bool is_password(const char *host, size_t len)
{
    const char *close = memrchr(host, ']', len);
    const char *from = close ? close : host;
    const char *colon = memchr(from, ':', len - (size_t)(from - host));

    return colon && colon + 1 + strspn(colon + 1, "0123456789") != host + len;
}

/* Host and port of a URL, borrowed from the URL. */
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

struct llmobs_text llmobs_allowlist_tag_value(const char *name,
                                              const char *line, size_t name_len)
{
    struct llmobs_text host;

    if (strcmp(name, property) == 0)
        return llmobs_text_of(line + sizeof(property) - 1);
    if (strcmp(name, referer) != 0)
        return llmobs_text_of(line + name_len + 1);
    host = host_of(line + name_len + 1);
    if (host.len > 0 && host.data[0] != '[')
        host.len = strcspn(host.data, ":/?#\\");
    return host;
}

/* Adds the path up to the query, without parameters, its keys masked. */
static int add_path(const char *path, struct llmobs_buf *out)
{
    size_t from = out->len, end = strcspn(path, "?#");
    struct llmobs_buf plain;
    int rc = 0;

    llmobs_buf_init(&plain, URL_MAX);
    for (size_t at = 0; at < end && !rc; at += strcspn(path + at, "/?#")) {
        size_t len = strcspn(path + at, ";?#");

        rc = llmobs_buf_add(&plain, path + at, len);
        at += len;
    }
    if (!rc && plain.data)
        rc = llmobs_mask_body(plain.data, out);
    llmobs_buf_fini(&plain);
    llmobs_shapes_mask(out, from, false);
    return rc;
}

int llmobs_allowlist_url(const char *url, struct llmobs_buf *out)
{
    const char *host = strstr(url, "://");
    struct llmobs_text host_part = host_of(url);
    size_t at = out->len;
    int rc = host ? llmobs_buf_add(out, url, (size_t)(host + 3 - url)) : 0;

    if (!rc)
        rc = llmobs_buf_add(out, host_part.data, host_part.len);
    if (rc)
        return rc;
    llmobs_secrets_mask(out->data + at, out->len - at); /* a label, a port */
    return add_path(host_part.data + host_part.len, out);
}

/* True for letters with '-', '_' or '.' between them, and for a version: v1,
 * v1beta2. */
static bool is_path_word(const char *text, size_t len)
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
            rc = is_path_word(at + mark, len)
                     ? llmobs_buf_add(out, at + mark, len)
                     : llmobs_buf_add(out, "*", 1);
        at += mark + len;
    }
    return rc;
}

/* Most calls of a program go to a few URLs, without a secret. The last ones of
 * that kind are not searched again; who looks at one has it alone. */
char *llmobs_allowlist_url_copy(const char *url)
{
    static _Atomic(char *) last[8]; /* by their lengths */
    _Atomic(char *) *slot = &last[strlen(url) % COUNT(last)];
    char *known = atomic_exchange(slot, NULL);
    bool same = known && strcmp(known, url) == 0;
    struct llmobs_buf out;

    llmobs_buf_init(&out, URL_MAX);
    if ((same ? llmobs_buf_adds(&out, url) : llmobs_allowlist_url(url, &out)))
        llmobs_buf_fini(&out);
    else if (!same && out.data && strcmp(out.data, url) == 0) {
        free(known);
        known = strdup(url);
    }
    free(atomic_exchange(slot, known));
    return llmobs_buf_take(&out, NULL);
}
