/* threads LIBRARY PLUGIN... URL: two threads transfer with the libcurl that
 * this program is linked with while one thread for each PLUGIN loads it, runs
 * it and unloads it again, and one forks children that do the same. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/fetch.h"

#define ROUNDS 120

FETCH_LINKED(linked);
static const char *url;
static int failures;

static void failed(int r)
{
    if (r)
        __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
}

static void *transfer(void *unused)
{
    for (int i = 0; i < ROUNDS; i++)
        failed(fetch_both(&linked, url));
    return unused;
}

static int plugin_once(const char *path, int mode)
{
    void *handle = dlopen(path, mode);
    void *found = handle ? dlsym(handle, "plugin_run") : NULL;
    int (*entry)(const char *), r;

    memcpy(&entry, &found, sizeof entry);
    r = entry ? entry(url) : 30;
    if (handle)
        dlclose(handle);
    return r;
}

static void *plugin(void *path)
{
    for (int i = 0; i < ROUNDS; i++)
        failed(plugin_once(path, i % 2 ? RTLD_NOW : RTLD_LAZY));
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread[16];
    int n = 0;

    if (argc < 3 || argc > 12)
        return 64;
    url = argv[argc - 1];
    curl_global_init(CURL_GLOBAL_ALL);
    for (; n < 2; n++)
        pthread_create(&thread[n], NULL, transfer, NULL);
    for (int i = 1; i < argc - 1; i++)
        pthread_create(&thread[n++], NULL, plugin, argv[i]);
    while (n--)
        pthread_join(thread[n], NULL);
    printf("%d failures\n", failures);
    return failures != 0;
}
