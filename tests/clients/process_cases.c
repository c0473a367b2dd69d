/* Threads that share, frames that are unwound, sandboxes. */
#include "tests/clients/cases.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unwind.h>

#define THREADS 4

/* -- a share of several threads ------------------------------------------- */

static pthread_mutex_t share_locks[CURL_LOCK_DATA_LAST];
static CURLSH *the_share;
static _Thread_local int locks;

static void lock_share(CURL *curl, curl_lock_data data, curl_lock_access access,
                       void *user)
{
    (void)curl, (void)access, (void)user;
    pthread_mutex_lock(&share_locks[data]);
    locks += data != CURL_LOCK_DATA_SHARE;
}

static void unlock_share(CURL *curl, curl_lock_data data, void *user)
{
    (void)curl, (void)user;
    pthread_mutex_unlock(&share_locks[data]);
}

static void *ask_sharing(void *failed)
{
    for (int i = 0; i < 3; i++) {
        struct text text = {0};
        CURL *curl = asking(the_base, CHAT, hello, &text);
        CURL *twin;

        curl_easy_setopt(curl, CURLOPT_SHARE, the_share);
        curl_easy_setopt(curl, CURLOPT_COOKIEFILE, "");
        locks = 0;
        if (curl_easy_perform(curl) != CURLE_OK || locks == 0)
            *(int *)failed = 1;
        twin = curl_easy_duphandle(curl);
        curl_easy_cleanup(twin);
        curl_easy_cleanup(curl);
        free(text.data);
    }
    return NULL;
}

/* In use by the transfers, and by nobody else: the share counts its users. */
static void share(const char *base)
{
    pthread_t threads[THREADS];
    int failed[THREADS] = {0};

    the_base = base;
    the_share = curl_share_init();
    for (int i = 0; i < CURL_LOCK_DATA_LAST; i++)
        pthread_mutex_init(&share_locks[i], NULL);
    curl_share_setopt(the_share, CURLSHOPT_LOCKFUNC, lock_share);
    curl_share_setopt(the_share, CURLSHOPT_UNLOCKFUNC, unlock_share);
    curl_share_setopt(the_share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(the_share, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE);
    curl_share_setopt(the_share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, ask_sharing, &failed[i]))
            exit(3);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        printf("failed=%d\n", failed[i]);
    }
    printf("cleanup=%d\n", (int)curl_share_cleanup(the_share));
}

/* -- unwinding ------------------------------------------------------------ */

static jmp_buf caught;

static _Unwind_Reason_Code stop_below(int version, _Unwind_Action actions,
                                      _Unwind_Exception_Class class,
                                      struct _Unwind_Exception *exception,
                                      struct _Unwind_Context *context,
                                      void *frame)
{
    (void)version, (void)class, (void)exception;
    if (actions & _UA_END_OF_STACK) {
        printf("no way out\n");
        longjmp(caught, 1);
    }
    if (_Unwind_GetCFA(context) > (_Unwind_Word)(uintptr_t)frame) {
        printf("caught\n");
        longjmp(caught, 1);
    }
    return _URC_NO_REASON;
}

/* As an exception goes: frame by frame, by the tables of each object. */
static size_t throw_out(char *data, size_t size, size_t count, void *to)
{
    static struct _Unwind_Exception exception;

    (void)data, (void)size, (void)count;
    _Unwind_ForcedUnwind(&exception, stop_below, to);
    return 0;
}

static void thrown(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, streamed, NULL);

    write_to(curl, throw_out, __builtin_frame_address(0));
    if (setjmp(caught) == 0)
        printf("rc=%d\n", (int)curl_easy_perform(curl));
    printf("refused=%d\n", curl_easy_perform(curl) != CURLE_OK);
    curl_easy_cleanup(curl);
    curl = asking(base, CHAT, hello, &text);
    run_last("next", curl, &text);
}

static size_t leave_thread(char *data, size_t size, size_t count, void *to)
{
    (void)data, (void)size, (void)count, (void)to;
    pthread_exit(to);
}

static void clean_up_handle(void *curl)
{
    printf("cleaned up\n");
    curl_easy_cleanup(curl);
}

static void *ask_and_leave(void *unused)
{
    CURL *curl = asking(the_base, CHAT, streamed, NULL);

    write_to(curl, leave_thread, curl);
    pthread_cleanup_push(clean_up_handle, curl);
    curl_easy_perform(curl);
    pthread_cleanup_pop(0);
    return unused;
}

static void thread_left(const char *base)
{
    struct text text = {0};
    pthread_t thread;
    CURL *curl;

    the_base = base;
    if (pthread_create(&thread, NULL, ask_and_leave, NULL))
        exit(3);
    pthread_join(thread, NULL);
    curl = asking(base, CHAT, hello, &text);
    run_last("next", curl, &text);
}

/* -- sandboxes ------------------------------------------------------------ */

#ifdef __x86_64__
#define THIS_ARCH AUDIT_ARCH_X86_64
#else
#define THIS_ARCH AUDIT_ARCH_AARCH64
#endif

#define CALLS_MAX 32

/* From here on the system calls of these numbers give that error. */
static bool forbid(const unsigned *calls, size_t count, unsigned error)
{
    struct sock_filter filter[2 * CALLS_MAX + 5] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCH, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
    struct sock_fprog program = {4, filter};

    for (size_t i = 0; i < count && i < CALLS_MAX; i++) {
        filter[program.len++] = (struct sock_filter)BPF_JUMP(
            BPF_JMP | BPF_JEQ | BPF_K, calls[i], 0, 1);
        filter[program.len++] = (struct sock_filter)BPF_STMT(
            BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error);
    }
    filter[program.len++] =
        (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* No page and no thread more. */
static bool forbid_memory(void)
{
    static const unsigned calls[] = {SYS_mmap, SYS_clone, SYS_clone3};

    return forbid(calls, sizeof(calls) / sizeof(calls[0]), EPERM);
}

static void sandboxed(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, &text);

    text_add(&text, "", 0);
    printf("starting\n");
    printf("forbidden=%d\n", forbid_memory());
    run_one("first", curl, &text);
    run_last("second", curl, &text);
    /* Without a global cleanup all is left to the exit. */
    exit(0);
}

/* The library asks the kernel for these, but for files, and libcurl does not;
 * the rest newer C libraries ask of newer kernels. The library's thread is
 * asked to start where it could not register for restartable sequences. */
static void filtered(const char *base, unsigned error)
{
    static const unsigned calls[] = {
        SYS_madvise,         SYS_getrandom, SYS_statx,    SYS_rt_sigtimedwait,
        SYS_clock_nanosleep, SYS_fchmod,    SYS_fchmodat, SYS_faccessat,
        SYS_membarrier,      SYS_rseq,      449 /* futex_waitv */};
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, &text);

    text_add(&text, "", 0);
    printf("forbidden=%d\n",
           forbid(calls, sizeof(calls) / sizeof(calls[0]), error));
    for (int i = 0; i < 3; i++)
        run_one("call", curl, &text);
    curl_easy_cleanup(curl);
}

static void filtered_unknown(const char *base)
{
    filtered(base, ENOSYS);
}

static void filtered_forbidden(const char *base)
{
    filtered(base, EPERM);
}

/* Only a process of one thread may do these: it has to have said so. */
static void unshared(const char *base)
{
    struct text text = {0};
    int space = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    CURL *curl = asking(base, CHAT, hello, &text);

    run_one("before", curl, &text);
    if (getenv("SHOW_UNSHARED")) {
        printf("setns=%d\n", setns(space, CLONE_NEWNS));
        printf("unshare=%d\n", unshare(CLONE_NEWUSER));
    }
    run_last("after", curl, &text);
    close(space);
}

/* -- a limit of processes -------------------------------------------------- */

/* The program may have counted its own. */
static void few_processes(const char *base)
{
    struct rlimit few = {32, 32};
    struct stat tasks;

    setrlimit(RLIMIT_NPROC, &few);
    for (int i = 0; i < 3; i++)
        printf("%ld\n", status_of(base, hello));
    usleep(20000);
    printf("tasks=%d\n",
           stat("/proc/self/task", &tasks) ? -1 : (int)tasks.st_nlink - 2);
}

/* -- a limit of keys ------------------------------------------------------- */

/* As many as the program would have alone. */
static void keys(const char *base)
{
    pthread_key_t key;
    int count = 0;

    for (int i = 0; i < 3; i++)
        printf("%ld\n", status_of(base, hello));
    usleep(20000);
    while (pthread_key_create(&key, NULL) == 0)
        count++;
    printf("keys=%d\n", count);
}

static const struct one_case cases[] = {
    {"share", share, 3 * THREADS, 0},
    {"thrown", thrown, 2, 1},
    {"thread_left", thread_left, 2, 1},
    {"sandboxed", sandboxed, 2, 0},
    {"filtered_unknown", filtered_unknown, 3, 0},
    {"filtered_forbidden", filtered_forbidden, 3, 0},
    {"unshared", unshared, 2, 0},
    {"few_processes", few_processes, 3, 0},
    {"keys", keys, 3, 0},
};

CASES_MAIN(cases)
