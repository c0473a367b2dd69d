/* turn - lets the app's dlopen and dlclose, and the shim's own loading, take
 * turns.
 *
 * Owns:    LLMOBS_TURNS static structures, each for one thread's turn.
 * Threads: any, also before the constructor. A structure belongs to the thread
 *          that claimed it until its turn ends. If the thread leaves by
 *          longjmp, or ends, within its turn, it stays claimed, as the loader's
 *          lock does.
 * Errors:  a thread that may not load now continues unobserved, and asks again
 *          at its next call. The app is never stopped.
 * Limits:  LLMOBS_TURNS turns at a time. While the app has more turns, nothing
 *          is loaded, also not in a child that is forked then.
 * Fork:    a child that is born while another thread has a turn never loads:
 *          that thread may hold locks of the loader and of exit's handlers,
 *          which are never released in the child, and the child cannot finish
 *          the loader's half-done work.
 *
 * The app's thread makes no system call here except where a thread loads or
 * waits.
 *
 * In a dlclose the loader first decides which objects it unloads, and then
 * calls their destructors. An object that is loaded from there may be bound to
 * one that is unloaded, and an object that is pinned from there makes the
 * loader end the process. A destructor, or a constructor in a dlopen, may also
 * wait for another thread, and that thread must not wait for the loader's lock
 * because of the shim.
 */
#ifndef LLMOBS_TURN_H
#define LLMOBS_TURN_H

#include "shim/libc.h"

#define LLMOBS_TURNS 16

/* Longer than a dlclose takes unless its destructors wait for another thread.
 */
#define LLMOBS_TURN_CLOSE_US 50000

/* Long enough for a slow disk. */
#define LLMOBS_TURN_OPEN_US 1000000

/* The longest time that the app waits while another thread loads the core.
 * Without this wait the loader's lock would make it wait. */
#define LLMOBS_TURN_LOAD_US 1000000

struct llmobs_turn;

enum llmobs_turn_kind { LLMOBS_TURN_CLOSE = 1, LLMOBS_TURN_OPEN };

/* Called before and after the app's dlopen or dlclose. NULL where all
 * structures are in use; _end accepts NULL. */
struct llmobs_turn *llmobs_turn_begin(enum llmobs_turn_kind kind);
void llmobs_turn_end(struct llmobs_turn *turn);

/* Called before and after the shim loads or pins; NULL: not allowed now. */
struct llmobs_turn *llmobs_turn_begin_load(void);
void llmobs_turn_end_load(struct llmobs_turn *turn);

/* True inside a dlclose of the calling thread. */
bool llmobs_turn_in_close(void);

#endif
