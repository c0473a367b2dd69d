/* The price of a call's caller on the app's thread: ns of CPU a callsite.
 *
 *   bench-callsite WHERE DEPTH     WHERE: first or other thread; DEPTH: bytes
 * of stack between its begin and the call
 *
 * Twenty are alive at once, as where a thousand calls a second end.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/trace/caller.h"

#define ALIVE 20
#define ROUNDS 20000

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void measure(void)
{
    struct llmobs_callsite *list[ALIVE];
    int64_t took = 0, begun;

    for (int i = 0; i < ROUNDS; i++) {
        begun = now_ns();
        for (int k = 0; k < ALIVE; k++) {
            list[k] = malloc(sizeof(*list[k]));
            llmobs_callsite_here(list[k], LLMOBS_CALLSITE_STACK, 0);
        }
        took += now_ns() - begun;
        for (int k = 0; k < ALIVE; k++)
            llmobs_callsite_free(list[k]);
    }
    printf("%.1f\n", (double)took / ROUNDS / ALIVE);
}

__attribute__((noinline)) static int descend(long depth)
{
    volatile char below[1024];
    int rc = 0;

    below[0] = below[1023] = 1;
    if (depth > 0)
        rc = descend(depth - (long)sizeof(below));
    else
        measure();
    return rc + below[0] - below[1023];
}

static void *run(void *arg)
{
    descend(atol(arg));
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread;

    if (argc != 3)
        return 2;
    if (strcmp(argv[1], "first") == 0) {
        run(argv[2]);
    } else if (pthread_create(&thread, NULL, run, argv[2]) == 0) {
        pthread_join(thread, NULL);
    }
    return 0;
}
