/* Runs a function on a new thread if the stack is short. */
#include "lib/base/fork_gate.h"
#include "lib/base/aside.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "lib/base/futex.h"
#include "lib/base/stack.h"

#define STACK ((size_t)256 * 1024)

struct job {
    void (*run)(void *arg, int64_t until_ns);
    void *arg;
    int64_t until_ns;
    atomic_uint done;
    atomic_int holders; /* the caller and the thread: the last of both frees the
                         * job */
};

static void unref_job(struct job *job)
{
    if (atomic_fetch_sub(&job->holders, 1) == 1)
        free(job);
}

static void run_job(void *arg)
{
    struct job *job = arg;

    job->run(job->arg, job->until_ns);
    atomic_store(&job->done, 1);
    llmobs_futex_wake(&job->done);
    unref_job(job);
}

static int wait_for_job(struct job *job)
{
    int64_t left;

    while (!atomic_load(&job->done)) {
        left = llmobs_futex_left(job->until_ns);
        if (left == 0)
            return -ETIMEDOUT;
        llmobs_futex_sleep(&job->done, 0, left);
    }
    return 0;
}

static int run_in_thread(void (*run)(void *arg, int64_t until_ns), void *arg,
                         int64_t ms)
{
    struct job *job = calloc(1, sizeof(*job));
    int rc;

    if (!job)
        return -ENOMEM;
    job->run = run;
    job->arg = arg;
    job->until_ns = llmobs_futex_deadline(ms);
    atomic_store(&job->holders, 2);
    rc = llmobs_fork_gate_thread(run_job, job, STACK, NULL);
    if (rc) {
        free(job);
        return rc;
    }
    rc = wait_for_job(job);
    unref_job(job);
    return rc;
}

int llmobs_aside_run(void (*run)(void *arg, int64_t until_ns), void *arg,
                     bool threads, int64_t ms)
{
    int rc = -EAGAIN, saved = errno;

    if (llmobs_stack_room(LLMOBS_STACK_ENTRY()) >= LLMOBS_ASIDE_ROOM) {
        run(arg, llmobs_futex_deadline(ms));
        rc = 0;
    } else if (threads) {
        rc = run_in_thread(run, arg, ms);
    }
    errno = saved;
    return rc;
}
