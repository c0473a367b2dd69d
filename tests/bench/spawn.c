/* Spawns a program COUNT times under each of several LD_PRELOAD values, in
 * turn, and prints the median µs of each: spawn COUNT PRELOAD... -- PROGRAM
 * ("-": no preload). */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define ARMS_MAX 8

extern char **environ;

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double once(char **command, const char *preload)
{
    double start;
    pid_t child;

    if (strcmp(preload, "-") == 0)
        unsetenv("LD_PRELOAD");
    else
        setenv("LD_PRELOAD", preload, 1);
    start = now_us();
    if (posix_spawnp(&child, command[0], NULL, NULL, command, environ))
        exit(1);
    waitpid(child, NULL, 0);
    return now_us() - start;
}

int main(int argc, char **argv)
{
    int count = argc > 3 ? atoi(argv[1]) : 0, arms = 0;
    double *took[ARMS_MAX];

    while (count && arms < ARMS_MAX && 2 + arms < argc &&
           strcmp(argv[2 + arms], "--") != 0)
        took[arms++] = calloc((size_t)count, sizeof(double));
    if (!arms || 3 + arms >= argc) {
        fprintf(stderr, "usage: spawn COUNT PRELOAD... -- PROGRAM...\n");
        return 2;
    }
    for (int i = 0; i < count; i++) {
        for (int arm = 0; arm < arms; arm++)
            took[arm][i] = once(argv + 3 + arms, argv[2 + arm]);
    }
    for (int arm = 0; arm < arms; arm++) {
        qsort(took[arm], (size_t)count, sizeof(double), by_value);
        printf("%.1f\n", took[arm][count / 2]);
    }
    return 0;
}
