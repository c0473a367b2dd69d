/* Runs the worker's thread: waits, delivers and rests. */
#include "core/deliver/worker_state.h"

#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/deliver/start_relay.h"
#include "core/export/curl_access.h"
#include "core/export/direct.h"
#include "core/log/spool_relay.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/filter.h"
#include "lib/base/fork.h"
#include "lib/base/fork_gate.h"
#include "lib/base/futex.h"
#include "lib/base/log.h"
#include "lib/base/sole.h"
#include "lib/base/stats.h"
#include "lib/base/thread.h"

/* Measured: the deepest document that the JSON limits allow takes 32 KiB to
 * read, encode and store, and a TLS handshake 40; the rest is for thread-local
 * storage of the app, which the C library takes out of the stack. */
#define STACK_SIZE (256 * 1024)
/* How long a new thread waits before its first delivery. A program that makes
 * one call and ends, such as curl, has ended by then, and delivers by itself
 * sooner than another thread would. The wait is short: an item that the spool
 * does not have (it is off, full, or content may not go there) is lost if the
 * process is killed. */
#define FIRST_MS 4
/* After a delivery that follows another within twice this time, the thread
 * looks again after this time, so that a busy app need not wake it for every
 * call. The time is short for the same reason. */
#define LINGER_MS 20
/* How many tries the thread makes for a flush. */
#define ANSWER_ROUNDS 5
/* After a failed start, the thread is not started again within this time. */
#define START_AGAIN_MS 1000
/* The time between two looks whether a thread of the app is left. An end of the
 * first one by pthread_exit wakes this thread (llmobs_thread_leaves), so these
 * looks are for an end by the system call. */
#define LOOK_MS 1000
/* Once the first thread leaves, it looks after a tenth of the time that has
 * passed since it last had something to do, within these bounds. */
#define LOOK_LEAST_MS 10
#define LOOK_MOST_MS 100
/* The time between two starts of a relay. */
#define RELAY_AGAIN_MS 5000

/* -- whose state it is ----------------------------------------------------- */

void llmobs_worker_check_fork(struct llmobs_worker *worker)
{
    const size_t from = offsetof(struct llmobs_worker, at_exit);

    if (!llmobs_fork_begin_reset(&worker->process))
        return;
    if (worker->at_exit)
        (void)atexit(worker->at_exit);
    llmobs_delivery_reset(&worker->delivery);
    atomic_store(&worker->delivery.began_ns, 0);
    memset((char *)worker + from, 0, sizeof(*worker) - from);
    llmobs_fork_end_reset(&worker->process);
}

bool llmobs_worker_is_of_process(struct llmobs_worker *worker)
{
    return !llmobs_filter_still() &&
           atomic_load(&worker->process) == llmobs_fork_process();
}

struct llmobs_spool *llmobs_worker_spool_of(struct llmobs_worker *worker)
{
    return llmobs_filter_still() ? NULL : worker->delivery.account.spool;
}

/* -- what waits, and for how long an exit does ----------------------------- */

size_t llmobs_worker_pending(struct llmobs_worker *worker)
{
    return llmobs_worker_is_of_process(worker)
               ? atomic_load(&worker->delivery.account.pending)
               : 0;
}

size_t llmobs_worker_count_kept(void)
{
    uint64_t gone = llmobs_stats_get(LLMOBS_STAT_released) +
                    llmobs_stats_get(LLMOBS_STAT_left);
    uint64_t kept = llmobs_stats_get(LLMOBS_STAT_kept);

    return kept > gone ? (size_t)(kept - gone) : 0;
}

bool llmobs_worker_disk_has_all(struct llmobs_worker *worker)
{
    return llmobs_worker_spool_of(worker) &&
           llmobs_worker_count_kept() >= llmobs_worker_pending(worker);
}

/* Where the spool has all that waits, with its content, the exit need not wait
 * until a store has it, too. (A call is recorded as its span is made.) */
int64_t llmobs_worker_wait_ms(struct llmobs_worker *worker, bool exits)
{
    const struct llmobs_config *config = worker->config;
    const struct llmobs_delivery *delivery = &worker->delivery;
    int64_t most = 0, store_ms = LLMOBS_EXIT_STORE_MS;

    if (config->exit_flush_ms >= 0)
        return config->exit_flush_ms;
    if (exits && !config->record_dir &&
        !llmobs_privacy_withholds(&worker->config->privacy) &&
        llmobs_worker_disk_has_all(worker))
        store_ms = LLMOBS_EXIT_KEPT_MS;
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

bool llmobs_worker_wants_warm(const struct llmobs_worker *worker)
{
    for (size_t i = 0; i < worker->delivery.count; i++)
        if (worker->delivery.list[i].exporter->wants_warm)
            return true;
    return false;
}

/* -- the turn -------------------------------------------------------------- */

/* One thread at a time has it, and only that thread delivers. False: another
 * thread has it, or is to have it alone. */
static bool begin_turn(struct llmobs_worker *worker)
{
    if (!llmobs_sole_claim(&worker->turn))
        return false;
    if (!atomic_load(&worker->paused))
        return true;
    llmobs_sole_release(&worker->turn);
    return false;
}

bool llmobs_worker_begin_inline(struct llmobs_worker *worker,
                                struct llmobs_signal_guard *guard)
{
    llmobs_signal_guard_begin(guard);
    if (begin_turn(worker))
        return true;
    llmobs_signal_guard_end(guard);
    return false;
}

void llmobs_worker_end_inline(struct llmobs_worker *worker,
                              const struct llmobs_signal_guard *guard)
{
    llmobs_sole_release(&worker->turn);
    llmobs_signal_guard_end(guard);
}

/* A relay would go past what another preload is there for. */
static const char *why_no_process(struct llmobs_worker *worker, bool brief)
{
    return atomic_load(&worker->sandboxed) ? "the program is in a sandbox"
           : llmobs_direct_is_on()
               ? "another preload leads its connections"
               : llmobs_start_relay_why_not(worker->config, brief);
}

/* A bug that an entry of others meets would end the program that reads it. */
static void have_drain(struct llmobs_worker *worker)
{
    const char *why = worker->config->relay ? why_no_process(worker, true)
                                            : "LLMOBS_RELAY is off";
    int rc = why ? 0 : llmobs_start_relay(true);

    if (why || rc)
        llmobs_log_once(LLMOBS_LOG_WARN, "no drain",
                        "calls of ended processes wait in the spool for "
                        "`llmobs drain`, as %s",
                        why ? why : strerror(-rc));
}

void llmobs_worker_have_relay(struct llmobs_worker *worker)
{
    struct llmobs_spool *spool = llmobs_worker_spool_of(worker);
    int64_t now = llmobs_clock_mono_ns(), last = atomic_load(&worker->relay_ns);
    const char *why;
    int rc;

    if (!spool || atomic_load(&worker->delivery.alone) ||
        !(llmobs_delivery_lacks_way(&worker->delivery) ||
          (llmobs_start_relay_for_end() && worker->config->relay)) ||
        (last && now - last < RELAY_AGAIN_MS * LLMOBS_NS_PER_MS) ||
        llmobs_spool_is_relayed(spool))
        return;
    why = why_no_process(worker, false);
    if (!why) {
        rc = llmobs_spool_begin_relay(spool);
        if (rc == -ENOENT)
            return;
        atomic_store(&worker->relay_ns, now);
        if (rc == 0 && (rc = llmobs_start_relay(false)) != 0)
            llmobs_spool_give_up_relay(spool);
        if (rc == 0 || rc == -EBUSY)
            return;
        why = strerror(-rc);
    }
    atomic_store(&worker->relay_ns, now);
    if (!llmobs_delivery_lacks_way(&worker->delivery))
        return; /* it delivers by itself */
    atomic_store(&worker->delivery.alone, true);
    llmobs_log_once(LLMOBS_LOG_WARN, "no relay",
                    "no relay is started, as %s: calls wait in the spool for "
                    "`llmobs drain`",
                    why);
}

/* -- the thread ------------------------------------------------------------ */

bool llmobs_worker_has_thread(struct llmobs_worker *worker)
{
    unsigned thread = atomic_load(&worker->thread);

    return thread == LLMOBS_WORKER_NEW || thread == LLMOBS_WORKER_RUNNING;
}

void llmobs_worker_wake(struct llmobs_worker *worker)
{
    atomic_fetch_add(&worker->events, 1);
    if (llmobs_worker_has_thread(worker))
        llmobs_futex_wake(&worker->events);
}

static bool is_called(struct llmobs_worker *worker)
{
    return atomic_load(&worker->asked) != atomic_load(&worker->served) ||
           atomic_load(&worker->stop);
}

static int64_t look_ms(const struct llmobs_worker *worker)
{
    int64_t ms =
        (llmobs_clock_mono_ns() - worker->busy_ns) / (10 * LLMOBS_NS_PER_MS);

    if (!llmobs_thread_first_leaves())
        return LOOK_MS;
    if (ms < LOOK_LEAST_MS)
        return LOOK_LEAST_MS;
    return ms < LOOK_MOST_MS ? ms : LOOK_MOST_MS;
}

/* The first thread of the app may end by pthread_exit, as may all others. The
 * process has to end with the app's last thread, although the worker's thread
 * still runs: a delivery under way is then cut as at an exit. */
static void look_for_last(void *arg)
{
    struct llmobs_worker *worker = arg;
    int64_t now = llmobs_clock_mono_ns();

    if (worker->last ||
        now - worker->looked_ns < look_ms(worker) * LLMOBS_NS_PER_MS)
        return;
    worker->looked_ns = now;
    worker->last = llmobs_thread_is_last();
    if (worker->last) {
        llmobs_fd_alone();
        llmobs_delivery_set_exit_deadline(&worker->delivery,
                                          llmobs_worker_wait_ms(worker, true));
    }
}

/* Sends all that is due; gives the monotonic time of the next look, INT64_MAX:
 * not before something is given. */
static int64_t deliver_due(struct llmobs_worker *worker)
{
    struct llmobs_delivery *delivery = &worker->delivery;
    int64_t again, due, now, last = worker->busy_ns;
    int64_t ms = worker->config->flush_interval_ms;
    unsigned missed;

    if (!begin_turn(worker))
        return llmobs_futex_deadline(LINGER_MS);
    delivery->waits = (struct llmobs_tick){look_for_last, worker};
    if (atomic_exchange(&worker->warm, false))
        llmobs_delivery_warm(delivery);
    llmobs_delivery_run(delivery, LLMOBS_RUN_DUE, INT64_MAX);
    delivery->waits.call = NULL;
    now = llmobs_clock_mono_ns();
    if (delivery->taken > 0)
        worker->busy_ns = now;
    if (delivery->taken > 0 && now - last <= 2 * LINGER_MS * LLMOBS_NS_PER_MS)
        due = llmobs_futex_deadline(ms < LINGER_MS ? ms : LINGER_MS);
    else
        due = llmobs_delivery_due(delivery);
    llmobs_sole_release(&worker->turn);
    llmobs_worker_have_relay(worker);
    if (atomic_exchange(&delivery->found, false))
        have_drain(worker);
    /* The child of such a fork has a copy of a lock that this thread may have
     * had. */
    missed = llmobs_fork_gate_missed();
    if (missed != 0) {
        llmobs_stats_add(LLMOBS_STAT_fork_beside_thread, missed);
        llmobs_log_once(
            LLMOBS_LOG_WARN, "fork",
            "the program forked while a thread of the library waited "
            "for a peer or a name server");
    }
    if (delivery->record && !atomic_load(&worker->stop)) {
        ms = delivery->record(worker->config,
                              due == INT64_MAX || llmobs_thread_rests());
        again = llmobs_futex_deadline(ms);
        if (ms >= 0 && again < due)
            due = again;
    }
    return due;
}

/* Sends everything, due or not, and tells the callers of a flush that it is
 * done. */
static void deliver_all(struct llmobs_worker *worker, bool ending)
{
    struct llmobs_delivery *delivery = &worker->delivery;
    unsigned asked = atomic_load(&worker->asked);
    bool begun = false;
    int rc = -EAGAIN;

    for (int i = 0; i < ANSWER_ROUNDS && rc == -EAGAIN; i++) {
        if (i > 0)
            llmobs_futex_sleep(&worker->events, atomic_load(&worker->events),
                               LLMOBS_WORKER_PAUSE_MS);
        if (!begin_turn(worker))
            continue;
        if (!begun)
            llmobs_delivery_allow_tries(delivery, ending);
        begun = true;
        rc = llmobs_delivery_run(delivery, LLMOBS_RUN_ALL, INT64_MAX);
        /* If only the exiting thread may use TLS, it tries to send before
         * anything is saved. */
        if (ending && rc == -ECONNABORTED &&
            !llmobs_curl_access_exit_thread_only())
            llmobs_delivery_save(delivery);
        llmobs_sole_release(&worker->turn);
    }
    llmobs_worker_have_relay(worker);
    atomic_store(&worker->served, asked);
    llmobs_futex_wake(&worker->served);
}

/* Delivers until the thread must stop. True: nothing is left to do, or the
 * process wants to be alone, and the next item starts another thread. */
static bool run_thread(struct llmobs_worker *worker)
{
    worker->last = false;
    worker->looked_ns = 0;
    while (!worker->last && !atomic_load(&worker->stop) &&
           !atomic_load(&worker->withdrawn)) {
        unsigned seen = atomic_load(&worker->events);
        unsigned given = atomic_load(&worker->given), none = LLMOBS_WORKER_NONE;
        int64_t due, left;
        bool lingers;

        if (is_called(worker)) {
            deliver_all(worker, false);
            continue;
        }
        due = deliver_due(worker);
        if (due == INT64_MAX || llmobs_thread_rests()) {
            worker->looked_ns = 0;
            look_for_last(worker);
            if (worker->last)
                break;
            /* If work has come meanwhile, the thread that gave it may have seen
             * this thread, and started no other. */
            atomic_store(&worker->thread, LLMOBS_WORKER_NONE);
            if ((atomic_load(&worker->given) == given && !is_called(worker) &&
                 !atomic_load(&worker->warm)) ||
                !atomic_compare_exchange_strong(&worker->thread, &none,
                                                LLMOBS_WORKER_RUNNING))
                return true;
            continue;
        }
        /* Sleeps until `due` or until an item is submitted. No item is missed:
         * either the submitting thread sees `idle` and wakes this thread, or
         * this thread sees that `given` has changed since it last looked. */
        lingers = llmobs_futex_left(due) <= LINGER_MS + 1;
        atomic_store(&worker->idle, !lingers);
        if (!lingers && atomic_load(&worker->given) != given)
            due = llmobs_futex_deadline(1);
        if (!is_called(worker) && !atomic_load(&worker->warm))
            while (atomic_load(&worker->events) == seen && !worker->last &&
                   (left = llmobs_futex_left(due)) > 0) {
                int64_t pause = look_ms(worker);

                llmobs_futex_sleep(&worker->events, seen,
                                   left < pause ? left : pause);
                if (atomic_load(&worker->events) == seen)
                    look_for_last(worker);
            }
        atomic_store(&worker->idle, 0);
    }
    if (worker->last || atomic_load(&worker->stop))
        deliver_all(worker, true);
    if (worker->last)
        llmobs_thread_exit_last(&worker->signals);
    return false;
}

static void thread_main(void *arg)
{
    struct llmobs_worker *worker = arg;
    int64_t left, until = llmobs_futex_deadline(FIRST_MS);
    unsigned seen, begun = LLMOBS_WORKER_NEW;
    locale_t plain;
    bool rests;

    /* Waits for FIRST_MS, or until a flush, a stop or a second item. Where a
     * stop has come meanwhile, the exiting thread delivers. */
    while ((seen = atomic_load(&worker->events)),
           atomic_load(&worker->idle) && !is_called(worker) &&
               !atomic_load(&worker->warm) && !llmobs_thread_rests() &&
               (left = llmobs_futex_left(until)) > 0)
        llmobs_futex_sleep(&worker->events, seen, left);
    atomic_store(&worker->idle, 0);
    if (!atomic_compare_exchange_strong(&worker->thread, &begun,
                                        LLMOBS_WORKER_RUNNING))
        return;
    plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain)
        uselocale(plain);
    rests = run_thread(worker);
    if (plain) {
        uselocale(LC_GLOBAL_LOCALE);
        freelocale(plain);
    }
    if (!rests) {
        atomic_store(&worker->thread, LLMOBS_WORKER_ENDED);
        atomic_store(&worker->served, atomic_load(&worker->asked));
    }
    llmobs_futex_wake(&worker->thread);
    llmobs_futex_wake(&worker->served);
}

void llmobs_worker_start_thread(struct llmobs_worker *worker)
{
    int64_t failed = atomic_load(&worker->failed_ns);
    unsigned none = LLMOBS_WORKER_NONE;
    int rc;

    if (!worker->config->thread || atomic_load(&worker->stop) ||
        llmobs_filter_still() ||
        (failed &&
         llmobs_clock_mono_ns() - failed < START_AGAIN_MS * LLMOBS_NS_PER_MS) ||
        !atomic_compare_exchange_strong(&worker->thread, &none,
                                        LLMOBS_WORKER_NEW))
        return;
    atomic_store(&worker->idle, 1);
    pthread_sigmask(SIG_SETMASK, NULL, &worker->signals);
    rc = llmobs_fork_gate_thread(thread_main, worker, STACK_SIZE,
                                 &worker->events);
    if (rc == 0)
        return;
    atomic_store(&worker->failed_ns, llmobs_clock_mono_ns());
    atomic_store(&worker->thread, LLMOBS_WORKER_NONE);
    llmobs_log_once(LLMOBS_LOG_WARN, "thread",
                    "no thread (%s): spans are delivered at exit, or wait "
                    "in the spool",
                    strerror(-rc));
}
