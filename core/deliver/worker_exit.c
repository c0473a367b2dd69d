/* Flushes and ends the worker at exit, at a fork and on request. */
#include "core/deliver/worker_state.h"

#include <errno.h>
#include <time.h>

#include "core/export/curl_access.h"
#include "lib/base/aside.h"
#include "lib/base/clock.h"
#include "lib/base/commit.h"
#include "lib/base/fork.h"
#include "lib/base/futex.h"
#include "lib/base/log.h"
#include "lib/base/stats.h"
#include "lib/base/thread.h"

/* The additional time in which an exit saves undelivered events locally. */
#define SAVE_MS 1000
/* The time for which a withdrawal delivers, and then waits for the thread's
 * end. */
#define WITHDRAW_MS 250

/* -- flushes --------------------------------------------------------------- */

/* Asks the thread to deliver everything, and waits until it has tried, has
 * ended, or the deadline passes. */
static void flush_by_thread(struct llmobs_worker *worker, int64_t deadline_ns)
{
    unsigned asked, served;
    int64_t left;

    if (!llmobs_worker_has_thread(worker))
        return;
    asked = atomic_fetch_add(&worker->asked, 1) + 1;
    llmobs_worker_wake(worker);
    while ((served = atomic_load(&worker->served)),
           (int)(asked - served) > 0 && llmobs_worker_has_thread(worker) &&
               (left = llmobs_futex_left(deadline_ns)) > 0)
        llmobs_futex_sleep(&worker->served, served, left);
}

/* The worker's thread delivers, new if there is none. Without it, or when it
 * has ended meanwhile, this thread delivers, and tries again for a while,
 * because a disk may be full for a moment, or another thread may have the turn.
 */
static void flush_until(struct llmobs_worker *worker, bool ending,
                        int64_t deadline_ns)
{
    const struct timespec pause = {0,
                                   LLMOBS_WORKER_PAUSE_MS * LLMOBS_NS_PER_MS};
    struct llmobs_delivery *delivery = &worker->delivery;
    struct llmobs_signal_guard guard;
    bool begun = false;

    llmobs_worker_start_thread(worker);
    flush_by_thread(worker, deadline_ns);
    if (llmobs_worker_has_thread(worker))
        return;
    if (ending ? llmobs_delivery_has_unsent(delivery)
               : llmobs_worker_pending(worker) != 0) {
        for (int rc = -EBUSY;; rc = -EBUSY) {
            if (llmobs_worker_begin_inline(worker, &guard)) {
                if (!begun)
                    llmobs_delivery_allow_tries(delivery, ending);
                begun = true;
                rc = llmobs_delivery_run(delivery, LLMOBS_RUN_ALL, deadline_ns);
                llmobs_worker_end_inline(worker, &guard);
            }
            if (rc == 0 || rc == -ECONNABORTED ||
                llmobs_futex_left(deadline_ns) == 0)
                break;
            nanosleep(&pause, NULL);
        }
        if (ending && llmobs_worker_pending(worker) != 0 &&
            llmobs_worker_begin_inline(worker, &guard)) {
            llmobs_delivery_save(delivery);
            llmobs_worker_end_inline(worker, &guard);
        }
    }
    llmobs_worker_have_relay(worker);
}

int llmobs_worker_flush(struct llmobs_worker *worker, int64_t ms)
{
    int64_t deadline = llmobs_futex_deadline(ms);
    int saved = errno;

    if (llmobs_worker_pending(worker) != 0)
        flush_until(worker, false, deadline);
    errno = saved;
    return llmobs_worker_pending(worker) == 0 ? 0 : -ETIMEDOUT;
}

/* -- pauses ---------------------------------------------------------------- */

int llmobs_worker_pause(struct llmobs_worker *worker, int64_t ms)
{
    const struct timespec moment = {0, 200000};
    int64_t deadline = llmobs_futex_deadline(ms);
    int saved = errno;
    bool busy;

    if (!llmobs_worker_is_of_process(worker))
        return 0;
    atomic_store(&worker->paused, true);
    /* A request that carries no event is cut at once. */
    if (atomic_load(&worker->turn) != 0)
        llmobs_curl_access_deadline(llmobs_delivery_carries(&worker->delivery)
                                        ? deadline - ms * LLMOBS_NS_PER_MS / 4
                                        : 0);
    /* The last look of this loop decides. The worker's thread may take the turn
     * for an instant after it, before it sees the pause: another look could
     * then find the turn taken. */
    while ((busy = atomic_load(&worker->turn) != 0) &&
           llmobs_futex_left(deadline) > 0)
        llmobs_signal_guard_sleep(&moment);
    errno = saved;
    return busy ? -ETIMEDOUT : 0;
}

int llmobs_worker_flush_and_pause(struct llmobs_worker *worker, int64_t ms,
                                  bool *tried)
{
    int64_t deadline = llmobs_futex_deadline(ms);
    int saved = errno;

    *tried = false;
    if (llmobs_worker_pending(worker) != 0 &&
        llmobs_worker_wants_warm(worker) && !atomic_load(&worker->stop)) {
        llmobs_worker_start_thread(worker);
        *tried = llmobs_worker_has_thread(worker);
    }
    if (*tried) {
        atomic_store(&worker->bound_ns,
                     llmobs_delivery_bound(&worker->delivery, ms));
        flush_by_thread(worker, deadline);
    }
    errno = saved;
    return llmobs_worker_pause(worker, llmobs_futex_left(deadline));
}

void llmobs_worker_resume(struct llmobs_worker *worker)
{
    int saved = errno;

    if (!llmobs_worker_is_of_process(worker))
        return;
    if (atomic_exchange(&worker->paused, false) &&
        !atomic_load(&worker->stop)) {
        llmobs_delivery_unbound(&worker->delivery,
                                atomic_exchange(&worker->bound_ns, 0));
        llmobs_curl_access_deadline(INT64_MAX);
    }
    llmobs_worker_wake(worker);
    errno = saved;
}

/* -- sandboxes ------------------------------------------------------------- */

void llmobs_worker_hurry(struct llmobs_worker *worker, int64_t ms)
{
    if (llmobs_worker_pending(worker) == 0 || atomic_load(&worker->confined))
        return;
    llmobs_worker_start_thread(worker);
    flush_by_thread(worker, llmobs_futex_deadline(ms));
}

void llmobs_worker_hold_spool(struct llmobs_worker *worker)
{
    struct llmobs_spool *spool = llmobs_worker_spool_of(worker);

    if (spool && llmobs_worker_is_of_process(worker) &&
        llmobs_spool_hold(spool) != 0)
        llmobs_log_once(LLMOBS_LOG_WARN, "sandbox",
                        "the program takes on a sandbox, and no file of the "
                        "spool can be held open: spans are in memory alone "
                        "where it refuses files");
}

void llmobs_worker_rested(struct llmobs_worker *worker, bool confined)
{
    if (confined)
        atomic_store(&worker->sandboxed, true);
    if (llmobs_worker_pending(worker) == 0 || atomic_load(&worker->confined))
        return;
    if (confined)
        atomic_store(&worker->confined, true);
    else
        llmobs_worker_start_thread(worker);
}

/* -- the end --------------------------------------------------------------- */

static void wait_for_thread(struct llmobs_worker *worker, int64_t deadline_ns)
{
    int64_t last_ns = deadline_ns + SAVE_MS * LLMOBS_NS_PER_MS, left;
    unsigned state;

    while ((state = atomic_load(&worker->thread)),
           llmobs_worker_has_thread(worker)) {
        bool saving = atomic_load(&worker->delivery.rescuing);

        left = llmobs_futex_left(saving ? last_ns : deadline_ns);
        if (left == 0)
            return;
        llmobs_futex_sleep(&worker->thread, state, left);
    }
}

/* First delivers what can be delivered at once, because later only an exit or
 * another process delivers it. */
void llmobs_worker_end_thread(struct llmobs_worker *worker)
{
    int64_t deadline = llmobs_futex_deadline(WITHDRAW_MS);
    int saved = errno;
    int64_t since;

    if (!llmobs_worker_has_thread(worker))
        return;
    since = llmobs_delivery_bound(&worker->delivery, WITHDRAW_MS);
    llmobs_curl_access_deadline(deadline);
    flush_by_thread(worker, deadline);
    atomic_store(&worker->withdrawn, true);
    llmobs_worker_wake(worker);
    deadline += WITHDRAW_MS * LLMOBS_NS_PER_MS;
    wait_for_thread(worker, deadline);
    llmobs_thread_wait_alone(deadline);
    llmobs_delivery_unbound(&worker->delivery, since);
    llmobs_curl_access_deadline(INT64_MAX);
    errno = saved;
}

/* Counts the pending items that the disk has as left to another process, and
 * those that it lacks as lost. The thread must not deliver any more, or its
 * events would be counted wrongly and come twice. Another thread may give or
 * release an item meanwhile: the larger of two counts has them all. */
static void count_undelivered(struct llmobs_worker *worker, int64_t until_ns)
{
    struct llmobs_delivery *delivery = &worker->delivery;
    struct llmobs_signal_guard guard;
    size_t before, pending, kept;

    llmobs_commit_close(until_ns);
    before = llmobs_worker_count_kept();
    pending = atomic_exchange(&delivery->account.pending, 0);
    kept = llmobs_worker_count_kept();
    /* If another thread has the turn, to deliver or to end, the spool stays
     * open for the process that adopts it. */
    if (llmobs_worker_spool_of(worker) &&
        llmobs_worker_begin_inline(worker, &guard)) {
        llmobs_spool_close(llmobs_worker_spool_of(worker));
        llmobs_worker_end_inline(worker, &guard);
    }
    if (kept < before)
        kept = before;
    if (kept > pending)
        kept = pending;
    llmobs_stats_add(LLMOBS_STAT_left, kept);
    if (kept > 0)
        atomic_store(&worker->left, true);
    if (pending > kept) {
        llmobs_stats_add(LLMOBS_STAT_dropped_exit, pending - kept);
        llmobs_log(LLMOBS_LOG_ERROR,
                   "%zu events were not delivered at exit "
                   "(LLMOBS_EXIT_FLUSH_MS) and are lost",
                   pending - kept);
    }
    if (delivery->close)
        delivery->close(worker->config);
}

/* Delivers or leaves on the disk all that the thread has not delivered. */
static void deliver_rest(void *arg, int64_t until_ns)
{
    struct llmobs_worker *worker = arg;

    flush_until(worker, true, until_ns - SAVE_MS * LLMOBS_NS_PER_MS);
    count_undelivered(worker, until_ns);
}

/* If this stack is too small to deliver the rest and no thread can be started,
 * the spool keeps its events for another process. */
void llmobs_worker_stop(struct llmobs_worker *worker, int64_t ms)
{
    int64_t deadline = llmobs_futex_deadline(ms);
    unsigned begun = LLMOBS_WORKER_NEW;
    int saved = errno;
    int rc;

    llmobs_worker_check_fork(worker);
    atomic_store(&worker->paused, false);
    llmobs_delivery_set_exit_deadline(&worker->delivery, ms > 0 ? ms : 0);
    atomic_store(&worker->stop, true);
    /* An earlier stop has left items on the disk, and counted them as left; the
     * process still has them. The disk also has the later items: all stay
     * there, as a delivery now would make that count wrong. */
    if (atomic_load(&worker->confined) ||
        (atomic_load(&worker->left) && llmobs_worker_disk_has_all(worker))) {
        count_undelivered(worker, deadline);
        errno = saved;
        return;
    }
    llmobs_commit_reopen();
    /* The exit does not wait for a thread that has not begun to work. But the
     * worker's thread should do a TLS handshake. */
    if (llmobs_delivery_is_near(&worker->delivery))
        (void)atomic_compare_exchange_strong(&worker->thread, &begun,
                                             LLMOBS_WORKER_ENDED);
    flush_by_thread(worker, deadline);
    wait_for_thread(worker, deadline);
    rc = llmobs_aside_run(deliver_rest, worker, worker->config->thread,
                          llmobs_futex_left(deadline) + SAVE_MS);
    deadline += SAVE_MS * LLMOBS_NS_PER_MS;
    if (rc == -ETIMEDOUT)
        llmobs_commit_close(deadline);
    else if (rc)
        count_undelivered(worker, deadline);
    errno = saved;
}
