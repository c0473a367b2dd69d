/* fork - tells whether this process or its parent wrote a state, in memory that
 * a child inherits.
 *
 * Owns:    a page, for ever.
 * Threads: any.
 * Errors:  -errno of the registration; without it only the pid tells processes
 *          apart.
 * Limits:  without the page (before Linux 4.14) each question is a system call,
 *          and a process gets the number of its ancestor 512 forks earlier if
 *          both have the same pid.
 *
 * Each process has a number here. Its pid would not do: getpid is a system
 * call, and a parent and a child that are each the first process of a pid
 * namespace have the same pid. A child that shares the parent's memory, as
 * vfork's does until it executes, has the parent's number: all state in that
 * memory is the parent's.
 *
 * A word beside the state holds the number of the process that has the state,
 * or its negative while one thread of that process resets the state and the
 * other threads wait.
 */
#ifndef LLMOBS_FORK_H
#define LLMOBS_FORK_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Registers the handler, once. -ENOMEM. */
int llmobs_fork_init(void);

/* The number of this process. It is positive, and a child with its own memory
 * has another number than all its ancestors. No system call. */
int llmobs_fork_process(void);

/* Records the pid for llmobs_fork_shares: a system call, once in a process. */
void llmobs_fork_record_pid(void);

/* The pid of this process; records it first, as llmobs_fork_record_pid. */
int llmobs_fork_pid(void);

/* The real user id of this process, as it was when it was asked for first. */
unsigned llmobs_fork_uid(void);

/* True in a child that shares the memory of the process that recorded its pid:
 * a system call. */
bool llmobs_fork_shares(void);

/* Like llmobs_fork_record_pid and _shares, but for the process that loaded the
 * core. Its pid is recorded only for this question, so that a process that
 * calls no model makes no system call at its exit. */
void llmobs_fork_record_load_pid(void);
bool llmobs_fork_shares_since_load(void);

/* True once in a process that finds another process's state: the caller resets
 * the state and calls llmobs_fork_end_reset, which lets the other threads go
 * on.
 */
static inline bool llmobs_fork_begin_reset(atomic_int *word)
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

static inline void llmobs_fork_end_reset(atomic_int *word)
{
    atomic_store(word, llmobs_fork_process());
}

#endif
