#include "core/deliver/worker_state.h"

#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/filter.h"
#include "lib/base/fork_gate.h"
#include "lib/base/futex.h"
#include "lib/base/log.h"
#include "lib/base/thread.h"
#include "lib/base/stats.h"
#include "core/export/curl_access.h"

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
/* More rounds than a destination has tries, because another thread may have the
 * turn in some rounds. */
#define ANSWER_ROUNDS 5
/* After a failed start, the thread is not started again within this time. */
#define START_AGAIN_MS 1000
/* The time between two looks whether a thread of the app is left. An end of the
 * first one by pthread_exit wakes this thread (llmobs_thread_leaves), so these
 * looks are for an end by the system call. */
#define LOOK_MS 1000
/* Once the first thread leaves, it looks after a tenth of the time that has
 * passed since it last had something to do. */
#define LOOK_PART 10
#define LOOK_LEAST_MS 10
#define LOOK_MOST_MS 100

static void wake_flushes(struct llmobs_worker *worker, unsigned asked)
{
    atomic_store(&worker->served, asked);
    llmobs_futex_wake(&worker->served);
}

static int64_t look_ms(const struct llmobs_worker *worker)
{
    int64_t ms = (llmobs_clock_mono_ns() - worker->busy_ns) /
                 (LOOK_PART * LLMOBS_NS_PER_MS);

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
    if (!worker->last)
        return;
    llmobs_fd_alone();
    llmobs_delivery_set_exit_deadline(&worker->delivery,
                                      llmobs_worker_exit_ms(worker));
}

/* Sends all that is due; gives the monotonic time of the next look, INT64_MAX:
 * not before something is given. */
static int64_t deliver_due(struct llmobs_worker *worker)
{
    struct llmobs_delivery *delivery = &worker->delivery;
    int64_t again, due, now, last = worker->busy_ns;
    int64_t ms = worker->config->flush_interval_ms;
    unsigned missed;

    worker->rests = llmobs_thread_rests();
    if (!llmobs_worker_begin_turn(worker))
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
    llmobs_worker_end_turn(worker);
    llmobs_worker_have_relay(worker);
    worker->rests = due == INT64_MAX || llmobs_thread_rests();
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
        ms = delivery->record(worker->config, worker->rests);
        again = llmobs_futex_deadline(ms);
        if (ms >= 0 && again < due)
            due = again;
    }
    worker->rests = due == INT64_MAX || llmobs_thread_rests();
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
        if (!llmobs_worker_begin_turn(worker))
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
        llmobs_worker_end_turn(worker);
    }
    llmobs_worker_have_relay(worker);
    wake_flushes(worker, asked);
}

static bool is_called(struct llmobs_worker *worker)
{
    return atomic_load(&worker->asked) != atomic_load(&worker->served) ||
           atomic_load(&worker->stop);
}

/* Sleeps for at most `ms`, < 0: without end, and looks for the app's threads
 * meanwhile. */
static void sleep_looking(struct llmobs_worker *worker, unsigned seen,
                          int64_t ms)
{
    int64_t until = ms < 0 ? INT64_MAX : llmobs_futex_deadline(ms);
    int64_t left = ms;

    while (atomic_load(&worker->events) == seen && left != 0 && !worker->last) {
        int64_t pause = look_ms(worker);

        llmobs_futex_sleep(&worker->events, seen,
                           left < 0 || left > pause ? pause : left);
        if (atomic_load(&worker->events) == seen)
            look_for_last(worker);
        if (ms >= 0)
            left = llmobs_futex_left(until);
    }
}

/* Nothing is left to do, or the process wants to be alone: the thread ends, and
 * the next item starts another. False where work for this thread has come
 * meanwhile: the thread that gave it saw this thread, and started no other. */
static bool may_rest(struct llmobs_worker *worker, unsigned given)
{
    unsigned none = LLMOBS_WORKER_NONE;

    worker->looked_ns = 0;
    look_for_last(worker);
    if (worker->last)
        return false;
    atomic_store(&worker->thread, LLMOBS_WORKER_NONE);
    return (atomic_load(&worker->given) == given && !is_called(worker) &&
            !atomic_load(&worker->warm)) ||
           !atomic_compare_exchange_strong(&worker->thread, &none,
                                           LLMOBS_WORKER_RUNNING);
}

/* Delivers until the thread must stop. True if it stops because nothing is left
 * to do. */
static bool run_thread(struct llmobs_worker *worker)
{
    worker->last = false;
    worker->looked_ns = 0;
    while (!worker->last && !atomic_load(&worker->stop) &&
           !atomic_load(&worker->withdrawn)) {
        unsigned seen = atomic_load(&worker->events);
        unsigned given = atomic_load(&worker->given);
        int64_t due;

        if (is_called(worker)) {
            deliver_all(worker, false);
            continue;
        }
        due = deliver_due(worker);
        if (!worker->rests) {
            /* Sleeps until `due` or until an item is submitted. No item is
             * missed: either the submitting thread sees `idle` and wakes this
             * thread, or this thread sees that `given` has changed since it
             * last looked. */
            int64_t left = due == INT64_MAX ? -1 : llmobs_futex_left(due);
            bool lingers = left >= 0 && left <= LINGER_MS + 1;

            if (!lingers)
                atomic_store(&worker->idle, 1);
            if (!lingers && atomic_load(&worker->given) != given)
                left = 1;
            if (!is_called(worker) && !atomic_load(&worker->warm))
                sleep_looking(worker, seen, left);
            atomic_store(&worker->idle, 0);
        } else if (may_rest(worker, given))
            return true;
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
    locale_t plain;
    bool rests;
    int64_t until = llmobs_futex_deadline(FIRST_MS);
    unsigned seen;
    int64_t left;

    /* Waits for FIRST_MS, or until a flush, a stop or a second item. Where a
     * stop has come meanwhile, the exiting thread delivers. */
    while ((seen = atomic_load(&worker->events)),
           atomic_load(&worker->idle) && !is_called(worker) &&
               !atomic_load(&worker->warm) && !llmobs_thread_rests() &&
               (left = llmobs_futex_left(until)) > 0)
        llmobs_futex_sleep(&worker->events, seen, left);
    atomic_store(&worker->idle, 0);
    if (!atomic_exchange(&worker->fresh, false))
        return;
    plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain)
        uselocale(plain);
    rests = run_thread(worker);
    if (plain) {
        uselocale(LC_GLOBAL_LOCALE);
        freelocale(plain);
    }
    if (!rests)
        atomic_store(&worker->thread, LLMOBS_WORKER_ENDED);
    llmobs_futex_wake(&worker->thread);
    if (rests)
        llmobs_futex_wake(&worker->served);
    else
        wake_flushes(worker, atomic_load(&worker->asked));
}

void llmobs_worker_start_thread(struct llmobs_worker *worker)
{
    unsigned none = LLMOBS_WORKER_NONE;
    int rc;

    if (!worker->config->thread || atomic_load(&worker->stop) ||
        llmobs_filter_still())
        return;
    if (atomic_load(&worker->failed_ns) &&
        llmobs_clock_mono_ns() - atomic_load(&worker->failed_ns) <
            START_AGAIN_MS * LLMOBS_NS_PER_MS)
        return;
    if (!atomic_compare_exchange_strong(&worker->thread, &none,
                                        LLMOBS_WORKER_RUNNING))
        return;
    atomic_store(&worker->idle, 1);
    atomic_store(&worker->fresh, true);
    pthread_sigmask(SIG_SETMASK, NULL, &worker->signals);
    rc = llmobs_fork_gate_thread(thread_main, worker, STACK_SIZE,
                                 &worker->events);
    if (rc == 0)
        return;
    atomic_store(&worker->fresh, false);
    atomic_store(&worker->failed_ns, llmobs_clock_mono_ns());
    atomic_store(&worker->thread, LLMOBS_WORKER_NONE);
    llmobs_log_once(LLMOBS_LOG_WARN, "thread",
                    "no thread (%s): spans are delivered at exit, or wait "
                    "in the spool",
                    strerror(-rc));
}
