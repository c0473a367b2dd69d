/* worker_inner - what the parts of the worker share. For them alone.
 *
 * worker.c: what is given; worker_thread.c: the thread; worker_end.c: flushing,
 * the end of the process, and draining.
 */
#ifndef LLMOBS_WORKER_INNER_H
#define LLMOBS_WORKER_INNER_H

#include <signal.h>
#include <stdatomic.h>

#include "core/base/futex.h"
#include "core/base/signal_guard.h"
#include "core/deliver/delivery.h"
#include "core/deliver/worker.h"

#define LLMOBS_RETRY_PAUSE_MS 10

enum llmobs_thread_state {
    LLMOBS_THREAD_NONE,
    LLMOBS_THREAD_STARTING,
    LLMOBS_THREAD_RUNNING,
    LLMOBS_THREAD_ENDED /* for good */
};

struct llmobs_worker {
    const struct llmobs_config *config;
    struct llmobs_delivery delivery;

    /* Whose the state below is (fork.h). */
    atomic_int process;
    atomic_uint thread; /* enum llmobs_thread_state; a stop sleeps on it */
    _Atomic int64_t failed_ns;
    sigset_t signals; /* blocked by who started the thread */
    /* The thread's: when it last looked for the app's, and whether none was
     * left. */
    int64_t looked_ns;
    bool last;
    atomic_bool stop;
    /* The process that has begun or given something, and the process whose exit
     * found that it had not. A thread that sets one reads the other then. */
    atomic_int stirred;
    atomic_int ended_quietly;
    /* The thread was started and has not begun to work. The thread or a stop
     * clears it; the one that does delivers first. */
    atomic_bool fresh;

    /* The thread sleeps on `events`; `idle` says that a give must wake it. */
    atomic_uint events;
    atomic_int idle;
    atomic_uint given; /* how often something was put */
    /* Flushes asked for and answered; flushers sleep on `served`. */
    atomic_uint asked;
    atomic_uint served;

    atomic_int gate;   /* 1: somebody delivers */
    atomic_int paused; /* so many want that nobody does */
    atomic_bool warm;  /* connections are wanted */
    _Atomic int64_t warm_ns;
    _Atomic int64_t bound_ns; /* since when a retreat bounds what is sent */
    /* Constant once something is given. */
    bool wants_warm;
    bool brief;        /* the program ends with its calls */
    atomic_uint calls; /* of a brief one, so many */
    llmobs_worker_note_fn *note;
    llmobs_worker_close_fn *close;
};

static inline bool llmobs_worker_has_thread(struct llmobs_worker *worker)
{
    unsigned state = atomic_load(&worker->thread);

    return state == LLMOBS_THREAD_STARTING || state == LLMOBS_THREAD_RUNNING;
}

static inline struct llmobs_spool *llmobs_worker_spool(
    struct llmobs_worker *worker)
{
    return worker->delivery.account.backlog.spool;
}

static inline void llmobs_worker_wake(struct llmobs_worker *worker)
{
    atomic_fetch_add(&worker->events, 1);
    if (llmobs_worker_has_thread(worker))
        llmobs_futex_wake(&worker->events);
}

static inline bool llmobs_worker_gate_take(struct llmobs_worker *worker)
{
    int none = 0;

    if (!atomic_compare_exchange_strong(&worker->gate, &none, 1))
        return false;
    if (atomic_load(&worker->paused) == 0)
        return true;
    atomic_store(&worker->gate, 0);
    return false;
}

static inline void llmobs_worker_gate_leave(struct llmobs_worker *worker)
{
    atomic_store(&worker->gate, 0);
}

/* The gate for an app's thread, on which no handler of the app may run
 * meanwhile, and which no signal that our own writing raised (SIGXFSZ kills)
 * may reach. False: somebody else has it. */
static inline bool llmobs_worker_inline_begin(struct llmobs_worker *worker,
                                              struct llmobs_signal_guard *guard)
{
    llmobs_signal_guard_begin(guard);
    if (llmobs_worker_gate_take(worker))
        return true;
    llmobs_signal_guard_end(guard);
    return false;
}

static inline void llmobs_worker_inline_end(
    struct llmobs_worker *worker, const struct llmobs_signal_guard *guard)
{
    llmobs_worker_gate_leave(worker);
    llmobs_signal_guard_end(guard);
}

/* Delivers on an app's thread. -EBUSY: somebody else does. */
int llmobs_worker_deliver_inline(struct llmobs_worker *worker,
                                 enum llmobs_run how, int64_t deadline_ns);

/* Makes events of what was given, for at most `ms`; aside where this stack is
 * small. */
void llmobs_worker_encode(struct llmobs_worker *worker, int64_t ms);

/* First of all where an app's thread comes in: a child begins anew. */
void llmobs_worker_check_fork(struct llmobs_worker *worker);

/* As that, before anything that leaves something to end. */
void llmobs_worker_stir(struct llmobs_worker *worker);

/* True for the curl tool, which ends after its transfers, mostly after one:
 * starting a thread and ending it costs that as much as all delivery. */
bool llmobs_worker_is_brief(void);

/* Starts the thread unless there is one, or none is wanted or to be had. */
void llmobs_worker_thread_start(struct llmobs_worker *worker);

#endif
