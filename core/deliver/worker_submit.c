#include "core/deliver/worker_state.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/blocks.h"
#include "lib/base/clock.h"
#include "lib/base/filter.h"
#include "lib/base/fork.h"
#include "lib/base/program.h"
#include "lib/base/stats.h"
#include "core/event/encode.h"
#include "core/log/item_entry.h"
#include "core/log/spool_relay.h"

/* A connection that the worker opened within this time needs no warming. */
#define WARM_AGAIN_MS 10000
/* How long an app's thread may encode the items of a full queue. */
#define ENCODE_MS 1000
/* How long the delivery of a call after the exit handler may take. */
#define LATE_MS 100
/* A process that has submitted calls for this long will not end soon. */
#define LIVES_MS 2000
/* The greatest cap of an event that the user may set is less than this, and the
 * encoder obeys that cap. */
#define EVENT_MAX ((size_t)1 << 31)
/* Half of the exchanges' blocks (blocks.h). */
#define BATCH (LLMOBS_BLOCKS / 2)

/* -- what it is made of ---------------------------------------------------- */

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

static void prepare(struct llmobs_worker *worker,
                    struct llmobs_exchange *exchange, enum llmobs_stage stage)
{
    llmobs_exchange_prepare(exchange, stage,
                            llmobs_privacy_withholds(&worker->config->privacy));
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
        prepare(worker, exchange, stage);
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
    struct llmobs_spool *spool = llmobs_worker_spool_of(worker);
    struct caller caller = enter();

    if (spool) {
        prepare(worker, exchange, LLMOBS_STAGE_END);
        llmobs_spool_end_parents(spool, exchange);
    }
    llmobs_exchange_free(exchange);
    leave(caller);
}

/* Starting the thread here costs the app no more than starting it at its first
 * span. */
void llmobs_worker_warm(struct llmobs_worker *worker)
{
    int64_t now, last;
    int saved = errno;

    if (!llmobs_worker_wants_warm(worker) || llmobs_filter_still())
        return;
    llmobs_worker_become_active(worker);
    now = llmobs_clock_mono_ns();
    last = atomic_load(&worker->warm_ns);
    if (!llmobs_delivery_is_relayed(&worker->delivery) &&
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

/* -- an item to deliver -----------------------------------------------------
 */

/* Without a worker's thread, the calling thread empties a full queue, so that
 * the item is not lost. Where memory still has no room, and the disk has the
 * item, the queue gets only its head, which has no weight. */
static int put_item(struct llmobs_worker *worker, struct llmobs_item **item)
{
    struct llmobs_queue *queue = worker->delivery.account.queue;
    int rc = llmobs_queue_put(queue, *item);
    struct llmobs_item *head;

    if (rc == -ENOBUFS && !llmobs_worker_has_thread(worker)) {
        llmobs_worker_encode_aside(worker, ENCODE_MS);
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

/* A process that lives on gets a thread, which looks after the relay. */
static void watch_relay(struct llmobs_worker *worker)
{
    int64_t first = 0, now = llmobs_clock_mono_ns();

    /* The thread starts another relay where this one was killed. */
    if (llmobs_worker_has_thread(worker) &&
        !llmobs_spool_is_relayed(llmobs_worker_spool_of(worker)) &&
        atomic_exchange(&worker->idle, 0)) {
        llmobs_worker_wake(worker);
        return;
    }
    if (atomic_load(&worker->thread) == LLMOBS_WORKER_NONE &&
        !atomic_compare_exchange_strong(&worker->relayed_ns, &first, now) &&
        now - first >= LIVES_MS * LLMOBS_NS_PER_MS)
        llmobs_worker_start_thread(worker);
}

/* Writes the END of an exchange, or an event that is ready, to the disk before
 * the item can be lost from memory. True where the relay has the item from here
 * on. */
static bool write_item(struct llmobs_worker *worker, struct llmobs_item *item)
{
    struct llmobs_spool *spool = llmobs_worker_spool_of(worker);
    bool withheld = item->type == LLMOBS_ITEM_EXCHANGE &&
                    llmobs_privacy_withholds(&worker->config->privacy);
    /* True where the relay can deliver the item as the disk has it. The process
     * looks for the relay when it names its files; for an event that is its
     * first item, now. */
    bool relayed = !withheld && spool && llmobs_spool_open(spool) == 0 &&
                   llmobs_delivery_is_relayed(&worker->delivery);

    item->spooled.for_relay = relayed;
    if (spool && item->type == LLMOBS_ITEM_EXCHANGE) {
        struct llmobs_exchange *exchange = (struct llmobs_exchange *)item;

        prepare(worker, exchange, LLMOBS_STAGE_END);
        (void)llmobs_spool_end(spool, exchange);
    } else if (spool)
        (void)llmobs_spool_write_event(spool, &item->spooled, item->kind,
                                       llmobs_event_item_text(item));
    item->spooled.for_relay = relayed && item->spooled.kept;
    llmobs_stats_add(LLMOBS_STAT_captured, 1); /* behind the write: stats.h */
    if (!item->spooled.for_relay)
        return false;
    llmobs_spool_delegate(spool, &item->spooled);
    llmobs_stats_add(LLMOBS_STAT_left, 1);
    llmobs_item_free(item);
    return true;
}

void llmobs_worker_submit(struct llmobs_worker *worker,
                          struct llmobs_item *item)
{
    struct caller caller = enter();
    bool relayed, kept = false;
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
    relayed = write_item(worker, item);
    if (!relayed) {
        kept = item->spooled.kept;
        atomic_fetch_add(&worker->delivery.account.pending, 1);
        if (put_item(worker, &item) != 0) {
            struct llmobs_spool *spool = llmobs_worker_spool_of(worker);

            /* If the disk has it, another process delivers it later. */
            if (spool && !kept && item->type == LLMOBS_ITEM_EXCHANGE)
                llmobs_spool_cancel(spool, (struct llmobs_exchange *)item);
            llmobs_item_free(item);
            llmobs_delivery_count_lost(&worker->delivery,
                                       kept ? -EXDEV : -ENOSPC);
        }
        atomic_fetch_add(&worker->given, 1);
    }
    if (atomic_load(&worker->stop)) {
        /* The exit handler has run: another handler of the app makes calls. */
        llmobs_worker_stop(worker, LATE_MS);
    } else if (relayed) {
        watch_relay(worker);
    } else if (atomic_load(&worker->thread) == LLMOBS_WORKER_NONE) {
        /* The program will exit soon, and the disk has the item: then no thread
         * is needed yet. */
        if (!worker->brief || !kept || atomic_load(&worker->calls) > 1)
            llmobs_worker_start_thread(worker);
    } else if (atomic_exchange(&worker->idle, 0) ||
               ((pending = llmobs_queue_pending(
                     worker->delivery.account.queue)) > 0 &&
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
