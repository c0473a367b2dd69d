#include "core/deliver/worker.h"

#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/aside.h"
#include "core/base/blocks.h"
#include "core/base/clock.h"
#include "core/base/fd.h"
#include "core/base/fork.h"
#include "core/base/futex.h"
#include "core/base/log.h"
#include "core/base/program.h"
#include "core/base/signal_guard.h"
#include "core/base/thread.h"
#include "core/deliver/delivery.h"
#include "core/deliver/drain.h"
#include "core/deliver/relay.h"
#include "core/event/to_span.h"
#include "core/ledger/stats.h"
#include "core/net/http.h"
#include "core/spool/event_item.h"
#include "core/spool/spool.h"

/* How long an app's thread may encode the items of a full buffer. */
#define ENCODE_MS 1000
/* How long the delivery of a call may take that ends after the exit handler. */
#define LATE_MS 100
/* Half of the exchanges' blocks (blocks.h). */
#define BATCH (LLMOBS_BLOCKS / 2)
/* A connection that the worker opened so lately needs no warming. */
#define WARM_AGAIN_MS 10000

/* Measured: the deepest document that the JSON limits allow takes 32 KiB to
 * read, encode and store, and a TLS handshake 40; the rest is for thread-local
 * storage of the app, which the C library takes out of the stack. */
#define STACK_SIZE (256 * 1024)

/* So long the new thread waits before its first delivery. A program that makes
 * one call and ends, such as curl, has ended by then, and delivers by itself
 * sooner than another thread would. The wait is short: an item that the spool
 * does not have (it is off, full, or content may not go there) is lost if the
 * process is killed. */
#define FIRST_MS 4
/* After a delivery the thread looks again so soon, so that a busy app need not
 * wake it for every call. It is short for the same reason. */
#define LINGER_MS 20
/* More than a destination has tries, as another thread may have the turn in
 * some of the rounds. */
#define ANSWER_ROUNDS 5
#define RETRY_PAUSE_MS 10
/* The thread is started again no sooner than this after a start that failed. */
#define START_AGAIN_MS 1000
/* The thread looks so often whether a thread of the app is left. */
#define LOOK_MS 1000

/* The additional time in which an exit saves undelivered events locally. */
#define SAVE_MS 1000

enum thread_state {
    THREAD_NONE,
    THREAD_STARTING,
    THREAD_RUNNING,
    THREAD_ENDED /* for good */
};

struct llmobs_worker {
    const struct llmobs_config *config;
    struct llmobs_delivery delivery;

    /* The process to which the state below belongs (fork.h). */
    atomic_int process;
    atomic_uint thread;        /* enum thread_state; a stop sleeps on it */
    _Atomic int64_t failed_ns; /* when a start of the thread failed; 0: none */
    sigset_t signals;          /* blocked in the thread that started this one */
    /* Used by the worker's thread alone: when it last looked for threads of the
     * app, and whether it found none. */
    int64_t looked_ns;
    bool last;
    atomic_bool stop;
    /* The process that has begun or given something, and the process whose exit
     * found that it had not. A call sets `active` and then reads
     * `ended_quietly`; the exit handler sets `ended_quietly` and then reads
     * `active`. If both happen at once, at least one notices the other. */
    atomic_int active;
    atomic_int ended_quietly;
    /* The thread was started and has not begun to work. Either the thread or a
     * stop clears it, and the one that clears it delivers first. */
    atomic_bool fresh;

    /* The thread sleeps on `events`; `idle` says that a give must wake it. */
    atomic_uint events;
    atomic_int idle;
    atomic_uint given; /* how often something was put */
    /* Flushes asked for, and flushes done; a flush sleeps on `served`. */
    atomic_uint asked;
    atomic_uint served;

    atomic_int turn;          /* 1: a thread delivers; no other may meanwhile */
    atomic_int paused;        /* so many callers want that no thread delivers */
    atomic_bool warm;         /* connections are wanted */
    _Atomic int64_t warm_ns;  /* when they were last asked for */
    _Atomic int64_t bound_ns; /* since when a retreat bounds each send */
    /* Constant once something is given. */
    bool wants_warm;
    bool brief;        /* the program ends with its calls */
    atomic_uint calls; /* begun by a brief program */
    llmobs_worker_note_fn *note;
    llmobs_worker_close_fn *close;
};

static bool has_thread(struct llmobs_worker *worker)
{
    unsigned state = atomic_load(&worker->thread);

    return state == THREAD_STARTING || state == THREAD_RUNNING;
}

static struct llmobs_spool *spool_of(struct llmobs_worker *worker)
{
    return worker->delivery.account.backlog.spool;
}

static void wake(struct llmobs_worker *worker)
{
    atomic_fetch_add(&worker->events, 1);
    if (has_thread(worker))
        llmobs_futex_wake(&worker->events);
}

static bool take_turn(struct llmobs_worker *worker)
{
    int none = 0;

    if (!atomic_compare_exchange_strong(&worker->turn, &none, 1))
        return false;
    if (atomic_load(&worker->paused) == 0)
        return true;
    atomic_store(&worker->turn, 0);
    return false;
}

static void leave_turn(struct llmobs_worker *worker)
{
    atomic_store(&worker->turn, 0);
}

/* Takes the turn on an app's thread, and blocks the signals of that thread: no
 * handler of the app may run while the thread delivers, and a signal that the
 * delivery's own writing raises (SIGXFSZ kills) may not reach the app. False:
 * another thread has the turn. */
static bool begin_inline(struct llmobs_worker *worker,
                         struct llmobs_signal_guard *guard)
{
    llmobs_signal_guard_begin(guard);
    if (take_turn(worker))
        return true;
    llmobs_signal_guard_end(guard);
    return false;
}

static void end_inline(struct llmobs_worker *worker,
                       const struct llmobs_signal_guard *guard)
{
    leave_turn(worker);
    llmobs_signal_guard_end(guard);
}

/* -- delivering ---------------------------------------------------------- */

/* Delivers on an app's thread. -EBUSY: another thread has the turn. */
static int deliver_inline(struct llmobs_worker *worker, enum llmobs_run how,
                          int64_t deadline_ns)
{
    struct llmobs_signal_guard guard;
    int rc;

    if (!begin_inline(worker, &guard))
        return -EBUSY;
    rc = llmobs_delivery_run(&worker->delivery, how, deadline_ns);
    end_inline(worker, &guard);
    return rc;
}

static void encode(void *arg, int64_t until_ns)
{
    (void)deliver_inline(arg, LLMOBS_RUN_INLINE, until_ns);
}

/* Makes events of the items that were given, for at most `ms`; on another stack
 * where this one is small. */
static void encode_aside(struct llmobs_worker *worker, int64_t ms)
{
    (void)llmobs_aside_run(encode, worker, worker->config->thread, ms);
}

/* -- fork ---------------------------------------------------------------- */

/* A child begins anew and frees nothing that it inherited: a thread of the
 * parent may have been in the middle of changing it. */
static void reset(struct llmobs_worker *worker)
{
    llmobs_delivery_reset(&worker->delivery);
    atomic_store(&worker->stop, false);
    atomic_store(&worker->fresh, false);
    atomic_store(&worker->failed_ns, 0);
    atomic_store(&worker->calls, 0);
    atomic_store(&worker->idle, 0);
    atomic_store(&worker->asked, 0);
    atomic_store(&worker->served, 0);
    atomic_store(&worker->turn, 0);
    atomic_store(&worker->paused, 0);
    atomic_store(&worker->warm, false);
    atomic_store(&worker->warm_ns, 0);
    atomic_store(&worker->bound_ns, 0);
    atomic_store(&worker->thread, THREAD_NONE);
}

/* Each call by an app's thread begins with this: a child resets the worker. */
static void check_fork(struct llmobs_worker *worker)
{
    if (!llmobs_fork_unsettled(&worker->process))
        return;
    reset(worker);
    llmobs_fork_settled(&worker->process);
}

/* -- the thread ---------------------------------------------------------- */

static void thread_serve(struct llmobs_worker *worker, unsigned asked)
{
    atomic_store(&worker->served, asked);
    llmobs_futex_wake(&worker->served);
}

/* Calls `note`, which may want to be called again before `due`; gives the
 * earlier of the two times. */
static int64_t note(struct llmobs_worker *worker, int64_t due)
{
    int64_t again, ms = -1;

    if (worker->note && !atomic_load(&worker->stop))
        ms = worker->note(worker->config);
    if (ms < 0)
        return due;
    again = llmobs_futex_deadline(ms);
    return again < due ? again : due;
}

/* The first thread of the app may end by pthread_exit, and so may all others.
 * The process has to end with the app's last thread, although the worker's
 * thread is still there: a delivery under way is then cut as at an exit. */
static void look(void *arg)
{
    struct llmobs_worker *worker = arg;
    int64_t now = llmobs_clock_mono_ns();

    if (worker->last || now - worker->looked_ns < LOOK_MS * LLMOBS_NS_PER_MS)
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
static int64_t thread_deliver(struct llmobs_worker *worker)
{
    struct llmobs_delivery *delivery = &worker->delivery;
    int64_t linger = worker->config->flush_interval_ms;
    int64_t due;

    if (linger > LINGER_MS)
        linger = LINGER_MS;
    if (!take_turn(worker))
        return llmobs_futex_deadline(LINGER_MS);
    delivery->waits = (struct llmobs_tick){look, worker};
    if (atomic_exchange(&worker->warm, false))
        llmobs_delivery_warm(delivery);
    llmobs_delivery_run(delivery, LLMOBS_RUN_DUE, INT64_MAX);
    delivery->waits.call = NULL;
    due = delivery->taken ? llmobs_futex_deadline(linger)
                          : llmobs_delivery_due(delivery);
    leave_turn(worker);
    return note(worker, due);
}

/* Sends everything, due or not, and tells the callers of a flush that it is
 * done. */
static void thread_answer(struct llmobs_worker *worker, bool ending)
{
    struct llmobs_delivery *delivery = &worker->delivery;
    unsigned asked = atomic_load(&worker->asked);
    bool begun = false;
    int rc = -EAGAIN;

    for (int i = 0; i < ANSWER_ROUNDS && rc == -EAGAIN; i++) {
        if (i > 0)
            llmobs_futex_sleep(&worker->events, atomic_load(&worker->events),
                               RETRY_PAUSE_MS);
        if (!take_turn(worker))
            continue;
        if (!begun)
            llmobs_delivery_allow_tries(delivery, ending);
        begun = true;
        rc = llmobs_delivery_run(delivery, LLMOBS_RUN_ALL, INT64_MAX);
        /* Where only the exiting thread may use TLS, it tries to send before
         * anything is saved. */
        if (ending && rc == -ECONNABORTED &&
            !llmobs_curl_access_exit_thread_only())
            llmobs_delivery_save(delivery);
        leave_turn(worker);
    }
    thread_serve(worker, asked);
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
        llmobs_futex_sleep(&worker->events, seen,
                           left < 0 || left > LOOK_MS ? LOOK_MS : left);
        if (atomic_load(&worker->events) == seen)
            look(worker);
        if (ms >= 0)
            left = llmobs_futex_left(until);
    }
}

/* Sleeps until `until_ns` or until something is given. No give goes unseen:
 * either the give sees `idle` and wakes this thread, or this thread sees that
 * `given` has changed since it last looked. */
static void thread_sleep(struct llmobs_worker *worker, unsigned seen,
                         unsigned given, int64_t until_ns)
{
    int64_t left = until_ns == INT64_MAX ? -1 : llmobs_futex_left(until_ns);
    bool lingers = left >= 0 && left <= LINGER_MS + 1;

    if (!lingers)
        atomic_store(&worker->idle, 1);
    if (!lingers && atomic_load(&worker->given) != given)
        left = 1;
    if (!is_called(worker) && !atomic_load(&worker->warm))
        sleep_looking(worker, seen, left);
    atomic_store(&worker->idle, 0);
}

static void thread_loop(struct llmobs_worker *worker)
{
    worker->last = false;
    worker->looked_ns = llmobs_clock_mono_ns();
    while (!worker->last && !atomic_load(&worker->stop)) {
        unsigned seen = atomic_load(&worker->events);
        unsigned given = atomic_load(&worker->given);

        if (is_called(worker))
            thread_answer(worker, false);
        else
            thread_sleep(worker, seen, given, thread_deliver(worker));
    }
    thread_answer(worker, true);
    if (worker->last) {
        /* The exit code first: a thread that resolves a host name may be the
         * last one of the process from here on. */
        llmobs_thread_leave(&worker->signals);
        llmobs_http_end_lookups();
    }
}

/* Waits for FIRST_MS, or less where a flush, a stop or a second give comes.
 * False when a stop has come meanwhile: then the exiting thread delivers. */
static bool thread_begin(struct llmobs_worker *worker)
{
    int64_t until = llmobs_futex_deadline(FIRST_MS);
    unsigned seen;
    int64_t left;

    while ((seen = atomic_load(&worker->events)),
           atomic_load(&worker->idle) && !is_called(worker) &&
               !atomic_load(&worker->warm) &&
               (left = llmobs_futex_left(until)) > 0)
        llmobs_futex_sleep(&worker->events, seen, left);
    atomic_store(&worker->idle, 0);
    return atomic_exchange(&worker->fresh, false);
}

static void *thread_main(void *arg)
{
    struct llmobs_worker *worker = arg;
    locale_t plain;

    llmobs_thread_begins();
    if (!thread_begin(worker)) {
        llmobs_thread_ends();
        return NULL;
    }
    plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain)
        uselocale(plain);
    thread_loop(worker);
    if (plain) {
        uselocale(LC_GLOBAL_LOCALE);
        freelocale(plain);
    }
    atomic_store(&worker->thread, THREAD_ENDED);
    llmobs_futex_wake(&worker->thread);
    thread_serve(worker, atomic_load(&worker->asked));
    llmobs_thread_ends();
    return NULL;
}

/* Starts the thread unless it runs or ran before, the configuration wants none,
 * or the system refused one a moment ago. */
static void start_thread(struct llmobs_worker *worker)
{
    unsigned none = THREAD_NONE;
    int rc;

    if (!worker->config->thread || atomic_load(&worker->stop))
        return;
    if (atomic_load(&worker->failed_ns) &&
        llmobs_clock_mono_ns() - atomic_load(&worker->failed_ns) <
            START_AGAIN_MS * LLMOBS_NS_PER_MS)
        return;
    if (!atomic_compare_exchange_strong(&worker->thread, &none,
                                        THREAD_STARTING))
        return;
    atomic_store(&worker->idle, 1);
    atomic_store(&worker->fresh, true);
    pthread_sigmask(SIG_SETMASK, NULL, &worker->signals);
    rc = llmobs_thread_start(thread_main, worker, STACK_SIZE);
    none = THREAD_STARTING;
    if (rc == 0) {
        atomic_compare_exchange_strong(&worker->thread, &none, THREAD_RUNNING);
        return;
    }
    atomic_store(&worker->fresh, false);
    atomic_store(&worker->failed_ns, llmobs_clock_mono_ns());
    atomic_store(&worker->thread, THREAD_NONE);
    llmobs_log_once(LLMOBS_LOG_WARN, "thread",
                    "no thread (%s): spans are delivered at exit, or wait "
                    "in the spool",
                    strerror(-rc));
}

/* -- whether this process has done anything ------------------------------ */

static bool is_active(struct llmobs_worker *worker)
{
    return atomic_load(&worker->active) == llmobs_fork_process();
}

static void nothing(void)
{
}

/* During exit the C library still accepts a handler; once exit has run its
 * handlers it accepts none. A child of vfork that calls exit runs them for its
 * parent, too: the parent then goes on, and is rightly taken not to exit. */
static bool is_exiting(void)
{
    return atexit(nothing) == 0;
}

/* The exit handler found nothing to do and has returned: this does what it
 * would have done. */
static void end_late(struct llmobs_worker *worker)
{
    int64_t ms = llmobs_worker_exit_ms(worker);

    llmobs_curl_access_exiting();
    llmobs_curl_access_deadline(llmobs_clock_mono_ns() + ms * LLMOBS_NS_PER_MS);
    (void)llmobs_curl_access_exited(0);
    atomic_store(&worker->stop, true);
}

/* Each call by an app's thread that leaves something to deliver begins with
 * this. */
static void become_active(struct llmobs_worker *worker)
{
    check_fork(worker);
    if (is_active(worker))
        return;
    llmobs_fork_note();
    atomic_store(&worker->delivery.began_ns, llmobs_clock_mono_ns());
    atomic_store(&worker->active, llmobs_fork_process());
    if (atomic_exchange(&worker->ended_quietly, 0) == llmobs_fork_process() &&
        is_exiting())
        end_late(worker);
}

bool llmobs_worker_end_quietly(struct llmobs_worker *worker)
{
    if (is_active(worker))
        return false;
    atomic_store(&worker->ended_quietly, llmobs_fork_process());
    return !is_active(worker);
}

/* -- the app's side ------------------------------------------------------ */

/* True for the curl tool, which mostly ends after one transfer: to start and
 * end a thread would cost it as much time as all of the delivery. */
static bool is_brief(void)
{
    const char *name = llmobs_program_name();

    return name && strcmp(name, "curl") == 0;
}

struct llmobs_worker *llmobs_worker_new(const struct llmobs_config *config,
                                        struct llmobs_buffer *buffer,
                                        struct llmobs_exporter *exporter)
{
    struct llmobs_worker *worker = calloc(1, sizeof(*worker));

    if (!worker)
        return NULL;
    worker->config = config;
    worker->brief = is_brief();
    llmobs_delivery_init(&worker->delivery, config, buffer);
    llmobs_fork_settled(&worker->process);
    if (exporter)
        (void)llmobs_worker_add(worker, exporter);
    return worker;
}

int llmobs_worker_add(struct llmobs_worker *worker,
                      struct llmobs_exporter *exporter)
{
    int rc = llmobs_delivery_add(&worker->delivery, exporter);

    if (!rc && exporter->wants_warm)
        worker->wants_warm = true;
    return rc;
}

void llmobs_worker_note(struct llmobs_worker *worker,
                        llmobs_worker_note_fn *the_note,
                        llmobs_worker_settled_fn *settled,
                        llmobs_worker_close_fn *the_close)
{
    worker->note = the_note;
    worker->delivery.settled = settled;
    worker->close = the_close;
}

void llmobs_worker_rescue(struct llmobs_worker *worker,
                          struct llmobs_exporter *exporter)
{
    worker->delivery.rescue = exporter;
}

void llmobs_worker_measure(struct llmobs_worker *worker,
                           struct llmobs_meter *meter)
{
    llmobs_delivery_measure(&worker->delivery, meter);
}

void llmobs_worker_keep(struct llmobs_worker *worker,
                        struct llmobs_spool *spool, struct llmobs_adopt *adopt)
{
    llmobs_backlog_init(&worker->delivery.account.backlog, spool, adopt);
}

void llmobs_worker_call(struct llmobs_worker *worker)
{
    if (!worker->brief)
        return;
    check_fork(worker);
    atomic_fetch_add(&worker->calls, 1);
    if (atomic_load(&worker->delivery.account.pending) > 0)
        start_thread(worker);
}

/* True where no thread is needed yet: the program is about to exit, and the
 * disk has the item if it is killed before. */
static bool can_wait(struct llmobs_worker *worker, bool kept)
{
    return worker->brief && kept && atomic_load(&worker->calls) <= 1;
}

void llmobs_worker_start(struct llmobs_worker *worker,
                         struct llmobs_exchange *exchange)
{
    become_active(worker);
    if (spool_of(worker))
        (void)llmobs_spool_start(spool_of(worker), exchange);
}

void llmobs_worker_begin(struct llmobs_worker *worker,
                         struct llmobs_exchange *exchange)
{
    become_active(worker);
    if (spool_of(worker))
        (void)llmobs_spool_begin(spool_of(worker), exchange);
}

void llmobs_worker_cancel(struct llmobs_worker *worker,
                          struct llmobs_exchange *exchange)
{
    check_fork(worker);
    if (spool_of(worker))
        llmobs_spool_cancel(spool_of(worker), exchange);
}

/* Frees all of an event but its head, which says where the disk keeps it. */
static struct llmobs_item *event_to_spooled(struct llmobs_item *item)
{
    struct llmobs_item *head;

    item->type = LLMOBS_ITEM_SPOOLED;
    item->weight = 0;
    head = realloc(item, sizeof(*item));
    return head ? head : item;
}

/* Memory has no room for the item: if the disk has it, the buffer keeps only
 * where it lies there. */
static int put_spooled(struct llmobs_worker *worker, struct llmobs_item **item)
{
    struct llmobs_buffer *buffer = worker->delivery.buffer;

    if (!(*item)->spooled.file)
        return -ENOBUFS;
    if ((*item)->type == LLMOBS_ITEM_EXCHANGE)
        *item = llmobs_exchange_to_spooled((struct llmobs_exchange *)*item);
    else
        *item = event_to_spooled(*item);
    return llmobs_buffer_put(buffer, *item);
}

/* Without a thread, this thread empties a full buffer rather than lose the
 * item. An item of which the disk has only the part without content stays in
 * memory as long as there is room. */
static int put(struct llmobs_worker *worker, struct llmobs_item **item)
{
    struct llmobs_buffer *buffer = worker->delivery.buffer;
    int rc;

    if (atomic_load(&worker->delivery.full) && has_thread(worker) &&
        !llmobs_privacy_applies(&worker->config->privacy))
        return put_spooled(worker, item);
    rc = llmobs_buffer_put(buffer, *item);
    if (rc == -ENOBUFS && !has_thread(worker)) {
        encode_aside(worker, ENCODE_MS);
        rc = llmobs_buffer_put(buffer, *item);
    }
    return rc == -ENOBUFS ? put_spooled(worker, item) : rc;
}

static void keep_event(struct llmobs_spool *spool, struct llmobs_item *item)
{
    int state;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    (void)llmobs_spool_event(spool, &item->spooled, item->kind,
                             llmobs_event_item_text(item));
    pthread_setcancelstate(state, NULL);
}

/* Writes the END of an exchange, or an event that is ready, to the disk, before
 * the item can be lost from memory. */
static void keep(struct llmobs_worker *worker, struct llmobs_item *item)
{
    struct llmobs_spool *spool = spool_of(worker);

    if (spool && item->type == LLMOBS_ITEM_EXCHANGE)
        (void)llmobs_spool_end(spool, (struct llmobs_exchange *)item);
    else if (spool && item->type == LLMOBS_ITEM_EVENT)
        keep_event(spool, item);
}

/* Frees an item that the buffer refused. If the disk has it, another process
 * delivers it later. */
static void drop(struct llmobs_worker *worker, struct llmobs_item *item)
{
    bool kept = spool_of(worker) && item->spooled.file;

    if (!kept && spool_of(worker) && item->type == LLMOBS_ITEM_EXCHANGE)
        llmobs_spool_cancel(spool_of(worker), (struct llmobs_exchange *)item);
    llmobs_delivery_free_item(item);
    if (kept) {
        llmobs_account_settle(&worker->delivery.account, LLMOBS_STAT_left, 1);
        return;
    }
    llmobs_account_settle(&worker->delivery.account, LLMOBS_STAT_dropped_full,
                          1);
    llmobs_log_once(LLMOBS_LOG_ERROR, "buffer full",
                    "the buffer is full (LLMOBS_BUFFER_MAX): spans are "
                    "dropped");
}

/* -- leaving items to the relay ------------------------------------------- */

struct naming {
    struct llmobs_worker *worker;
    struct llmobs_exchange *exchange;
    bool done;
};

static void name(void *arg, int64_t until_ns)
{
    struct naming *naming = arg;
    struct llmobs_signal_guard guard;

    (void)until_ns;
    if (!begin_inline(naming->worker, &guard))
        return;
    llmobs_exchange_name_caller(naming->exchange);
    naming->done = true;
    end_inline(naming->worker, &guard);
}

/* Only this process can name the frames of its stack. False where another
 * thread has the turn, or this stack is small: the app's thread does not wait,
 * and this process delivers the call itself. */
static bool name_caller(struct llmobs_worker *worker, struct llmobs_item *item)
{
    struct naming naming = {worker, (struct llmobs_exchange *)item, false};

    if (item->type != LLMOBS_ITEM_EXCHANGE || !naming.exchange->callsite)
        return true;
    return llmobs_aside_run(name, &naming, false, 0) == 0 && naming.done;
}

/* True for an item that the relay can deliver as the disk has it. */
static bool may_hand(struct llmobs_worker *worker,
                     const struct llmobs_item *item)
{
    return llmobs_delivery_is_relayed(&worker->delivery) &&
           (item->type == LLMOBS_ITEM_EVENT ||
            (item->type == LLMOBS_ITEM_EXCHANGE &&
             !llmobs_privacy_applies(&worker->config->privacy)));
}

/* The relay has the item from here on. */
static void hand(struct llmobs_worker *worker, struct llmobs_item *item)
{
    llmobs_spool_hand(spool_of(worker), &item->spooled);
    llmobs_stats_add(LLMOBS_STAT_left, 1);
    llmobs_delivery_free_item(item);
}

/* True where so many items wait that the thread should look now: the blocks
 * that they use are then free again for the next exchanges. */
static bool is_batch(struct llmobs_worker *worker)
{
    struct llmobs_buffer *buffer = worker->delivery.buffer;
    size_t pending = llmobs_buffer_pending(buffer);

    return pending > 0 && pending % BATCH == 0;
}

void llmobs_worker_give(struct llmobs_worker *worker, struct llmobs_item *item)
{
    int saved = errno;
    bool kept;

    become_active(worker);
    if (item->weight == 0)
        item->weight = llmobs_delivery_weight(item);
    item->spooled.handed = may_hand(worker, item) && name_caller(worker, item);
    keep(worker, item);
    kept = item->spooled.file != 0;
    item->spooled.handed = item->spooled.handed && kept;
    llmobs_stats_add(LLMOBS_STAT_captured, 1); /* after kept: stats.h */
    if (item->spooled.handed) {
        hand(worker, item);
        errno = saved;
        return;
    }
    atomic_fetch_add(&worker->delivery.account.pending, 1);
    if (put(worker, &item) != 0)
        drop(worker, item);
    atomic_fetch_add(&worker->given, 1);
    if (atomic_load(&worker->stop)) {
        /* The exit handler has run: another handler of the app makes calls. */
        llmobs_worker_stop(worker, LATE_MS);
    } else if (atomic_load(&worker->thread) == THREAD_NONE) {
        if (!can_wait(worker, kept))
            start_thread(worker);
    } else if (atomic_exchange(&worker->idle, 0) || is_batch(worker)) {
        wake(worker);
    }
    errno = saved;
}

void llmobs_worker_lose(struct llmobs_worker *worker)
{
    int saved = errno;

    become_active(worker);
    llmobs_stats_add(LLMOBS_STAT_captured, 1);
    llmobs_stats_add(LLMOBS_STAT_dropped_memory, 1);
    errno = saved;
}

int llmobs_worker_give_span(struct llmobs_worker *worker,
                            struct llmobs_span *span)
{
    struct llmobs_span_item *item = calloc(1, sizeof(*item));

    if (!item) {
        llmobs_span_fini(span);
        llmobs_worker_lose(worker);
        return -ENOMEM;
    }
    item->item.type = LLMOBS_ITEM_SPAN;
    item->span = *span;
    llmobs_worker_give(worker, &item->item);
    return 0;
}

int llmobs_worker_give_event(struct llmobs_worker *worker,
                             enum llmobs_event_kind kind,
                             struct llmobs_text text)
{
    struct llmobs_item *item = llmobs_event_item_new(kind, text);

    if (!item) {
        llmobs_worker_lose(worker);
        return -ENOMEM;
    }
    llmobs_worker_give(worker, item);
    return 0;
}

/* To start the thread here costs the app what its first span would cost it. */
void llmobs_worker_warm(struct llmobs_worker *worker)
{
    int64_t now, last;
    int saved = errno;

    if (!worker->wants_warm)
        return;
    become_active(worker);
    if (llmobs_delivery_is_relayed(&worker->delivery)) {
        errno = saved;
        return;
    }
    now = llmobs_clock_mono_ns();
    last = atomic_load(&worker->warm_ns);
    if ((last && now - last < WARM_AGAIN_MS * LLMOBS_NS_PER_MS) ||
        !atomic_compare_exchange_strong(&worker->warm_ns, &last, now) ||
        atomic_load(&worker->stop))
        return;
    atomic_store(&worker->warm, true);
    if (atomic_load(&worker->thread) == THREAD_NONE)
        start_thread(worker);
    else
        wake(worker);
    errno = saved;
}

/* False in a child to which nothing was given yet: the worker's state is still
 * that of its parent. A mere look does not reset it, which would take system
 * calls. */
static bool is_ours(struct llmobs_worker *worker)
{
    return atomic_load(&worker->process) == llmobs_fork_process();
}

size_t llmobs_worker_pending(struct llmobs_worker *worker)
{
    return is_ours(worker) ? atomic_load(&worker->delivery.account.pending) : 0;
}

void llmobs_worker_prepare(struct llmobs_worker *worker, int64_t ms)
{
    if (llmobs_worker_pending(worker) != 0 && !atomic_load(&worker->stop))
        encode_aside(worker, ms);
}

/* -- pausing ------------------------------------------------------------- */

int llmobs_worker_pause(struct llmobs_worker *worker, int64_t ms)
{
    const struct timespec moment = {0, 200000};
    int64_t deadline = llmobs_futex_deadline(ms);
    int saved = errno;
    bool busy;

    if (!is_ours(worker))
        return 0;
    atomic_fetch_add(&worker->paused, 1);
    /* A request that carries no event is cut at once. */
    if (atomic_load(&worker->turn) != 0)
        llmobs_curl_access_deadline(llmobs_delivery_carries(&worker->delivery)
                                        ? deadline - ms * LLMOBS_NS_PER_MS / 4
                                        : 0);
    /* The last look of this loop decides. The worker's thread may take the turn
     * for an instant after it, until it sees the pause: another look could find
     * the turn taken. */
    while ((busy = atomic_load(&worker->turn) != 0) &&
           llmobs_futex_left(deadline) > 0)
        llmobs_signal_guard_sleep(&moment);
    errno = saved;
    return busy ? -ETIMEDOUT : 0;
}

void llmobs_worker_resume(struct llmobs_worker *worker)
{
    int saved = errno;
    int n;

    if (!is_ours(worker))
        return;
    llmobs_delivery_adopt_later(&worker->delivery);
    n = atomic_load(&worker->paused);
    while (n > 0 && !atomic_compare_exchange_weak(&worker->paused, &n, n - 1))
        ;
    if (n == 1 && !atomic_load(&worker->stop)) {
        llmobs_delivery_unbound(&worker->delivery,
                                atomic_exchange(&worker->bound_ns, 0));
        llmobs_curl_access_deadline(INT64_MAX);
    }
    wake(worker);
    errno = saved;
}

/* -- flushing ------------------------------------------------------------ */

/* Asks the thread to deliver everything, and waits until it has tried, has
 * ended, or the deadline passes. */
static void flush_by_thread(struct llmobs_worker *worker, int64_t deadline_ns)
{
    unsigned asked = atomic_fetch_add(&worker->asked, 1) + 1;
    unsigned served;
    int64_t left;

    wake(worker);
    while ((served = atomic_load(&worker->served)),
           (int)(asked - served) > 0 && has_thread(worker) &&
               (left = llmobs_futex_left(deadline_ns)) > 0)
        llmobs_futex_sleep(&worker->served, served, left);
}

/* Delivers on this thread, and tries again for a while, as a disk may be full
 * for a moment. While another thread has the turn, this one waits for it. */
static void flush_inline(struct llmobs_worker *worker, bool ending,
                         int64_t deadline_ns)
{
    const struct timespec pause = {0, RETRY_PAUSE_MS * LLMOBS_NS_PER_MS};
    struct llmobs_signal_guard guard;
    bool begun = false;

    for (;;) {
        int rc = -EBUSY;

        if (!begun && begin_inline(worker, &guard)) {
            llmobs_delivery_allow_tries(&worker->delivery, ending);
            begun = true;
            end_inline(worker, &guard);
        }
        if (begun)
            rc = deliver_inline(worker, LLMOBS_RUN_ALL, deadline_ns);
        if (rc == 0 || rc == -ECONNABORTED ||
            llmobs_futex_left(deadline_ns) == 0)
            return;
        nanosleep(&pause, NULL);
    }
}

static void save_inline(struct llmobs_worker *worker)
{
    struct llmobs_signal_guard guard;

    if (!begin_inline(worker, &guard))
        return;
    llmobs_delivery_save(&worker->delivery);
    end_inline(worker, &guard);
}

/* The worker's thread delivers where there is one; without it, or when it has
 * ended meanwhile, this thread does. */
static void flush(struct llmobs_worker *worker, bool ending,
                  int64_t deadline_ns)
{
    if (has_thread(worker))
        flush_by_thread(worker, deadline_ns);
    if (has_thread(worker) || (ending ? !llmobs_delivery_owes(&worker->delivery)
                                      : llmobs_worker_pending(worker) == 0))
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
             has_thread(worker) && !atomic_load(&worker->stop);
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

    while ((state = atomic_load(&worker->thread)), has_thread(worker)) {
        bool saving = atomic_load(&worker->delivery.rescuing);

        left = llmobs_futex_left(saving ? last_ns : deadline_ns);
        if (left == 0)
            return;
        llmobs_futex_sleep(&worker->thread, state, left);
    }
}

/* How many calls the disk has that are neither delivered nor left there. The
 * counts may differ by a few where a thread goes on giving. */
static size_t count_kept(void)
{
    uint64_t gone = llmobs_stats_get(LLMOBS_STAT_released) +
                    llmobs_stats_get(LLMOBS_STAT_left);
    uint64_t kept = llmobs_stats_get(LLMOBS_STAT_kept);

    return kept > gone ? (size_t)(kept - gone) : 0;
}

/* True where the spool has all that waits, and with its content: the exit need
 * not wait until a store has it, too. */
static bool is_safe(struct llmobs_worker *worker)
{
    return spool_of(worker) &&
           !llmobs_privacy_applies(&worker->config->privacy) &&
           count_kept() >= llmobs_worker_pending(worker);
}

/* The longest time that an exporter asks for, where a store asks for this. */
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
    return longest_ms(worker, is_safe(worker) ? LLMOBS_EXIT_KEPT_MS
                                              : LLMOBS_EXIT_STORE_MS);
}

/* Closes the spool, unless another thread has the turn, as one that delivers or
 * ends has: then the spool stays for the process that adopts it. */
static void close_spool(struct llmobs_worker *worker)
{
    struct llmobs_signal_guard guard;

    if (!spool_of(worker) || !begin_inline(worker, &guard))
        return;
    llmobs_spool_close(spool_of(worker));
    end_inline(worker, &guard);
}

/* Leaves the pending items that the disk has to another process; gives the
 * number of those that it does not have. */
static size_t leave(struct llmobs_worker *worker)
{
    size_t pending = atomic_exchange(&worker->delivery.account.pending, 0);
    size_t kept = count_kept();

    close_spool(worker);
    if (kept > pending)
        kept = pending;
    llmobs_stats_add(LLMOBS_STAT_left, kept);
    return pending - kept;
}

/* Counts each event as lost that the disk does not have. */
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

/* Where this stack is too small to deliver the rest and no thread can be
 * started, the spool keeps the events that it has for another process. */
void llmobs_worker_stop(struct llmobs_worker *worker, int64_t ms)
{
    int64_t deadline = llmobs_futex_deadline(ms);
    int saved = errno;
    int rc;

    check_fork(worker);
    atomic_store(&worker->paused, 0);
    llmobs_delivery_set_exit_deadline(&worker->delivery, ms > 0 ? ms : 0);
    atomic_store(&worker->stop, true);
    /* The exit does not wait for a thread that has not begun to work; but a TLS
     * handshake is better left to the worker's thread. */
    if (llmobs_delivery_is_near(&worker->delivery) &&
        atomic_exchange(&worker->fresh, false))
        atomic_store(&worker->thread, THREAD_ENDED);
    if (has_thread(worker)) {
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

void llmobs_worker_drain(struct llmobs_worker *worker, const atomic_bool *stop)
{
    check_fork(worker);
    llmobs_drain(&worker->delivery, worker->note, stop);
    if (worker->close)
        worker->close(worker->config);
}

void llmobs_worker_relay(struct llmobs_worker *worker,
                         const struct llmobs_relay_waits *waits,
                         const atomic_bool *stop)
{
    check_fork(worker);
    llmobs_relay(&worker->delivery, worker->note, waits, stop);
    if (worker->close)
        worker->close(worker->config);
}
