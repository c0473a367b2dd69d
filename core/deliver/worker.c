#include "core/deliver/worker.h"

#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/deliver/delivery.h"
#include "core/deliver/start_relay.h"
#include "core/event/encode.h"
#include "core/export/curl_access.h"
#include "core/export/direct.h"
#include "core/log/item_entry.h"
#include "core/log/spool_relay.h"
#include "lib/base/aside.h"
#include "lib/base/blocks.h"
#include "lib/base/clock.h"
#include "lib/base/commit.h"
#include "lib/base/fd.h"
#include "lib/base/filter.h"
#include "lib/base/fork.h"
#include "lib/base/fork_gate.h"
#include "lib/base/futex.h"
#include "lib/base/log.h"
#include "lib/base/program.h"
#include "lib/base/signal_guard.h"
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
/* The time between two tries of a flush, on whatever thread. The worker's has
 * more of them than a destination has tries, because another thread may have
 * the turn in some. */
#define PAUSE_MS 10
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
/* A process that has submitted calls for this long will not end soon. */
#define LIVES_MS 2000
/* A connection that the worker opened within this time needs no warming. */
#define WARM_AGAIN_MS 10000
/* How long an app's thread may encode the items of a full queue. */
#define ENCODE_MS 1000
/* How long the delivery of a call after the exit handler may take. */
#define LATE_MS 100
/* The additional time in which an exit saves undelivered events locally. */
#define SAVE_MS 1000
/* The time for which a withdrawal delivers, and then waits for the thread's
 * end. */
#define WITHDRAW_MS 250
/* The greatest cap of an event that the user may set is less than this, and the
 * encoder obeys that cap. */
#define EVENT_MAX ((size_t)1 << 31)
/* Half of the exchanges' blocks (blocks.h). */
#define BATCH (LLMOBS_BLOCKS / 2)

enum {
    NONE,    /* the next item starts a thread */
    NEW,     /* started, and has not begun: a stop may still take its work */
    RUNNING, /* delivers, or sleeps until it has to */
    ENDED    /* for good */
};

struct llmobs_worker {
    const struct llmobs_config *config;
    struct llmobs_delivery delivery;
    bool brief;            /* the program ends with its calls */
    atomic_bool sandboxed; /* it has ever taken on a filter */
    /* The process whose exit found that nothing was begun or submitted. A call
     * sets delivery.began_ns and then reads this; the exit handler sets this
     * and then reads began_ns. If both happen at once, at least one notices the
     * other. */
    atomic_int ended_quietly;
    /* The process to which the state below belongs (fork.h): of a child all of
     * it is 0. */
    atomic_int process;

    void (*at_exit)(void); /* the exit handler, once it runs */
    atomic_int turn;       /* of the thread that delivers (sole.h) */
    atomic_bool paused;    /* nobody is to deliver */
    atomic_uint thread;    /* NONE and so on; a stop sleeps on it */
    /* The thread sleeps on `events`; `idle` says that whoever submits an item
     * must wake it; `given`: how often something was put. */
    atomic_uint events;
    atomic_int idle;
    atomic_uint given;
    /* Flushes asked for, and flushes done; a flush sleeps on `served`. */
    atomic_uint asked;
    atomic_uint served;
    atomic_bool warm;          /* connections are wanted */
    _Atomic int64_t warm_ns;   /* when they were last asked for */
    _Atomic int64_t failed_ns; /* when a start of the thread failed; 0: none */
    sigset_t signals;          /* the mask of the thread's starter */
    /* The thread's own: when it last looked for threads of the app, and whether
     * it found none; when it last had something to do. */
    int64_t looked_ns;
    bool last;
    int64_t busy_ns;

    atomic_bool stop;
    atomic_bool withdrawn;    /* the thread ends, and no other is started */
    atomic_bool confined;     /* under a filter, and nothing submitted since */
    atomic_bool left;         /* a stop has left items on the disk */
    _Atomic int64_t bound_ns; /* since when a retreat bounds each send */
    _Atomic int64_t relayed_ns; /* when the relay first got an item */
    _Atomic int64_t relay_ns;   /* when a relay was last to be started */
    atomic_uint calls;          /* begun by a brief program */
};

struct llmobs_worker *llmobs_worker_new(const struct llmobs_config *config,
                                        struct llmobs_queue *queue,
                                        struct llmobs_exporter *exporter)
{
    struct llmobs_worker *worker = calloc(1, sizeof(*worker));
    const char *name = llmobs_program_name();

    if (!worker)
        return NULL;
    worker->config = config;
    /* The curl tool mostly ends after one transfer. Starting and ending a
     * thread would cost it as much time as the whole delivery. */
    worker->brief = name && strcmp(name, "curl") == 0;
    llmobs_delivery_init(&worker->delivery, config, queue);
    llmobs_fork_end_reset(&worker->process);
    if (exporter)
        (void)llmobs_delivery_add(&worker->delivery, exporter);
    return worker;
}

struct llmobs_worker *llmobs_worker_open(const struct llmobs_config *config,
                                         size_t bytes)
{
    struct llmobs_worker *worker = llmobs_worker_new(config, NULL, NULL);

    return worker && llmobs_delivery_open(
                         &worker->delivery, config, bytes,
                         llmobs_adopt_new(config, LLMOBS_ADOPT_SAME, NULL))
               ? worker
               : NULL;
}

struct llmobs_delivery *llmobs_worker_delivery(struct llmobs_worker *worker)
{
    return &worker->delivery;
}

/* -- whose state it is ----------------------------------------------------- */

/* Each call of an app's thread begins with this. A child begins anew and frees
 * nothing that it inherited: a thread of the parent may have been in the middle
 * of changing it. Where its parent's exit handler has begun, it has none. */
static void check_fork(struct llmobs_worker *worker)
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

/* False in a child that has submitted nothing yet: the state is still its
 * parent's. This look does not reset it, because that needs system calls. */
static bool is_of_process(struct llmobs_worker *worker)
{
    return !llmobs_filter_still() &&
           atomic_load(&worker->process) == llmobs_fork_process();
}

/* The spool of this process; NULL: it has no spool. */
static struct llmobs_spool *spool_of(struct llmobs_worker *worker)
{
    return llmobs_filter_still() ? NULL : worker->delivery.account.spool;
}

/* True where the disk may not have the content of a call. */
static bool withholds(const struct llmobs_worker *worker)
{
    return llmobs_privacy_withholds(&worker->config->privacy);
}

/* -- what waits, and for how long an exit does ----------------------------- */

size_t llmobs_worker_pending(struct llmobs_worker *worker)
{
    return is_of_process(worker)
               ? atomic_load(&worker->delivery.account.pending)
               : 0;
}

/* How many calls the disk has that are neither delivered nor left there. The
 * number may be wrong by a few while threads submit items. */
static size_t count_kept(void)
{
    uint64_t gone = llmobs_stats_get(LLMOBS_STAT_released) +
                    llmobs_stats_get(LLMOBS_STAT_left);
    uint64_t kept = llmobs_stats_get(LLMOBS_STAT_kept);

    return kept > gone ? (size_t)(kept - gone) : 0;
}

static bool disk_has_all(struct llmobs_worker *worker)
{
    return spool_of(worker) && count_kept() >= llmobs_worker_pending(worker);
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
    if (exits && !config->record_dir && !withholds(worker) &&
        disk_has_all(worker))
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

/* On an app's thread. No handler of the app may run while that thread delivers,
 * and a signal that the delivery's own writing raises (SIGXFSZ kills) must not
 * reach the app. */
static bool begin_inline(struct llmobs_worker *worker,
                         struct llmobs_signal_guard *guard)
{
    llmobs_signal_guard_begin(guard);
    if (begin_turn(worker))
        return true;
    llmobs_signal_guard_end(guard);
    return false;
}

static void end_inline(struct llmobs_worker *worker,
                       const struct llmobs_signal_guard *guard)
{
    llmobs_sole_release(&worker->turn);
    llmobs_signal_guard_end(guard);
}

/* Starts a relay where the process lacks a way to a destination, none lives for
 * it, and the process may start one. Otherwise its calls stay in the spool,
 * until a relay for them lives. */
static void have_relay(struct llmobs_worker *worker)
{
    struct llmobs_spool *spool = spool_of(worker);
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
    if (!why) {
        rc = llmobs_spool_begin_relay(spool);
        if (rc == -ENOENT)
            return;
        atomic_store(&worker->relay_ns, now);
        if (rc == 0 && (rc = llmobs_start_relay()) != 0)
            llmobs_spool_give_up_relay(spool);
        if (rc == 0 || rc == -EBUSY)
            return;
        why = strerror(-rc);
    }
    atomic_store(&worker->delivery.alone, true);
    llmobs_log_once(LLMOBS_LOG_WARN, "no relay",
                    "no relay is started, as %s: calls wait in the spool for "
                    "`llmobs drain`",
                    why);
}

/* -- the thread ------------------------------------------------------------ */

static bool has_thread(struct llmobs_worker *worker)
{
    unsigned thread = atomic_load(&worker->thread);

    return thread == NEW || thread == RUNNING;
}

/* Ends a sleep of the thread. */
static void wake(struct llmobs_worker *worker)
{
    atomic_fetch_add(&worker->events, 1);
    if (has_thread(worker))
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
    have_relay(worker);
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
                               PAUSE_MS);
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
    have_relay(worker);
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
        unsigned given = atomic_load(&worker->given), none = NONE;
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
            atomic_store(&worker->thread, NONE);
            if ((atomic_load(&worker->given) == given && !is_called(worker) &&
                 !atomic_load(&worker->warm)) ||
                !atomic_compare_exchange_strong(&worker->thread, &none,
                                                RUNNING))
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
    unsigned seen, begun = NEW;
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
    if (!atomic_compare_exchange_strong(&worker->thread, &begun, RUNNING))
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
        atomic_store(&worker->thread, ENDED);
        atomic_store(&worker->served, atomic_load(&worker->asked));
    }
    llmobs_futex_wake(&worker->thread);
    llmobs_futex_wake(&worker->served);
}

/* Starts the thread unless it runs or ran before, the configuration wants no
 * thread, or the system refused a thread a moment ago. */
static void start_thread(struct llmobs_worker *worker)
{
    int64_t failed = atomic_load(&worker->failed_ns);
    unsigned none = NONE;
    int rc;

    if (!worker->config->thread || atomic_load(&worker->stop) ||
        llmobs_filter_still() ||
        (failed &&
         llmobs_clock_mono_ns() - failed < START_AGAIN_MS * LLMOBS_NS_PER_MS) ||
        !atomic_compare_exchange_strong(&worker->thread, &none, NEW))
        return;
    atomic_store(&worker->idle, 1);
    pthread_sigmask(SIG_SETMASK, NULL, &worker->signals);
    rc = llmobs_fork_gate_thread(thread_main, worker, STACK_SIZE,
                                 &worker->events);
    if (rc == 0)
        return;
    atomic_store(&worker->failed_ns, llmobs_clock_mono_ns());
    atomic_store(&worker->thread, NONE);
    llmobs_log_once(LLMOBS_LOG_WARN, "thread",
                    "no thread (%s): spans are delivered at exit, or wait "
                    "in the spool",
                    strerror(-rc));
}

/* -- whether this process has begun or submitted anything ------------------ */

static bool is_active(struct llmobs_worker *worker)
{
    return is_of_process(worker) &&
           atomic_load(&worker->delivery.began_ns) != 0;
}

static void nothing(void)
{
}

void llmobs_worker_become_active(struct llmobs_worker *worker)
{
    if (llmobs_filter_still())
        return;
    check_fork(worker);
    if (is_active(worker))
        return;
    llmobs_fork_record_pid();
    atomic_store(&worker->delivery.began_ns, llmobs_clock_mono_ns());
    /* The exit handler had nothing to do and has returned: this does its work.
     * During exit the C library still accepts a handler; once exit has run its
     * handlers it accepts no more. A child of vfork that calls exit also runs
     * the parent's handlers: the parent then continues, and does not exit. */
    if (atomic_exchange(&worker->ended_quietly, 0) == llmobs_fork_process() &&
        atexit(nothing) == 0) {
        llmobs_thread_stay(0);
        llmobs_curl_access_exiting();
        llmobs_curl_access_deadline(
            llmobs_futex_deadline(llmobs_worker_wait_ms(worker, true)));
        (void)llmobs_curl_access_exited(0);
        atomic_store(&worker->stop, true);
    }
}

bool llmobs_worker_end_quietly(struct llmobs_worker *worker,
                               void (*at_exit)(void))
{
    worker->at_exit = at_exit;
    if (llmobs_filter_still())
        return true;
    if (is_active(worker))
        return false;
    atomic_store(&worker->ended_quietly, llmobs_fork_process());
    return !is_active(worker);
}

/* -- a call of the app ----------------------------------------------------- */

void llmobs_worker_count_call(struct llmobs_worker *worker)
{
    if (!worker->brief)
        return;
    check_fork(worker);
    atomic_fetch_add(&worker->calls, 1);
    if (atomic_load(&worker->delivery.account.pending) > 0)
        start_thread(worker);
}

/* The state of an app's thread that a step of a call keeps. The spool opens and
 * writes files there. */
struct caller {
    int error, cancel;
};

static struct caller enter(void)
{
    struct caller caller = {.error = errno};

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &caller.cancel);
    return caller;
}

static void leave(struct caller caller)
{
    pthread_setcancelstate(caller.cancel, NULL);
    errno = caller.error;
}

void llmobs_worker_find_key(struct llmobs_worker *worker,
                            const struct llmobs_exchange *exchange)
{
    struct caller caller = enter();

    llmobs_worker_become_active(worker);
    if (spool_of(worker))
        llmobs_spool_find_key(spool_of(worker), exchange);
    leave(caller);
}

void llmobs_worker_begin(struct llmobs_worker *worker,
                         struct llmobs_exchange *exchange,
                         enum llmobs_stage stage)
{
    struct caller caller = enter();

    llmobs_worker_become_active(worker);
    if (spool_of(worker)) {
        llmobs_exchange_prepare(exchange, stage, withholds(worker));
        (void)llmobs_spool_begin(spool_of(worker), exchange, stage);
    }
    leave(caller);
}

void llmobs_worker_cancel(struct llmobs_worker *worker,
                          struct llmobs_exchange *exchange)
{
    struct caller caller = enter();

    check_fork(worker);
    if (spool_of(worker))
        llmobs_spool_cancel(spool_of(worker), exchange);
    leave(caller);
}

void llmobs_worker_end_parents(struct llmobs_worker *worker,
                               struct llmobs_exchange *exchange)
{
    struct caller caller = enter();

    if (spool_of(worker)) {
        llmobs_exchange_prepare(exchange, LLMOBS_STAGE_END, withholds(worker));
        llmobs_spool_end_parents(spool_of(worker), exchange);
    }
    llmobs_exchange_free(exchange);
    leave(caller);
}

/* True where connecting takes so long that it is done ahead. */
static bool wants_warm(const struct llmobs_worker *worker)
{
    for (size_t i = 0; i < worker->delivery.count; i++)
        if (worker->delivery.list[i].exporter->wants_warm)
            return true;
    return false;
}

/* Starting the thread here costs the app no more than starting it at its first
 * span. */
void llmobs_worker_warm(struct llmobs_worker *worker)
{
    int64_t now, last;
    int saved = errno;

    if (!wants_warm(worker) || llmobs_filter_still())
        return;
    llmobs_worker_become_active(worker);
    now = llmobs_clock_mono_ns();
    last = atomic_load(&worker->warm_ns);
    if (!llmobs_delivery_is_relayed(&worker->delivery) &&
        (!last || now - last >= WARM_AGAIN_MS * LLMOBS_NS_PER_MS) &&
        atomic_compare_exchange_strong(&worker->warm_ns, &last, now) &&
        !atomic_load(&worker->stop)) {
        atomic_store(&worker->warm, true);
        if (atomic_load(&worker->thread) == NONE)
            start_thread(worker);
        else
            wake(worker);
    }
    errno = saved;
}

/* -- an item to deliver ---------------------------------------------------- */

static void encode_inline(void *arg, int64_t until_ns)
{
    struct llmobs_worker *worker = arg;
    struct llmobs_signal_guard guard;

    if (!begin_inline(worker, &guard))
        return;
    (void)llmobs_delivery_run(&worker->delivery, LLMOBS_RUN_INLINE, until_ns);
    end_inline(worker, &guard);
}

/* Without a worker's thread, the calling thread empties a full queue, so that
 * the item is not lost; on another stack if its own is small. Where memory
 * still has no room, and the disk has the item, the queue gets only its head,
 * which has no weight. */
static int put_item(struct llmobs_worker *worker, struct llmobs_item **item)
{
    struct llmobs_queue *queue = worker->delivery.account.queue;
    int rc = llmobs_queue_put(queue, *item);
    struct llmobs_item *head;

    if (rc == -ENOBUFS && !has_thread(worker)) {
        (void)llmobs_aside_run(encode_inline, worker, worker->config->thread,
                               ENCODE_MS);
        rc = llmobs_queue_put(queue, *item);
    }
    if (rc != -ENOBUFS || !(*item)->spooled.kept ||
        !(head = malloc(sizeof(*head))))
        return rc;
    *head = **item;
    head->type = LLMOBS_ITEM_SPOOLED;
    head->weight = 0;
    llmobs_item_free(*item);
    *item = head;
    return llmobs_queue_put(queue, head);
}

void llmobs_worker_submit(struct llmobs_worker *worker,
                          struct llmobs_item *item)
{
    struct llmobs_queue *queue = worker->delivery.account.queue;
    struct llmobs_exchange *exchange = item->type == LLMOBS_ITEM_EXCHANGE
                                           ? (struct llmobs_exchange *)item
                                           : NULL;
    struct caller caller = enter();
    struct llmobs_spool *spool = spool_of(worker);
    int64_t first = 0, now;
    bool relayed, kept;
    size_t pending;

    if (llmobs_filter_still()) {
        llmobs_item_free(item);
        leave(caller);
        return;
    }
    llmobs_worker_become_active(worker);
    atomic_store(&worker->confined, false);
    if (item->weight == 0)
        item->weight = llmobs_delivery_weight(item);

    /* The disk has it before it can be lost from memory; and the relay where it
     * can deliver it as the disk has it. The process looks for the relay when
     * it names its files; for an event that is its first item, now. */
    relayed = !(exchange && withholds(worker)) && spool &&
              llmobs_spool_open(spool) == 0 &&
              llmobs_delivery_is_relayed(&worker->delivery);
    item->spooled.for_relay = relayed;
    if (spool && exchange) {
        llmobs_exchange_prepare(exchange, LLMOBS_STAGE_END, withholds(worker));
        (void)llmobs_spool_end(spool, exchange);
    } else if (spool) {
        (void)llmobs_spool_write_event(spool, &item->spooled, item->kind,
                                       llmobs_event_item_text(item));
    }
    kept = item->spooled.kept;
    item->spooled.for_relay = relayed = relayed && kept;
    llmobs_stats_add(LLMOBS_STAT_captured, 1); /* behind the write: stats.h */
    if (relayed) {
        llmobs_spool_delegate(spool, &item->spooled);
        llmobs_stats_add(LLMOBS_STAT_left, 1);
        llmobs_item_free(item);
    } else {
        atomic_fetch_add(&worker->delivery.account.pending, 1);
        if (put_item(worker, &item) != 0) {
            /* If the disk has it, another process delivers it later. */
            if (spool && !kept && exchange)
                llmobs_spool_cancel(spool, exchange);
            llmobs_item_free(item);
            llmobs_delivery_count_lost(&worker->delivery,
                                       kept ? -EXDEV : -ENOSPC);
        }
        atomic_fetch_add(&worker->given, 1);
    }

    if (atomic_load(&worker->stop)) {
        /* The exit handler has run: another handler of the app makes calls. */
        llmobs_worker_stop(worker, LATE_MS);
    } else if (relayed && has_thread(worker)) {
        /* The thread starts another relay where this one was killed. */
        if (!llmobs_spool_is_relayed(spool) &&
            atomic_exchange(&worker->idle, 0))
            wake(worker);
    } else if (relayed) {
        /* A process that lives on gets a thread, which looks after the relay.
         */
        now = llmobs_clock_mono_ns();
        if (!atomic_compare_exchange_strong(&worker->relayed_ns, &first, now) &&
            now - first >= LIVES_MS * LLMOBS_NS_PER_MS)
            start_thread(worker);
    } else if (atomic_load(&worker->thread) == NONE) {
        /* The program will exit soon, and the disk has the item: then no thread
         * is needed yet. */
        if (!worker->brief || !kept || atomic_load(&worker->calls) > 1)
            start_thread(worker);
    } else if (atomic_exchange(&worker->idle, 0) ||
               ((pending = llmobs_queue_pending(queue)) > 0 &&
                pending % BATCH == 0)) {
        /* Enough items wait for the thread to look now: the blocks that they
         * use are then free again for the next exchanges. */
        wake(worker);
    }
    leave(caller);
}

void llmobs_worker_count_lost(struct llmobs_worker *worker,
                              enum llmobs_stat why)
{
    int saved = errno;

    llmobs_worker_become_active(worker);
    llmobs_stats_add(LLMOBS_STAT_captured, 1);
    llmobs_stats_add(why, 1);
    errno = saved;
}

int llmobs_worker_submit_span(struct llmobs_worker *worker,
                              struct llmobs_span *span)
{
    struct llmobs_buf event;
    int rc;

    llmobs_buf_init(&event, EVENT_MAX);
    rc = llmobs_encode_span(span, worker->config, &event);
    llmobs_span_fini(span);
    if (!rc)
        rc = llmobs_worker_submit_event(worker, LLMOBS_EVENT_SPAN,
                                        llmobs_buf_text(&event));
    else
        llmobs_worker_count_lost(worker, rc == -ENOMEM
                                             ? LLMOBS_STAT_dropped_memory
                                             : LLMOBS_STAT_dropped_export);
    llmobs_buf_fini(&event);
    return rc;
}

int llmobs_worker_submit_event(struct llmobs_worker *worker,
                               enum llmobs_event_kind kind,
                               struct llmobs_text text)
{
    struct llmobs_item *item = llmobs_event_item_new(kind, text);

    if (!item) {
        llmobs_worker_count_lost(worker, LLMOBS_STAT_dropped_memory);
        return -ENOMEM;
    }
    llmobs_worker_submit(worker, item);
    return 0;
}

/* -- flushes --------------------------------------------------------------- */

/* Asks the thread to deliver everything, and waits until it has tried, has
 * ended, or the deadline passes. */
static void flush_by_thread(struct llmobs_worker *worker, int64_t deadline_ns)
{
    unsigned asked, served;
    int64_t left;

    if (!has_thread(worker))
        return;
    asked = atomic_fetch_add(&worker->asked, 1) + 1;
    wake(worker);
    while ((served = atomic_load(&worker->served)),
           (int)(asked - served) > 0 && has_thread(worker) &&
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
    const struct timespec pause = {0, PAUSE_MS * LLMOBS_NS_PER_MS};
    struct llmobs_delivery *delivery = &worker->delivery;
    struct llmobs_signal_guard guard;
    bool begun = false;

    start_thread(worker);
    flush_by_thread(worker, deadline_ns);
    if (has_thread(worker))
        return;
    if (ending ? llmobs_delivery_has_unsent(delivery)
               : llmobs_worker_pending(worker) != 0) {
        for (int rc = -EBUSY;; rc = -EBUSY) {
            if (begin_inline(worker, &guard)) {
                if (!begun)
                    llmobs_delivery_allow_tries(delivery, ending);
                begun = true;
                rc = llmobs_delivery_run(delivery, LLMOBS_RUN_ALL, deadline_ns);
                end_inline(worker, &guard);
            }
            if (rc == 0 || rc == -ECONNABORTED ||
                llmobs_futex_left(deadline_ns) == 0)
                break;
            nanosleep(&pause, NULL);
        }
        if (ending && llmobs_worker_pending(worker) != 0 &&
            begin_inline(worker, &guard)) {
            llmobs_delivery_save(delivery);
            end_inline(worker, &guard);
        }
    }
    have_relay(worker);
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

    if (!is_of_process(worker))
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
    if (llmobs_worker_pending(worker) != 0 && wants_warm(worker) &&
        !atomic_load(&worker->stop)) {
        start_thread(worker);
        *tried = has_thread(worker);
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

    if (!is_of_process(worker))
        return;
    llmobs_delivery_adopt_later(&worker->delivery);
    if (atomic_exchange(&worker->paused, false) &&
        !atomic_load(&worker->stop)) {
        llmobs_delivery_unbound(&worker->delivery,
                                atomic_exchange(&worker->bound_ns, 0));
        llmobs_curl_access_deadline(INT64_MAX);
    }
    wake(worker);
    errno = saved;
}

/* -- sandboxes ------------------------------------------------------------- */

void llmobs_worker_hurry(struct llmobs_worker *worker, int64_t ms)
{
    if (llmobs_worker_pending(worker) == 0 || atomic_load(&worker->confined))
        return;
    start_thread(worker);
    flush_by_thread(worker, llmobs_futex_deadline(ms));
}

void llmobs_worker_hold_spool(struct llmobs_worker *worker)
{
    struct llmobs_spool *spool = spool_of(worker);

    if (spool && is_of_process(worker) && llmobs_spool_hold(spool) != 0)
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
        start_thread(worker);
}

/* -- the end --------------------------------------------------------------- */

static void wait_for_thread(struct llmobs_worker *worker, int64_t deadline_ns)
{
    int64_t last_ns = deadline_ns + SAVE_MS * LLMOBS_NS_PER_MS, left;
    unsigned state;

    while ((state = atomic_load(&worker->thread)), has_thread(worker)) {
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

    if (!has_thread(worker))
        return;
    since = llmobs_delivery_bound(&worker->delivery, WITHDRAW_MS);
    llmobs_curl_access_deadline(deadline);
    flush_by_thread(worker, deadline);
    atomic_store(&worker->withdrawn, true);
    wake(worker);
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
    before = count_kept();
    pending = atomic_exchange(&delivery->account.pending, 0);
    kept = count_kept();
    /* If another thread has the turn, to deliver or to end, the spool stays
     * open for the process that adopts it. */
    if (spool_of(worker) && begin_inline(worker, &guard)) {
        llmobs_spool_close(spool_of(worker));
        end_inline(worker, &guard);
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
    unsigned begun = NEW;
    int saved = errno;
    int rc;

    check_fork(worker);
    atomic_store(&worker->paused, false);
    llmobs_delivery_set_exit_deadline(&worker->delivery, ms > 0 ? ms : 0);
    atomic_store(&worker->stop, true);
    /* An earlier stop has left items on the disk, and counted them as left; the
     * process still has them. The disk also has the later items: all stay
     * there, as a delivery now would make that count wrong. */
    if (atomic_load(&worker->confined) ||
        (atomic_load(&worker->left) && disk_has_all(worker))) {
        count_undelivered(worker, deadline);
        errno = saved;
        return;
    }
    llmobs_commit_reopen();
    /* The exit does not wait for a thread that has not begun to work. But the
     * worker's thread should do a TLS handshake. */
    if (llmobs_delivery_is_near(&worker->delivery))
        (void)atomic_compare_exchange_strong(&worker->thread, &begun, ENDED);
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
