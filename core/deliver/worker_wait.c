#include "core/deliver/worker_wait.h"

#include "core/deliver/worker_state.h"
#include "core/deliver/worker_turn.h"
#include "lib/base/hazard.h"
#include "lib/base/stats.h"

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
