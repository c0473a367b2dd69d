/* shifted PLUGIN URL: has what early.so opened closed, then loads and runs a
 * plugin, which takes the place in the list of what was closed. Linked with
 * libcurl, but does not call it: that loads more. */
#include <dlfcn.h>
#include <string.h>

int main(int argc, char **argv)
{
    void *found = dlsym(RTLD_DEFAULT, "early_close");
    int (*entry)(const char *);
    void (*close_it)(void);

    if (argc != 3 || !found)
        return 64;
    memcpy(&close_it, &found, sizeof close_it);
    close_it();
    found = dlopen(argv[1], RTLD_NOW);
    found = found ? dlsym(found, "plugin_run") : NULL;
    memcpy(&entry, &found, sizeof entry);
    return entry ? entry(argv[2]) : 65;
}
