#include "core/deliver/delivery_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/work.h"
#include "core/event/encode.h"
#include "core/event/exchange.h"
#include "core/event/to_span.h"
#include "core/privacy/content.h"
#include "core/spool/event_item.h"
#include "core/text/json.h"

/* Encoded ahead of a send. */
#define FILL_EVENTS 64
#define FILL_BYTES ((size_t)1024 * 1024)
#define SCRATCH_KEPT ((size_t)2 * 1024 * 1024)
#define EXPIRED_NS (INT64_C(24) * 3600 * 1000000000)
/* Between two looks at what others left. */
#define ADOPT_EVERY_MS 30000

/* -- items --------------------------------------------------------------- */

void llmobs_delivery_free_item(struct llmobs_item *item)
{
    if (item->type == LLMOBS_ITEM_EXCHANGE) {
        llmobs_exchange_free((struct llmobs_exchange *)item);
        return;
    }
    if (item->type == LLMOBS_ITEM_SPAN)
        llmobs_span_fini(&((struct llmobs_span_item *)item)->span);
    llmobs_exchange_free_memory(item);
}

size_t llmobs_delivery_weight(const struct llmobs_item *item)
{
    const struct llmobs_exchange *exchange;

    if (item->type == LLMOBS_ITEM_EVENT)
        return sizeof(struct llmobs_event_item) +
               llmobs_event_item_text(item).len;
    if (item->type != LLMOBS_ITEM_EXCHANGE)
        return sizeof(struct llmobs_span_item) + 4096;
    exchange = (const struct llmobs_exchange *)item;
    return sizeof(*exchange) +
           (exchange->callsite ? exchange->callsite->len : 0) +
           (exchange->annotations ? strlen(exchange->annotations) : 0) +
           exchange->request.head.cap + exchange->request.tail_len +
           exchange->response.head.cap + exchange->response.tail_len +
           exchange->mark_cap * sizeof(*exchange->marks);
}

/* -- encoding ------------------------------------------------------------ */

static int encode_item(struct llmobs_delivery *delivery,
                       struct llmobs_item *item,
                       const struct llmobs_config *config)
{
    struct llmobs_span span;
    int rc;

    if (item->type == LLMOBS_ITEM_SPAN)
        return llmobs_encode_call(&((struct llmobs_span_item *)item)->span,
                                  config, &delivery->scratch);
    rc = llmobs_exchange_to_span((struct llmobs_exchange *)item, &span);
    if (rc)
        return rc;
    rc = llmobs_encode_call(&span, config, &delivery->scratch);
    llmobs_span_fini(&span);
    return rc;
}

static int rescue_some(struct llmobs_delivery *delivery,
                       struct llmobs_destination *d)
{
    int rc;

    if (!delivery->rescue || !atomic_load(&d->exporter->remote) || !d->count ||
        delivery->account.backlog.spool)
        return -ENOSPC;
    rc = llmobs_destination_rescue(d, delivery->rescue);
    if (rc > 0)
        llmobs_log_once(LLMOBS_LOG_WARN, "rescue full",
                        "exporter %s is behind: its oldest spans are kept in "
                        "the local store",
                        d->exporter->ops->name);
    return rc;
}

/* Where memory ends, who is behind gets nothing newer; who is not does. */
static bool refuses(struct llmobs_delivery *delivery,
                    struct llmobs_destination *d, enum llmobs_run how)
{
    if (!llmobs_delivery_is_over(delivery) || !d->count ||
        (!d->due_ns && llmobs_delivery_serves(d, how)) || d == delivery->busy)
        return false;
    return rescue_some(delivery, d) <= 0;
}

static void lose(struct llmobs_delivery *delivery, int error)
{
    bool memory = error == -ENOMEM;
    enum llmobs_stat stat = LLMOBS_STAT_dropped_export;

    if (error == -ENOENT)
        stat = LLMOBS_STAT_unconfirmed;
    else if (error == -EXDEV)
        stat = LLMOBS_STAT_left;
    else if (error == -ESTALE)
        stat = LLMOBS_STAT_dropped_expired;
    else if (error == -ENOSPC)
        stat = LLMOBS_STAT_dropped_full;
    else if (memory)
        stat = LLMOBS_STAT_dropped_memory;
    llmobs_account_settle(&delivery->account, stat, 1);
    if (error == -ENOSPC)
        llmobs_log_once(LLMOBS_LOG_ERROR, "buffer full",
                        "the buffer is full (LLMOBS_BUFFER_MAX): spans are "
                        "dropped");
    else if (error == -ESTALE)
        llmobs_log_once(LLMOBS_LOG_WARN, "expired",
                        "spans older than a day are dropped: no intake takes "
                        "them");
    else if (error != -ENOENT && error != -EXDEV)
        llmobs_log_once(LLMOBS_LOG_ERROR, memory ? "encode memory" : "encode",
                        "a span was dropped: %s", strerror(-error));
}

/* One thing to be delivered, wherever it comes from. */
struct source {
    struct llmobs_item *item; /* NULL: `event` is the text */
    struct llmobs_text event;
    enum llmobs_event_kind kind;
    struct llmobs_spooled spooled;
    const struct llmobs_config *config;
    bool adopted;
    unsigned had; /* by these destinations */
};

/* One event to all destinations but the refusing ones, and those who had it. */
static int share(struct llmobs_delivery *delivery, const struct source *source,
                 struct llmobs_text text, const bool *refusing)
{
    struct llmobs_event *event =
        llmobs_event_new(&delivery->account, source->kind, text);
    enum llmobs_stat fate = LLMOBS_STAT_delivered;

    if (!event)
        return -ENOMEM;
    event->spooled = source->spooled;
    event->adopted = source->adopted;
    event->had = source->had;
    for (size_t i = 0; i < delivery->count; i++) {
        struct llmobs_destination *d = &delivery->list[i];
        int rc = 0;

        if (source->had & 1u << d->bit ||
            !llmobs_destination_takes(d, source->kind))
            continue;
        rc = refusing[i] ? -ENOSPC : llmobs_destination_push(d, event);
        if (rc)
            fate = rc == -ENOMEM ? LLMOBS_STAT_dropped_memory
                                 : LLMOBS_STAT_dropped_full;
    }
    llmobs_event_release(&delivery->account, event, fate);
    return 0;
}

static int64_t start_of_event(struct llmobs_text event)
{
    struct llmobs_json *json;
    int64_t start = INT64_MAX;

    if (llmobs_json_parse(event, &json) != 0)
        return start;
    if (llmobs_json_is_int(llmobs_json_get(json, "start_ns")))
        start = llmobs_json_to_int(llmobs_json_get(json, "start_ns"));
    llmobs_json_free(json);
    return start;
}

/* A span as old as this is refused by every intake (WIRE 2.4). */
static bool is_expired(const struct source *source)
{
    const struct llmobs_exchange *exchange;
    int64_t start;

    if (source->kind != LLMOBS_EVENT_SPAN ||
        (source->item && source->item->type != LLMOBS_ITEM_EXCHANGE))
        return false;
    exchange = (const struct llmobs_exchange *)source->item;
    start = exchange ? exchange->start_wall_ns : start_of_event(source->event);
    return start < llmobs_clock_wall_ns() - EXPIRED_NS;
}

/* What came from the disk alone is read again. */
static int load(struct llmobs_delivery *delivery, struct source *source)
{
    struct llmobs_item *item;
    int rc;

    if (!source->item || source->item->type != LLMOBS_ITEM_SPOOLED)
        return 0;
    rc = llmobs_backlog_load(&delivery->account.backlog, &source->spooled,
                             &item);
    llmobs_exchange_free_memory(source->item);
    source->item = item;
    return rc;
}

/* As an event it has its bound in bytes. */
static int apply_text(struct llmobs_delivery *delivery,
                      const struct source *source)
{
    int enough, rc;

    llmobs_work_begin(LLMOBS_WORK_ALL);
    rc = llmobs_content_apply_text(&source->config->privacy, source->event,
                                   &delivery->scratch);
    enough = llmobs_work_end();
    return rc && enough ? enough : rc;
}

static int encode(struct llmobs_delivery *delivery, const struct source *source,
                  struct llmobs_text *text)
{
    int rc;

    *text = source->event;
    if (is_expired(source))
        return -ESTALE;
    if (source->item && source->item->type == LLMOBS_ITEM_EVENT) {
        *text = llmobs_event_item_text(source->item);
        return 0;
    }
    if (!source->item && !llmobs_privacy_applies(&source->config->privacy))
        return 0;
    rc = text->data ? apply_text(delivery, source)
                    : encode_item(delivery, source->item, source->config);
    *text = (struct llmobs_text){delivery->scratch.data, delivery->scratch.len};
    return rc;
}

/* What goes to another host waits: the disk is to have more of it than its
 * bare entry then. */
static void secure(struct llmobs_delivery *delivery, struct source *source,
                   struct llmobs_text text)
{
    bool remote = false;

    for (size_t i = 0; i < delivery->count; i++)
        remote |= atomic_load(&delivery->list[i].exporter->remote);
    if (remote && source->item && source->item->type != LLMOBS_ITEM_EVENT &&
        !source->adopted && llmobs_privacy_applies(&source->config->privacy))
        llmobs_backlog_replace(&delivery->account.backlog, &source->spooled,
                               source->item->kind, text);
}

/* Accounts for what could not be delivered. */
static void fail(struct llmobs_delivery *delivery, const struct source *source,
                 int error)
{
    struct llmobs_account *account = &delivery->account;

    if ((error == -ENOMEM || error == -ETIMEDOUT ||
         (error == -EXDEV &&
          llmobs_spool_may_return(account->backlog.spool))) &&
        llmobs_account_wait(account, &source->spooled, source->had,
                            source->adopted))
        return;
    lose(delivery, error);
    if (error != -EXDEV)
        llmobs_backlog_done(&account->backlog, &source->spooled,
                            source->adopted);
}

/* Nobody waits for it any more: it is there for who comes later, with what only
 * memory has of it. False where others have it in part: the disk knows whom. */
static bool hold(struct llmobs_delivery *delivery, struct source *source)
{
    if (source->adopted || source->had || !source->item)
        return false;
    source->item->spooled = source->spooled;
    source->item->next = delivery->held;
    delivery->held = source->item;
    source->item = NULL;
    return true;
}

/* Encodes one thing for the destinations, or accounts for its loss. Takes the
 * item. False where memory is short or the time is over. */
static bool add_source(struct llmobs_delivery *delivery, struct source *source,
                       const bool *refusing)
{
    struct llmobs_text text;
    int rc = load(delivery, source);

    if (!rc)
        rc = encode(delivery, source, &text);
    if (!rc) {
        secure(delivery, source, text);
        rc = share(delivery, source, text, refusing);
    }
    if (rc && !(rc == -ETIMEDOUT && hold(delivery, source)))
        fail(delivery, source, rc);
    if (source->item)
        llmobs_delivery_free_item(source->item);
    if (delivery->scratch.cap > SCRATCH_KEPT)
        llmobs_buf_fini(&delivery->scratch);
    else
        llmobs_buf_cut(&delivery->scratch, 0);
    return rc != -ENOMEM && rc != -ETIMEDOUT;
}

/* Nobody would have it now: it waits on the disk, or it is lost. Where the disk
 * was not to have its body, as the event. */
static void put_off(struct llmobs_delivery *delivery, struct source *source)
{
    struct llmobs_text text;

    atomic_store(&delivery->full, true);
    if (source->item->type == LLMOBS_ITEM_EXCHANGE &&
        llmobs_privacy_applies(&source->config->privacy) &&
        encode(delivery, source, &text) == 0)
        secure(delivery, source, text);
    llmobs_buf_cut(&delivery->scratch, 0);
    if (!llmobs_account_wait(&delivery->account, &source->spooled, source->had,
                             false)) {
        lose(delivery, -ENOSPC);
        llmobs_backlog_done(&delivery->account.backlog, &source->spooled,
                            false);
    }
    llmobs_delivery_free_item(source->item);
}

/* False where memory is short or the time is over. */
static bool add_item(struct llmobs_delivery *delivery, struct llmobs_item *item,
                     unsigned had, enum llmobs_run how)
{
    struct source source = {.item = item,
                            .kind = item->kind,
                            .spooled = item->spooled,
                            .config = delivery->config,
                            .had = had};
    bool refusing[LLMOBS_DESTINATIONS_MAX];
    bool wanted = false;

    for (size_t i = 0; i < delivery->count; i++) {
        struct llmobs_destination *d = &delivery->list[i];

        refusing[i] = llmobs_destination_takes(d, item->kind) &&
                      refuses(delivery, d, how);
        wanted |= llmobs_destination_takes(d, item->kind) && !refusing[i];
    }
    if (wanted)
        return add_source(delivery, &source, refusing);
    put_off(delivery, &source);
    return true;
}

/* What memory had no room for comes back when it has. */
static struct llmobs_item *unspill(struct llmobs_delivery *delivery,
                                   unsigned *had)
{
    struct llmobs_item *item;
    int rc;

    if (delivery->account.bytes * 2 >= (size_t)delivery->config->buffer_max)
        return NULL;
    do {
        rc = llmobs_backlog_unspill(&delivery->account.backlog, &item, had);
        if (rc && rc != -ENOENT && rc != -ENOMEM)
            lose(delivery, rc);
    } while (rc && rc != -ENOENT && rc != -ENOMEM);
    return rc ? NULL : item;
}

/* A part of what is there; false: nothing was. */
bool llmobs_delivery_fill(struct llmobs_delivery *delivery, enum llmobs_run how)
{
    size_t bytes = delivery->account.bytes;
    size_t n = 0;

    while (n < FILL_EVENTS && delivery->account.bytes < bytes + FILL_BYTES) {
        struct llmobs_item *item = delivery->held;
        unsigned had = 0;

        if (!item)
            item = llmobs_buffer_take(delivery->buffer);
        delivery->held = item ? item->next : NULL;
        if (!item)
            item = unspill(delivery, &had);
        if (!item)
            break;
        if (!add_item(delivery, item, had, how))
            break;
        n++;
    }
    delivery->taken += n;
    return n > 0;
}

/* -- adopting ------------------------------------------------------------ */

static void add_adopted(struct llmobs_delivery *delivery,
                        const struct llmobs_adopted *adopted)
{
    const bool refusing[LLMOBS_DESTINATIONS_MAX] = {false};
    struct source source = {.event = adopted->event,
                            .kind = adopted->kind,
                            .spooled = adopted->spooled,
                            .config = adopted->config,
                            .adopted = true,
                            .had = adopted->had};

    if (adopted->exchange)
        source.item = &adopted->exchange->item;
    llmobs_stats_add(LLMOBS_STAT_kept, 1);
    llmobs_stats_add(
        adopted->uncounted ? LLMOBS_STAT_captured : LLMOBS_STAT_adopted, 1);
    atomic_fetch_add(&delivery->account.pending, 1);
    (void)add_source(delivery, &source, refusing);
}

/* Of this kind or of another. */
static bool has_sent(const struct llmobs_delivery *delivery,
                     const struct llmobs_exporter *exporter)
{
    for (size_t i = 0; i < delivery->count; i++)
        if (delivery->list[i].exporter == exporter && delivery->list[i].sent_ns)
            return true;
    return false;
}

/* Somebody must be there to take it: what lies on the disk is safe there. */
bool llmobs_delivery_may_adopt(const struct llmobs_delivery *delivery)
{
    const struct llmobs_backlog *backlog = &delivery->account.backlog;
    int64_t now = llmobs_clock_mono_ns();
    bool ends = atomic_load(&delivery->end_ns) != 0;

    if (!backlog->adopt ||
        (ends && now >= atomic_load(&delivery->adopt_end_ns)) ||
        delivery->account.bytes >= FILL_BYTES ||
        (backlog->adopted_ns &&
         now - backlog->adopted_ns < ADOPT_EVERY_MS * LLMOBS_NS_PER_MS))
        return false;
    for (size_t i = 0; i < delivery->count; i++)
        if (delivery->list[i].due_ns ||
            (!delivery->drains &&
             !has_sent(delivery, delivery->list[i].exporter)))
            return false;
    return true;
}

/* Another directory is opened when all of the last one is had: that is sent at
 * once. True while there is something to go on with. */
bool llmobs_delivery_adopt(struct llmobs_delivery *delivery,
                           enum llmobs_run how)
{
    struct llmobs_backlog *backlog = &delivery->account.backlog;
    struct llmobs_adopted adopted;
    size_t n = 0;
    int rc = 1;

    llmobs_backlog_flush(backlog);
    while (n < FILL_EVENTS && llmobs_delivery_may_adopt(delivery)) {
        rc = llmobs_adopt_next(backlog->adopt, &adopted);
        if (rc != 1)
            break;
        add_adopted(delivery, &adopted);
        n++;
    }
    if (rc != 1 && rc != -EAGAIN)
        backlog->adopted_ns = llmobs_clock_mono_ns();
    delivery->eager = n > 0 || rc == -EAGAIN;
    for (size_t i = 0; i < delivery->count && rc == -EAGAIN; i++)
        if (llmobs_delivery_is_due(delivery, &delivery->list[i], how))
            return true;
    return n > 0;
}
