/* holder - the right to touch an exchange that a thread of the app fills, and
 * that the exit handler may claim.
 *
 * Owns:    one word beside the exchange; 0: nobody has the right.
 * Threads: the thread that fills the exchange locks; the exit handler tries.
 * Errors:  none.
 * Limits:  the owner waits at most 100 ms for the exit handler, which holds the
 *          right for a pointer swap: a child that was forked meanwhile has no
 *          thread that ends it.
 *
 * The owner holds the right for the length of an append or of a write to the
 * disk. A siglongjmp out of that leaves it held, and the thread's next lock
 * succeeds at once.
 */
#ifndef LLMOBS_HOLDER_H
#define LLMOBS_HOLDER_H

#include <stdatomic.h>
#include <stdbool.h>

void llmobs_holder_lock(atomic_int *holder);

/* For the exit handler. Gives up after about `ms` milliseconds: the owner's
 * thread may be gone. */
bool llmobs_holder_trylock(atomic_int *holder, int ms);

void llmobs_holder_unlock(atomic_int *holder);

#endif
