#include "core/base/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/fd.h"
#include "core/base/file.h"
#include "core/base/fork.h"
#include "core/base/futex.h"
#include "core/base/sys.h"

/* From glibc 2.32 on. */
#if defined(__has_include)
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#pragma weak __libc_single_threaded
#define SINGLE_THREADED (&__libc_single_threaded && __libc_single_threaded)
#endif
#endif
#ifndef SINGLE_THREADED
#define SINGLE_THREADED false
#endif

/* musl has no such function. */
#pragma weak gnu_get_libc_version

/* The longest line of /proc/self/stat that is read: the one of a first thread
 * that has ended is short, as it has no memory. */
#define STAT_MAX 448
#define STAT_EXIT_CODE 52
#define LAST_MS 1000
/* As much as Linux gives a first thread: by default musl gives others 128 KiB.
 */
#define LAST_STACK ((size_t)8 * 1024 * 1024)
/* Systems allow a user thousands of processes and threads. An administrator who
 * sets a lower limit than this has counted the threads of one program. */
#define PROCESSES_LEAST 64

/* ---- how many ---------------------------------------------------------- */

/* How many threads of the library the process `owner` has (fork.h); a child has
 * none. A thread is added after it was made, and subtracted before it ends: so
 * the count is never larger than the number of these threads. */
static atomic_int owner;
static atomic_size_t count;
static atomic_uint changes;

/* The caller blocks signals: a signal handler of the app that came in the
 * middle of this and called it too would wait for ever for its own thread. */
static void own(void)
{
    if (!llmobs_fork_unsettled(&owner))
        return;
    atomic_store(&count, 0);
    llmobs_fork_settled(&owner);
}

static void count_one(void)
{
    atomic_fetch_add(&count, 1);
    atomic_fetch_add(&changes, 1);
}

static void uncount_one(void)
{
    atomic_fetch_sub(&count, 1);
    atomic_fetch_add(&changes, 1);
}

static size_t ours(void)
{
    return atomic_load(&owner) == llmobs_fork_process() ? atomic_load(&count)
                                                        : 0;
}

/* The link count of a directory is the number of its subdirectories, here one a
 * thread, and two: its "." and its entry in the parent directory. */
size_t llmobs_thread_apps(void)
{
    unsigned before = atomic_load(&changes);
    size_t known = ours();
    struct stat st;

    /* The C library knows a process of one thread, which may be the library's
     * where the app's have ended. */
    if (known == 0 && SINGLE_THREADED)
        return 1;
    if (stat("/proc/self/task", &st) != 0 || st.st_nlink < 3 + known ||
        atomic_load(&changes) != before)
        return 0;
    return st.st_nlink - 2 - known;
}

/* The kernel's number of threads of the process that noted its pid. */
static size_t tasks(void)
{
    char path[sizeof("/proc//task") + 10];
    struct stat st;

    snprintf(path, sizeof(path), "/proc/%d/task", llmobs_fork_pid());
    return stat(path, &st) == 0 && st.st_nlink > 2 ? st.st_nlink - 2 : 0;
}

bool llmobs_thread_hinders_exit(void)
{
    size_t known = ours();

    return !gnu_get_libc_version && known > 0 && tasks() <= known + 1;
}

/* musl has taken note of a thread's end before the kernel does. It goes on to
 * take one more lock before it takes none: malloc's, which it gives back. */
void llmobs_thread_wait_alone(int64_t until_ns)
{
    atomic_uint never = 0;
    void *volatile block;

    while (tasks() > 1 && llmobs_futex_left(until_ns) > 0)
        llmobs_futex_sleep(&never, 0, 1);
    block = malloc(1);
    free(block);
}

/* ---- begin and end ----------------------------------------------------- */

/* Set when the process has to end with the library's last thread. */
static struct {
    atomic_int process; /* the one for which it is set */
    int code;
    sigset_t signals;
} leaving;

static int create(void *(*run)(void *), void *arg, size_t stack)
{
    pthread_attr_t attr;
    pthread_t thread;
    int rc = pthread_attr_init(&attr);

    if (rc)
        return -rc;
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (stack)
        pthread_attr_setstacksize(&attr, stack);
    rc = pthread_create(&thread, &attr, run, arg);
    pthread_attr_destroy(&attr);
    return -rc;
}

/* False where the system allows few threads: a thread of the library could take
 * the last one, and the app's next fork would fail. */
static bool has_room(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NPROC, &limit) != 0 ||
           limit.rlim_cur >= PROCESSES_LEAST;
}

/* glibc from 2.35 on registers each thread for restartable sequences where the
 * first one is, and ends the process where the kernel refuses: so does a filter
 * (seccomp) that came in between. These arguments are never valid. */
extern const unsigned rseq_size __asm__("__rseq_size") __attribute__((weak));

static bool may_register(void)
{
    return !&rseq_size || rseq_size == 0 ||
           llmobs_sys(SYS_rseq, NULL, 0, -1, 0) == -EINVAL;
}

int llmobs_thread_start(void *(*run)(void *), void *arg, size_t stack)
{
    sigset_t all, old;
    int rc;

    if (!has_room() || !may_register())
        return -EAGAIN;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    own();
    rc = create(run, arg, stack);
    if (rc == -EINVAL)
        rc = create(run, arg, 0);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc == 0)
        count_one();
    return rc;
}

void llmobs_thread_begins(void)
{
    prctl(PR_SET_NAME, "llmobs", 0, 0, 0);
    llmobs_fd_thread_begins();
}

/* When the last thread ends, the C library exits the process, with code 0, and
 * runs the exit handlers there as it would on the app's last thread. Where the
 * first thread ended by the bare system call, with a code of its own, the C
 * library would not exit at all: Linux takes the code of the last thread, so
 * the thread ends by that system call too. */
void llmobs_thread_ends(void)
{
    llmobs_fd_thread_ends();
    uncount_one();
    if (atomic_load(&leaving.process) != llmobs_fork_process())
        return;
    pthread_sigmask(SIG_SETMASK, &leaving.signals, NULL);
    if (leaving.code)
        llmobs_sys(SYS_exit, leaving.code);
}

/* ---- the end of a process whose first thread has ended ------------------ */

/* The process in which other threads of the app outlived the first one: its
 * exit code comes from them. */
static atomic_int outlived;

/* By proc(5), this link cannot be read once the first thread has ended. */
bool llmobs_thread_is_last(void)
{
    char first;
    size_t apps;

    if (readlink("/proc/self/root", &first, 1) >= 0 || errno != ENOENT)
        return false;
    apps = llmobs_thread_apps();
    if (apps > 1)
        atomic_store(&outlived, llmobs_fork_process());
    return apps == 1;
}

/* Answers the exit code of the first thread. By proc(5), the name before the
 * third field may hold any character: the last ')' ends it. */
static int first_code(void)
{
    char text[STAT_MAX];
    const char *at = NULL;

    if (atomic_load(&outlived) == llmobs_fork_process())
        return 0;
    if (llmobs_file_begin(AT_FDCWD, "/proc/self/stat", text, sizeof(text)) > 0)
        at = strrchr(text, ')');
    for (int i = 2; at && i < STAT_EXIT_CODE; i++)
        at = strchr(at + 1, ' ');
    return at ? (int)strtol(at, NULL, 10) >> 8 : 0;
}

/* Runs as the last thread, with a whole stack for the app's exit handlers. It
 * waits until the library's other threads have ended, LAST_MS at most: one of
 * them may wait for a name server. */
static void *end_last(void *unused)
{
    int64_t until = llmobs_futex_deadline(LAST_MS);
    atomic_uint never = 0;

    (void)unused;
    llmobs_thread_begins();
    while (llmobs_thread_apps() + ours() != 2 && llmobs_futex_left(until) > 0)
        llmobs_futex_sleep(&never, 0, 1);
    llmobs_thread_ends();
    return NULL;
}

void llmobs_thread_leave(const sigset_t *signals)
{
    leaving.code = first_code();
    leaving.signals = *signals;
    atomic_store(&leaving.process, llmobs_fork_process());
    if (!leaving.code && llmobs_thread_start(end_last, NULL, LAST_STACK) != 0)
        (void)llmobs_thread_start(end_last, NULL, 0);
}
