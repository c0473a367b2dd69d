#include "core/deliver/worker_turn.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "lib/base/aside.h"
#include "lib/base/blocks.h"
#include "lib/base/clock.h"
#include "lib/base/filter.h"
#include "core/event/to_span.h"
#include "lib/base/stats.h"
#include "core/log/event_item.h"

/* How long an app's thread may encode the items of a full buffer. */
#define ENCODE_MS 1000
/* How long the delivery of a call after the exit handler may take. */
#define LATE_MS 100
/* A process that hands calls over for this long will not end soon. */
#define LIVES_MS 2000
/* Half of the exchanges' blocks (blocks.h). */
#define BATCH (LLMOBS_BLOCKS / 2)

/* -- the app's side ------------------------------------------------------ */

/* True where no thread is needed yet: the program is about to exit, and the
 * disk has the item in case the process is killed before. */
static bool can_wait(struct llmobs_worker *worker, bool kept)
{
    return worker->brief && kept && atomic_load(&worker->calls) <= 1;
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

/* Memory has no room for the item. If the disk has it, the buffer keeps only
 * its place on the disk. */
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
 * item. If the disk has only the part without content, the item stays in memory
 * as long as there is room. */
static int worker_give_put(struct llmobs_worker *worker,
                           struct llmobs_item **item)
{
    struct llmobs_buffer *buffer = worker->delivery.buffer;
    int rc;

    if (atomic_load(&worker->delivery.full) &&
        llmobs_worker_has_thread(worker) &&
        !llmobs_privacy_withholds(&worker->config->privacy))
        return put_spooled(worker, item);
    rc = llmobs_buffer_put(buffer, *item);
    if (rc == -ENOBUFS && !llmobs_worker_has_thread(worker)) {
        llmobs_worker_encode_aside(worker, ENCODE_MS);
        rc = llmobs_buffer_put(buffer, *item);
    }
    return rc == -ENOBUFS ? put_spooled(worker, item) : rc;
}

/* Writes the END of an exchange, or an event that is ready, to the disk, before
 * the item can be lost from memory. */
static void worker_give_keep(struct llmobs_worker *worker,
                             struct llmobs_item *item)
{
    struct llmobs_spool *spool = llmobs_worker_spool_of(worker);

    if (spool && item->type == LLMOBS_ITEM_EXCHANGE)
        (void)llmobs_spool_end(spool, (struct llmobs_exchange *)item);
    else if (spool && item->type == LLMOBS_ITEM_EVENT)
        (void)llmobs_spool_event(spool, &item->spooled, item->kind,
                                 llmobs_event_item_text(item));
}

/* Frees an item that the buffer refused. If the disk has it, another process
 * delivers it later. */
static void worker_give_drop(struct llmobs_worker *worker,
                             struct llmobs_item *item)
{
    struct llmobs_spool *spool = llmobs_worker_spool_of(worker);
    bool kept = spool && item->spooled.file;

    if (spool && !kept && item->type == LLMOBS_ITEM_EXCHANGE)
        llmobs_spool_cancel(spool, (struct llmobs_exchange *)item);
    llmobs_delivery_free_item(item);
    llmobs_delivery_lose(&worker->delivery, kept ? -EXDEV : -ENOSPC);
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
    if (!llmobs_worker_begin_inline(naming->worker, &guard))
        return;
    llmobs_exchange_name_caller(naming->exchange);
    naming->done = true;
    llmobs_worker_end_inline(naming->worker, &guard);
}

/* Only this process can name the frames of its stack. False where another
 * thread has the turn, or this stack is small: then the app's thread does not
 * wait, and this process delivers the call itself. */
static bool worker_give_name_caller(struct llmobs_worker *worker,
                                    struct llmobs_item *item)
{
    struct naming naming = {worker, (struct llmobs_exchange *)item, false};

    if (item->type != LLMOBS_ITEM_EXCHANGE || !naming.exchange->callsite)
        return true;
    return llmobs_aside_run(name, &naming, false, 0) == 0 && naming.done;
}

/* True for an item that the relay can deliver as the disk has it. The process
 * looks for the relay when it names its files; for an event that is its first
 * item, now. */
static bool may_hand(struct llmobs_worker *worker,
                     const struct llmobs_item *item)
{
    struct llmobs_spool *spool = llmobs_worker_spool_of(worker);

    if (item->type != LLMOBS_ITEM_EVENT &&
        (item->type != LLMOBS_ITEM_EXCHANGE ||
         llmobs_privacy_withholds(&worker->config->privacy)))
        return false;
    return spool && llmobs_spool_have_ready(spool) == 0 &&
           llmobs_delivery_is_relayed(&worker->delivery);
}

/* A process that lives on gets a thread, which looks after the relay. */
static void watch_relay(struct llmobs_worker *worker)
{
    int64_t first = 0, now = llmobs_clock_mono_ns();

    if (atomic_load(&worker->thread) == LLMOBS_WORKER_NONE &&
        !atomic_compare_exchange_strong(&worker->handed_ns, &first, now) &&
        now - first >= LIVES_MS * LLMOBS_NS_PER_MS)
        llmobs_worker_start_thread(worker);
}

/* True where enough items wait for the thread to look now: the blocks that they
 * use are then free again for the next exchanges. */
static bool is_batch(struct llmobs_worker *worker)
{
    struct llmobs_buffer *buffer = worker->delivery.buffer;
    size_t pending = llmobs_buffer_pending(buffer);

    return pending > 0 && pending % BATCH == 0;
}

/* True where the relay has the item from here on. */
static bool worker_give_leave(struct llmobs_worker *worker,
                              struct llmobs_item *item)
{
    item->spooled.for_relay =
        may_hand(worker, item) && worker_give_name_caller(worker, item);
    worker_give_keep(worker, item);
    item->spooled.for_relay = item->spooled.for_relay && item->spooled.file;
    llmobs_stats_add(LLMOBS_STAT_captured, 1); /* after keep: stats.h */
    if (!item->spooled.for_relay)
        return false;
    llmobs_spool_hand(llmobs_worker_spool_of(worker), &item->spooled);
    llmobs_stats_add(LLMOBS_STAT_left, 1);
    llmobs_delivery_free_item(item);
    if (atomic_load(&worker->stop))
        llmobs_worker_stop(worker, LATE_MS);
    else
        watch_relay(worker);
    return true;
}

static void worker_give(struct llmobs_worker *worker, struct llmobs_item *item)
{
    bool kept;

    if (llmobs_filter_still()) {
        llmobs_delivery_free_item(item);
        return;
    }
    llmobs_worker_become_active(worker);
    atomic_store(&worker->confined, false);
    if (item->weight == 0)
        item->weight = llmobs_delivery_weight(item);
    if (worker_give_leave(worker, item))
        return;
    kept = item->spooled.file != 0;
    atomic_fetch_add(&worker->delivery.account.pending, 1);
    if (worker_give_put(worker, &item) != 0)
        worker_give_drop(worker, item);
    atomic_fetch_add(&worker->given, 1);
    if (atomic_load(&worker->stop)) {
        /* The exit handler has run: another handler of the app makes calls. */
        llmobs_worker_stop(worker, LATE_MS);
    } else if (atomic_load(&worker->thread) == LLMOBS_WORKER_NONE) {
        if (!can_wait(worker, kept))
            llmobs_worker_start_thread(worker);
    } else if (atomic_exchange(&worker->idle, 0) || is_batch(worker)) {
        llmobs_worker_wake(worker);
    }
}

/* The app's thread opens and writes files here. A cancellation of the thread
 * waits until that is done. */
void llmobs_worker_give(struct llmobs_worker *worker, struct llmobs_item *item)
{
    int state, saved = errno;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    worker_give(worker, item);
    pthread_setcancelstate(state, NULL);
    errno = saved;
}

void llmobs_worker_give_parents(struct llmobs_worker *worker,
                                struct llmobs_exchange *exchange)
{
    struct llmobs_spool *spool = llmobs_worker_spool_of(worker);
    int state, saved = errno;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    if (spool && !llmobs_filter_still())
        llmobs_spool_end_parents(spool, exchange);
    llmobs_exchange_free(exchange);
    pthread_setcancelstate(state, NULL);
    errno = saved;
}

void llmobs_worker_lose(struct llmobs_worker *worker, enum llmobs_stat why)
{
    int saved = errno;

    llmobs_worker_become_active(worker);
    llmobs_stats_add(LLMOBS_STAT_captured, 1);
    llmobs_stats_add(why, 1);
    errno = saved;
}

int llmobs_worker_give_span(struct llmobs_worker *worker,
                            struct llmobs_span *span)
{
    struct llmobs_span_item *item = calloc(1, sizeof(*item));

    if (!item) {
        llmobs_span_fini(span);
        llmobs_worker_lose(worker, LLMOBS_STAT_dropped_memory);
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
        llmobs_worker_lose(worker, LLMOBS_STAT_dropped_memory);
        return -ENOMEM;
    }
    llmobs_worker_give(worker, item);
    return 0;
}
