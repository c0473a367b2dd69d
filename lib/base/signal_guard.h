/* signal_guard - hides from the app the signals of the library's own I/O on an
 * app's thread: a write past a file limit raises SIGXFSZ, a write to a closed
 * pipe SIGPIPE, and both would kill the app. Nor can a cancellation end the
 * thread in the middle of such I/O, or see what it computes (floats.h).
 *
 * Threads: any; changes only the calling thread's signal mask, cancelability
 *          and floating-point environment.
 */
#ifndef LLMOBS_SIGNAL_GUARD_H
#define LLMOBS_SIGNAL_GUARD_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "lib/base/floats.h"

struct llmobs_signal_guard {
    sigset_t before;
    bool size;  /* a pending SIGXFSZ at the end is the library's */
    bool pipe;  /* a pending SIGPIPE at the end is the library's */
    int cancel; /* the cancelability before */
    struct llmobs_floats floats;
};

/* Blocks all signals and cancellation; a signal for the app stays pending until
 * the end. Looks for pending signals only if the app itself has blocked SIGXFSZ
 * or SIGPIPE: otherwise neither can be pending, and sigpending would be one
 * more kind of system call. */
static inline void llmobs_signal_guard_begin(struct llmobs_signal_guard *guard)
{
    sigset_t set; /* only one: sets are large for a small stack */

    guard->floats = llmobs_floats_begin();
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

/* Removes the signals that the library raised, and restores the mask and the
 * cancelability. errno stays. */
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
    llmobs_floats_end(guard->floats);
    errno = saved;
}

/* Sleeps without being cancelled: for a caller that holds something which a
 * cancellation in the sleep would leave taken for ever. */
static inline void llmobs_signal_guard_sleep(const struct timespec *time)
{
    int cancel;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    nanosleep(time, NULL);
    pthread_setcancelstate(cancel, NULL);
}

#endif
