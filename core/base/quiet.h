/* quiet - our own I/O on an app's thread without a signal of it reaching the
 * app: a write past a file limit raises SIGXFSZ, one to a closed pipe SIGPIPE,
 * and both kill. Nor does a cancellation end the thread in the middle of it.
 *
 * Owns:    nothing. Threads: any; the calling thread's mask and cancelability
 *          alone change.
 * Errors:  none. Fork: nothing to do.
 */
#ifndef LLMOBS_QUIET_H
#define LLMOBS_QUIET_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct llmobs_quiet {
    sigset_t before;
    bool size;  /* SIGXFSZ may become pending by our doing, */
    bool pipe;  /* SIGPIPE may */
    int cancel; /* the state of cancelability before */
};

/* Blocks all signals and cancellation; what the app gets meanwhile waits for
 * the end. Only what the app had blocked may be pending before: else that is
 * not asked for, which would be one kind of system call more. */
static inline void llmobs_quiet_begin(struct llmobs_quiet *quiet)
{
    sigset_t set; /* one: they are large, and the app's stack may be small */

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &quiet->cancel);
    sigfillset(&set);
    pthread_sigmask(SIG_SETMASK, &set, &quiet->before);
    sigemptyset(&set);
    if (sigismember(&quiet->before, SIGXFSZ) ||
        sigismember(&quiet->before, SIGPIPE))
        sigpending(&set);
    quiet->size = !sigismember(&set, SIGXFSZ);
    quiet->pipe = !sigismember(&set, SIGPIPE);
}

/* Takes back what we raised, the mask and the cancelability. errno stays. */
static inline void llmobs_quiet_end(const struct llmobs_quiet *quiet)
{
    const struct timespec at_once = {0, 0};
    int saved = errno;
    sigset_t ours;

    sigemptyset(&ours);
    if (quiet->size)
        sigaddset(&ours, SIGXFSZ);
    if (quiet->pipe)
        sigaddset(&ours, SIGPIPE);
    while (sigtimedwait(&ours, NULL, &at_once) > 0)
        ;
    pthread_sigmask(SIG_SETMASK, &quiet->before, NULL);
    pthread_setcancelstate(quiet->cancel, NULL);
    errno = saved;
}

/* For who has taken what a cancellation in the sleep would never give back. */
static inline void llmobs_quiet_sleep(const struct timespec *time)
{
    int cancel;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    nanosleep(time, NULL);
    pthread_setcancelstate(cancel, NULL);
}

#endif
