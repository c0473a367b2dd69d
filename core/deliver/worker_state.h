/* worker_state - the state of a worker, and what its files share:
 * worker_thread.c has the turn and the thread, worker_submit.c the steps of a
 * call, worker_exit.c flushes, pauses and the end.
 *
 * Threads: any.
 */
#ifndef LLMOBS_WORKER_STATE_H
#define LLMOBS_WORKER_STATE_H

#include <signal.h>
#include <stdatomic.h>

#include "core/deliver/delivery.h"
#include "core/deliver/worker.h"
#include "lib/base/signal_guard.h"

/* The time between two tries of a flush, on whatever thread. The worker's has
 * more of them than a destination has tries, because another thread may have
 * the turn in some. */
#define LLMOBS_WORKER_PAUSE_MS 10

enum {
    LLMOBS_WORKER_NONE, /* the next item starts a thread */
    LLMOBS_WORKER_NEW,  /* started, and has not begun: a stop may still take its
                           work */
    LLMOBS_WORKER_RUNNING, /* delivers, or sleeps until it has to */
    LLMOBS_WORKER_ENDED    /* for good */
};

struct llmobs_worker {
    const struct llmobs_config *config;
    struct llmobs_delivery delivery;
    bool brief;            /* the program ends with its calls */
    atomic_bool sandboxed; /* it has ever taken on a filter */
    /* The process whose exit found that nothing was begun or submitted. A call
     * sets delivery.began_ns and then reads this; the exit handler sets this
     * and then reads began_ns. If both happen at once, at least one notices the
     * other. */
    atomic_int ended_quietly;
    /* The process to which the state below belongs (fork.h): of a child all of
     * it is 0. */
    atomic_int process;

    void (*at_exit)(void); /* the exit handler, once it runs */
    atomic_int turn;       /* of the thread that delivers (sole.h) */
    atomic_bool paused;    /* nobody is to deliver */
    atomic_uint thread; /* LLMOBS_WORKER_NONE and so on; a stop sleeps on it */
    /* The thread sleeps on `events`; `idle` says that whoever submits an item
     * must wake it; `given`: how often something was put. */
    atomic_uint events;
    atomic_int idle;
    atomic_uint given;
    /* Flushes asked for, and flushes done; a flush sleeps on `served`. */
    atomic_uint asked;
    atomic_uint served;
    atomic_bool warm;          /* connections are wanted */
    _Atomic int64_t warm_ns;   /* when they were last asked for */
    _Atomic int64_t failed_ns; /* when a start of the thread failed; 0: none */
    sigset_t signals;          /* the mask of the thread's starter */
    /* The thread's own: when it last looked for threads of the app, and whether
     * it found none; when it last had something to do. */
    int64_t looked_ns;
    bool last;
    int64_t busy_ns;

    atomic_bool stop;
    atomic_bool withdrawn;    /* the thread ends, and no other is started */
    atomic_bool confined;     /* under a filter, and nothing submitted since */
    atomic_bool left;         /* a stop has left items on the disk */
    _Atomic int64_t bound_ns; /* since when a retreat bounds each send */
    _Atomic int64_t relayed_ns; /* when the relay first got an item */
    _Atomic int64_t relay_ns;   /* when a relay was last to be started */
    atomic_uint calls;          /* begun by a brief program */
};

/* Each call of an app's thread begins with this. A child begins anew and frees
 * nothing that it inherited: a thread of the parent may have been in the middle
 * of changing it. Where its parent's exit handler has begun, it has none. */
void llmobs_worker_check_fork(struct llmobs_worker *worker);

/* False in a child that has submitted nothing yet: the state is still its
 * parent's. This look does not reset it, because that needs system calls. */
bool llmobs_worker_is_of_process(struct llmobs_worker *worker);

/* The spool of this process; NULL: it has no spool. */
struct llmobs_spool *llmobs_worker_spool_of(struct llmobs_worker *worker);

/* How many calls the disk has that are neither delivered nor left there. The
 * number may be wrong by a few while threads submit items. */
size_t llmobs_worker_count_kept(void);

/* True where the spool has all that waits. */
bool llmobs_worker_disk_has_all(struct llmobs_worker *worker);

/* Claims the turn on an app's thread; false: another thread has it, or nobody
 * is to deliver. No handler of the app may run while that thread delivers, and
 * a signal that the delivery's own writing raises (SIGXFSZ kills) must not
 * reach the app. */
bool llmobs_worker_begin_inline(struct llmobs_worker *worker,
                                struct llmobs_signal_guard *guard);
void llmobs_worker_end_inline(struct llmobs_worker *worker,
                              const struct llmobs_signal_guard *guard);

/* Starts a relay where the process lacks a way to a destination, none lives for
 * it, and the process may start one. Otherwise its calls stay in the spool,
 * until a relay for them lives. */
void llmobs_worker_have_relay(struct llmobs_worker *worker);

/* True where the thread runs, or is about to. */
bool llmobs_worker_has_thread(struct llmobs_worker *worker);

/* Ends a sleep of the thread. */
void llmobs_worker_wake(struct llmobs_worker *worker);

/* Starts the thread unless it runs or ran before, the configuration wants no
 * thread, or the system refused a thread a moment ago. */
void llmobs_worker_start_thread(struct llmobs_worker *worker);

/* True where connecting takes so long that it is done ahead. */
bool llmobs_worker_wants_warm(const struct llmobs_worker *worker);

#endif
