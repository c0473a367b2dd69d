/* host FLAGS PLUGIN URL [TIMES]: loads a plugin and runs it. FLAGS: 'd'
 * DEEPBIND, 'g' GLOBAL, 'z' LAZY, 'c' close it again. HOST_FIRST: a library
 * that it opens before. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int run(const char *flags, const char *plugin, const char *url)
{
    int mode = strchr(flags, 'z') ? RTLD_LAZY : RTLD_NOW;
    void *handle, *found;
    int (*entry)(const char *), r;

    if (strchr(flags, 'd'))
        mode |= RTLD_DEEPBIND;
    if (strchr(flags, 'g'))
        mode |= RTLD_GLOBAL;
    handle = dlopen(plugin, mode);
    if (!handle) {
        printf("%s\n", dlerror());
        return 20;
    }
    found = dlsym(handle, "plugin_run");
    memcpy(&entry, &found, sizeof entry);
    r = entry ? entry(url) : 21;
    if (strchr(flags, 'c'))
        dlclose(handle);
    return r;
}

int main(int argc, char **argv)
{
    int times = argc > 4 ? atoi(argv[4]) : 1;
    int r = argc < 4 ? 64 : 0;
    const char *first = getenv("HOST_FIRST");

    if (first &&
        !dlopen(first, RTLD_NOW | (strchr(argv[1], 'g') ? RTLD_GLOBAL : 0)))
        return 65;
    for (int i = 0; !r && i < times; i++)
        r = run(argv[1], argv[2], argv[3]);
    printf("%d\n", r);
    return r;
}
