/* str - strings, where libc may not be called.
 *
 * Owns:    nothing.
 * Threads: any.
 * Errors:  none.
 */
#ifndef LLMOBS_SHIM_STR_H
#define LLMOBS_SHIM_STR_H

#include <stdbool.h>
#include <stddef.h>

static inline size_t llmobs_str_len(const char *s)
{
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}

static inline bool llmobs_str_same(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static inline bool llmobs_str_begins(const char *s, const char *prefix)
{
    while (*prefix && *s == *prefix) {
        s++;
        prefix++;
    }
    return *prefix == '\0';
}

static inline bool llmobs_str_has(const char *s, char c)
{
    while (*s && *s != c)
        s++;
    return *s == c;
}

/* The part after the last '/', or the whole path. */
static inline const char *llmobs_str_base(const char *path)
{
    const char *base = path;

    for (; *path; path++)
        if (*path == '/')
            base = path + 1;
    return base;
}

/* The compiler does not remove this, even if the bytes are not read any more.
 */
static inline void llmobs_bytes_clear(void *bytes, size_t len)
{
    volatile char *at = bytes;

    while (len-- > 0)
        *at++ = 0;
}

static inline void llmobs_bytes_copy(void *to, const void *from, size_t len)
{
    char *t = to;
    const char *f = from;

    while (len--)
        *t++ = *f++;
}

/* Copies the string with its NUL; returns the bytes copied. 0, and an empty
 * string, when it does not fit. */
static inline size_t llmobs_str_copy(char *to, size_t cap, const char *from)
{
    size_t n = 0;

    while (n < cap) {
        to[n] = from[n];
        if (!from[n++])
            return n;
    }
    if (cap > 0)
        to[0] = '\0';
    return 0;
}

#endif
