/* at_once URL: eight threads make their first libcurl call at once. */
#include <pthread.h>

#include "tests/preload/fetch.h"

#define THREADS 8

FETCH_LINKED(linked);
static const char *url;
static pthread_barrier_t barrier;
static int failures;

static void *first_call(void *unused)
{
    pthread_barrier_wait(&barrier);
    if (fetch_easy(&linked, url))
        __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t thread[THREADS];

    if (argc != 2)
        return 64;
    url = argv[1];
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, first_call, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    return failures;
}
