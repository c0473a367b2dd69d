/* Memory that ends, to be preloaded: bad_memory(n), which a program finds as a
 * weak symbol, lets the n-th allocation from then on that the core asks for on
 * this thread fail, and only that one; 0: none. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

static __thread long left;

void bad_memory(long n)
{
    left = n;
}

static int fails(const void *caller)
{
    Dl_info info;

    if (left <= 0 || !dladdr(caller, &info) || !info.dli_fname ||
        !strstr(info.dli_fname, "libllmobs_core") || --left > 0)
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL
                                              : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL
                                              : __libc_realloc(memory, size);
}
