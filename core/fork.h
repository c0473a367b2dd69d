/* fork - which process this is, and state that belongs to one process, in
 * memory that a child inherits.
 *
 * Owns:    a page, for good.
 * Threads: any.
 * Errors:  -errno of the registration; without it the pid alone tells.
 * Limits:  the generation counts to 511 and begins anew: a process is taken
 *          for an ancestor of the same pid that many forks away.
 * Fork:    what this is about. A pid does not tell a child where its parent is
 *          the first process of a pid namespace and the child that of another:
 *          a handler of fork counts generations, too. A child made by a bare
 *          clone has the pid alone. One that shares our memory, as vfork's does
 *          until it executes, is its parent here: what is in that memory is the
 *          parent's.
 *
 * The word says whose the state is: a process, or the negative of it while one
 * thread of that process resets it and the others wait.
 */
#ifndef LLMOBS_FORK_H
#define LLMOBS_FORK_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Registers the handler, once. -ENOMEM. */
int llmobs_fork_init(void);

/* This process: positive, and another one in a child with its own memory. */
int llmobs_fork_process(void);

/* True in a child that shares our memory: a system call. */
bool llmobs_fork_shares(void);

/* True once in a process that finds another's state: the caller resets it and
 * says llmobs_fork_settled, which lets the others go on. */
static inline bool llmobs_fork_unsettled(atomic_int *word)
{
    int process = llmobs_fork_process();
    int owner = atomic_load_explicit(word, memory_order_acquire);

    while (owner != process) {
        if (owner == -process) {
            sched_yield();
            owner = atomic_load(word);
        } else if (atomic_compare_exchange_strong(word, &owner, -process)) {
            return true;
        }
    }
    return false;
}

static inline void llmobs_fork_settled(atomic_int *word)
{
    atomic_store(word, llmobs_fork_process());
}

#endif
