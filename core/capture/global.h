/* global - libcurl's global state, copy by copy, the operations behind the
 * thunks of curl_global_*, and the end of the process.
 *
 * Owns:    a record of each copy that the app has initialised; the exit
 *          handler.
 * Threads: any, as the libcurl functions that lead here.
 * Limits:  8 copies of libcurl; we make no requests through further ones. The
 *          first cleanup that takes libcurl down while events wait for a remote
 *          intake delivers them, as most processes end after it: it waits for
 *          an exit's time at most, and the exit has the rest of that time. A
 *          later cleanup waits for a request that is under way, half of that
 *          time at most, and not at all within 30 s after a cleanup whose wait
 *          timed out.
 * Fork:    a child is in the state of its parent, and its exit delivers the
 *          calls that it captured itself. It does not wait for a cleanup of the
 *          parent.
 *
 * We hold no reference to libcurl's global state: it would make a later
 * curl_global_init_mem of the app ineffective. So our requests may use a copy
 * only from the app's first init to its last cleanup, and once more when the
 * process exits.
 */
#ifndef LLMOBS_GLOBAL_H
#define LLMOBS_GLOBAL_H

#include "core/deliver/worker.h"
#include "include/engine.h"

enum llmobs_up {
    LLMOBS_UP_INIT,
    LLMOBS_UP_INIT_MEM, /* with the app's own allocator */
    LLMOBS_UP_HANDLE    /* an easy handle: initialises where the app has not */
};

/* Runs once, before the others. Borrows the worker for ever. `at_end` passes
 * the calls that are under way to the worker as the process exits. */
void llmobs_global_start(struct llmobs_worker *worker, void (*at_end)(void));

/* The program uses the C API, or calls by a TLS library: its spans are
 * delivered at its exit, also without libcurl. */
void llmobs_global_deliver_at_exit(void);

/* Called before a real function that may be libcurl's first init. If several
 * threads call it at once, all but the first sleep here until the first is
 * done, at most 50 ms. Since 7.84 libcurl would let them spin, and with more
 * threads than processors they would keep the first thread from running. True:
 * this thread is the first, and ends its turn after llmobs_global_up.
 * _claim_turn preserves errno.
 */
bool llmobs_global_claim_turn(const struct llmobs_real *real);
void llmobs_global_end_turn(const struct llmobs_real *real);

/* After a real function that succeeded. */
void llmobs_global_up(const struct llmobs_real *real, enum llmobs_up how);

LLMOBS_GLOBAL_HOOKS(LLMOBS_OPERATION)

#endif
