#include "core/deliver/worker_inner.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/aside.h"
#include "core/base/blocks.h"
#include "core/base/clock.h"
#include "core/base/fork.h"
#include "core/base/log.h"
#include "core/ledger/stats.h"
#include "core/net/http.h"
#include "core/spool/event_item.h"

/* How long a call may encode what others left in a full buffer. */
#define ENCODE_MS 1000
/* For a call that ends after the exit handler. */
#define LATE_MS 100
/* Half of the exchanges' blocks (blocks.h). */
#define BATCH (LLMOBS_BLOCKS / 2)
/* A connection of ours that is younger needs no warming. */
#define WARM_AGAIN_MS 10000

/* -- delivering ---------------------------------------------------------- */

int llmobs_worker_deliver_inline(struct llmobs_worker *worker,
                                 enum llmobs_run how, int64_t deadline_ns)
{
    struct llmobs_signal_guard guard;
    int rc;

    if (!llmobs_worker_inline_begin(worker, &guard))
        return -EBUSY;
    rc = llmobs_delivery_run(&worker->delivery, how, deadline_ns);
    llmobs_worker_inline_end(worker, &guard);
    return rc;
}

static void encode(void *arg, int64_t until_ns)
{
    (void)llmobs_worker_deliver_inline(arg, LLMOBS_RUN_INLINE, until_ns);
}

void llmobs_worker_encode(struct llmobs_worker *worker, int64_t ms)
{
    (void)llmobs_aside_run(encode, worker, worker->config->thread, ms);
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
    atomic_store(&worker->calls, 0);
    atomic_store(&worker->idle, 0);
    atomic_store(&worker->asked, 0);
    atomic_store(&worker->served, 0);
    atomic_store(&worker->gate, 0);
    atomic_store(&worker->paused, 0);
    atomic_store(&worker->warm, false);
    atomic_store(&worker->warm_ns, 0);
    atomic_store(&worker->bound_ns, 0);
    atomic_store(&worker->thread, LLMOBS_THREAD_NONE);
}

void llmobs_worker_check_fork(struct llmobs_worker *worker)
{
    if (!llmobs_fork_unsettled(&worker->process))
        return;
    reset(worker);
    llmobs_fork_settled(&worker->process);
}

/* -- at all, or not ------------------------------------------------------ */

static bool has_stirred(struct llmobs_worker *worker)
{
    return atomic_load(&worker->stirred) == llmobs_fork_process();
}

static void nothing(void)
{
}

/* The C library takes a handler within exit, and none after it: as in the
 * parent of a child of vfork that called exit in its place. */
static bool is_exiting(void)
{
    return atexit(nothing) == 0;
}

/* The exit handler has found nothing, and is past: what it would have done. */
static void stir_late(struct llmobs_worker *worker)
{
    int64_t ms = llmobs_worker_exit_ms(worker);

    llmobs_curl_access_exiting();
    llmobs_curl_access_deadline(llmobs_clock_mono_ns() + ms * LLMOBS_NS_PER_MS);
    (void)llmobs_curl_access_exited(0);
    atomic_store(&worker->stop, true);
}

void llmobs_worker_stir(struct llmobs_worker *worker)
{
    llmobs_worker_check_fork(worker);
    if (has_stirred(worker))
        return;
    llmobs_fork_note();
    atomic_store(&worker->stirred, llmobs_fork_process());
    if (atomic_exchange(&worker->ended_quietly, 0) == llmobs_fork_process() &&
        is_exiting())
        stir_late(worker);
}

bool llmobs_worker_end_quietly(struct llmobs_worker *worker)
{
    if (has_stirred(worker))
        return false;
    atomic_store(&worker->ended_quietly, llmobs_fork_process());
    return !has_stirred(worker);
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

void llmobs_worker_keep(struct llmobs_worker *worker,
                        struct llmobs_spool *spool, struct llmobs_adopt *adopt)
{
    llmobs_backlog_init(&worker->delivery.account.backlog, spool, adopt);
}

void llmobs_worker_call(struct llmobs_worker *worker)
{
    if (!worker->brief)
        return;
    llmobs_worker_check_fork(worker);
    atomic_fetch_add(&worker->calls, 1);
    if (atomic_load(&worker->delivery.account.pending) > 0)
        llmobs_worker_thread_start(worker);
}

/* The exit is near, and what was given is on the disk: there is time. */
static bool can_wait(struct llmobs_worker *worker, bool kept)
{
    return worker->brief && kept && atomic_load(&worker->calls) <= 1;
}

void llmobs_worker_start(struct llmobs_worker *worker,
                         struct llmobs_exchange *exchange)
{
    llmobs_worker_stir(worker);
    if (llmobs_worker_spool(worker))
        (void)llmobs_spool_start(llmobs_worker_spool(worker), exchange);
}

void llmobs_worker_begin(struct llmobs_worker *worker,
                         struct llmobs_exchange *exchange)
{
    llmobs_worker_stir(worker);
    if (llmobs_worker_spool(worker))
        (void)llmobs_spool_begin(llmobs_worker_spool(worker), exchange);
}

void llmobs_worker_cancel(struct llmobs_worker *worker,
                          struct llmobs_exchange *exchange)
{
    llmobs_worker_check_fork(worker);
    if (llmobs_worker_spool(worker))
        llmobs_spool_cancel(llmobs_worker_spool(worker), exchange);
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

    if (atomic_load(&worker->delivery.full) &&
        llmobs_worker_has_thread(worker) &&
        !llmobs_privacy_applies(&worker->config->privacy))
        return put_place(worker, item);
    rc = buffer->ops->put(buffer, *item);
    if (rc == -ENOBUFS && !llmobs_worker_has_thread(worker)) {
        llmobs_worker_encode(worker, ENCODE_MS);
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
    struct llmobs_spool *spool = llmobs_worker_spool(worker);

    if (spool && item->type == LLMOBS_ITEM_EXCHANGE)
        (void)llmobs_spool_end(spool, (struct llmobs_exchange *)item);
    else if (spool && item->type == LLMOBS_ITEM_EVENT)
        keep_event(spool, item);
}

/* What the disk has is for the process that comes after this one. */
static void drop(struct llmobs_worker *worker, struct llmobs_item *item)
{
    bool kept = llmobs_worker_spool(worker) && item->spooled.file;

    if (!kept && llmobs_worker_spool(worker) &&
        item->type == LLMOBS_ITEM_EXCHANGE)
        llmobs_spool_cancel(llmobs_worker_spool(worker),
                            (struct llmobs_exchange *)item);
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

/* So many wait that the thread had better look before it would have: what they
 * take is then there again for the next ones. */
static bool is_batch(struct llmobs_worker *worker)
{
    struct llmobs_buffer *buffer = worker->delivery.buffer;
    size_t pending = buffer->ops->pending(buffer);

    return pending > 0 && pending % BATCH == 0;
}

void llmobs_worker_give(struct llmobs_worker *worker, struct llmobs_item *item)
{
    int saved = errno;
    bool kept;

    llmobs_worker_stir(worker);
    if (item->weight == 0)
        item->weight = llmobs_delivery_weight(item);
    keep(worker, item);
    kept = item->spooled.file != 0;
    llmobs_stats_add(LLMOBS_STAT_captured, 1); /* after kept: stats.h */
    atomic_fetch_add(&worker->delivery.account.pending, 1);
    if (put(worker, &item) != 0)
        drop(worker, item);
    atomic_fetch_add(&worker->given, 1);
    if (atomic_load(&worker->stop)) {
        /* After the exit handler: another handler of the app makes calls. */
        llmobs_worker_stop(worker, LATE_MS);
    } else if (atomic_load(&worker->thread) == LLMOBS_THREAD_NONE) {
        if (!can_wait(worker, kept))
            llmobs_worker_thread_start(worker);
    } else if (atomic_exchange(&worker->idle, 0) || is_batch(worker)) {
        llmobs_worker_wake(worker);
    }
    errno = saved;
}

void llmobs_worker_lose(struct llmobs_worker *worker)
{
    int saved = errno;

    llmobs_worker_stir(worker);
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

/* A thread's start costs the app once what its first span would anyway. */
void llmobs_worker_warm(struct llmobs_worker *worker)
{
    int64_t now, last;
    int saved = errno;

    if (!worker->wants_warm)
        return;
    llmobs_worker_stir(worker);
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

/* A child to which nothing was given yet has inherited what is its parent's;
 * to begin anew for the sake of a look would take system calls. */
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
        llmobs_worker_encode(worker, ms);
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
    /* A request that carries nothing is not waited for. */
    if (atomic_load(&worker->gate) != 0)
        llmobs_curl_access_deadline(llmobs_worker_pending(worker)
                                        ? deadline - ms * LLMOBS_NS_PER_MS / 4
                                        : 0);
    /* One look decides. Our thread may take the gate for an instant after it,
     * until it sees the pause: a second look would find it taken. */
    while ((busy = atomic_load(&worker->gate) != 0) &&
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
    n = atomic_load(&worker->paused);
    while (n > 0 && !atomic_compare_exchange_weak(&worker->paused, &n, n - 1))
        ;
    if (n == 1 && !atomic_load(&worker->stop)) {
        llmobs_delivery_unbound(&worker->delivery,
                                atomic_exchange(&worker->bound_ns, 0));
        llmobs_curl_access_deadline(INT64_MAX);
    }
    llmobs_worker_wake(worker);
    errno = saved;
}
