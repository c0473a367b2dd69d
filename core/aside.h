/* aside - runs what needs a deep stack for a caller who may have little: here
 * where the stack is known to have room for it, else on a thread of ours for
 * which the caller waits.
 *
 * Owns:    the thread, until it ends.
 * Threads: any; the caller's blocks for at most the time that it says.
 * Errors:  negative errno; -ETIMEDOUT: it runs still, and whatever `arg` leads
 *          to has to stay; any other: it did not run.
 * Limits:  LLMOBS_ASIDE_ROOM bytes are enough to stay here.
 * Fork:    a child has no such thread, and nobody who waits for one.
 */
#ifndef LLMOBS_ASIDE_H
#define LLMOBS_ASIDE_H

#include <stdbool.h>
#include <stdint.h>

/* What delivering takes, TLS included, and then some. */
#define LLMOBS_ASIDE_ROOM ((size_t)128 * 1024)

/* `threads`: a thread may be started; `until_ns`: the end of `ms` from now on.
 * Preserves errno. */
int llmobs_aside_run(void (*run)(void *arg, int64_t until_ns), void *arg,
                     bool threads, int64_t ms);

#endif
