#include "core/delivery.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/encode.h"
#include "core/exchange.h"
#include "core/http.h"
#include "core/log.h"

/* A disk may be full for a moment; a request is an attempt in itself. */
#define HURRIED_TRIES 3
/* Encoded ahead of a send. */
#define FILL_EVENTS 64
#define FILL_BYTES ((size_t)1024 * 1024)
#define SCRATCH_KEPT ((size_t)2 * 1024 * 1024)
/* More than an event can have: the buffer's own cap never decides. */
#define SCRATCH_MAX ((size_t)1 << 31)

void llmobs_delivery_init(struct llmobs_delivery *delivery,
                          const struct llmobs_config *config,
                          struct llmobs_buffer *buffer)
{
    memset(delivery, 0, sizeof(*delivery));
    delivery->config = config;
    delivery->buffer = buffer;
    llmobs_buf_init(&delivery->scratch, SCRATCH_MAX);
}

void llmobs_delivery_reset(struct llmobs_delivery *delivery)
{
    delivery->buffer->ops->reset(delivery->buffer);
    for (size_t i = 0; i < delivery->count; i++)
        llmobs_destination_forget(&delivery->list[i]);
    if (delivery->rescue)
        delivery->rescue->ops->forget(delivery->rescue);
    llmobs_stats_reset();
    delivery->held = NULL;
    delivery->busy = NULL;
    llmobs_buf_init(&delivery->scratch, SCRATCH_MAX);
    delivery->account.bytes = 0;
    atomic_store(&delivery->account.pending, 0);
    atomic_store(&delivery->full, false);
    atomic_store(&delivery->rescuing, false);
    atomic_store(&delivery->sending, NULL);
    atomic_store(&delivery->end_ns, 0);
    llmobs_http_deadline(INT64_MAX);
}

/* -- items --------------------------------------------------------------- */

void llmobs_delivery_free_item(struct llmobs_item *item)
{
    if (item->type == LLMOBS_ITEM_EXCHANGE) {
        llmobs_exchange_free((struct llmobs_exchange *)item);
        return;
    }
    llmobs_span_fini(&((struct llmobs_span_item *)item)->span);
    free(item);
}

size_t llmobs_delivery_weight(const struct llmobs_item *item)
{
    const struct llmobs_exchange *exchange;

    if (item->type != LLMOBS_ITEM_EXCHANGE)
        return sizeof(struct llmobs_span_item) + 4096;
    exchange = (const struct llmobs_exchange *)item;
    return sizeof(*exchange) +
           (exchange->callsite ? exchange->callsite->len : 0) +
           exchange->request.head.cap + exchange->request.tail_len +
           exchange->response.head.cap + exchange->response.tail_len +
           exchange->mark_cap * sizeof(*exchange->marks);
}

/* -- encoding ------------------------------------------------------------ */

static int encode_item(struct llmobs_delivery *delivery,
                       struct llmobs_item *item)
{
    struct llmobs_span span;
    int rc;

    if (item->type == LLMOBS_ITEM_SPAN)
        return llmobs_encode_span(&((struct llmobs_span_item *)item)->span,
                                  delivery->config, &delivery->scratch);
    rc = llmobs_exchange_to_span((struct llmobs_exchange *)item, &span);
    if (rc)
        return rc;
    rc = llmobs_encode_span(&span, delivery->config, &delivery->scratch);
    llmobs_span_fini(&span);
    return rc;
}

static bool is_over(const struct llmobs_delivery *delivery)
{
    return delivery->account.bytes >= (size_t)delivery->config->buffer_max;
}

/* Sent at all by such a run. */
static bool serves(const struct llmobs_destination *d, enum llmobs_run how)
{
    return how != LLMOBS_RUN_INLINE || !atomic_load(&d->exporter->remote);
}

static int rescue_some(struct llmobs_delivery *delivery,
                       struct llmobs_destination *d)
{
    int rc;

    if (!delivery->rescue || !atomic_load(&d->exporter->remote) || !d->count)
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
    if (!is_over(delivery) || !d->count || (!d->due_ns && serves(d, how)) ||
        d == delivery->busy)
        return false;
    return rescue_some(delivery, d) <= 0;
}

static void lose(struct llmobs_delivery *delivery, int error)
{
    bool memory = error == -ENOMEM;

    if (error == -ENOENT) {
        llmobs_account_settle(&delivery->account, LLMOBS_STAT_unconfirmed, 1);
        return;
    }
    if (error == -ENOSPC) {
        llmobs_account_settle(&delivery->account, LLMOBS_STAT_dropped_full, 1);
        llmobs_log_once(LLMOBS_LOG_ERROR, "buffer full",
                        "the buffer is full: spans are dropped");
        return;
    }
    llmobs_account_settle(
        &delivery->account,
        memory ? LLMOBS_STAT_dropped_memory : LLMOBS_STAT_dropped_export, 1);
    llmobs_log_once(LLMOBS_LOG_ERROR, memory ? "encode memory" : "encode",
                    "a span was dropped: %s", strerror(-error));
}

/* One event to all destinations but the refusing ones. */
static int share(struct llmobs_delivery *delivery, const bool *refusing)
{
    struct llmobs_event *event = llmobs_event_new(
        &delivery->account, delivery->scratch.data, delivery->scratch.len);
    enum llmobs_stat fate = LLMOBS_STAT_delivered;

    if (!event)
        return -ENOMEM;
    for (size_t i = 0; i < delivery->count; i++) {
        int rc = refusing[i]
                     ? -ENOSPC
                     : llmobs_destination_push(&delivery->list[i], event);

        if (rc)
            fate = rc == -ENOMEM ? LLMOBS_STAT_dropped_memory
                                 : LLMOBS_STAT_dropped_full;
    }
    llmobs_event_release(&delivery->account, event, fate);
    return 0;
}

/* Encodes one item for the destinations and frees it, or accounts for its
 * loss. */
static void add_item(struct llmobs_delivery *delivery, struct llmobs_item *item,
                     enum llmobs_run how)
{
    bool refusing[LLMOBS_DESTINATIONS_MAX];
    size_t refusals = 0;
    int rc = 0;

    for (size_t i = 0; i < delivery->count; i++) {
        refusing[i] = refuses(delivery, &delivery->list[i], how);
        refusals += refusing[i];
    }
    if (refusals == delivery->count) {
        atomic_store(&delivery->full, true);
        rc = -ENOSPC;
    }
    if (!rc)
        rc = encode_item(delivery, item);
    if (!rc)
        rc = share(delivery, refusing);
    if (rc)
        lose(delivery, rc);
    llmobs_delivery_free_item(item);
    if (delivery->scratch.cap > SCRATCH_KEPT)
        llmobs_buf_fini(&delivery->scratch);
    else
        llmobs_buf_cut(&delivery->scratch, 0);
}

/* A part of what is there; false: nothing was. */
static bool fill(struct llmobs_delivery *delivery, enum llmobs_run how)
{
    size_t bytes = delivery->account.bytes;
    size_t n = 0;

    while (n < FILL_EVENTS && delivery->account.bytes < bytes + FILL_BYTES) {
        struct llmobs_item *item = delivery->held;

        if (!item)
            item = delivery->buffer->ops->take(delivery->buffer);
        if (!item)
            break;
        delivery->held = item->next;
        add_item(delivery, item, how);
        n++;
    }
    delivery->taken += n;
    return n > 0;
}

/* -- sending ------------------------------------------------------------- */

/* The part of an exit that its exporter has: who let us wait before gets none,
 * and what remains is for the rescue. */
static int64_t end_of(const struct llmobs_delivery *delivery,
                      struct llmobs_exporter *exporter)
{
    int64_t ms = atomic_load(&delivery->end_ms);
    int64_t own = atomic_load(&exporter->exit_ms);
    int64_t start = atomic_load(&delivery->end_ns);

    if (start == 0)
        return INT64_MAX;
    if (atomic_load(&exporter->silent))
        return start;
    if (delivery->config->exit_flush_ms < 0 && own > 0 && own < ms)
        ms = own;
    ms -= ms * 3 / 10 < 100 ? ms * 3 / 10 : 100;
    return start + ms * LLMOBS_NS_PER_MS;
}

static void set_deadline(struct llmobs_delivery *delivery)
{
    struct llmobs_exporter *exporter = atomic_load(&delivery->sending);
    int64_t end;

    if (!exporter || !atomic_load(&exporter->remote))
        return;
    end = end_of(delivery, exporter);
    atomic_store(&exporter->cut_ns, end == INT64_MAX ? 0 : end);
    llmobs_http_deadline(end);
}

void llmobs_delivery_hasten(struct llmobs_delivery *delivery, int64_t ms)
{
    atomic_store(&delivery->end_ms, ms);
    atomic_store(&delivery->end_ns, llmobs_clock_mono_ns());
    set_deadline(delivery);
}

static void begin_send(struct llmobs_delivery *delivery,
                       struct llmobs_destination *d)
{
    delivery->busy = d;
    atomic_store(&delivery->sending, d->exporter);
    if (atomic_load(&delivery->end_ns))
        set_deadline(delivery);
}

static void end_send(struct llmobs_delivery *delivery)
{
    atomic_store(&delivery->sending, NULL);
    delivery->busy = NULL;
}

static int send_to(struct llmobs_delivery *delivery,
                   struct llmobs_destination *d, enum llmobs_run how)
{
    struct llmobs_exporter *exporter = d->exporter;
    int rc;

    exporter->phase = LLMOBS_PHASE_RUNNING;
    if (how == LLMOBS_RUN_INLINE)
        exporter->phase = LLMOBS_PHASE_INLINE;
    else if (atomic_load(&delivery->end_ns))
        exporter->phase = LLMOBS_PHASE_ENDING;
    begin_send(delivery, d);
    rc = llmobs_destination_send(d);
    end_send(delivery);
    if (!rc)
        atomic_store(&delivery->full, false);
    else if (d->hopeless && atomic_load(&delivery->end_ns))
        d->given_up = true;
    return rc;
}

static bool is_due(const struct llmobs_delivery *delivery,
                   const struct llmobs_destination *d, enum llmobs_run how)
{
    if (!d->count || !serves(d, how))
        return false;
    if (how == LLMOBS_RUN_HURRY)
        return d->tries > 0;
    return (is_over(delivery) && !d->due_ns) ||
           llmobs_destination_due(d) <= llmobs_clock_mono_ns();
}

void llmobs_delivery_hurry(struct llmobs_delivery *delivery, bool ending)
{
    for (size_t i = 0; i < delivery->count; i++) {
        struct llmobs_destination *d = &delivery->list[i];
        bool waits = d->polite && llmobs_clock_mono_ns() < d->due_ns;

        d->tries = 1;
        if (d->given_up || (waits && !ending))
            d->tries = 0;
        else if (!waits && !atomic_load(&d->exporter->remote))
            d->tries = HURRIED_TRIES;
    }
}

static int result(const struct llmobs_delivery *delivery, enum llmobs_run how)
{
    bool left = false, hope = false;

    for (size_t i = 0; i < delivery->count; i++) {
        left |= delivery->list[i].count > 0;
        hope |= delivery->list[i].count > 0 && delivery->list[i].tries > 0;
    }
    if (!left)
        return 0;
    return how == LLMOBS_RUN_HURRY && !hope ? -ECONNABORTED : -EAGAIN;
}

/* One send a destination and round: none waits for another's backlog. */
int llmobs_delivery_run(struct llmobs_delivery *delivery, enum llmobs_run how,
                        int64_t deadline_ns)
{
    bool failed[LLMOBS_DESTINATIONS_MAX] = {false};
    bool more = true;

    delivery->taken = 0;
    while (more) {
        more = fill(delivery, how);
        for (size_t i = 0; i < delivery->count; i++) {
            struct llmobs_destination *d = &delivery->list[i];

            if (failed[i] || !is_due(delivery, d, how))
                continue;
            failed[i] = send_to(delivery, d, how) != 0;
            more = true;
        }
        if (more && llmobs_clock_mono_ns() >= deadline_ns)
            return result(delivery, how) ? -ETIMEDOUT : 0;
    }
    return result(delivery, how);
}

/* While a request hangs, what stays on this host goes on: what has come since
 * may have no other chance, should the process be killed. `sending` stays the
 * one that waits, for that is what a hurry has to cut; and who sends by means
 * of others may not ask the network now. */
static void tick(void *ctx)
{
    struct llmobs_delivery *delivery = ctx;
    bool filled = false;

    for (size_t i = 0; i < delivery->count; i++) {
        struct llmobs_destination *d = &delivery->list[i];

        if (d == delivery->busy || atomic_load(&d->exporter->remote))
            continue;
        /* Where memory ends, what waits is safer in the buffer, whose bound
         * is its own. */
        if (!filled && !is_over(delivery))
            (void)fill(delivery, LLMOBS_RUN_DUE);
        filled = true;
        if (!is_due(delivery, d, LLMOBS_RUN_DUE))
            continue;
        d->exporter->phase = LLMOBS_PHASE_INLINE;
        if (llmobs_destination_send(d) == 0)
            atomic_store(&delivery->full, false);
    }
}

int llmobs_delivery_add(struct llmobs_delivery *delivery,
                        struct llmobs_exporter *exporter)
{
    size_t at = delivery->count;

    if (at == LLMOBS_DESTINATIONS_MAX)
        return -ENOSPC;
    if (!atomic_load(&exporter->remote)) {
        memmove(delivery->list + 1, delivery->list,
                at * sizeof(*delivery->list));
        at = 0;
    }
    exporter->tick = (struct llmobs_tick){tick, delivery};
    llmobs_destination_init(&delivery->list[at], exporter, &delivery->account,
                            delivery->config);
    delivery->count++;
    return 0;
}

int64_t llmobs_delivery_due(const struct llmobs_delivery *delivery)
{
    int64_t due = INT64_MAX;

    for (size_t i = 0; i < delivery->count; i++) {
        int64_t one = llmobs_destination_due(&delivery->list[i]);

        if (one < due)
            due = one;
    }
    return due;
}

static size_t save(struct llmobs_delivery *delivery,
                   struct llmobs_destination *d)
{
    size_t before = d->count;

    while (d->count && llmobs_destination_rescue(d, delivery->rescue) > 0)
        ;
    return before - d->count;
}

/* Without a rescue the store is one of the destinations: what it has is not
 * lost, wherever else it should have gone. */
void llmobs_delivery_save(struct llmobs_delivery *delivery)
{
    atomic_store(&delivery->rescuing, true);
    for (size_t i = 0; i < delivery->count; i++) {
        struct llmobs_destination *d = &delivery->list[i];
        size_t n = 0;

        if (atomic_load(&d->exporter->remote))
            n = delivery->rescue ? save(delivery, d)
                                 : llmobs_destination_leave(d);
        if (n)
            llmobs_log(LLMOBS_LOG_WARN,
                       "exporter %s: %zu spans not delivered at exit are kept "
                       "in the local store",
                       d->exporter->ops->name, n);
    }
    atomic_store(&delivery->rescuing, false);
}

void llmobs_delivery_warm(struct llmobs_delivery *delivery)
{
    for (size_t i = 0; i < delivery->count; i++) {
        struct llmobs_exporter *exporter = delivery->list[i].exporter;

        if (!exporter->wants_warm || !exporter->ops->warm)
            continue;
        exporter->phase = LLMOBS_PHASE_RUNNING;
        begin_send(delivery, &delivery->list[i]);
        exporter->ops->warm(exporter);
        end_send(delivery);
    }
}
