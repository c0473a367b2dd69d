/* fork_gate - keeps a fork of the app apart from calls that a fork must not
 * catch half-way.
 *
 * Threads: enter and leave: any thread of the library. The fork handlers run in
 *          the app's thread that forks.
 * Errors:  none; a fork that waited long enough goes on.
 * Limits:  a fork waits LLMOBS_FORK_GATE_REST_MS for the end of the library's
 *          threads (llmobs_thread_rest), even of a thread that looks a name up,
 *          and LLMOBS_FORK_GATE_CALL_MS for a call, or for the last moments of
 *          a thread: these compute and do not wait. After a wait in vain, the
 *          next fork does not wait for the same threads, and waits
 *          LLMOBS_FORK_GATE_AGAIN_MS for the others.
 * Fork:    a child begins with the gate open.
 *
 * Where a thread of the library holds a lock of the TLS library while the app
 * forks, that lock stays taken in the child for ever.
 */
#ifndef LLMOBS_FORK_GATE_H
#define LLMOBS_FORK_GATE_H

#include <stdatomic.h>
#include <stddef.h>

#define LLMOBS_FORK_GATE_REST_MS 5
#define LLMOBS_FORK_GATE_CALL_MS 1000
#define LLMOBS_FORK_GATE_AGAIN_MS 5

/* Registers the handlers, once; before the first enter, and before a thread of
 * the library begins. -ENOMEM. */
int llmobs_fork_gate_init(void);

/* Starts a thread as llmobs_thread_start does, once the handlers are there. All
 * of the library's threads begin so, except the last one of a process. */
int llmobs_fork_gate_thread(void (*run)(void *), void *arg, size_t stack,
                            atomic_uint *bell);

/* A thread of the library calls _enter before, and _leave after, a call into
 * libcurl that does not wait. While the app forks, _enter waits for the end of
 * the fork. After _enter, a thread of the app that forks waits until the
 * library's thread calls _leave, within the limits above. Calls of _enter are
 * not nested. */
void llmobs_fork_gate_enter(void);
void llmobs_fork_gate_leave(void);

/* How many forks have gone on beside a thread of the library since the last
 * question. */
unsigned llmobs_fork_gate_missed(void);

/* Opens the gate, in a child for which the handlers did not run. */
void llmobs_fork_gate_reset(void);

#endif
