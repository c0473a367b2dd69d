/* slow_host PLUGIN OTHER URL: while the main thread is loading the slow
 * plugin, a second one calls dlsym, which makes the shim look at the plugin
 * half-way. Built with a RUNPATH, so that bare names are loaded unseen. */
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *plugin;
static int asked;

static int is_plugin(struct dl_phdr_info *info, size_t size, void *found)
{
    (void)size;
    *(int *)found |= strstr(info->dlpi_name, plugin) != NULL;
    return 0;
}

static void *ask(void *unused)
{
    int listed = 0;

    while (!listed) {
        usleep(1000);
        dl_iterate_phdr(is_plugin, &listed);
    }
    /* The loader lists an object a moment before it starts relocating it. */
    usleep(100000);
    __atomic_store_n(&asked, 1, __ATOMIC_SEQ_CST);
    dlsym(RTLD_DEFAULT, "strlen");
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    void *handle, *found;
    int (*entry)(const char *);

    if (argc != 4 || !dlopen(argv[2], RTLD_NOW))
        return 64;
    plugin = argv[1];
    pthread_create(&thread, NULL, ask, NULL);
    handle = dlopen(argv[1], RTLD_NOW);
    if (!__atomic_load_n(&asked, __ATOMIC_SEQ_CST)) {
        printf("nobody asked half-way\n");
        return 65;
    }
    pthread_join(thread, NULL);
    found = handle ? dlsym(handle, "plugin_run") : NULL;
    if (!found) {
        printf("%s\n", dlerror());
        return 66;
    }
    memcpy(&entry, &found, sizeof entry);
    return entry(argv[3]);
}
