/* turn - the app's dlopen and dlclose, and our own changes of what is loaded,
 * take turns.
 *
 * Owns:    LLMOBS_TURNS static places, each one thread's turn.
 * Threads: any, also before the constructor. A place belongs to the thread that
 *          took it, until it ends its turn.
 *          One whose thread leaves by longjmp, or ends within, stays taken, as
 *          the loader's lock does.
 * Errors:  a thread that may not load now goes on unobserved, and asks again at
 *          its next call. The app always goes on.
 * Limits:  LLMOBS_TURNS turns at a time. While the app has more than that,
 *          nothing is loaded, nor in a child that is born then.
 * Fork:    plain memory. A child that is born while another thread has a turn
 *          loads nothing, for good: that thread may hold locks of the loader,
 *          and of exit's handlers, that no fork gives back, and the loader's
 *          half-done work is not the child's to finish.
 *
 * The app makes no system call here but where somebody loads or waits.
 *
 * In a dlclose the loader has settled which objects go, and then calls their
 * destructors: what is loaded from there may be bound to an object that goes,
 * and an object that is pinned from there makes the loader end the process. A
 * destructor, or a constructor in a dlopen, may also wait for another thread,
 * which must then not wait for the loader's lock on our account.
 */
#ifndef LLMOBS_TURN_H
#define LLMOBS_TURN_H

#include "shim/libc.h"

#define LLMOBS_TURNS 16

/* Longer than a dlclose takes whose destructors wait for nobody. */
#define LLMOBS_TURN_CLOSE_US 50000

/* A slow disk makes opening slow. */
#define LLMOBS_TURN_OPEN_US 1000000

/* Waited for by the app while another thread loads the core: the loader's lock
 * would make it wait just so. */
#define LLMOBS_TURN_LOAD_US 1000000

struct llmobs_turn;

enum llmobs_turn_kind { LLMOBS_TURN_CLOSE = 1, LLMOBS_TURN_OPEN };

/* Around what the app does; NULL where no place is left, which ends just so. */
struct llmobs_turn *llmobs_turn_begin(enum llmobs_turn_kind kind);
void llmobs_turn_end(struct llmobs_turn *turn);

/* Around each change of ours; NULL: not now. */
struct llmobs_turn *llmobs_turn_load(void);
void llmobs_turn_load_end(struct llmobs_turn *turn);

/* True inside a dlclose of the calling thread. */
bool llmobs_turn_in_close(void);

#endif
