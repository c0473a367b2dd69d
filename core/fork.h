/* fork - state that belongs to one process, in memory that a child inherits.
 *
 * The word says whose the state is: a pid, or -pid while one thread of that
 * process resets it and the others wait. Threads: any.
 */
#ifndef LLMOBS_FORK_H
#define LLMOBS_FORK_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>
#include <unistd.h>

/* True once in a process that finds another's state: the caller resets it and
 * says llmobs_fork_settled, which lets the others go on. */
static inline bool llmobs_fork_unsettled(_Atomic pid_t *word)
{
    pid_t pid = getpid();
    pid_t owner = atomic_load_explicit(word, memory_order_acquire);

    while (owner != pid) {
        if (owner == -pid) {
            sched_yield();
            owner = atomic_load(word);
        } else if (atomic_compare_exchange_strong(word, &owner, -pid)) {
            return true;
        }
    }
    return false;
}

static inline void llmobs_fork_settled(_Atomic pid_t *word)
{
    atomic_store(word, getpid());
}

#endif
