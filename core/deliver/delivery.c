#include "core/deliver/delivery_inner.h"

#include <errno.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/work.h"
#include "core/net/http.h"

/* A disk may be full for a moment; a request is an attempt in itself. */
#define HURRIED_TRIES 3
/* How long a process that ends goes on adopting: short ones are all that some
 * hosts have. */
#define ADOPT_ENDING_MS 20
#define ADOPT_AGAIN_MS 30000

void llmobs_delivery_init(struct llmobs_delivery *delivery,
                          const struct llmobs_config *config,
                          struct llmobs_buffer *buffer)
{
    memset(delivery, 0, sizeof(*delivery));
    delivery->config = config;
    delivery->buffer = buffer;
    llmobs_buf_init(&delivery->scratch, LLMOBS_SCRATCH_MAX);
    llmobs_backlog_init(&delivery->account.backlog, NULL, NULL);
}

void llmobs_delivery_reset(struct llmobs_delivery *delivery)
{
    llmobs_buffer_reset(delivery->buffer);
    for (size_t i = 0; i < delivery->count; i++)
        llmobs_destination_forget(&delivery->list[i]);
    if (delivery->rescue)
        delivery->rescue->ops->forget(delivery->rescue);
    llmobs_stats_reset();
    llmobs_backlog_reset(&delivery->account.backlog);
    delivery->held = NULL;
    delivery->eager = false;
    delivery->busy = NULL;
    delivery->waits.call = NULL;
    llmobs_buf_init(&delivery->scratch, LLMOBS_SCRATCH_MAX);
    delivery->account.bytes = 0;
    atomic_store(&delivery->account.pending, 0);
    atomic_store(&delivery->full, false);
    atomic_store(&delivery->rescuing, false);
    atomic_store(&delivery->sending, NULL);
    atomic_store(&delivery->end_ns, 0);
    atomic_store(&delivery->adopt_end_ns, 0);
    llmobs_work_until(INT64_MAX);
    llmobs_work_by(INT64_MAX);
    llmobs_curl_access_deadline(INT64_MAX);
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

/* A thread that changes the end tells it to the threads that work. Of two that
 * do so at the same time the later one tells the end that then holds. */
static void bound_work(struct llmobs_delivery *delivery)
{
    int64_t end;

    do {
        end = atomic_load(&delivery->end_ns);
        llmobs_work_until(end ? end + atomic_load(&delivery->end_ms) *
                                          LLMOBS_NS_PER_MS
                              : INT64_MAX);
    } while (atomic_load(&delivery->end_ns) != end);
}

static void set_deadline(struct llmobs_delivery *delivery)
{
    struct llmobs_exporter *exporter = atomic_load(&delivery->sending);
    int64_t end;

    if (!exporter || !atomic_load(&exporter->remote))
        return;
    end = end_of(delivery, exporter);
    atomic_store(&exporter->cut_ns, end == INT64_MAX ? 0 : end);
    llmobs_curl_access_deadline(end);
}

/* A process that adopted as libcurl went down does not go on with it at exit:
 * the connection is gone, and a new one would make the app wait for the spans
 * of other processes. */
static void bound_adoption(struct llmobs_delivery *delivery, int64_t now)
{
    int64_t end = atomic_load(&delivery->adopt_end_ns);

    if (end == 0 || now - end > ADOPT_AGAIN_MS * LLMOBS_NS_PER_MS)
        end = now + ADOPT_ENDING_MS * LLMOBS_NS_PER_MS;
    atomic_store(&delivery->adopt_end_ns, end);
    if (delivery->account.backlog.adopt)
        llmobs_adopt_until(delivery->account.backlog.adopt, end);
}

int64_t llmobs_delivery_bound(struct llmobs_delivery *delivery, int64_t ms)
{
    int64_t now = llmobs_clock_mono_ns();

    bound_adoption(delivery, now);
    atomic_store(&delivery->end_ms, ms);
    atomic_store(&delivery->end_ns, now);
    bound_work(delivery);
    set_deadline(delivery);
    return now;
}

void llmobs_delivery_unbound(struct llmobs_delivery *delivery, int64_t since)
{
    if (!atomic_compare_exchange_strong(&delivery->end_ns, &since, 0))
        return;
    bound_work(delivery);
    if (delivery->account.backlog.adopt)
        llmobs_adopt_until(delivery->account.backlog.adopt, INT64_MAX);
    for (size_t i = 0; i < delivery->count; i++)
        atomic_store(&delivery->list[i].exporter->cut_ns, 0);
}

void llmobs_delivery_set_exit_deadline(struct llmobs_delivery *delivery,
                                       int64_t ms)
{
    (void)llmobs_delivery_bound(delivery, ms);
    if (delivery->account.backlog.spool)
        llmobs_spool_ending(delivery->account.backlog.spool);
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

void llmobs_delivery_allow_tries(struct llmobs_delivery *delivery, bool ending)
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
    return how == LLMOBS_RUN_ALL && !hope ? -ECONNABORTED : -EAGAIN;
}

/* The next request may hang until the process is killed: what was settled by
 * this one is not in the spool then, and must not be in the books as left
 * there. */
static void tell_settled(struct llmobs_delivery *delivery)
{
    llmobs_backlog_flush(&delivery->account.backlog);
    if (delivery->settled)
        delivery->settled(delivery->config);
}

/* One send a destination and round: none waits for another's backlog. */
static int run(struct llmobs_delivery *delivery, enum llmobs_run how,
               int64_t deadline_ns)
{
    bool failed[LLMOBS_DESTINATIONS_MAX] = {false};
    bool more = true;
    int rc;

    delivery->taken = 0;
    while (more) {
        more = llmobs_delivery_fill(delivery, how);
        for (size_t i = 0; i < delivery->count; i++) {
            struct llmobs_destination *d = &delivery->list[i];

            if (failed[i] || !llmobs_delivery_is_due(delivery, d, how))
                continue;
            failed[i] = send_to(delivery, d, how) != 0;
            tell_settled(delivery);
            more = true;
        }
        if (!more && how != LLMOBS_RUN_INLINE &&
            llmobs_delivery_may_adopt(delivery))
            more = llmobs_delivery_adopt(delivery, how);
        if (more && llmobs_clock_mono_ns() >= deadline_ns)
            break;
    }
    llmobs_backlog_flush(&delivery->account.backlog);
    if (delivery->account.backlog.spool && how != LLMOBS_RUN_INLINE)
        llmobs_spool_look(delivery->account.backlog.spool);
    rc = result(delivery, how);
    return rc && more ? -ETIMEDOUT : rc;
}

/* A call of the app waits for what is done in its path. */
int llmobs_delivery_run(struct llmobs_delivery *delivery, enum llmobs_run how,
                        int64_t deadline_ns)
{
    int rc;

    if (how == LLMOBS_RUN_INLINE)
        llmobs_work_by(deadline_ns);
    rc = run(delivery, how, deadline_ns);
    llmobs_work_by(INT64_MAX);
    return rc;
}

/* While a request hangs, what stays on this host goes on: what has come since
 * may have no other chance, should the process be killed. `sending` stays the
 * one that waits, for that is what a hurry has to cut; and who sends by means
 * of others may not ask the network now. */
static void tick(void *ctx)
{
    struct llmobs_delivery *delivery = ctx;
    bool filled = false;

    llmobs_tick_now(&delivery->waits);
    for (size_t i = 0; i < delivery->count; i++) {
        struct llmobs_destination *d = &delivery->list[i];

        if ((delivery->busy && d->exporter == delivery->busy->exporter) ||
            atomic_load(&d->exporter->remote))
            continue;
        /* Where memory ends, what waits is safer in the buffer, whose bound
         * is its own. */
        if (!filled && !llmobs_delivery_is_over(delivery))
            (void)llmobs_delivery_fill(delivery, LLMOBS_RUN_DUE);
        filled = true;
        if (!llmobs_delivery_is_due(delivery, d, LLMOBS_RUN_DUE))
            continue;
        d->exporter->phase = LLMOBS_PHASE_INLINE;
        if (llmobs_destination_send(d) == 0)
            atomic_store(&delivery->full, false);
        tell_settled(delivery);
    }
}

static void add_at(struct llmobs_delivery *delivery, size_t at,
                   struct llmobs_exporter *exporter, unsigned kinds)
{
    struct llmobs_destination *d = &delivery->list[at];

    llmobs_destination_init(d, exporter, &delivery->account, delivery->config);
    d->kinds = kinds;
    d->bit = (unsigned)delivery->count++;
}

int llmobs_delivery_add(struct llmobs_delivery *delivery,
                        struct llmobs_exporter *exporter)
{
    size_t count = delivery->count;

    if (count + LLMOBS_EVENT_KINDS > LLMOBS_DESTINATIONS_MAX)
        return -ENOSPC;
    exporter->tick = (struct llmobs_tick){tick, delivery};
    if (atomic_load(&exporter->remote)) {
        for (unsigned kind = 0; kind < LLMOBS_EVENT_KINDS; kind++)
            add_at(delivery, count + kind, exporter, 1u << kind);
        return 0;
    }
    memmove(delivery->list + 1, delivery->list,
            count * sizeof(*delivery->list));
    add_at(delivery, 0, exporter, (1u << LLMOBS_EVENT_KINDS) - 1);
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
                   "exporter %s: %zu %s not delivered at exit are kept in the "
                   "%s",
                   d->exporter->ops->name, n,
                   d->kinds == 1u << LLMOBS_EVENT_EVALUATION ? "evaluations"
                                                             : "spans",
                   where);
}

/* The spool keeps them for another process. Without one: the local store, and
 * where that is one of the destinations, what it has is not lost, wherever
 * else it should have gone. */
void llmobs_delivery_save(struct llmobs_delivery *delivery)
{
    atomic_store(&delivery->rescuing, true);
    for (size_t i = 0; i < delivery->count; i++) {
        struct llmobs_destination *d = &delivery->list[i];

        if (delivery->account.backlog.spool)
            tell_saved(d, llmobs_destination_keep(d), "spool");
        tell_saved(d, rescue_all(delivery, d), "local store");
    }
    llmobs_backlog_flush(&delivery->account.backlog);
    atomic_store(&delivery->rescuing, false);
}

void llmobs_delivery_warm(struct llmobs_delivery *delivery)
{
    for (size_t i = 0; i < delivery->count; i++) {
        struct llmobs_exporter *exporter = delivery->list[i].exporter;

        if (!exporter->wants_warm || !exporter->ops->warm ||
            !llmobs_destination_takes(&delivery->list[i], LLMOBS_EVENT_SPAN))
            continue;
        exporter->phase = LLMOBS_PHASE_RUNNING;
        begin_send(delivery, &delivery->list[i]);
        exporter->ops->warm(exporter);
        end_send(delivery);
    }
}
