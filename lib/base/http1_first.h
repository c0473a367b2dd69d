/* http1_first - do the first bytes that a client sends begin HTTP?
 *
 * Owns:    nothing.
 * Threads: a value.
 * Errors:  none.
 * Limits:  LLMOBS_HTTP1_FIRST bytes decide, and mostly five.
 */
#ifndef LLMOBS_HTTP1_FIRST_H
#define LLMOBS_HTTP1_FIRST_H

#include <stdbool.h>
#include <stddef.h>

#define LLMOBS_HTTP1_FIRST 24

enum llmobs_http1_first {
    LLMOBS_HTTP1_FIRST_SHORT, /* more bytes decide */
    LLMOBS_HTTP1_FIRST_HTTP,  /* the beginning of a line of a request */
    LLMOBS_HTTP1_FIRST_H2,
    LLMOBS_HTTP1_FIRST_OTHER
};

/* How many of the bytes are the first bytes of `text`. Calls no function of
 * libc, since the shim calls none. */
static inline size_t llmobs_http1_same(const char *bytes, size_t len,
                                       const char *text)
{
    size_t same = 0;

    while (same < len && text[same] && bytes[same] == text[same])
        same++;
    return same;
}

/* How many of the bytes are empty lines, which peers pass over before a head
 * (RFC 9112, 2.2). */
static inline size_t llmobs_http1_empty(const char *bytes, size_t len)
{
    size_t at = 0;

    while (at < len && (bytes[at] == '\r' || bytes[at] == '\n'))
        at++;
    return at;
}

/* A character of a method's name (RFC 9110, 5.6.2). */
static inline bool llmobs_http1_is_token(char c)
{
    const char *mark = "!#$%&'*+-.^_`|~";

    while (*mark && *mark != c)
        mark++;
    return *mark || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9');
}

/* Judges the first bytes. A method is followed by a path, an absolute URL or
 * the star of OPTIONS; CONNECT is followed by a host. */
static inline enum llmobs_http1_first llmobs_http1_first(const char *bytes,
                                                         size_t len)
{
    const size_t star = sizeof("PRI *") - 1, h2 = sizeof("PRI * HTTP/2.0") - 1;
    size_t empty = llmobs_http1_empty(bytes, len), same, at = 0;
    bool connects;

    bytes += empty;
    len -= empty;
    same = llmobs_http1_same(bytes, len, "PRI * HTTP/2.0");
    connects = llmobs_http1_same(bytes, len, "CONNECT ") == 8;
    if (same == h2)
        return LLMOBS_HTTP1_FIRST_H2;
    if (same == len && len >= star && empty + len < LLMOBS_HTTP1_FIRST)
        return LLMOBS_HTTP1_FIRST_SHORT;
    while (at < len && llmobs_http1_is_token(bytes[at]))
        at++;
    if (empty + at + 1 >= LLMOBS_HTTP1_FIRST ||
        (at < len && bytes[at] != ' ') || (at == 0 && len > 0))
        return LLMOBS_HTTP1_FIRST_OTHER;
    if (++at >= len)
        return LLMOBS_HTTP1_FIRST_SHORT;
    return bytes[at] == '/' || bytes[at] == 'h' || bytes[at] == '*' ||
                   (connects && bytes[at] > ' ')
               ? LLMOBS_HTTP1_FIRST_HTTP
               : LLMOBS_HTTP1_FIRST_OTHER;
}

/* Adds bytes to the `*held` first ones, and judges. `opens`: the connection
 * begins, so that empty lines are no part of a body, and need not be held. */
static inline enum llmobs_http1_first llmobs_http1_first_add(
    char first[LLMOBS_HTTP1_FIRST], size_t *held, bool opens, const char *bytes,
    size_t len)
{
    size_t at = opens && *held == 0 ? llmobs_http1_empty(bytes, len) : 0;

    while (*held < LLMOBS_HTTP1_FIRST && at < len)
        first[(*held)++] = bytes[at++];
    return llmobs_http1_first(first, *held);
}

#endif
