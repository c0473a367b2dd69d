#include "core/deliver/worker_state.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/aside.h"
#include "lib/base/clock.h"
#include "lib/base/filter.h"
#include "lib/base/fork.h"
#include "lib/base/futex.h"
#include "lib/base/log.h"
#include "lib/base/sole.h"
#include "lib/base/thread.h"
#include "core/deliver/start_relay.h"
#include "core/export/curl_access.h"
#include "core/export/direct.h"
#include "core/log/spool_relay.h"

/* The time between two starts of a relay. */
#define RELAY_AGAIN_MS 5000

bool llmobs_worker_has_thread(struct llmobs_worker *worker)
{
    return atomic_load(&worker->thread) == LLMOBS_WORKER_RUNNING;
}

bool llmobs_worker_wants_warm(const struct llmobs_worker *worker)
{
    for (size_t i = 0; i < worker->delivery.count; i++)
        if (worker->delivery.list[i].exporter->wants_warm)
            return true;
    return false;
}

struct llmobs_spool *llmobs_worker_spool_of(struct llmobs_worker *worker)
{
    return llmobs_filter_still() ? NULL : worker->delivery.account.spool;
}

void llmobs_worker_wake(struct llmobs_worker *worker)
{
    atomic_fetch_add(&worker->events, 1);
    if (llmobs_worker_has_thread(worker))
        llmobs_futex_wake(&worker->events);
}

bool llmobs_worker_begin_turn(struct llmobs_worker *worker)
{
    if (!llmobs_sole_claim(&worker->turn))
        return false;
    if (atomic_load(&worker->paused) == 0)
        return true;
    llmobs_sole_release(&worker->turn);
    return false;
}

void llmobs_worker_end_turn(struct llmobs_worker *worker)
{
    llmobs_sole_release(&worker->turn);
}

bool llmobs_worker_begin_inline(struct llmobs_worker *worker,
                                struct llmobs_signal_guard *guard)
{
    llmobs_signal_guard_begin(guard);
    if (llmobs_worker_begin_turn(worker))
        return true;
    llmobs_signal_guard_end(guard);
    return false;
}

void llmobs_worker_end_inline(struct llmobs_worker *worker,
                              const struct llmobs_signal_guard *guard)
{
    llmobs_worker_end_turn(worker);
    llmobs_signal_guard_end(guard);
}

static void encode_inline(void *arg, int64_t until_ns)
{
    struct llmobs_worker *worker = arg;
    struct llmobs_signal_guard guard;

    if (!llmobs_worker_begin_inline(worker, &guard))
        return;
    (void)llmobs_delivery_run(&worker->delivery, LLMOBS_RUN_INLINE, until_ns);
    llmobs_worker_end_inline(worker, &guard);
}

void llmobs_worker_encode_aside(struct llmobs_worker *worker, int64_t ms)
{
    (void)llmobs_aside_run(encode_inline, worker, worker->config->thread, ms);
}

/* -- a relay --------------------------------------------------------------- */

/* The process's calls stay in the spool, until a relay for them lives. */
static void wait_for_relay(struct llmobs_worker *worker, const char *why)
{
    atomic_store(&worker->delivery.alone, true);
    llmobs_log_once(LLMOBS_LOG_WARN, "no relay",
                    "no relay is started, as %s: calls wait in the spool for "
                    "`llmobs drain`",
                    why);
}

void llmobs_worker_have_relay(struct llmobs_worker *worker)
{
    struct llmobs_spool *spool = llmobs_worker_spool_of(worker);
    int64_t now = llmobs_clock_mono_ns(), last = atomic_load(&worker->relay_ns);
    const char *why;
    int rc;

    if (!spool || atomic_load(&worker->delivery.alone) ||
        !llmobs_delivery_lacks_way(&worker->delivery) ||
        (last && now - last < RELAY_AGAIN_MS * LLMOBS_NS_PER_MS) ||
        llmobs_spool_is_relayed(spool))
        return;
    /* A relay would go past what the other preload is there for. */
    why = atomic_load(&worker->sandboxed) ? "the program is in a sandbox"
          : llmobs_direct_is_on() ? "another preload leads its connections"
                                  : llmobs_start_relay_why_not(worker->config);
    if (why) {
        wait_for_relay(worker, why);
        return;
    }
    rc = llmobs_spool_begin_relay(spool);
    if (rc == -ENOENT)
        return;
    atomic_store(&worker->relay_ns, now);
    if (rc == 0) {
        rc = llmobs_start_relay();
        if (rc)
            llmobs_spool_give_up_relay(spool);
    }
    if (rc && rc != -EBUSY)
        wait_for_relay(worker, strerror(-rc));
}

/* -- fork ---------------------------------------------------------------- */

void llmobs_worker_check_fork(struct llmobs_worker *worker)
{
    if (!llmobs_fork_begin_reset(&worker->process))
        return;
    /* A child begins anew and frees nothing that it inherited: a thread of the
     * parent may have been in the middle of changing it. */
    llmobs_delivery_reset(&worker->delivery);
    atomic_store(&worker->stop, false);
    atomic_store(&worker->withdrawn, false);
    atomic_store(&worker->confined, false);
    atomic_store(&worker->left, 0);
    atomic_store(&worker->fresh, false);
    atomic_store(&worker->failed_ns, 0);
    atomic_store(&worker->calls, 0);
    atomic_store(&worker->relayed_ns, 0);
    atomic_store(&worker->relay_ns, 0);
    atomic_store(&worker->idle, 0);
    atomic_store(&worker->asked, 0);
    atomic_store(&worker->served, 0);
    atomic_store(&worker->turn, 0);
    atomic_store(&worker->paused, 0);
    atomic_store(&worker->warm, false);
    atomic_store(&worker->warm_ns, 0);
    atomic_store(&worker->bound_ns, 0);
    atomic_store(&worker->thread, LLMOBS_WORKER_NONE);
    llmobs_fork_end_reset(&worker->process);
}

/* -- what waits, and for how long an exit does ----------------------------- */

bool llmobs_worker_is_of_process(struct llmobs_worker *worker)
{
    return !llmobs_filter_still() &&
           atomic_load(&worker->process) == llmobs_fork_process();
}

size_t llmobs_worker_pending(struct llmobs_worker *worker)
{
    return llmobs_worker_is_of_process(worker)
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
           llmobs_worker_kept() >= llmobs_worker_pending(worker);
}

/* The longest time that an exporter asks for; `store_ms`: the time of a store.
 */
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

/* Where the spool has all that waits, with its content, the exit need not wait
 * until a store has it, too. (A call is recorded as its span is made.) */
int64_t llmobs_worker_exit_ms(struct llmobs_worker *worker)
{
    bool kept = !worker->config->record_dir &&
                !llmobs_privacy_withholds(&worker->config->privacy) &&
                llmobs_worker_disk_has_all(worker);

    return longest_ms(worker,
                      kept ? LLMOBS_EXIT_KEPT_MS : LLMOBS_EXIT_STORE_MS);
}

/* -- whether this process has begun or submitted anything ----------------- */

static bool is_active(struct llmobs_worker *worker)
{
    return atomic_load(&worker->active) == llmobs_fork_process();
}

static void nothing(void)
{
}

/* True while the process exits. During exit the C library still accepts a
 * handler; once exit has run its handlers it accepts no more. A child of vfork
 * that calls exit also runs the parent's handlers. The parent then continues,
 * and this function rightly says that it does not exit. */
static bool is_exiting(void)
{
    return atexit(nothing) == 0;
}

void llmobs_worker_become_active(struct llmobs_worker *worker)
{
    if (llmobs_filter_still())
        return;
    llmobs_worker_check_fork(worker);
    if (is_active(worker))
        return;
    llmobs_fork_record_pid();
    atomic_store(&worker->delivery.began_ns, llmobs_clock_mono_ns());
    atomic_store(&worker->active, llmobs_fork_process());
    if (atomic_load(&worker->exited) &&
        atomic_load(&worker->exited) != llmobs_fork_process())
        (void)atexit(worker->exit_again);
    if (atomic_exchange(&worker->ended_quietly, 0) == llmobs_fork_process() &&
        is_exiting()) {
        /* The exit handler had nothing to do and has returned: does its work.
         */
        int64_t ms = llmobs_worker_exit_ms(worker);

        llmobs_thread_stay(0);
        llmobs_curl_access_exiting();
        llmobs_curl_access_deadline(llmobs_clock_mono_ns() +
                                    ms * LLMOBS_NS_PER_MS);
        (void)llmobs_curl_access_exited(0);
        atomic_store(&worker->stop, true);
    }
}

void llmobs_worker_set_exit(struct llmobs_worker *worker, void (*again)(void))
{
    worker->exit_again = again;
    atomic_store(&worker->exited, llmobs_fork_process());
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
