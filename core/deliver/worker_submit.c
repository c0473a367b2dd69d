/* Accepts calls from the app's threads, and writes their entries. */
#include "core/deliver/worker_state.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/deliver/start_relay.h"
#include "core/event/encode.h"
#include "core/export/curl_access.h"
#include "core/log/item_entry.h"
#include "core/log/spool_relay.h"
#include "lib/base/aside.h"
#include "lib/base/blocks.h"
#include "lib/base/clock.h"
#include "lib/base/filter.h"
#include "lib/base/fork.h"
#include "lib/base/futex.h"
#include "lib/base/program.h"
#include "lib/base/stats.h"
#include "lib/base/thread.h"

/* A process that has submitted calls for this long will not end soon. */
#define LIVES_MS 2000
/* A connection that the worker opened within this time needs no warming. */
#define WARM_AGAIN_MS 10000
/* How long an app's thread may encode the items of a full queue. */
#define ENCODE_MS 1000
/* How long the delivery of a call after the exit handler may take. */
#define LATE_MS 100
/* The greatest cap of an event that the user may set is less than this, and the
 * encoder obeys that cap. */
#define EVENT_MAX ((size_t)1 << 31)
/* Half of the exchanges' blocks (blocks.h). */
#define BATCH (LLMOBS_BLOCKS / 2)

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
                         llmobs_adopt_new(config, LLMOBS_ADOPT_OWN, NULL))
               ? worker
               : NULL;
}

struct llmobs_delivery *llmobs_worker_delivery(struct llmobs_worker *worker)
{
    return &worker->delivery;
}

/* -- whether this process has begun or submitted anything ------------------ */

static bool is_active(struct llmobs_worker *worker)
{
    return llmobs_worker_is_of_process(worker) &&
           atomic_load(&worker->delivery.began_ns) != 0;
}

static void nothing(void)
{
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

/* True where the disk may not have the content of a call, or what its body
 * shows to be none. */
static bool withholds(const struct llmobs_worker *worker,
                      struct llmobs_exchange *exchange)
{
    return llmobs_exchange_is_denied(exchange) ||
           llmobs_privacy_withholds(&worker->config->privacy);
}

/* -- a call of the app ----------------------------------------------------- */

void llmobs_worker_count_call(struct llmobs_worker *worker)
{
    if (!worker->brief)
        return;
    llmobs_worker_check_fork(worker);
    atomic_fetch_add(&worker->calls, 1);
    if (atomic_load(&worker->delivery.account.pending) > 0)
        llmobs_worker_start_thread(worker);
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
    if (llmobs_worker_spool_of(worker))
        llmobs_spool_find_key(llmobs_worker_spool_of(worker), exchange);
    leave(caller);
}

void llmobs_worker_begin(struct llmobs_worker *worker,
                         struct llmobs_exchange *exchange,
                         enum llmobs_stage stage)
{
    struct caller caller = enter();

    llmobs_worker_become_active(worker);
    if (llmobs_worker_spool_of(worker)) {
        llmobs_exchange_prepare(exchange, stage, withholds(worker, exchange));
        (void)llmobs_spool_begin(llmobs_worker_spool_of(worker), exchange,
                                 stage);
    }
    leave(caller);
}

void llmobs_worker_cancel(struct llmobs_worker *worker,
                          struct llmobs_exchange *exchange)
{
    struct caller caller = enter();

    llmobs_worker_check_fork(worker);
    if (llmobs_worker_spool_of(worker))
        llmobs_spool_cancel(llmobs_worker_spool_of(worker), exchange);
    leave(caller);
}

void llmobs_worker_end_parents(struct llmobs_worker *worker,
                               struct llmobs_exchange *exchange)
{
    struct caller caller = enter();

    if (llmobs_worker_spool_of(worker)) {
        llmobs_exchange_prepare(exchange, LLMOBS_STAGE_END,
                                withholds(worker, exchange));
        llmobs_spool_end_parents(llmobs_worker_spool_of(worker), exchange);
    }
    llmobs_exchange_free(exchange);
    leave(caller);
}

/* Starting the thread here costs the app no more than starting it at its first
 * span. */
void llmobs_worker_warm(struct llmobs_worker *worker)
{
    bool for_end = llmobs_start_relay_for_end();
    int64_t now, last;
    int saved = errno;

    if ((!llmobs_worker_wants_warm(worker) && !for_end) ||
        llmobs_filter_still())
        return;
    llmobs_worker_become_active(worker);
    now = llmobs_clock_mono_ns();
    last = atomic_load(&worker->warm_ns);
    if ((!llmobs_delivery_is_relayed(&worker->delivery) || for_end) &&
        (!last || now - last >= WARM_AGAIN_MS * LLMOBS_NS_PER_MS) &&
        atomic_compare_exchange_strong(&worker->warm_ns, &last, now) &&
        !atomic_load(&worker->stop)) {
        atomic_store(&worker->warm, true);
        if (atomic_load(&worker->thread) == LLMOBS_WORKER_NONE)
            llmobs_worker_start_thread(worker);
        else
            llmobs_worker_wake(worker);
    }
    errno = saved;
}

/* -- an item to deliver ---------------------------------------------------- */

static void encode_inline(void *arg, int64_t until_ns)
{
    struct llmobs_worker *worker = arg;
    struct llmobs_signal_guard guard;

    if (!llmobs_worker_begin_inline(worker, &guard))
        return;
    (void)llmobs_delivery_run(&worker->delivery, LLMOBS_RUN_INLINE, until_ns);
    llmobs_worker_end_inline(worker, &guard);
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

    if (rc == -ENOBUFS && !llmobs_worker_has_thread(worker)) {
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
    struct llmobs_spool *spool = llmobs_worker_spool_of(worker);
    int64_t first = 0, now;
    bool relayed, kept, bare;
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
    bare = exchange && withholds(worker, exchange);
    relayed = !bare && spool && llmobs_spool_open(spool) == 0 &&
              llmobs_delivery_is_relayed(&worker->delivery);
    item->spooled.for_relay = relayed;
    if (spool && exchange) {
        llmobs_exchange_prepare(exchange, LLMOBS_STAGE_END, bare);
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
    } else if (relayed && llmobs_worker_has_thread(worker)) {
        /* The thread starts another relay where this one was killed. */
        if (!llmobs_spool_is_relayed(spool) &&
            atomic_exchange(&worker->idle, 0))
            llmobs_worker_wake(worker);
    } else if (relayed) {
        /* A process that lives on gets a thread, which looks after the relay.
         */
        now = llmobs_clock_mono_ns();
        if (!atomic_compare_exchange_strong(&worker->relayed_ns, &first, now) &&
            now - first >= LIVES_MS * LLMOBS_NS_PER_MS)
            llmobs_worker_start_thread(worker);
    } else if (atomic_load(&worker->thread) == LLMOBS_WORKER_NONE) {
        /* The program will exit soon, and the disk has the item: then no thread
         * is needed yet. */
        if (!worker->brief || !kept || atomic_load(&worker->calls) > 1)
            llmobs_worker_start_thread(worker);
    } else if (atomic_exchange(&worker->idle, 0) ||
               ((pending = llmobs_queue_pending(queue)) > 0 &&
                pending % BATCH == 0)) {
        /* Enough items wait for the thread to look now: the blocks that they
         * use are then free again for the next exchanges. */
        llmobs_worker_wake(worker);
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
