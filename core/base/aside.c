#include "core/base/aside.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/futex.h"
#include "core/base/stack.h"
#include "core/base/thread.h"

#define STACK ((size_t)256 * 1024)

struct job {
    void (*run)(void *arg, int64_t until_ns);
    void *arg;
    int64_t until_ns;
    atomic_uint done;
    atomic_int holders; /* the caller and the thread: the last one frees it */
};

static void let_go(struct job *job)
{
    if (atomic_fetch_sub(&job->holders, 1) == 1)
        free(job);
}

static void *thread_main(void *arg)
{
    struct job *job = arg;

    llmobs_thread_begins();
    job->run(job->arg, job->until_ns);
    llmobs_thread_ends();
    atomic_store(&job->done, 1);
    llmobs_futex_wake(&job->done);
    let_go(job);
    return NULL;
}

static int wait_for(struct job *job)
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
    rc = llmobs_thread_start(thread_main, job, STACK);
    if (rc) {
        free(job);
        return rc;
    }
    rc = wait_for(job);
    let_go(job);
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
