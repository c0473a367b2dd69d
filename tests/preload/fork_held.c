/* fork_held PLUGIN OTHER URL: the process is forked by a second thread while
 * the first is in the middle of a scan: a filter turns the scan's question for
 * /etc/llmobs/disabled into a signal, whose handler waits. Parent and child
 * then load another plugin and run it. */
#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__x86_64__)
#define PATH(context) ((const char *)(context)->uc_mcontext.gregs[REG_RSI])
#define ANSWER(context) ((context)->uc_mcontext.gregs[REG_RAX])
#else
#define PATH(context) ((const char *)(context)->uc_mcontext.regs[1])
#define ANSWER(context) ((context)->uc_mcontext.regs[0])
#endif

static char **arguments;
static int held, forked;

/* In place of every faccessat. */
static void answer(int number, siginfo_t *info, void *data)
{
    ucontext_t *context = data;
    const char *path = PATH(context);
    struct stat st;

    (void)number;
    (void)info;
    if (!strcmp(path, "/etc/llmobs/disabled") &&
        !__atomic_exchange_n(&held, 1, __ATOMIC_SEQ_CST))
        while (!__atomic_load_n(&forked, __ATOMIC_SEQ_CST))
            usleep(1000);
    ANSWER(context) = stat(path, &st) == 0 ? 0 : -ENOENT;
}

static int install(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_faccessat, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    struct sigaction action = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO};

    return sigaction(SIGSYS, &action, NULL) == 0 &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
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

    if (argc != 4 || !install())
        return 64;
    arguments = argv;
    pthread_create(&thread, NULL, fork_in_scan, &status);
    r = run(argv[1]);
    pthread_join(thread, NULL);
    return r ? r : WEXITSTATUS(status);
}
