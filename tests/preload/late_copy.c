/* late_copy PLUGIN LIBRARY URL: the plugin, not linked with libcurl though it
 * calls it, is loaded before libcurl is. */
#include <dlfcn.h>
#include <string.h>

int main(int argc, char **argv)
{
    void *handle, *found;
    int (*entry)(const char *);

    if (argc != 4)
        return 64;
    handle = dlopen(argv[1], RTLD_LAZY);
    found = handle ? dlsym(handle, "plugin_run") : NULL;
    if (!found || !dlopen(argv[2], RTLD_NOW | RTLD_GLOBAL))
        return 65;
    memcpy(&entry, &found, sizeof entry);
    return entry(argv[3]);
}
