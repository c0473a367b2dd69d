/* A preload of somebody else's that says which files are opened, and goes on by
 * RTLD_NEXT. */
#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

__attribute__((visibility("default"))) void *dlopen(const char *file, int mode)
{
    void *found = dlsym(RTLD_NEXT, "dlopen");
    void *(*real)(const char *, int);

    if (!found || write(1, "opened\n", 7) < 0)
        return NULL;
    memcpy(&real, &found, sizeof real);
    return real(file, mode);
}
