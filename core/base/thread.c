#include "core/base/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
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

/* Of a first thread that has ended: it has no memory, and its line is short. */
#define STAT_MAX 448
#define STAT_EXIT_CODE 52
#define LAST_MS 1000
/* Systems allow a user thousands of processes and threads. An administrator
 * who allows fewer than these has counted those of one program. */
#define PROCESSES_LEAST 64

/* ---- how many ---------------------------------------------------------- */

/* Of that process (fork.h); a child has none. A thread is counted after it was
 * made, and no more before it ends: there are never fewer than these. */
static atomic_int owner;
static atomic_size_t count;
static atomic_uint changes;

/* With signals blocked: a handler of the app that came in between would wait
 * for the thread that it runs on. */
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

/* A directory has a link for each of its own, "." and the parent's entry. */
size_t llmobs_thread_apps(void)
{
    unsigned before = atomic_load(&changes);
    size_t known = ours();
    struct stat st;

    if (stat("/proc/self/task", &st) != 0 || st.st_nlink < 3 + known ||
        atomic_load(&changes) != before)
        return 0;
    return st.st_nlink - 2 - known;
}

/* ---- begin and end ----------------------------------------------------- */

/* Where the process ends with our last thread. */
static struct {
    atomic_int process; /* this one */
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

/* The last of them are the app's, whose fork would fail for want of ours. */
static bool has_room(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NPROC, &limit) != 0 ||
           limit.rlim_cur >= PROCESSES_LEAST;
}

int llmobs_thread_start(void *(*run)(void *), void *arg, size_t stack)
{
    sigset_t all, old;
    int rc;

    if (!has_room())
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
    llmobs_fd_thread_of_ours();
}

/* The C library exits on the last thread, as it would on the app's. Where the
 * first one ended by the system call it does not, and Linux takes the last
 * thread's code. */
void llmobs_thread_ends(void)
{
    uncount_one();
    if (atomic_load(&leaving.process) != llmobs_fork_process())
        return;
    pthread_sigmask(SIG_SETMASK, &leaving.signals, NULL);
    if (leaving.code)
        llmobs_sys(SYS_exit, leaving.code);
}

/* ---- the end of a process whose first thread has ended ------------------ */

/* The process in which others were seen beside it: its code is theirs. */
static atomic_int outlived;

/* proc(5): this link cannot be read once the first thread has ended. */
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

/* proc(5): the name, before the third field, may hold anything. */
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

/* The last thread has a whole stack for the app's exit handlers. It waits for
 * the others, but for no name server. */
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
    if (!leaving.code)
        (void)llmobs_thread_start(end_last, NULL, 0);
}
