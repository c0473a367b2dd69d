/* A plugin (or, with MAIN, a program) that reaches libcurl by dlopen and
 * dlsym: opener FLAGS LIBRARY URL, FLAGS being letters of "dglv": DEEPBIND,
 * GLOBAL, LOCAL, dlvsym with the version after '@' of LIBRARY. 'D' asks
 * RTLD_DEFAULT after a GLOBAL load. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "tests/preload/fetch.h"

static int mode_of(const char *flags)
{
    int mode = RTLD_NOW;

    if (strchr(flags, 'd'))
        mode |= RTLD_DEEPBIND;
    if (strpbrk(flags, "gD"))
        mode |= RTLD_GLOBAL;
    return mode;
}

static int opener_fetch(const char *flags, const char *library, const char *url)
{
    char file[256];
    char *version;
    struct fetch f;
    void *handle;

    snprintf(file, sizeof file, "%s", library);
    version = strchr(file, '@');
    if (version)
        *version++ = '\0';
    handle = dlopen(file, mode_of(flags));
    if (!handle)
        return 10;
    if (strchr(flags, 'D'))
        handle = RTLD_DEFAULT;
#define X(result, name, args)                                          \
    {                                                                  \
        void *found = version ? dlvsym(handle, "curl_" #name, version) \
                              : dlsym(handle, "curl_" #name);          \
        memcpy(&f.name, &found, sizeof found);                         \
    }
    FETCH_FUNCTIONS(X)
#undef X
    return f.multi_cleanup ? fetch_both(&f, url) : 11;
}

int plugin_run(const char *url);

__attribute__((visibility("default"))) int plugin_run(const char *url)
{
    return opener_fetch("", "libcurl.so.4", url);
}

#ifdef MAIN
int main(int argc, char **argv)
{
    return argc == 4 ? opener_fetch(argv[1], argv[2], argv[3]) : 64;
}
#endif
