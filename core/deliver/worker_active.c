#include "core/deliver/worker_active.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/filter.h"
#include "lib/base/fork.h"
#include "lib/base/hazard.h"
#include "core/deliver/worker_turn.h"
#include "core/deliver/worker_wait.h"
#include "core/export/curl_access.h"

static bool is_active(struct llmobs_worker *worker)
{
    return atomic_load(&worker->active) == llmobs_fork_process();
}

static void nothing(void)
{
}

/* True while the process exits. During exit the C library still accepts a
 * handler; once exit has run its handlers it accepts no more. A child of vfork
 * that calls exit also runs them for its parent: the parent then goes on, and
 * is rightly taken not to exit. */
static bool is_exiting(void)
{
    return atexit(nothing) == 0;
}

/* The exit handler had nothing to do and has returned: does its work. */
static void end_late(struct llmobs_worker *worker)
{
    int64_t ms = llmobs_worker_exit_ms(worker);

    llmobs_curl_access_exiting();
    llmobs_curl_access_deadline(llmobs_clock_mono_ns() + ms * LLMOBS_NS_PER_MS);
    (void)llmobs_curl_access_exited(0);
    atomic_store(&worker->stop, true);
}

void llmobs_worker_become_active(struct llmobs_worker *worker)
{
    if (llmobs_filter_still())
        return;
    llmobs_worker_check_fork(worker);
    if (is_active(worker))
        return;
    llmobs_fork_note();
    atomic_store(&worker->delivery.began_ns, llmobs_clock_mono_ns());
    atomic_store(&worker->active, llmobs_fork_process());
    if (atomic_exchange(&worker->ended_quietly, 0) == llmobs_fork_process() &&
        is_exiting())
        LLMOBS_HAZARD(late_forgotten, end_late(worker), );
}

bool llmobs_worker_end_quietly(struct llmobs_worker *worker)
{
    if (llmobs_filter_still())
        return true;
    if (is_active(worker))
        return false;
    atomic_store(&worker->ended_quietly, llmobs_fork_process());
    return !is_active(worker);
}
