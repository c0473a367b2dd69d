/* A preload of somebody else's that holds names of libc as torsocks and
 * fakechroot do: its first call takes a lock, under which it asks for the next
 * function of that name and opens a library. A caller from inside of that
 * dlopen or dlsym never comes back. A call by the shim is told besides. */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HELD __attribute__((visibility("default")))
#define SHIM "libllmobs_preload.so"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static long (*real_syscall)(long, ...);
static unsigned long (*real_auxval)(unsigned long);
static int *(*real_errno)(void);
static int (*real_protect)(void *, size_t, int);
static int (*real_iterate)(int (*)(struct dl_phdr_info *, size_t, void *),
                           void *);
static char *(*real_error)(void);

static void set(void *to, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    memcpy(to, &found, sizeof found);
}

static void find_all(void)
{
    dlopen("libm.so.6", RTLD_NOW);
    set(&real_syscall, "syscall");
    set(&real_auxval, "getauxval");
    set(&real_errno, "__errno_location");
    set(&real_protect, "mprotect");
    set(&real_iterate, "dl_iterate_phdr");
    set(&real_error, "dlerror");
}

static void hold(const char *name, const void *caller)
{
    Dl_info info;

    pthread_once(&once, find_all);
    if (!dladdr(caller, &info) || !info.dli_fname ||
        !strstr(info.dli_fname, SHIM))
        return;
    if (write(2, name, strlen(name)) < 0 || write(2, " by us\n", 7) < 0)
        _exit(99);
}

#define HOLD(name) hold(name, __builtin_return_address(0))

HELD long syscall(long number, ...)
{
    va_list list;
    long a[6];

    HOLD("syscall");
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    return real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

HELD unsigned long getauxval(unsigned long type)
{
    HOLD("getauxval");
    return real_auxval(type);
}

HELD int *__errno_location(void)
{
    HOLD("errno");
    return real_errno();
}

HELD int mprotect(void *from, size_t len, int flags)
{
    HOLD("mprotect");
    return real_protect(from, len, flags);
}

HELD int dl_iterate_phdr(int (*see)(struct dl_phdr_info *, size_t, void *),
                         void *argument)
{
    HOLD("dl_iterate_phdr");
    return real_iterate(see, argument);
}

HELD char *dlerror(void)
{
    HOLD("dlerror");
    return real_error();
}

/* Begun by the program's own start, as a rule before our constructor. */
__attribute__((constructor)) static void begin(void)
{
    if (getauxval(AT_PAGESZ) == 0)
        _exit(98);
}
