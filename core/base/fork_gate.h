/* fork_gate - keeps a fork of the app and what must not be forked half-way
 * apart.
 *
 * Threads: enter and leave: any thread of ours. The fork handlers run in the
 *          app's thread that forks.
 * Errors:  none; a fork that waited long enough goes on.
 * Limits:  a fork waits LLMOBS_FORK_GATE_CALL_MS for a call, which computes and
 *          does not wait, and LLMOBS_FORK_GATE_LOOKUP_MS for a look-up. Where
 *          it waited in vain, the next fork waits LLMOBS_FORK_GATE_AGAIN_MS for
 *          the same one.
 * Fork:    a child begins with the gate open.
 *
 * Locks of the C library's resolver and of the TLS library that one of our
 * threads holds while the app forks stay locked in the child for ever.
 */
#ifndef LLMOBS_FORK_GATE_H
#define LLMOBS_FORK_GATE_H

#define LLMOBS_FORK_GATE_CALL_MS 1000
#define LLMOBS_FORK_GATE_LOOKUP_MS 200
#define LLMOBS_FORK_GATE_AGAIN_MS 5

enum llmobs_fork_gate {
    LLMOBS_FORK_GATE_CALL,  /* into libcurl, without waiting there */
    LLMOBS_FORK_GATE_LOOKUP /* into the resolver */
};

/* Registers the handlers, once; before the first enter. -ENOMEM. */
int llmobs_fork_gate_init(void);

/* Waits while the app forks; then a fork waits for leave. Not nested. */
void llmobs_fork_gate_enter(enum llmobs_fork_gate kind);
void llmobs_fork_gate_leave(enum llmobs_fork_gate kind);

/* Opens the gate: for a child that came to be without the handlers. */
void llmobs_fork_gate_reset(void);

#endif
