/* A preload whose constructor runs before the shim's (it is listed after it)
 * and calls all three functions of it. The object that it opens is there when
 * the shim starts, and can be closed later. */
#include <dlfcn.h>
#include <unistd.h>

void early_close(void);

static void *early_opened;

__attribute__((visibility("default"))) void early_close(void)
{
    dlclose(early_opened);
}

__attribute__((constructor)) static void early(void)
{
    early_opened = dlopen("libBrokenLocale.so.1", RTLD_NOW);
    void *handle = dlopen("libc.so.6", RTLD_NOW);

    if (!dlsym(RTLD_NEXT, "malloc") || !handle || !dlsym(handle, "malloc") ||
        !dlvsym(handle, "malloc", "GLIBC_2.2.5"))
        _exit(40);
}
