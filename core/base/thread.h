/* thread - starts a thread of this library in the app's process, and ends the
 * process as it should end where the app's threads leave first.
 *
 * Owns:    nothing: a thread is detached, and ends by returning.
 * Threads: any. Errors: negative errno.
 * Limits:  the stack has the size that the caller asks for. The C library takes
 *          the app's thread-local storage out of it; where that does not fit,
 *          the stack has the default size.
 * Fork:    a child has none of these threads.
 *
 * "The library's threads" are those that start here; all others are the app's.
 */
#ifndef LLMOBS_THREAD_H
#define LLMOBS_THREAD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Runs `run(arg)` in a thread named "llmobs" with `stack` bytes of stack. The
 * thread blocks all signals, so that the app's threads get them. Borrows `arg`.
 * -EAGAIN: the system gives no thread, or allows so few (RLIMIT_NPROC) that the
 * app needs them. */
int llmobs_thread_start(void *(*run)(void *), void *arg, size_t stack);

/* The thread calls the one first of all, and the other last of all. */
void llmobs_thread_begins(void);
void llmobs_thread_ends(void);

/* How many threads of the app this process has. The process's first thread
 * counts even after its end. The answer is never too small; 0: unknown, as
 * without /proc. */
size_t llmobs_thread_apps(void);

/* True in a process of one thread of the app's and of this library's, where
 * libc is musl: it takes its locks only where there is a second thread, and an
 * exit lets some of them never go. A child of vfork that exits would leave them
 * so in its parent's memory, and the parent would wait for them for ever. It
 * asks in the child for the process that noted its pid (fork.h). */
bool llmobs_thread_hinders_exit(void);

/* Waits until that process has one thread. */
void llmobs_thread_wait_alone(int64_t until_ns);

/* True where the first thread has ended, as by pthread_exit, and only the
 * library's threads are left: the process has to end with them. False without
 * /proc. Changes errno. */
bool llmobs_thread_is_last(void);

/* A library's thread calls it then, before all of them end: the last one gives
 * the process the exit code that it would have without this library. The app's
 * exit handlers may run on that thread, with `signals` blocked. */
void llmobs_thread_leave(const sigset_t *signals);

#endif
