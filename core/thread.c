#include "core/thread.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "core/fd.h"
#include "core/fork.h"

/* Systems allow a user thousands of processes and threads. Who allows fewer
 * than these has counted those of one program. */
#define PROCESSES_LEAST 64

/* Of that process (fork.h); a child has none. */
static atomic_int owner;
static atomic_size_t count;

static void count_one(void)
{
    int process = llmobs_fork_process();

    if (atomic_exchange(&owner, process) != process)
        atomic_store(&count, 0);
    atomic_fetch_add(&count, 1);
}

size_t llmobs_thread_count(void)
{
    return atomic_load(&owner) == llmobs_fork_process() ? atomic_load(&count)
                                                        : 0;
}

void llmobs_thread_ends(void)
{
    atomic_fetch_sub(&count, 1);
}

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
