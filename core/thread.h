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

#include <stddef.h>

/* Runs `run(arg)`, named "llmobs", on `stack` bytes. All signals stay with the
 * app's threads. Borrows `arg`; -EAGAIN: the system gives no thread, or
 * so few (RLIMIT_NPROC) that they are the app's. */
int llmobs_thread_start(void *(*run)(void *), void *arg, size_t stack);

/* To be called first thing by the thread, and last. */
void llmobs_thread_begins(void);
void llmobs_thread_ends(void);

/* How many of them this process has. */
size_t llmobs_thread_count(void);

#endif
