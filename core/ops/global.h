/* global - libcurl's global state, copy by copy, and the end of the process.
 *
 * Owns:    a note of which copies the app has initialised; the exit handler.
 * Threads: any, as the libcurl functions that lead here.
 * Errors:  none.
 * Limits:  8 copies of libcurl; of others we make no requests. The first
 *          cleanup that takes libcurl down while something waits for a remote
 *          intake has it delivered, as most processes end after it; it takes an
 *          exit's time at most, and the exit has what is left of that. Later
 *          ones wait for half of it at most, for a request under way, and for
 *          30 s after one that waited in vain not at all.
 * Fork:    a child is in the state of its parent; its exit delivers what it
 *          captured itself. It does not wait for a cleanup of the parent.
 *
 * We take no reference to libcurl's global state of our own: it would make the
 * app's later curl_global_init_mem ineffective. So our requests may use a copy
 * from the app's first init to its last cleanup only, and once more when the
 * process exits.
 */
#ifndef LLMOBS_GLOBAL_H
#define LLMOBS_GLOBAL_H

#include "core/deliver/worker.h"
#include "core/engine.h"

enum llmobs_up {
    LLMOBS_UP_INIT,
    LLMOBS_UP_INIT_MEM, /* with the app's own allocator */
    LLMOBS_UP_HANDLE    /* an easy handle: it initialises where nobody has */
};

/* Once, before the others. Borrows the worker for ever; `at_end` gives it what
 * is under way when the process exits. */
void llmobs_global_start(struct llmobs_worker *worker, void (*at_end)(void));

/* The program uses the API: what it gives is delivered at its exit, with
 * libcurl or without. */
void llmobs_global_alone(void);

/* Before a real function that may be libcurl's first init. Threads that come
 * together wait here for the first of them, asleep and 50 ms at most: libcurl
 * since 7.84 has them spin, and where they are more than the processors, the
 * one that spins keeps from them the one that works. True: this thread is the
 * first, and ends its turn after llmobs_global_up. `turn` preserves errno. */
bool llmobs_global_turn(const struct llmobs_real *real);
void llmobs_global_turn_end(const struct llmobs_real *real);

/* After a real function that succeeded. */
void llmobs_global_up(const struct llmobs_real *real, enum llmobs_up how);

/* Before that: what was captured is read while what it names is still loaded,
 * out of the exit's time. */
void llmobs_global_prepare(void);

/* Before and after the real curl_global_cleanup, in one thread. False: a
 * request of ours could not be ended in time, so that libcurl must not be taken
 * down. */
bool llmobs_global_leave(const struct llmobs_real *real);
void llmobs_global_left(const struct llmobs_real *real, bool done);

#endif
