#include "core/worker_inner.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/event_item.h"
#include "core/fork.h"
#include "core/http.h"
#include "core/log.h"
#include "core/quiet.h"
#include "core/stats.h"

/* For a call that ends after the exit handler. */
#define LATE_MS 100
/* What is not delivered is being saved locally: worth waiting for. */
#define SAVE_MS 1000
/* A connection of ours that is younger needs no warming. */
#define WARM_AGAIN_MS 10000

/* A drain looks this often whether it is to stop, tries a failing peer this
 * often in a row, and waits for it so long. */
#define DRAIN_STEP_MS 50
#define DRAIN_TRIES 3
#define DRAIN_PAUSE_MS 2000

/* -- delivering ---------------------------------------------------------- */

/* On an app's thread: no handler of the app may run in the middle of it, and
 * no signal that our own writing raised (SIGXFSZ kills) may reach the app. */
static int deliver_inline(struct llmobs_worker *worker, enum llmobs_run how,
                          int64_t deadline_ns)
{
    struct llmobs_quiet quiet;
    int rc;

    if (!llmobs_worker_gate_take(worker))
        return -EBUSY;
    llmobs_quiet_begin(&quiet);
    rc = llmobs_delivery_run(&worker->delivery, how, deadline_ns);
    llmobs_quiet_end(&quiet);
    llmobs_worker_gate_leave(worker);
    return rc;
}

/* -- fork ---------------------------------------------------------------- */

/* A child begins anew and touches nothing of what it inherited: the parent's
 * thread may have been half-way through any of it. */
static void reset(struct llmobs_worker *worker)
{
    llmobs_delivery_reset(&worker->delivery);
    atomic_store(&worker->stop, false);
    atomic_store(&worker->fresh, false);
    atomic_store(&worker->failed_ns, 0);
    atomic_store(&worker->idle, 0);
    atomic_store(&worker->asked, 0);
    atomic_store(&worker->served, 0);
    atomic_store(&worker->gate, 0);
    atomic_store(&worker->paused, 0);
    atomic_store(&worker->warm, false);
    atomic_store(&worker->warm_ns, 0);
    atomic_store(&worker->thread, LLMOBS_THREAD_NONE);
}

static void check_fork(struct llmobs_worker *worker)
{
    if (!llmobs_fork_unsettled(&worker->process))
        return;
    reset(worker);
    llmobs_fork_settled(&worker->process);
}

/* -- the app's side ------------------------------------------------------ */

struct llmobs_worker *llmobs_worker_new(const struct llmobs_config *config,
                                        struct llmobs_buffer *buffer,
                                        struct llmobs_exporter *exporter)
{
    struct llmobs_worker *worker = calloc(1, sizeof(*worker));

    if (!worker)
        return NULL;
    worker->config = config;
    worker->brief = llmobs_worker_is_brief();
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
                        llmobs_worker_close_fn *the_close)
{
    worker->note = the_note;
    worker->close = the_close;
}

void llmobs_worker_rescue(struct llmobs_worker *worker,
                          struct llmobs_exporter *exporter)
{
    worker->delivery.rescue = exporter;
}

void llmobs_worker_keep(struct llmobs_worker *worker,
                        struct llmobs_spool *spool, struct llmobs_adopt *adopt)
{
    llmobs_keeping_init(&worker->delivery.account.keeping, spool, adopt);
}

static struct llmobs_spool *spool_of(struct llmobs_worker *worker)
{
    return worker->delivery.account.keeping.spool;
}

/* What was given is enough for a thread of its own. */
static void start_for(struct llmobs_worker *worker, size_t pending)
{
    if (atomic_load(&worker->thread) == LLMOBS_THREAD_NONE &&
        pending > (worker->brief ? 1 : 0))
        llmobs_worker_thread_start(worker);
}

void llmobs_worker_begin(struct llmobs_worker *worker,
                         struct llmobs_exchange *exchange)
{
    check_fork(worker);
    if (worker->brief)
        start_for(worker, 1 + atomic_load(&worker->delivery.account.pending));
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

static bool has_thread(struct llmobs_worker *worker)
{
    unsigned state = atomic_load(&worker->thread);

    return state == LLMOBS_THREAD_STARTING || state == LLMOBS_THREAD_RUNNING;
}

/* Memory has no room: what the disk has needs none but its place there. */
static int put_place(struct llmobs_worker *worker, struct llmobs_item **item)
{
    struct llmobs_buffer *buffer = worker->delivery.buffer;

    if (!(*item)->spooled.file)
        return -ENOBUFS;
    if ((*item)->type == LLMOBS_ITEM_EXCHANGE)
        *item = llmobs_exchange_shed((struct llmobs_exchange *)*item);
    else
        *item = llmobs_item_shed(*item);
    return buffer->ops->put(buffer, *item);
}

/* Without a thread a full buffer is emptied here rather than lost. What the
 * disk has the bare half of is kept as long as there is room. */
static int put(struct llmobs_worker *worker, struct llmobs_item **item)
{
    struct llmobs_buffer *buffer = worker->delivery.buffer;
    int rc;

    if (atomic_load(&worker->delivery.full) && has_thread(worker) &&
        !llmobs_config_is_private(worker->config))
        return put_place(worker, item);
    rc = buffer->ops->put(buffer, *item);
    if (rc == -ENOBUFS && !has_thread(worker)) {
        deliver_inline(worker, LLMOBS_RUN_INLINE, INT64_MAX);
        rc = buffer->ops->put(buffer, *item);
    }
    return rc == -ENOBUFS ? put_place(worker, item) : rc;
}

static void keep_event(struct llmobs_spool *spool, struct llmobs_item *item)
{
    int state;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    (void)llmobs_spool_event(spool, &item->spooled, item->kind,
                             llmobs_event_item_text(item));
    pthread_setcancelstate(state, NULL);
}

/* The END of an exchange, or an event that is ready, goes to the disk before
 * anybody may lose it. */
static void keep(struct llmobs_worker *worker, struct llmobs_item *item)
{
    struct llmobs_spool *spool = spool_of(worker);

    if (spool && item->type == LLMOBS_ITEM_EXCHANGE)
        (void)llmobs_spool_end(spool, (struct llmobs_exchange *)item);
    else if (spool && item->type == LLMOBS_ITEM_EVENT)
        keep_event(spool, item);
}

/* What the disk has is for the process that comes after this one. */
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

void llmobs_worker_give(struct llmobs_worker *worker, struct llmobs_item *item)
{
    int saved = errno;

    check_fork(worker);
    if (item->weight == 0)
        item->weight = llmobs_delivery_weight(item);
    llmobs_stats_add(LLMOBS_STAT_captured, 1);
    atomic_fetch_add(&worker->delivery.account.pending, 1);
    keep(worker, item);
    if (put(worker, &item) != 0)
        drop(worker, item);
    atomic_fetch_add(&worker->given, 1);
    if (atomic_load(&worker->stop)) {
        /* After the exit handler: another handler of the app makes calls. */
        llmobs_worker_stop(worker, LATE_MS);
    } else if (atomic_load(&worker->thread) == LLMOBS_THREAD_NONE) {
        start_for(worker, atomic_load(&worker->delivery.account.pending));
    } else if (atomic_exchange(&worker->idle, 0)) {
        llmobs_worker_wake(worker);
    }
    errno = saved;
}

/* There was no memory for the item itself. */
static void lose_unmade(struct llmobs_worker *worker)
{
    check_fork(worker);
    llmobs_stats_add(LLMOBS_STAT_captured, 1);
    llmobs_stats_add(LLMOBS_STAT_dropped_memory, 1);
}

int llmobs_worker_give_span(struct llmobs_worker *worker,
                            const struct llmobs_span *span)
{
    struct llmobs_span_item *item = calloc(1, sizeof(*item));
    struct llmobs_span lost;

    if (!item) {
        lost = *span;
        llmobs_span_fini(&lost);
        lose_unmade(worker);
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
        lose_unmade(worker);
        return -ENOMEM;
    }
    llmobs_worker_give(worker, item);
    return 0;
}

/* A thread's start costs the app once what its first span would anyway. */
void llmobs_worker_warm(struct llmobs_worker *worker)
{
    int64_t now, last;
    int saved = errno;

    if (!worker->wants_warm)
        return;
    check_fork(worker);
    now = llmobs_clock_mono_ns();
    last = atomic_load(&worker->warm_ns);
    if ((last && now - last < WARM_AGAIN_MS * LLMOBS_NS_PER_MS) ||
        !atomic_compare_exchange_strong(&worker->warm_ns, &last, now) ||
        atomic_load(&worker->stop))
        return;
    atomic_store(&worker->warm, true);
    if (atomic_load(&worker->thread) == LLMOBS_THREAD_NONE)
        llmobs_worker_thread_start(worker);
    else
        llmobs_worker_wake(worker);
    errno = saved;
}

size_t llmobs_worker_pending(struct llmobs_worker *worker)
{
    check_fork(worker);
    return atomic_load(&worker->delivery.account.pending);
}

void llmobs_worker_prepare(struct llmobs_worker *worker)
{
    int saved = errno;

    if (llmobs_worker_pending(worker) != 0)
        (void)deliver_inline(worker, LLMOBS_RUN_INLINE, INT64_MAX);
    errno = saved;
}

/* -- pausing ------------------------------------------------------------- */

int llmobs_worker_pause(struct llmobs_worker *worker, int64_t ms)
{
    const struct timespec moment = {0, 200000};
    int64_t deadline = llmobs_futex_deadline(ms);
    int saved = errno;

    check_fork(worker);
    atomic_fetch_add(&worker->paused, 1);
    if (atomic_load(&worker->gate) != 0)
        llmobs_http_deadline(deadline - ms * LLMOBS_NS_PER_MS / 4);
    while (atomic_load(&worker->gate) != 0 && llmobs_futex_left(deadline) > 0)
        nanosleep(&moment, NULL);
    errno = saved;
    return atomic_load(&worker->gate) == 0 ? 0 : -ETIMEDOUT;
}

void llmobs_worker_resume(struct llmobs_worker *worker)
{
    int saved = errno;
    int n;

    check_fork(worker);
    n = atomic_load(&worker->paused);
    while (n > 0 && !atomic_compare_exchange_weak(&worker->paused, &n, n - 1))
        ;
    if (n == 1 && !atomic_load(&worker->stop))
        llmobs_http_deadline(INT64_MAX);
    llmobs_worker_wake(worker);
    errno = saved;
}

/* -- flushing ------------------------------------------------------------ */

/* Asks the thread and waits for its answer, or for nothing to be left. */
static void flush_by_thread(struct llmobs_worker *worker, int64_t deadline_ns)
{
    unsigned asked = atomic_fetch_add(&worker->asked, 1) + 1;
    unsigned served;
    int64_t left;

    llmobs_worker_wake(worker);
    while ((served = atomic_load(&worker->served)),
           (int)(asked - served) > 0 && has_thread(worker) &&
               (left = llmobs_futex_left(deadline_ns)) > 0)
        llmobs_futex_sleep(&worker->served, served, left);
}

/* Tries again a little: a disk may be full for a moment. While another thread
 * delivers, it is waited for. */
static void flush_inline(struct llmobs_worker *worker, bool ending,
                         int64_t deadline_ns)
{
    const struct timespec pause = {0,
                                   LLMOBS_HURRIED_PAUSE_MS * LLMOBS_NS_PER_MS};
    bool begun = false;

    for (;;) {
        int rc = -EBUSY;

        if (!begun && llmobs_worker_gate_take(worker)) {
            llmobs_delivery_hurry(&worker->delivery, ending);
            begun = true;
            llmobs_worker_gate_leave(worker);
        }
        if (begun)
            rc = deliver_inline(worker, LLMOBS_RUN_HURRY, deadline_ns);
        if (rc == 0 || rc == -ECONNABORTED ||
            llmobs_futex_left(deadline_ns) == 0)
            return;
        nanosleep(&pause, NULL);
    }
}

static void save_inline(struct llmobs_worker *worker)
{
    struct llmobs_quiet quiet;

    if (!llmobs_worker_gate_take(worker))
        return;
    llmobs_quiet_begin(&quiet);
    llmobs_delivery_save(&worker->delivery);
    llmobs_quiet_end(&quiet);
    llmobs_worker_gate_leave(worker);
}

/* By the thread where there is one, else here: also where it ended meanwhile.
 */
static void flush(struct llmobs_worker *worker, bool ending,
                  int64_t deadline_ns)
{
    if (has_thread(worker))
        flush_by_thread(worker, deadline_ns);
    if (has_thread(worker) || llmobs_worker_pending(worker) == 0)
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

/* What is pending and on the disk is left there for another process; how many
 * are not. Their counts may be a few calls apart where a thread goes on. */
static size_t leave(struct llmobs_worker *worker)
{
    size_t pending = atomic_exchange(&worker->delivery.account.pending, 0);
    uint64_t gone = llmobs_stats_get(LLMOBS_STAT_released) +
                    llmobs_stats_get(LLMOBS_STAT_left);
    uint64_t kept = llmobs_stats_get(LLMOBS_STAT_kept);

    if (spool_of(worker))
        llmobs_spool_close(spool_of(worker));
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

void llmobs_worker_stop(struct llmobs_worker *worker, int64_t ms)
{
    int64_t deadline = llmobs_futex_deadline(ms);
    int saved = errno;
    size_t left;

    check_fork(worker);
    atomic_store(&worker->paused, 0);
    llmobs_delivery_hasten(&worker->delivery, ms > 0 ? ms : 0);
    atomic_store(&worker->stop, true);
    /* A thread that has not begun yet is not waited for. */
    if (is_near(worker) && atomic_exchange(&worker->fresh, false))
        atomic_store(&worker->thread, LLMOBS_THREAD_ENDED);
    if (has_thread(worker)) {
        flush_by_thread(worker, deadline);
        wait_for_end(worker, deadline);
    }
    flush(worker, true, deadline);
    left = leave(worker);
    if (left) {
        llmobs_stats_add(LLMOBS_STAT_dropped_exit, left);
        llmobs_log(LLMOBS_LOG_ERROR,
                   "%zu events were not delivered at exit "
                   "(LLMOBS_EXIT_FLUSH_MS) and are lost",
                   left);
    }
    if (worker->close)
        worker->close(worker->config);
    errno = saved;
}

/* -- draining ------------------------------------------------------------ */

/* One attempt; 0 where nothing is left that it could have. A run that ends
 * because its time is up says nothing of that. */
static int drain_once(struct llmobs_worker *worker, const atomic_bool *stop)
{
    int64_t deadline;
    int rc;

    llmobs_delivery_hurry(&worker->delivery, true);
    do {
        deadline = llmobs_futex_deadline(DRAIN_STEP_MS);
        rc = llmobs_delivery_run(&worker->delivery, LLMOBS_RUN_HURRY, deadline);
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

    check_fork(worker);
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
