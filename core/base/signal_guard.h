/* signal_guard - our own I/O on an app's thread without a signal of it reaching
 * the app: a write past a file limit raises SIGXFSZ, one to a closed pipe
 * SIGPIPE, and both kill. Nor does a cancellation end the thread in the middle
 * of it.
 *
 * Owns:    nothing. Threads: any; the calling thread's mask and cancelability
 *          alone change.
 * Errors:  none. Fork: nothing to do.
 */
#ifndef LLMOBS_SIGNAL_GUARD_H
#define LLMOBS_SIGNAL_GUARD_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct llmobs_signal_guard {
    sigset_t before;
    bool size;  /* SIGXFSZ may become pending by our doing, */
    bool pipe;  /* SIGPIPE may */
    int cancel; /* the state of cancelability before */
};

/* Blocks all signals and cancellation; what the app gets meanwhile waits for
 * the end. Only what the app had blocked may be pending before: else that is
 * not asked for, which would be one kind of system call more. */
static inline void llmobs_signal_guard_begin(struct llmobs_signal_guard *guard)
{
    sigset_t set; /* one: they are large, and the app's stack may be small */

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &guard->cancel);
    sigfillset(&set);
    pthread_sigmask(SIG_SETMASK, &set, &guard->before);
    sigemptyset(&set);
    if (sigismember(&guard->before, SIGXFSZ) ||
        sigismember(&guard->before, SIGPIPE))
        sigpending(&set);
    guard->size = !sigismember(&set, SIGXFSZ);
    guard->pipe = !sigismember(&set, SIGPIPE);
}

/* Takes back what we raised, the mask and the cancelability. errno stays. */
static inline void llmobs_signal_guard_end(
    const struct llmobs_signal_guard *guard)
{
    const struct timespec at_once = {0, 0};
    int saved = errno;
    sigset_t ours;

    sigemptyset(&ours);
    if (guard->size)
        sigaddset(&ours, SIGXFSZ);
    if (guard->pipe)
        sigaddset(&ours, SIGPIPE);
    while (sigtimedwait(&ours, NULL, &at_once) > 0)
        ;
    pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
    pthread_setcancelstate(guard->cancel, NULL);
    errno = saved;
}

/* For who has taken what a cancellation in the sleep would never give back. */
static inline void llmobs_signal_guard_sleep(const struct timespec *time)
{
    int cancel;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    nanosleep(time, NULL);
    pthread_setcancelstate(cancel, NULL);
}

#endif
