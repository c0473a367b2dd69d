#include "core/delivery.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/content.h"
#include "core/encode.h"
#include "core/exchange.h"
#include "core/http.h"
#include "core/json.h"
#include "core/log.h"

/* A disk may be full for a moment; a request is an attempt in itself. */
#define HURRIED_TRIES 3
/* Encoded ahead of a send. */
#define FILL_EVENTS 64
#define FILL_BYTES ((size_t)1024 * 1024)
#define SCRATCH_KEPT ((size_t)2 * 1024 * 1024)
/* More than an event can have: the buffer's own cap never decides. */
#define SCRATCH_MAX ((size_t)1 << 31)
#define EXPIRED_NS (INT64_C(24) * 3600 * 1000000000)
/* Between two looks at what others left. */
#define ADOPT_EVERY_MS 30000
/* How long a process that ends goes on with it: short ones are all that some
 * hosts have. */
#define ADOPT_ENDING_MS 20

void llmobs_delivery_init(struct llmobs_delivery *delivery,
                          const struct llmobs_config *config,
                          struct llmobs_buffer *buffer)
{
    memset(delivery, 0, sizeof(*delivery));
    delivery->config = config;
    delivery->buffer = buffer;
    llmobs_buf_init(&delivery->scratch, SCRATCH_MAX);
    llmobs_keeping_init(&delivery->account.keeping, NULL, NULL);
}

void llmobs_delivery_reset(struct llmobs_delivery *delivery)
{
    delivery->buffer->ops->reset(delivery->buffer);
    for (size_t i = 0; i < delivery->count; i++)
        llmobs_destination_forget(&delivery->list[i]);
    if (delivery->rescue)
        delivery->rescue->ops->forget(delivery->rescue);
    llmobs_stats_reset();
    llmobs_keeping_reset(&delivery->account.keeping);
    delivery->held = NULL;
    delivery->eager = false;
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
    if (item->type == LLMOBS_ITEM_SPAN)
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
                       struct llmobs_item *item,
                       const struct llmobs_config *config)
{
    struct llmobs_span span;
    int rc;

    if (item->type == LLMOBS_ITEM_SPAN)
        return llmobs_encode_span(&((struct llmobs_span_item *)item)->span,
                                  config, &delivery->scratch);
    rc = llmobs_exchange_to_span((struct llmobs_exchange *)item, &span);
    if (rc)
        return rc;
    rc = llmobs_encode_span(&span, config, &delivery->scratch);
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

    if (!delivery->rescue || !atomic_load(&d->exporter->remote) || !d->count ||
        delivery->account.keeping.spool)
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
    enum llmobs_stat stat = LLMOBS_STAT_dropped_export;

    if (error == -ENOENT)
        stat = LLMOBS_STAT_unconfirmed;
    else if (error == -ESTALE)
        stat = LLMOBS_STAT_dropped_expired;
    else if (error == -ENOSPC)
        stat = LLMOBS_STAT_dropped_full;
    else if (memory)
        stat = LLMOBS_STAT_dropped_memory;
    llmobs_account_settle(&delivery->account, stat, 1);
    if (error == -ENOSPC)
        llmobs_log_once(LLMOBS_LOG_ERROR, "buffer full",
                        "the buffer is full: spans are dropped");
    else if (error == -ESTALE)
        llmobs_log_once(LLMOBS_LOG_WARN, "expired",
                        "spans older than a day are dropped: no intake takes "
                        "them");
    else if (error != -ENOENT)
        llmobs_log_once(LLMOBS_LOG_ERROR, memory ? "encode memory" : "encode",
                        "a span was dropped: %s", strerror(-error));
}

/* One thing to be delivered, wherever it comes from. */
struct source {
    struct llmobs_item *item; /* NULL: `event` is the text */
    struct llmobs_text event;
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
        llmobs_event_new(&delivery->account, text.data, text.len);
    enum llmobs_stat fate = LLMOBS_STAT_delivered;

    if (!event)
        return -ENOMEM;
    event->spooled = source->spooled;
    event->adopted = source->adopted;
    event->had = source->had;
    for (size_t i = 0; i < delivery->count; i++) {
        struct llmobs_destination *d = &delivery->list[i];
        int rc = 0;

        if (source->had & 1u << d->bit)
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

/* An entry as old as this is refused by every intake (llmobs-wire 2.4). */
static bool is_expired(const struct source *source)
{
    const struct llmobs_exchange *exchange;
    int64_t start;

    if (source->item && source->item->type != LLMOBS_ITEM_EXCHANGE)
        return false;
    exchange = (const struct llmobs_exchange *)source->item;
    start = exchange ? exchange->start_wall_ns : start_of_event(source->event);
    return start < llmobs_clock_wall_ns() - EXPIRED_NS;
}

/* What came from the disk alone is read again. */
static int load(struct llmobs_delivery *delivery, struct source *source)
{
    struct llmobs_exchange *exchange;
    int rc;

    if (!source->item || source->item->type != LLMOBS_ITEM_SPOOLED)
        return 0;
    rc = llmobs_keeping_load(&delivery->account.keeping, &source->spooled,
                             &exchange);
    free(source->item);
    source->item = exchange ? &exchange->item : NULL;
    return rc;
}

static int encode(struct llmobs_delivery *delivery, const struct source *source,
                  struct llmobs_text *text)
{
    int rc;

    *text = source->event;
    if (is_expired(source))
        return -ESTALE;
    if (!source->item && !llmobs_config_is_private(source->config))
        return 0;
    rc = source->item ? encode_item(delivery, source->item, source->config)
                      : llmobs_content_apply_text(source->config, source->event,
                                                  &delivery->scratch);
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
    if (remote && source->item && !source->adopted &&
        llmobs_config_is_private(source->config))
        llmobs_keeping_replace(&delivery->account.keeping, &source->spooled,
                               text);
}

/* Accounts for what could not be delivered. */
static void fail(struct llmobs_delivery *delivery, const struct source *source,
                 int error)
{
    struct llmobs_account *account = &delivery->account;

    if (error == -ENOMEM && llmobs_account_wait(account, &source->spooled,
                                                source->had, source->adopted))
        return;
    llmobs_keeping_done(&account->keeping, &source->spooled, source->adopted);
    lose(delivery, error);
}

/* Encodes one thing for the destinations, or accounts for its loss. Takes the
 * item. False where memory is short. */
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
    if (rc)
        fail(delivery, source, rc);
    if (source->item)
        llmobs_delivery_free_item(source->item);
    if (delivery->scratch.cap > SCRATCH_KEPT)
        llmobs_buf_fini(&delivery->scratch);
    else
        llmobs_buf_cut(&delivery->scratch, 0);
    return rc != -ENOMEM;
}

/* Nobody would have it now: it waits on the disk, or it is lost. */
static void put_off(struct llmobs_delivery *delivery,
                    const struct source *source)
{
    atomic_store(&delivery->full, true);
    if (!llmobs_account_wait(&delivery->account, &source->spooled, source->had,
                             false)) {
        llmobs_keeping_done(&delivery->account.keeping, &source->spooled,
                            false);
        lose(delivery, -ENOSPC);
    }
    llmobs_delivery_free_item(source->item);
}

/* False where memory is short. */
static bool add_item(struct llmobs_delivery *delivery, struct llmobs_item *item,
                     unsigned had, enum llmobs_run how)
{
    struct source source = {.item = item,
                            .spooled = item->spooled,
                            .config = delivery->config,
                            .had = had};
    bool refusing[LLMOBS_DESTINATIONS_MAX];
    size_t refusals = 0;

    for (size_t i = 0; i < delivery->count; i++) {
        refusing[i] = refuses(delivery, &delivery->list[i], how);
        refusals += refusing[i];
    }
    if (refusals < delivery->count)
        return add_source(delivery, &source, refusing);
    put_off(delivery, &source);
    return true;
}

/* What memory had no room for comes back when it has. */
static struct llmobs_item *unspill(struct llmobs_delivery *delivery,
                                   unsigned *had)
{
    struct llmobs_exchange *exchange;
    int rc;

    if (delivery->account.bytes * 2 >= (size_t)delivery->config->buffer_max)
        return NULL;
    do {
        rc = llmobs_keeping_unspill(&delivery->account.keeping, &exchange, had);
        if (rc && rc != -ENOENT && rc != -ENOMEM)
            lose(delivery, rc);
    } while (rc && rc != -ENOENT && rc != -ENOMEM);
    return rc ? NULL : &exchange->item;
}

/* A part of what is there; false: nothing was. */
static bool fill(struct llmobs_delivery *delivery, enum llmobs_run how)
{
    size_t bytes = delivery->account.bytes;
    size_t n = 0;

    while (n < FILL_EVENTS && delivery->account.bytes < bytes + FILL_BYTES) {
        struct llmobs_item *item = delivery->held;
        unsigned had = 0;

        if (!item)
            item = delivery->buffer->ops->take(delivery->buffer);
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
                            .spooled = adopted->spooled,
                            .config = adopted->config,
                            .adopted = true,
                            .had = adopted->had};

    if (adopted->exchange)
        source.item = &adopted->exchange->item;
    llmobs_stats_add(
        adopted->uncounted ? LLMOBS_STAT_captured : LLMOBS_STAT_adopted, 1);
    llmobs_stats_add(LLMOBS_STAT_kept, 1);
    atomic_fetch_add(&delivery->account.pending, 1);
    (void)add_source(delivery, &source, refusing);
}

/* Somebody must be there to take it: what lies on the disk is safe there. */
static bool may_adopt(const struct llmobs_delivery *delivery)
{
    const struct llmobs_keeping *keeping = &delivery->account.keeping;
    int64_t now = llmobs_clock_mono_ns();

    int64_t end = atomic_load(&delivery->end_ns);

    if (!keeping->adopt ||
        (end && now - end >= ADOPT_ENDING_MS * LLMOBS_NS_PER_MS) ||
        delivery->account.bytes >= FILL_BYTES ||
        (keeping->adopted_ns &&
         now - keeping->adopted_ns < ADOPT_EVERY_MS * LLMOBS_NS_PER_MS))
        return false;
    for (size_t i = 0; i < delivery->count; i++)
        if (delivery->list[i].due_ns ||
            (!delivery->drains && !delivery->list[i].sent_ns))
            return false;
    return true;
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
    if (delivery->account.keeping.spool)
        llmobs_spool_ending(delivery->account.keeping.spool);
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
    return ((is_over(delivery) || delivery->eager) && !d->due_ns) ||
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

/* Another directory is opened when all of the last one is had: that is sent at
 * once. True while there is something to go on with. */
static bool adopt_some(struct llmobs_delivery *delivery, enum llmobs_run how)
{
    struct llmobs_keeping *keeping = &delivery->account.keeping;
    struct llmobs_adopted adopted;
    size_t n = 0;
    int rc = 1;

    llmobs_keeping_flush(keeping);
    while (n < FILL_EVENTS && may_adopt(delivery)) {
        rc = llmobs_adopt_next(keeping->adopt, &adopted);
        if (rc != 1)
            break;
        add_adopted(delivery, &adopted);
        n++;
    }
    if (rc != 1 && rc != -EAGAIN)
        keeping->adopted_ns = llmobs_clock_mono_ns();
    delivery->eager = n > 0 || rc == -EAGAIN;
    for (size_t i = 0; i < delivery->count && rc == -EAGAIN; i++)
        if (is_due(delivery, &delivery->list[i], how))
            return true;
    return n > 0;
}

/* One send a destination and round: none waits for another's backlog. */
int llmobs_delivery_run(struct llmobs_delivery *delivery, enum llmobs_run how,
                        int64_t deadline_ns)
{
    bool failed[LLMOBS_DESTINATIONS_MAX] = {false};
    bool more = true;
    int rc;

    delivery->taken = 0;
    while (more) {
        more = fill(delivery, how);
        for (size_t i = 0; i < delivery->count; i++) {
            struct llmobs_destination *d = &delivery->list[i];

            if (failed[i] || !is_due(delivery, d, how))
                continue;
            failed[i] = send_to(delivery, d, how) != 0;
            /* The next may hang until the process ends. */
            llmobs_keeping_flush(&delivery->account.keeping);
            more = true;
        }
        if (!more && how != LLMOBS_RUN_INLINE && may_adopt(delivery))
            more = adopt_some(delivery, how);
        if (more && llmobs_clock_mono_ns() >= deadline_ns)
            break;
    }
    llmobs_keeping_flush(&delivery->account.keeping);
    if (delivery->account.keeping.spool)
        llmobs_spool_look(delivery->account.keeping.spool);
    rc = result(delivery, how);
    return rc && more ? -ETIMEDOUT : rc;
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
        llmobs_keeping_flush(&delivery->account.keeping);
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
    delivery->list[at].bit = (unsigned)delivery->count;
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

static size_t rescue_all(struct llmobs_delivery *delivery,
                         struct llmobs_destination *d)
{
    size_t before = d->count;

    if (!atomic_load(&d->exporter->remote))
        return 0;
    if (!delivery->rescue)
        return llmobs_destination_leave(d);
    while (d->count && llmobs_destination_rescue(d, delivery->rescue) > 0)
        ;
    return before - d->count;
}

static void tell_saved(const struct llmobs_destination *d, size_t n,
                       const char *where)
{
    if (n)
        llmobs_log(LLMOBS_LOG_WARN,
                   "exporter %s: %zu spans not delivered at exit are kept in "
                   "the %s",
                   d->exporter->ops->name, n, where);
}

/* The spool keeps them for another process. Without one: the local store, and
 * where that is one of the destinations, what it has is not lost, wherever
 * else it should have gone. */
void llmobs_delivery_save(struct llmobs_delivery *delivery)
{
    atomic_store(&delivery->rescuing, true);
    for (size_t i = 0; i < delivery->count; i++) {
        struct llmobs_destination *d = &delivery->list[i];

        if (delivery->account.keeping.spool)
            tell_saved(d, llmobs_destination_keep(d), "spool");
        tell_saved(d, rescue_all(delivery, d), "local store");
    }
    llmobs_keeping_flush(&delivery->account.keeping);
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
