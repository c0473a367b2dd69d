/* come_and_go URL COPY...: loads and unloads each copy of libcurl without a
 * call, then uses the last. */
#include "tests/preload/fetch.h"

static int use(void *handle, const char *url)
{
    struct fetch f;

    fetch_find(&f, handle);
    return fetch_both(&f, url);
}

int main(int argc, char **argv)
{
    void *handle = NULL;

    for (int i = 2; i < argc; i++) {
        if (handle)
            dlclose(handle);
        handle = dlopen(argv[i], RTLD_NOW);
    }
    return handle ? use(handle, argv[1]) : 64;
}
