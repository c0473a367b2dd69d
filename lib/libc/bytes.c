/* Defines memset and memcpy for code that runs before libc. */
#include <stddef.h>

/* The compiler may replace an assignment of a structure, or a loop, by a call
 * of these functions, and a process without a libc has none of them. They are
 * hidden, so that no other object binds to them. The empty statement keeps the
 * compiler from replacing the loops here by calls of these functions. */
void *memset(void *to, int value, size_t len);
void *memcpy(void *restrict to, const void *restrict from, size_t len);

void *memset(void *to, int value, size_t len)
{
    char *t = to;

    while (len--) {
        *t++ = (char)value;
        __asm__ volatile("" : "+r"(t));
    }
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t len)
{
    char *t = to;
    const char *f = from;

    while (len--) {
        *t++ = *f++;
        __asm__ volatile("" : "+r"(t), "+r"(f));
    }
    return to;
}
