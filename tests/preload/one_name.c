/* one_name FOLDER URL COPY...: has each copy of libcurl in memory, opens it by
 * the path that a descriptor has in FOLDER, the same for all of them, says what
 * it is, calls it and closes it. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "tests/preload/fetch.h"

static void *open_in_memory(const char *folder, const char *path)
{
    int from = open(path, O_RDONLY);
    int to = memfd_create("libcurl", MFD_CLOEXEC);
    char name[64];
    void *handle;

    while (sendfile(to, from, NULL, 1 << 30) > 0)
        continue;
    close(from);
    /* a number that neither the loader nor libcurl takes */
    if (dup2(to, 99) < 0 || close(to) != 0)
        return NULL;
    snprintf(name, sizeof name, "%s/99", folder);
    handle = dlopen(name, RTLD_NOW);
    close(99);
    return handle;
}

int main(int argc, char **argv)
{
    int failed = argc < 4;

    for (int i = 3; i < argc && !failed; i++) {
        void *handle = open_in_memory(argv[1], argv[i]);
        char *(*version)(void);
        struct fetch f;

        if (!handle)
            return 64;
        version = (char *(*)(void))dlsym(handle, "curl_version");
        puts(version());
        fetch_find(&f, handle);
        failed = fetch_both(&f, argv[2]);
        dlclose(handle);
    }
    return failed;
}
