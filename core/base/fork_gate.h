/* fork_gate - keeps a fork of the app apart from calls that a fork must not
 * catch half-way.
 *
 * Threads: enter and leave: any thread of the library. The fork handlers run in
 *          the app's thread that forks.
 * Errors:  none; a fork that waited long enough goes on.
 * Limits:  a fork waits LLMOBS_FORK_GATE_CALL_MS for a call, which computes and
 *          does not wait, and LLMOBS_FORK_GATE_LOOKUP_MS for a look-up. After a
 *          wait in vain, the next fork waits only LLMOBS_FORK_GATE_AGAIN_MS for
 *          the same call or look-up.
 * Fork:    a child begins with the gate open.
 *
 * Where a thread of the library holds a lock of the C library's resolver or of
 * the TLS library while the app forks, that lock stays taken in the child for
 * ever.
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

/* Opens the gate, in a child for which the handlers did not run. */
void llmobs_fork_gate_reset(void);

#endif
