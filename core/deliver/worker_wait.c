#include <stdlib.h>

#include "core/deliver/worker_turn.h"
#include "core/export/curl_access.h"
#include "lib/base/clock.h"
#include "lib/base/filter.h"
#include "lib/base/fork.h"
#include "lib/base/hazard.h"
#include "lib/base/stats.h"
#include "lib/base/thread.h"

size_t llmobs_worker_pending(struct llmobs_worker *worker)
{
    LLMOBS_HAZARD(child_begins_anew, , llmobs_worker_check_fork(worker));
    return llmobs_worker_is_ours(worker)
               ? atomic_load(&worker->delivery.account.pending)
               : 0;
}

size_t llmobs_worker_kept(void)
{
    uint64_t gone = llmobs_stats_get(LLMOBS_STAT_released) +
                    llmobs_stats_get(LLMOBS_STAT_left);
    uint64_t kept = llmobs_stats_get(LLMOBS_STAT_kept);

    return kept > gone ? (size_t)(kept - gone) : 0;
}

bool llmobs_worker_disk_has_all(struct llmobs_worker *worker)
{
    return llmobs_worker_spool_of(worker) &&
           LLMOBS_HAZARD(store_is_waited_for,
                         LLMOBS_HAZARD(lacking_is_left,
                                       llmobs_worker_kept() >=
                                           llmobs_worker_pending(worker),
                                       true),
                         llmobs_worker_kept() > llmobs_worker_pending(worker));
}

/* True where the spool has all that waits, with its content: the exit need not
 * wait until a store has it, too. (A call is recorded as its span is made.) */
static bool worker_wait_is_safe(struct llmobs_worker *worker)
{
    if (worker->config->record_dir)
        return false;
    return LLMOBS_HAZARD(content_is_left,
                         !llmobs_privacy_withholds(&worker->config->privacy),
                         true) &&
           llmobs_worker_disk_has_all(worker);
}

/* The longest time that an exporter asks for; `store`: the time of a store. */
static int64_t longest_ms(const struct llmobs_worker *worker, int64_t store_ms)
{
    const struct llmobs_delivery *delivery = &worker->delivery;
    int64_t most = 0;

    if (worker->config->exit_flush_ms >= 0)
        return worker->config->exit_flush_ms;
    for (size_t i = 0; i < delivery->count; i++) {
        int64_t ms = atomic_load(&delivery->list[i].exporter->exit_ms);

        if (ms == 0 || ms == LLMOBS_EXIT_STORE_MS)
            ms = store_ms;
        if (ms > most)
            most = ms;
    }
    if (delivery->meter && atomic_load(&delivery->meter->owes) &&
        atomic_load(&delivery->meter->base.exit_ms) > most)
        most = atomic_load(&delivery->meter->base.exit_ms);
    return most;
}

int64_t llmobs_worker_flush_ms(struct llmobs_worker *worker)
{
    return longest_ms(worker, LLMOBS_EXIT_STORE_MS);
}

int64_t llmobs_worker_exit_ms(struct llmobs_worker *worker)
{
    return longest_ms(worker, worker_wait_is_safe(worker)
                                  ? LLMOBS_EXIT_KEPT_MS
                                  : LLMOBS_EXIT_STORE_MS);
}

/* -- whether this process has given the worker anything ---------------------
 */

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

    llmobs_thread_stay(0);
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
