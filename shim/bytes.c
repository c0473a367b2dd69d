#include <stddef.h>

/* The compiler may turn an assignment of a structure, or a loop, into a call
 * of these, and a process without a libc has none. Hidden, like all but three
 * names. The empty statement keeps it from turning these very loops into calls
 * of themselves. */
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
