/* thread - starts a thread of this library in the app's process, ends all of
 * them where the app has to be alone, and gives the process its right end where
 * the app's threads leave first.
 *
 * Owns:    a seat for each thread. A thread is detached, and ends by returning.
 * Threads: any. Errors: negative errno.
 * Limits:  LLMOBS_THREADS_MAX threads. The stack has the size that the caller
 *          asks for. The C library takes the app's thread-local storage out of
 *          it; where that does not fit, the stack has the default size.
 * Fork:    a child has none of these threads.
 *
 * A thread inherits much from the thread that makes it. Ours keep its
 * privileges and filters, which no thread may escape, and all that only
 * concerns their own memory. They take the default floating-point environment
 * and timer slack, block all signals, and are scheduled as the process's first
 * thread is: never in real time.
 *
 * "The library's threads" are those that start here; all others are the app's.
 */
#ifndef LLMOBS_THREAD_H
#define LLMOBS_THREAD_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LLMOBS_THREADS_MAX 128
/* The additional time that a rest waits for a thread that looks a name up and
 * is not asleep. */
#define LLMOBS_THREAD_WORKS_MS 200

/* Runs `run(arg)` in a thread named "llmobs" with `stack` bytes of stack. The
 * thread blocks all signals, so that the app's threads get them. Borrows `arg`.
 * `bell`: the word on which the thread sleeps, which a rest changes; NULL: the
 * thread ends by itself after a moment. -EAGAIN: the system gives no thread, or
 * allows so few (RLIMIT_NPROC), or so little memory, that the app needs them.
 */
int llmobs_thread_start(void (*run)(void *), void *arg, size_t stack,
                        atomic_uint *bell);

/* To be called before the first start. A thread that has done its work calls
 * `enter`, declares that it ends, and calls `leave`. */
void llmobs_thread_gate(void (*enter)(void), void (*leave)(void));

/* To be called before the first start, which calls `watch` once, on the thread
 * that starts. */
void llmobs_thread_watch(void (*watch)(void));

/* Called before something for which the process should have no thread of the
 * library. Waits until no thread of the library that ends by itself is left in
 * the kernel. In a process whose app has one thread, or with _ALL, also asks
 * the library's other threads to end, and waits for them. Waits at most `ms`:
 * -ETIMEDOUT (see LLMOBS_THREAD_WORKS_MS). If a wait was in vain, a later call
 * with _ONCE does not wait for the same threads again. The caller always calls
 * _rest_end. */
enum llmobs_thread_rest {
    LLMOBS_THREAD_REST_ONCE,
    LLMOBS_THREAD_REST_AGAIN,
    LLMOBS_THREAD_REST_ALL
};
int llmobs_thread_rest(int64_t ms, enum llmobs_thread_rest how);
void llmobs_thread_rest_end(void);

/* For a caller between _rest and _rest_end, and for _stay. Waits until the
 * kernel has no thread that declared its end, `ms` at most: -ETIMEDOUT. In its
 * last moments such a thread is in destructors of other libraries, which take
 * locks. */
int llmobs_thread_ended(int64_t ms);

/* For an exit handler. From here on no thread of ours in this process ends: it
 * sleeps once its work is done, and the exit takes it along. Waits until the
 * kernel has none of those that end already, `ms` at most. A TLS library frees
 * what a thread used when that thread ends, and all of it in a later exit
 * handler: side by side they free the same twice. */
void llmobs_thread_stay(int64_t ms);

/* The kernel's number of the calling thread, from /proc; -1: unknown. gettid is
 * not called, since a filter that lets the library work may kill for it. */
int llmobs_thread_number(void);

/* True between _rest and _rest_end, if a thread that has a bell shall end. */
bool llmobs_thread_rests(void);

/* Called in a child for which no fork handler ran. */
void llmobs_thread_reset(void);

/* How many threads of the app this process has. The process's first thread
 * counts even after its end. The answer is never too small; 0: unknown, as
 * without /proc. */
size_t llmobs_thread_apps(void);

/* True in a process of one thread of the app's and of this library's, where
 * libc is musl: it takes its locks only where there is a second thread, and an
 * exit never releases some of them. A child of vfork that exits would leave
 * those locks taken in its parent's memory, and the parent would wait for them
 * for ever. A child asks this for the process that noted its pid (fork.h). */
bool llmobs_thread_hinders_exit(void);

/* Waits until the process that noted its pid has one thread. */
void llmobs_thread_wait_alone(int64_t until_ns);

/* True where the first thread has ended, as by pthread_exit, and only the
 * library's threads are left: the process has to end with them. False without
 * /proc. Changes errno. */
bool llmobs_thread_is_last(void);

/* Called by a thread of the app that is about to end. If it is the first one,
 * wakes the library's threads that have a bell. Changes errno. */
void llmobs_thread_leaves(void);

/* True once the first thread has said so, or llmobs_thread_is_last found that
 * it has ended. */
bool llmobs_thread_first_leaves(void);

/* Called by a thread of the library where llmobs_thread_is_last is true, before
 * all of these threads end. The last one gives the process the exit code that
 * it would have without this library. The app's exit handlers may run on that
 * thread, with `signals` blocked. */
void llmobs_thread_exit_last(const sigset_t *signals);

#endif
