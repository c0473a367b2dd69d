/* A plugin linked with libcurl whose relocation takes a second: a resolver runs
 * in the middle of it. */
#include <time.h>

#include "tests/preload/fetch.h"

FETCH_LINKED(linked);

int plugin_run(const char *url);

static int run_it(const char *url)
{
    return fetch_both(&linked, url);
}

/* Called before this object can call anything: raw. */
static int (*resolve(void))(const char *)
{
    struct timespec pause = {1, 0};
    long r = 0;

#if defined(__x86_64__)
    __asm__ volatile("syscall"
                     : "=a"(r)
                     : "a"(35), "D"(&pause), "S"(0)
                     : "rcx", "r11", "memory");
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = 101;
    register void *x0 __asm__("x0") = &pause;
    register long x1 __asm__("x1") = 0;

    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1) : "memory");
#endif
    return r == 0 ? run_it : 0;
}

__attribute__((visibility("default"), ifunc("resolve"))) int plugin_run(
    const char *url);

/* A sealed word that is filled by the resolver's answer. */
int (*const plugin_address)(const char *) = plugin_run;
