/* alone_cases - programs that count on having no thread but their own, or whose
 * thread has something that another must not inherit. */
#include "tests/clients/cases.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fenv.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define LANDLOCK_RESTRICT_SELF 446
#define SLACK_NS 12345678

static const int gaps_ms[] = {0, 3, 10, 60};

static void nap_ms(int ms)
{
    usleep((useconds_t)ms * 1000);
}

static int tasks(void)
{
    struct stat st;

    return stat("/proc/self/task", &st) ? -1 : (int)st.st_nlink - 2;
}

/* -- what a thread inherits ----------------------------------------------- */

static bool read_of(const char *task, const char *name, char *out, size_t cap)
{
    char path[300];
    FILE *file;
    size_t len;

    snprintf(path, sizeof(path), "/proc/self/task/%s/%s", task, name);
    file = fopen(path, "r");
    if (!file)
        return false;
    len = fread(out, 1, cap - 1, file);
    out[len] = '\0';
    fclose(file);
    return len > 0;
}

/* True for a thread of the library that has a real-time policy, the caller's
 * nice value, or its processors. */
static bool is_odd(const char *task)
{
    char text[8192], *at;
    int field = 2, nice = 0, policy = 0;

    if (!read_of(task, "comm", text, sizeof(text)) ||
        strncmp(text, "llmobs", 6) != 0 ||
        !read_of(task, "stat", text, sizeof(text)))
        return false;
    for (at = strrchr(text, ')'); at && field < 41; field++) {
        at = strchr(at + 1, ' ');
        if (field == 18)
            nice = at ? atoi(at) : 0;
    }
    policy = at ? atoi(at) : 0;
    if (policy != SCHED_OTHER ||
        nice != getpriority(PRIO_PROCESS, (id_t)getpid()))
        return true;
    return read_of(task, "status", text, sizeof(text)) &&
           (at = strstr(text, "Cpus_allowed_list:\t")) != NULL &&
           sysconf(_SC_NPROCESSORS_ONLN) > 1 && strncmp(at + 19, "0\n", 2) == 0;
}

/* A thread takes its own off in its first microseconds, once it has a
 * processor: on a busy machine that takes a while.
 */
static int odd_tasks(void)
{
    int count = 1;

    for (int i = 0; i < 5000 && count > 0; i++) {
        DIR *list = opendir("/proc/self/task");
        struct dirent *entry;

        count = 0;
        while (list && (entry = readdir(list)) != NULL)
            count += entry->d_name[0] != '.' && is_odd(entry->d_name);
        if (list)
            closedir(list);
        nap_ms(1);
    }
    return count;
}

static void *call_oddly(void *base)
{
    const struct sched_param first = {.sched_priority = 10};
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET(0, &one);
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 7);
    (void)sched_setaffinity(0, sizeof(one), &one);
    (void)sched_setscheduler(0, SCHED_FIFO, &first);
    prctl(PR_SET_TIMERSLACK, SLACK_NS, 0, 0, 0);
    for (int i = 0; i < 3; i++) {
        printf("%ld\n", status_of(base, hello));
        printf("odd=%d\n", odd_tasks());
    }
    return NULL;
}

static void inherited(const char *base)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, call_oddly, (void *)base) != 0)
        exit(3);
    pthread_join(thread, NULL);
}

static void sums(const char *base, const char *body)
{
    for (size_t i = 0; i < sizeof(gaps_ms) / sizeof(*gaps_ms); i++) {
        feclearexcept(FE_ALL_EXCEPT);
        printf("%ld", status_of(base, body));
        printf(" flags=%x round=%x\n", (unsigned)fetestexcept(FE_ALL_EXCEPT),
               (unsigned)fegetround());
        nap_ms(gaps_ms[i]);
    }
}

#define SMALL ASK("gpt-4o-mini", ", \"temperature\": 1e-400, \"top_p\": 1e400")

static void float_flags(const char *base)
{
    fesetround(FE_UPWARD);
    sums(base, SMALL);
}

/* Each exception is an end by SIGFPE. */
static void float_traps(const char *base)
{
    feenableexcept(FE_ALL_EXCEPT);
    sums(base, SMALL);
}

/* -- alone ----------------------------------------------------------------- */

static void rests(const char *base)
{
    for (int i = 0; i < 4; i++)
        printf("%ld\n", status_of(base, hello));
    for (int i = 0; i < 400 && tasks() != 1; i++)
        nap_ms(5);
    printf("tasks=%d\n", tasks());
}

/* On a busy machine the worker may need longer than a fork waits for it. */
#define TRIES 30

/* As Python counts its threads, in the parent, after the fork. The longest gap
 * comes first: the worker's first delivery may take a while. */
static void forks(const char *base)
{
    for (size_t i = sizeof(gaps_ms) / sizeof(*gaps_ms); i-- > 0;) {
        int alone = 0;

        for (int k = 0; k < TRIES; k++) {
            pid_t child;

            printf("%ld\n", status_of(base, hello));
            fflush(stdout);
            nap_ms(gaps_ms[i]);
            child = fork();
            if (child == 0)
                _exit(0);
            alone += tasks() == 1;
            waitpid(child, NULL, 0);
        }
        printf("alone=%d\n", alone > 0);
    }
}

static void in_child(int (*what)(void))
{
    int status = 1;

    for (int k = 0; k < TRIES && status != 0; k++) {
        pid_t child;

        fflush(stdout);
        child = fork();
        if (child == 0)
            _exit(what());
        waitpid(child, &status, 0);
    }
    printf("%d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 256);
}

static int the_gap;

static bool called(void)
{
    bool right = status_of(the_base, hello) == 200;

    nap_ms(the_gap);
    return right;
}

static int unshare_plainly(void)
{
    return called() && unshare(CLONE_NEWUSER) == 0 && tasks() == 1 ? 0 : 1;
}

static int unshare_by_number(void)
{
    return called() && syscall(SYS_unshare, CLONE_NEWUSER) == 0 ? 0 : 1;
}

static int unshare_by_name(void)
{
    int (*by_name)(int);

    if (!called())
        return 1;
    *(void **)&by_name = dlsym(RTLD_DEFAULT, "unshare");
    return by_name && by_name(CLONE_NEWUSER) == 0 ? 0 : 1;
}

/* A thread that a child of vfork made would end with it, in its parent's books
 * it would live on. */
static int unshared_in_vfork(void)
{
    int status = 1;
    pid_t child = vfork();

    if (child == 0) {
        int failed = unshare(CLONE_NEWUSER);

        _exit(failed || tasks() != 1);
    }
    waitpid(child, &status, 0);
    return status;
}

static void vforks(const char *base)
{
    for (size_t i = 0; i < sizeof(gaps_ms) / sizeof(*gaps_ms); i++) {
        printf("%ld\n", status_of(base, hello));
        fflush(stdout);
        nap_ms(gaps_ms[i]);
        printf("%d\n", unshared_in_vfork());
    }
}

/* A call in the namespace that it went to, and back at rest. */
static int enter(void)
{
    char path[64];
    int hold[2], status;
    pid_t other;
    FILE *file;

    if (pipe(hold) != 0)
        return 2;
    other = fork();
    if (other == 0) {
        char byte = 0;

        status = unshare(CLONE_NEWUSER);
        (void)!write(hold[1], &byte, 1);
        pause();
        _exit(status);
    }
    (void)!read(hold[0], path, 1);
    snprintf(path, sizeof(path), "/proc/%d/ns/user", other);
    file = fopen(path, "r");
    status =
        file && called() && setns(fileno(file), CLONE_NEWUSER) == 0 ? 0 : 1;
    if (!called())
        status = 3;
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    return status;
}

static void namespaces(const char *base)
{
    the_base = base;
    for (size_t i = 0; i < sizeof(gaps_ms) / sizeof(*gaps_ms); i++) {
        the_gap = gaps_ms[i];
        in_child(unshare_plainly);
        in_child(unshare_by_number);
        in_child(unshare_by_name);
        in_child(enter);
    }
}

/* -- a sandbox that a thread takes on for itself --------------------------- */

static struct sock_filter all[] = {
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
static struct sock_fprog filter = {1, all};

/* No task is outside, and none is made by the end of the filter's own call. */
static int filtered(long result)
{
    return result == 0 && tasks() == 1 && status_of(the_base, hello) == 200 ? 0
                                                                            : 1;
}

static int filter_by_prctl(void)
{
    return called() && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
               ? filtered(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
               : 1;
}

static int filter_by_number(void)
{
    return called() && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
               ? filtered(
                     syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter))
               : 1;
}

/* Refused, as the number is of no ruleset: it is the end of our thread that
 * counts. */
static int landlocked(void)
{
    return called() && syscall(LANDLOCK_RESTRICT_SELF, -1, 0) == -1 &&
                   (errno == EBADF || errno == EPERM || errno == ENOSYS ||
                    errno == EOPNOTSUPP) &&
                   tasks() == 1
               ? 0
               : 1;
}

static void sandboxes(const char *base)
{
    the_base = base;
    for (size_t i = 0; i < sizeof(gaps_ms) / sizeof(*gaps_ms); i++) {
        the_gap = gaps_ms[i];
        in_child(filter_by_prctl);
        in_child(filter_by_number);
        in_child(landlocked);
    }
}

/* Fewer rights hinder no delivery. */
static void lowered(const char *base)
{
    printf("%ld\n", status_of(base, hello));
    printf("%d\n", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

/* The calls that pass through the same slots stay as they are: six arguments,
 * results, errno. */
static void passes(const char *base)
{
    char name[17] = "";
    long page, result;

    printf("%ld\n", status_of(base, hello));
    page = syscall(SYS_mmap, NULL, 4096, 3, 0x22, -1, 0);
    printf("mmap=%d\n", page != -1);
    errno = 0;
    result = syscall(SYS_mmap, NULL, 4096, 3, 0x22, -1, 1);
    printf("%ld errno=%d\n", result, errno);
    errno = 7;
    printf("pid=%d errno=%d\n", syscall(SYS_getpid) == getpid(), errno);
    prctl(PR_SET_NAME, "renamed", 0, 0, 0);
    prctl(PR_GET_NAME, name, 0, 0, 0);
    printf("%s\n", name);
    errno = 0;
    result = unshare(-1);
    printf("%ld errno=%d\n", result, errno);
    errno = 0;
    result = setns(-1, 0);
    printf("%ld errno=%d\n", result, errno);
}

static const struct one_case cases[] = {
    {"inherited", inherited, 3, 0},     {"float_flags", float_flags, 4, 0},
    {"float_traps", float_traps, 4, 0}, {"rests", rests, 4, 0},
    {"forks", forks, 4 * TRIES, 0},     {"namespaces", namespaces, -1, 0},
    {"sandboxes", sandboxes, -1, 0},    {"vforks", vforks, 4, 0},
    {"lowered", lowered, 1, 0},         {"passes", passes, 1, 0},
};

CASES_MAIN(cases)
