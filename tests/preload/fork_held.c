/* fork_held PLUGIN OTHER URL: the process is forked by a second thread while
 * the first is in the middle of a scan (it is held there by the syscall() of
 * this program, which the shim calls to ask for /etc/llmobs/disabled). Parent
 * and child then load another plugin and run it. */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char **arguments;
static int held, forked;

/* The numbers that the shim uses, with an answer of libc's own. */
static long real_syscall(long number, const long *a)
{
    struct timespec *time = (struct timespec *)a[1];

    switch (number) {
    case SYS_getpid:
        return getpid();
    case SYS_mprotect:
        return mprotect((void *)a[0], (size_t)a[1], (int)a[2]);
    case SYS_clock_gettime:
        return clock_gettime((clockid_t)a[0], time);
    default: /* the futex: who waits asks again, and this program's objects
              * are all loaded */
        return sched_yield() - 1;
    }
}

/* The shim makes its system calls through libc's syscall(). */
__attribute__((visibility("default"))) long syscall(long number, ...)
{
    va_list list;
    long a[4];

    va_start(list, number);
    for (int i = 0; i < 4; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    if (number != SYS_faccessat)
        return real_syscall(number, a);
    if (!strcmp((const char *)a[1], "/etc/llmobs/disabled") &&
        !__atomic_exchange_n(&held, 1, __ATOMIC_SEQ_CST))
        while (!__atomic_load_n(&forked, __ATOMIC_SEQ_CST))
            usleep(1000);
    return faccessat((int)a[0], (const char *)a[1], (int)a[2], 0);
}

static int run(const char *path)
{
    void *handle = dlopen(path, RTLD_NOW);
    void *found = handle ? dlsym(handle, "plugin_run") : NULL;
    int (*entry)(const char *);

    memcpy(&entry, &found, sizeof entry);
    return entry ? entry(arguments[3]) : 70;
}

static void *fork_in_scan(void *status)
{
    pid_t child;

    while (!__atomic_load_n(&held, __ATOMIC_SEQ_CST))
        usleep(1000);
    child = fork();
    if (child == 0) {
        alarm(20);
        exit(run(arguments[2]));
    }
    __atomic_store_n(&forked, 1, __ATOMIC_SEQ_CST);
    waitpid(child, status, 0);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    int status = 0, r;

    if (argc != 4)
        return 64;
    arguments = argv;
    pthread_create(&thread, NULL, fork_in_scan, &status);
    r = run(argv[1]);
    pthread_join(thread, NULL);
    return r ? r : WEXITSTATUS(status);
}
