#include "core/deliver/worker_inner.h"

#include <errno.h>
#include <time.h>

#include "core/base/aside.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/ledger/stats.h"
#include "core/spool/spool.h"

/* What is not delivered is being saved locally: worth waiting for. */
#define SAVE_MS 1000

/* A drain looks this often whether it is to stop, tries a failing peer this
 * often in a row, and waits for it so long. */
#define DRAIN_STEP_MS 50
#define DRAIN_TRIES 3
#define DRAIN_PAUSE_MS 2000

/* -- flushing ------------------------------------------------------------ */

/* Asks the thread and waits for its answer, or for nothing to be left. */
static void flush_by_thread(struct llmobs_worker *worker, int64_t deadline_ns)
{
    unsigned asked = atomic_fetch_add(&worker->asked, 1) + 1;
    unsigned served;
    int64_t left;

    llmobs_worker_wake(worker);
    while ((served = atomic_load(&worker->served)),
           (int)(asked - served) > 0 && llmobs_worker_has_thread(worker) &&
               (left = llmobs_futex_left(deadline_ns)) > 0)
        llmobs_futex_sleep(&worker->served, served, left);
}

/* Tries again a little: a disk may be full for a moment. While another thread
 * delivers, it is waited for. */
static void flush_inline(struct llmobs_worker *worker, bool ending,
                         int64_t deadline_ns)
{
    const struct timespec pause = {0, LLMOBS_RETRY_PAUSE_MS * LLMOBS_NS_PER_MS};
    struct llmobs_signal_guard guard;
    bool begun = false;

    for (;;) {
        int rc = -EBUSY;

        if (!begun && llmobs_worker_inline_begin(worker, &guard)) {
            llmobs_delivery_allow_tries(&worker->delivery, ending);
            begun = true;
            llmobs_worker_inline_end(worker, &guard);
        }
        if (begun)
            rc = llmobs_worker_deliver_inline(worker, LLMOBS_RUN_ALL,
                                              deadline_ns);
        if (rc == 0 || rc == -ECONNABORTED ||
            llmobs_futex_left(deadline_ns) == 0)
            return;
        nanosleep(&pause, NULL);
    }
}

static void save_inline(struct llmobs_worker *worker)
{
    struct llmobs_signal_guard guard;

    if (!llmobs_worker_inline_begin(worker, &guard))
        return;
    llmobs_delivery_save(&worker->delivery);
    llmobs_worker_inline_end(worker, &guard);
}

/* By the thread where there is one, else here: also where it ended meanwhile.
 */
static void flush(struct llmobs_worker *worker, bool ending,
                  int64_t deadline_ns)
{
    if (llmobs_worker_has_thread(worker))
        flush_by_thread(worker, deadline_ns);
    if (llmobs_worker_has_thread(worker) || llmobs_worker_pending(worker) == 0)
        return;
    flush_inline(worker, ending, deadline_ns);
    if (ending && llmobs_worker_pending(worker) != 0)
        save_inline(worker);
}

int llmobs_worker_flush(struct llmobs_worker *worker, int64_t ms)
{
    int64_t deadline = llmobs_futex_deadline(ms);
    int saved = errno;

    if (llmobs_worker_pending(worker) != 0)
        flush(worker, false, deadline);
    errno = saved;
    return llmobs_worker_pending(worker) == 0 ? 0 : -ETIMEDOUT;
}

int llmobs_worker_retreat(struct llmobs_worker *worker, int64_t ms, bool *tried)
{
    int64_t deadline = llmobs_futex_deadline(ms);
    int saved = errno;

    *tried = llmobs_worker_pending(worker) != 0 && worker->wants_warm &&
             llmobs_worker_has_thread(worker) && !atomic_load(&worker->stop);
    if (*tried) {
        atomic_store(&worker->bound_ns,
                     llmobs_delivery_bound(&worker->delivery, ms));
        flush_by_thread(worker, deadline);
    }
    errno = saved;
    return llmobs_worker_pause(worker, llmobs_futex_left(deadline));
}

static void wait_for_end(struct llmobs_worker *worker, int64_t deadline_ns)
{
    int64_t last_ns = deadline_ns + SAVE_MS * LLMOBS_NS_PER_MS;
    unsigned state;
    int64_t left;

    while ((state = atomic_load(&worker->thread)),
           llmobs_worker_has_thread(worker)) {
        bool saving = atomic_load(&worker->delivery.rescuing);

        left = llmobs_futex_left(saving ? last_ns : deadline_ns);
        if (left == 0)
            return;
        llmobs_futex_sleep(&worker->thread, state, left);
    }
}

int64_t llmobs_worker_exit_ms(struct llmobs_worker *worker)
{
    const struct llmobs_delivery *delivery = &worker->delivery;
    int64_t most = 0;

    if (worker->config->exit_flush_ms >= 0)
        return worker->config->exit_flush_ms;
    for (size_t i = 0; i < delivery->count; i++) {
        int64_t ms = atomic_load(&delivery->list[i].exporter->exit_ms);

        if (ms == 0)
            ms = LLMOBS_EXIT_STORE_MS;
        if (ms > most)
            most = ms;
    }
    return most;
}

/* Not beside who delivers, nor beside another thread that ends: then it stays
 * for those that adopt. */
static void close_spool(struct llmobs_worker *worker)
{
    struct llmobs_signal_guard guard;

    if (!llmobs_worker_spool(worker) ||
        !llmobs_worker_inline_begin(worker, &guard))
        return;
    llmobs_spool_close(llmobs_worker_spool(worker));
    llmobs_worker_inline_end(worker, &guard);
}

/* What is pending and on the disk is left there for another process; how many
 * are not. Their counts may be a few calls apart where a thread goes on. */
static size_t leave(struct llmobs_worker *worker)
{
    size_t pending = atomic_exchange(&worker->delivery.account.pending, 0);
    uint64_t gone = llmobs_stats_get(LLMOBS_STAT_released) +
                    llmobs_stats_get(LLMOBS_STAT_left);
    uint64_t kept = llmobs_stats_get(LLMOBS_STAT_kept);

    close_spool(worker);
    kept = kept > gone ? kept - gone : 0;
    if (kept > pending)
        kept = pending;
    llmobs_stats_add(LLMOBS_STAT_left, kept);
    return pending - (size_t)kept;
}

/* Nothing goes to an intake: a TLS handshake is the thread's. */
static bool is_near(const struct llmobs_worker *worker)
{
    const struct llmobs_delivery *delivery = &worker->delivery;

    for (size_t i = 0; i < delivery->count; i++)
        if (atomic_load(&delivery->list[i].exporter->exit_ms) >=
            LLMOBS_EXIT_INTAKE_MS)
            return false;
    return true;
}

/* Counts as lost each event that the disk does not have. */
static void give_up(struct llmobs_worker *worker)
{
    size_t lost = leave(worker);

    if (lost) {
        llmobs_stats_add(LLMOBS_STAT_dropped_exit, lost);
        llmobs_log(LLMOBS_LOG_ERROR,
                   "%zu events were not delivered at exit "
                   "(LLMOBS_EXIT_FLUSH_MS) and are lost",
                   lost);
    }
    if (worker->close)
        worker->close(worker->config);
}

/* Delivers or leaves on the disk all that the thread has not delivered. */
static void end_rest(void *arg, int64_t until_ns)
{
    struct llmobs_worker *worker = arg;

    flush(worker, true, until_ns - SAVE_MS * LLMOBS_NS_PER_MS);
    give_up(worker);
}

/* Where neither this stack nor a thread has room for the rest, what the disk
 * has stays there for another process. */
void llmobs_worker_stop(struct llmobs_worker *worker, int64_t ms)
{
    int64_t deadline = llmobs_futex_deadline(ms);
    int saved = errno;
    int rc;

    llmobs_worker_check_fork(worker);
    atomic_store(&worker->paused, 0);
    llmobs_delivery_set_exit_deadline(&worker->delivery, ms > 0 ? ms : 0);
    atomic_store(&worker->stop, true);
    /* A thread that has not begun yet is not waited for. */
    if (is_near(worker) && atomic_exchange(&worker->fresh, false))
        atomic_store(&worker->thread, LLMOBS_THREAD_ENDED);
    if (llmobs_worker_has_thread(worker)) {
        flush_by_thread(worker, deadline);
        wait_for_end(worker, deadline);
    }
    rc = llmobs_aside_run(end_rest, worker, worker->config->thread,
                          llmobs_futex_left(deadline) + SAVE_MS);
    if (rc && rc != -ETIMEDOUT)
        give_up(worker);
    errno = saved;
}

/* -- draining ------------------------------------------------------------ */

/* One attempt; 0 where nothing is left that it could have. A run that ends
 * because its time is up says nothing of that. */
static int drain_once(struct llmobs_worker *worker, const atomic_bool *stop)
{
    int64_t deadline;
    int rc;

    llmobs_delivery_allow_tries(&worker->delivery, true);
    do {
        deadline = llmobs_futex_deadline(DRAIN_STEP_MS);
        rc = llmobs_delivery_run(&worker->delivery, LLMOBS_RUN_ALL, deadline);
        if (worker->note)
            worker->note(worker->config);
    } while (
        !atomic_load(stop) &&
        (rc == -ETIMEDOUT || (rc == 0 && llmobs_clock_mono_ns() >= deadline)));
    return rc;
}

/* Not before the peer wants it, if that is soon. */
static void drain_pause(const struct llmobs_delivery *delivery,
                        const atomic_bool *stop)
{
    const struct timespec moment = {0, DRAIN_STEP_MS * LLMOBS_NS_PER_MS};
    int64_t due = llmobs_delivery_due(delivery);
    int64_t until = llmobs_futex_deadline(DRAIN_PAUSE_MS);

    if (due < until)
        until = due;
    while (!atomic_load(stop) && llmobs_futex_left(until) > 0)
        nanosleep(&moment, NULL);
}

void llmobs_worker_drain(struct llmobs_worker *worker, const atomic_bool *stop)
{
    struct llmobs_delivery *delivery = &worker->delivery;
    int failures = 0;

    llmobs_worker_check_fork(worker);
    delivery->drains = true;
    while (!atomic_load(stop) && failures < DRAIN_TRIES) {
        uint64_t before = llmobs_stats_get(LLMOBS_STAT_delivered);

        if (drain_once(worker, stop) == 0)
            break;
        failures++;
        if (llmobs_stats_get(LLMOBS_STAT_delivered) > before)
            failures = 0;
        if (failures < DRAIN_TRIES)
            drain_pause(delivery, stop);
    }
    llmobs_delivery_save(delivery);
    if (worker->close)
        worker->close(worker->config);
}
