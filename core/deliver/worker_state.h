/* worker_state - the state of a worker, and what its files (worker_*.c) share:
 * which thread delivers at the moment, in which process.
 *
 * One thread at a time has the worker's turn, and only that thread delivers. A
 * child of fork has a worker of its own, which begins anew.
 *
 * Threads: any.
 */
#ifndef LLMOBS_WORKER_STATE_H
#define LLMOBS_WORKER_STATE_H

#include <signal.h>
#include <stdatomic.h>

#include "lib/base/signal_guard.h"
#include "core/deliver/delivery.h"
#include "core/deliver/worker.h"

/* The time between two tries of a flush, on whatever thread. */
#define LLMOBS_WORKER_PAUSE_MS 10

enum llmobs_worker_thread {
    LLMOBS_WORKER_NONE,    /* the next item starts a thread */
    LLMOBS_WORKER_RUNNING, /* or about to */
    LLMOBS_WORKER_ENDED    /* for good */
};

struct llmobs_worker {
    const struct llmobs_config *config;
    struct llmobs_delivery delivery;

    /* The process to which the state below belongs (fork.h). */
    atomic_int process;
    atomic_uint thread; /* enum llmobs_worker_thread; a stop sleeps on it */
    _Atomic int64_t failed_ns; /* when a start of the thread failed; 0: none */
    sigset_t signals;          /* the mask of the thread's starter */
    /* Used by the worker's thread alone: when it last looked for threads of the
     * app, and whether it found none; when it last had something to do, and
     * whether it may end now. */
    int64_t looked_ns;
    bool last;
    int64_t busy_ns;
    bool rests;
    atomic_bool stop;
    atomic_bool withdrawn; /* the thread ends, and no other is started */
    atomic_bool confined;  /* under a filter, and no item was submitted since */
    atomic_bool sandboxed; /* it has ever taken on a filter */
    atomic_size_t left;    /* items that its stops have left on the disk */
    /* The process that has begun or submitted something, and the process whose
     * exit found that it had done neither. A call sets `active` and then reads
     * `ended_quietly`; the exit handler sets `ended_quietly` and then reads
     * `active`. If both happen at once, at least one notices the other. */
    atomic_int active;
    atomic_int ended_quietly;
    /* The process whose exit has run the handler, and that handler. */
    atomic_int exited;
    void (*exit_again)(void);
    /* The thread was started and has not begun to work. Either the thread or a
     * stop clears this, and whichever clears it delivers first. */
    atomic_bool fresh;

    /* The thread sleeps on `events`; `idle` says that whoever submits
     * an item must wake it. */
    atomic_uint events;
    atomic_int idle;
    atomic_uint given;          /* how often something was put */
    _Atomic int64_t relayed_ns; /* when the relay first got an item */
    _Atomic int64_t relay_ns;   /* when a relay was last to be started */
    /* Flushes asked for, and flushes done; a flush sleeps on `served`. */
    atomic_uint asked;
    atomic_uint served;

    atomic_int turn;          /* of the thread that delivers (sole.h) */
    atomic_int paused;        /* callers that want no delivery */
    atomic_bool warm;         /* connections are wanted */
    _Atomic int64_t warm_ns;  /* when they were last asked for */
    _Atomic int64_t bound_ns; /* since when a retreat bounds each send */
    bool brief;               /* the program ends with its calls */
    atomic_uint calls;        /* begun by a brief program */
};

/* True where the worker's thread runs, or is about to. */
bool llmobs_worker_has_thread(struct llmobs_worker *worker);

/* True where connecting takes so long that it is done ahead. */
bool llmobs_worker_wants_warm(const struct llmobs_worker *worker);

/* Starts the thread unless it runs or ran before, the configuration wants no
 * thread, or the system refused a thread a moment ago. */
void llmobs_worker_start_thread(struct llmobs_worker *worker);

/* Starts a relay where the process lacks a way to a destination, none lives for
 * it, and the process may start one. */
void llmobs_worker_have_relay(struct llmobs_worker *worker);

/* The spool of this process; NULL: it has no spool. Borrowed. */
struct llmobs_spool *llmobs_worker_spool_of(struct llmobs_worker *worker);

/* Ends a sleep of the worker's thread. */
void llmobs_worker_wake(struct llmobs_worker *worker);

/* _begin_turn: false where another thread has it, or a caller wants a pause. */
bool llmobs_worker_begin_turn(struct llmobs_worker *worker);
void llmobs_worker_end_turn(struct llmobs_worker *worker);

/* Claims the turn on an app's thread, and blocks the signals of that thread: no
 * handler of the app may run while the thread delivers, and a signal that the
 * delivery's own writing raises (SIGXFSZ kills) must not reach the app. False:
 * another thread has the turn. */
bool llmobs_worker_begin_inline(struct llmobs_worker *worker,
                                struct llmobs_signal_guard *guard);

void llmobs_worker_end_inline(struct llmobs_worker *worker,
                              const struct llmobs_signal_guard *guard);

/* Makes events of the submitted items, for at most `ms`; on another stack if
 * this stack is small. */
void llmobs_worker_encode_aside(struct llmobs_worker *worker, int64_t ms);

/* Each call of an app's thread begins with this: a child resets the worker. */
void llmobs_worker_check_fork(struct llmobs_worker *worker);

/* False in a child that has submitted nothing yet: the worker's state is still
 * its parent's. This look does not reset the state, because that needs system
 * calls. */
bool llmobs_worker_is_of_process(struct llmobs_worker *worker);

/* How many calls the disk has that are neither delivered nor left there. The
 * number may be wrong by a few while threads submit items. */
size_t llmobs_worker_kept(void);

/* True where the spool has all that waits. */
bool llmobs_worker_disk_has_all(struct llmobs_worker *worker);

#endif
