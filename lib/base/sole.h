/* sole - work that one thread of a process does at a time. Nobody waits: an
 * exit may come while a thread hangs in a write.
 *
 * Owns:    a word of the caller's; 0: nobody has claimed it.
 * Threads: any, also handlers of signals.
 * Errors:  false: another thread has claimed it, or an outer function of the
 *          calling thread.
 * Fork:    a child claims it from a thread that only its parent has.
 */
#ifndef LLMOBS_SOLE_H
#define LLMOBS_SOLE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "lib/base/fork.h"

static inline bool llmobs_sole_claim(atomic_int *sole)
{
    int process = llmobs_fork_process(), had = 0;

    while (!atomic_compare_exchange_strong(sole, &had, process))
        if (had == process)
            return false;
    return true;
}

static inline void llmobs_sole_release(atomic_int *sole)
{
    atomic_store(sole, 0);
}

#endif
