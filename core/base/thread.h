/* thread - a thread of ours in a program that is not.
 *
 * Owns:    nothing: a thread is detached, and ends by returning.
 * Threads: any. Errors: negative errno.
 * Limits:  the stack is what is asked for, unless thread-local storage of the
 *          app, which the C library takes out of it, does not fit: then the
 *          default size.
 * Fork:    a child has none of them.
 */
#ifndef LLMOBS_THREAD_H
#define LLMOBS_THREAD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

/* Runs `run(arg)`, named "llmobs", on `stack` bytes. All signals stay with the
 * app's threads. Borrows `arg`; -EAGAIN: the system gives no thread, or
 * so few (RLIMIT_NPROC) that they are the app's. */
int llmobs_thread_start(void *(*run)(void *), void *arg, size_t stack);

/* To be called first thing by the thread, and last. */
void llmobs_thread_begins(void);
void llmobs_thread_ends(void);

/* How many threads this process has besides them. The first one counts even
 * where it has ended. Never too few; 0: not known, as without /proc. */
size_t llmobs_thread_apps(void);

/* True where the first thread has ended, as by pthread_exit, and all others are
 * ours: the process is to end with them. False without /proc. Changes errno. */
bool llmobs_thread_is_last(void);

/* To be called by one of our threads then, before all of them end: the last one
 * gives the process the code that it would have had without us. Exit handlers
 * of the app may run on it, with `signals` blocked. */
void llmobs_thread_leave(const sigset_t *signals);

#endif
