/* forks PLUGIN URL: a thread loads and unloads the plugin for as long as the
 * main thread forks children that transfer with it. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/fetch.h"

#define CHILDREN 60

FETCH_LINKED(linked);
static int stop;

static void *churn(void *path)
{
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        void *handle = dlopen(path, RTLD_NOW);

        if (handle)
            dlclose(handle);
        usleep(2000);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    int failures = 0;

    if (argc != 3)
        return 64;
    failures = fetch_both(&linked, argv[2]);
    pthread_create(&thread, NULL, churn, argv[1]);
    for (int i = 0; i < CHILDREN; i++) {
        int status = 1;
        pid_t child = fork();

        if (child == 0) {
            alarm(20);
            dlsym(RTLD_DEFAULT, "strlen");
            _exit(fetch_both(&linked, argv[2]));
        }
        waitpid(child, &status, 0);
        failures += status != 0;
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    printf("%d failures\n", failures);
    return failures != 0;
}
