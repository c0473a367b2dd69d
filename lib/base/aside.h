/* aside - runs work that needs a deep stack: on the caller's stack where it
 * certainly has room, else on a new thread, for which the caller waits.
 *
 * Owns:    the thread, until it ends.
 * Threads: any; the caller waits `ms` at most.
 * Errors:  negative errno; -ETIMEDOUT: the work still runs, and everything that
 *          `arg` leads to has to stay; any other error: the work did not run.
 * Limits:  with LLMOBS_ASIDE_ROOM bytes left the caller's stack is enough.
 * Fork:    a child has neither the thread nor the caller that waits for it.
 */
#ifndef LLMOBS_ASIDE_H
#define LLMOBS_ASIDE_H

#include <stdbool.h>
#include <stdint.h>

/* More than a delivery takes, TLS included. */
#define LLMOBS_ASIDE_ROOM ((size_t)128 * 1024)

/* `threads`: a thread may be started; `until_ns`: the end of `ms` from now on.
 * Preserves errno. */
int llmobs_aside_run(void (*run)(void *arg, int64_t until_ns), void *arg,
                     bool threads, int64_t ms);

#endif
