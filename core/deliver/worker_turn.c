#include "core/deliver/worker_turn.h"

#include "lib/base/aside.h"
#include "lib/base/clock.h"
#include "lib/base/filter.h"
#include "lib/base/fork.h"
#include "lib/base/futex.h"
#include "core/export/http.h"
#include "lib/base/hazard.h"
#include "lib/base/sole.h"

bool llmobs_worker_has_thread(struct llmobs_worker *worker)
{
    return atomic_load(&worker->thread) == LLMOBS_WORKER_RUNNING;
}

struct llmobs_spool *llmobs_worker_spool_of(struct llmobs_worker *worker)
{
    return llmobs_filter_still() ? NULL
                                 : worker->delivery.account.backlog.spool;
}

void llmobs_worker_wake(struct llmobs_worker *worker)
{
    atomic_fetch_add(&worker->events, 1);
    if (LLMOBS_HAZARD(wakes_nobody, llmobs_worker_has_thread(worker), true))
        llmobs_futex_wake(&worker->events);
}

bool llmobs_worker_take_turn(struct llmobs_worker *worker)
{
    if (!llmobs_sole_take(&worker->turn))
        return false;
    if (atomic_load(&worker->paused) == 0)
        return true;
    llmobs_sole_leave(&worker->turn);
    return false;
}

void llmobs_worker_leave_turn(struct llmobs_worker *worker)
{
    llmobs_sole_leave(&worker->turn);
}

bool llmobs_worker_begin_inline(struct llmobs_worker *worker,
                                struct llmobs_signal_guard *guard)
{
    LLMOBS_HAZARD(loud, llmobs_signal_guard_begin(guard),
                  *guard = (struct llmobs_signal_guard){.cancel = 0});
    if (llmobs_worker_take_turn(worker))
        return true;
    LLMOBS_HAZARD(loud, llmobs_signal_guard_end(guard), );
    return false;
}

void llmobs_worker_end_inline(struct llmobs_worker *worker,
                              const struct llmobs_signal_guard *guard)
{
    llmobs_worker_leave_turn(worker);
    LLMOBS_HAZARD(loud, llmobs_signal_guard_end(guard), );
}

/* -- delivering ---------------------------------------------------------- */

int llmobs_worker_deliver_inline(struct llmobs_worker *worker,
                                 enum llmobs_run how, int64_t deadline_ns)
{
    struct llmobs_signal_guard guard;
    int rc;

    if (!llmobs_worker_begin_inline(worker, &guard))
        return -EBUSY;
    rc = llmobs_delivery_run(&worker->delivery, how, deadline_ns);
    llmobs_worker_end_inline(worker, &guard);
    return rc;
}

static void worker_turn_encode(void *arg, int64_t until_ns)
{
    (void)llmobs_worker_deliver_inline(arg, LLMOBS_RUN_INLINE, until_ns);
}

void llmobs_worker_encode_aside(struct llmobs_worker *worker, int64_t ms)
{
    (void)llmobs_aside_run(worker_turn_encode, worker, worker->config->thread,
                           ms);
}

/* -- fork ---------------------------------------------------------------- */

/* A child begins anew and frees nothing that it inherited: a thread of the
 * parent may have been in the middle of changing it. */
static void reset(struct llmobs_worker *worker)
{
    llmobs_delivery_reset(&worker->delivery);
    atomic_store(&worker->stop, false);
    atomic_store(&worker->withdrawn, false);
    atomic_store(&worker->confined, false);
    atomic_store(&worker->left, 0);
    atomic_store(&worker->fresh, false);
    atomic_store(&worker->failed_ns, 0);
    atomic_store(&worker->calls, 0);
    atomic_store(&worker->handed_ns, 0);
    atomic_store(&worker->idle, 0);
    atomic_store(&worker->asked, 0);
    atomic_store(&worker->served, 0);
    atomic_store(&worker->turn, 0);
    atomic_store(&worker->paused, 0);
    atomic_store(&worker->warm, false);
    atomic_store(&worker->warm_ns, 0);
    atomic_store(&worker->bound_ns, 0);
    atomic_store(&worker->thread, LLMOBS_WORKER_NONE);
}

void llmobs_worker_check_fork(struct llmobs_worker *worker)
{
    if (!llmobs_fork_unsettled(&worker->process))
        return;
    LLMOBS_HAZARD(child_goes_on, reset(worker), );
    llmobs_fork_settled(&worker->process);
}

bool llmobs_worker_is_ours(struct llmobs_worker *worker)
{
    return !llmobs_filter_still() &&
           atomic_load(&worker->process) == llmobs_fork_process();
}
