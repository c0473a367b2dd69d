/* fork - which process this is, and state that belongs to one process, in
 * memory that a child inherits.
 *
 * Owns:    a page, for good.
 * Threads: any.
 * Errors:  -errno of the registration; without it the pid alone tells.
 * Limits:  without the page (before Linux 4.14) it is a system call, and a
 *          process is taken for an ancestor of the same pid 512 forks away.
 * Fork:    what this is about. A process is told by a number, not by its pid,
 *          which it would have to ask for, and which does not tell a child
 *          where its parent is the first process of a pid namespace and the
 *          child that of another. A child that shares our memory, as vfork's
 *          does until it executes, is its parent here: what is in that memory
 *          is the parent's.
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

/* This process: positive, and another number than any ancestor's in a child
 * with its own memory. No system call. */
int llmobs_fork_process(void);

/* Notes the pid, for the next one: once in a process, a system call. */
void llmobs_fork_note(void);

/* True in a child that shares the memory of the process that noted its pid: a
 * system call. */
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
