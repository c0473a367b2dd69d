/* worker_turn - which thread delivers at the moment, in which process.
 *
 * One thread at a time has the worker's turn, and only that thread delivers. A
 * child of fork has a worker of its own, which begins anew.
 *
 * Threads: any.
 */
#ifndef LLMOBS_WORKER_TURN_H
#define LLMOBS_WORKER_TURN_H

#include "lib/base/signal_guard.h"
#include "core/deliver/worker.h"
#include "core/deliver/worker_state.h"

/* True where the worker's thread runs, or is about to. */
bool llmobs_worker_has_thread(struct llmobs_worker *worker);

/* Starts the thread unless it runs or ran before, the configuration wants no
 * thread, or the system refused a thread a moment ago. */
void llmobs_worker_start_thread(struct llmobs_worker *worker);

/* True where the spool has all that waits. */
bool llmobs_worker_disk_has_all(struct llmobs_worker *worker);

/* The spool of this process; NULL: it has no spool. Borrowed. */
struct llmobs_spool *llmobs_worker_spool_of(struct llmobs_worker *worker);

/* Ends a sleep of the worker's thread. */
void llmobs_worker_wake(struct llmobs_worker *worker);

/* _take_turn: false where another thread has it, or a caller wants a pause. */
bool llmobs_worker_take_turn(struct llmobs_worker *worker);
void llmobs_worker_leave_turn(struct llmobs_worker *worker);

/* Takes the turn on an app's thread, and blocks the signals of that thread: no
 * handler of the app may run while the thread delivers, and a signal that the
 * delivery's own writing raises (SIGXFSZ kills) may not reach the app. False:
 * another thread has the turn. */
bool llmobs_worker_begin_inline(struct llmobs_worker *worker,
                                struct llmobs_signal_guard *guard);

void llmobs_worker_end_inline(struct llmobs_worker *worker,
                              const struct llmobs_signal_guard *guard);

/* Delivers on an app's thread. -EBUSY: another thread has the turn. */
int llmobs_worker_deliver_inline(struct llmobs_worker *worker,
                                 enum llmobs_run how, int64_t deadline_ns);

/* Makes events of the items that were given, for at most `ms`; on another stack
 * if this stack is small. */
void llmobs_worker_encode_aside(struct llmobs_worker *worker, int64_t ms);

/* Each call of an app's thread begins with this: a child resets the worker. */
void llmobs_worker_check_fork(struct llmobs_worker *worker);

/* False in a child to which nothing was given yet: the worker's state is still
 * its parent's. This look does not reset the state, which would take system
 * calls. */
bool llmobs_worker_is_ours(struct llmobs_worker *worker);

#endif
