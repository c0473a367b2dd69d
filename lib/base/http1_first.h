/* http1_first - do the first bytes that a client sends begin HTTP?
 *
 * Owns:    nothing.
 * Threads: a value.
 * Errors:  none.
 * Limits:  LLMOBS_HTTP1_FIRST bytes decide, and mostly five.
 */
#ifndef LLMOBS_HTTP1_FIRST_H
#define LLMOBS_HTTP1_FIRST_H

#include <stddef.h>
#include <string.h>

#define LLMOBS_HTTP1_FIRST 24

enum llmobs_http1_first {
    LLMOBS_HTTP1_FIRST_SHORT, /* more bytes decide */
    LLMOBS_HTTP1_FIRST_HTTP,  /* the beginning of a line of a request */
    LLMOBS_HTTP1_FIRST_H2,
    LLMOBS_HTTP1_FIRST_OTHER
};

/* A character of a method's name (RFC 9110, 5.6.2). */
static inline int llmobs_http1_is_token(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* A path, an absolute URL, or the star of OPTIONS follows a method; a host
 * follows CONNECT. */
static inline enum llmobs_http1_first llmobs_http1_first(const char *bytes,
                                                         size_t len)
{
    static const char h2[] = "PRI * HTTP/2.0";
    size_t same = len < sizeof(h2) - 1 ? len : sizeof(h2) - 1;
    size_t method = 0;

    if (len >= sizeof("PRI ") - 1 && memcmp(bytes, h2, same) == 0)
        return same < sizeof(h2) - 1 ? LLMOBS_HTTP1_FIRST_SHORT
                                     : LLMOBS_HTTP1_FIRST_H2;
    while (method < len && llmobs_http1_is_token(bytes[method]))
        method++;
    if (len >= LLMOBS_HTTP1_FIRST && method + 1 >= LLMOBS_HTTP1_FIRST)
        return LLMOBS_HTTP1_FIRST_OTHER;
    if (method == len)
        return LLMOBS_HTTP1_FIRST_SHORT;
    if (method == 0 || bytes[method] != ' ')
        return LLMOBS_HTTP1_FIRST_OTHER;
    if (method + 1 == len)
        return LLMOBS_HTTP1_FIRST_SHORT;
    if (bytes[method + 1] == '/' || bytes[method + 1] == 'h' ||
        bytes[method + 1] == '*')
        return LLMOBS_HTTP1_FIRST_HTTP;
    return method == 7 && memcmp(bytes, "CONNECT", 7) == 0 &&
                   bytes[method + 1] > ' '
               ? LLMOBS_HTTP1_FIRST_HTTP
               : LLMOBS_HTTP1_FIRST_OTHER;
}

#endif
