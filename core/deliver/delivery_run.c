/* Runs one round of delivery, and decides when the next is due. */
#include "core/deliver/delivery.h"

#include <errno.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/commit.h"
#include "lib/base/futex.h"
#include "lib/base/log.h"
#include "lib/base/work.h"
#include "core/export/curl_access.h"
#include "core/export/http.h"
#include "core/log/spool_relay.h"

/* No event has as many bytes, so this limit never decides. */
#define SCRATCH_MAX ((size_t)1 << 31)

/* A local destination gets several tries, as a disk may be full for a moment; a
 * request over the network gets one. */
#define LOCAL_TRIES 3
/* The time between two looks of a process whether its relay is still there. */
#define LOOK_MS 1000

#define ALL_KINDS ((1u << LLMOBS_EVENT_KINDS) - 1)

void llmobs_delivery_init(struct llmobs_delivery *delivery,
                          const struct llmobs_config *config,
                          struct llmobs_queue *queue)
{
    memset(delivery, 0, sizeof(*delivery));
    delivery->config = config;
    delivery->account.queue = queue;
    llmobs_buf_init(&delivery->scratch, SCRATCH_MAX);
    llmobs_linker_init(&delivery->linker);
}

void llmobs_delivery_reset(struct llmobs_delivery *delivery)
{
    llmobs_account_reset(&delivery->account);
    for (size_t i = 0; i < delivery->count; i++)
        llmobs_destination_forget(&delivery->list[i], delivery->config);
    if (delivery->rescue)
        delivery->rescue->ops->forget(delivery->rescue);
    if (delivery->meter)
        delivery->meter->base.ops->forget(&delivery->meter->base);
    llmobs_stats_reset();
    delivery->recalls = NULL;
    delivery->adopted_ns = 0;
    llmobs_linker_reset(&delivery->linker);
    delivery->eager = delivery->published = delivery->relayed = false;
    delivery->busy = NULL;
    delivery->waits.call = NULL;
    llmobs_buf_init(&delivery->scratch, SCRATCH_MAX);
    atomic_store(&delivery->alone, false);
    atomic_store(&delivery->found, false);
    atomic_store(&delivery->rescuing, false);
    atomic_store(&delivery->sending, NULL);
    atomic_store(&delivery->end_ns, 0);
    llmobs_commit_reset();
    llmobs_work_until(INT64_MAX);
    llmobs_work_by(INT64_MAX);
    llmobs_curl_access_deadline(INT64_MAX);
}

/* -- sending ------------------------------------------------------------- */

/* When the exporter's part of the exit ends. A peer that has been silent gets
 * no time, and a part of the time is reserved for the rescue exporter. */
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

/* Sets the time limit of all work when it changes. If two threads change it at
 * once, the later one sets the limit that is then valid. */
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

bool llmobs_delivery_is_near(const struct llmobs_delivery *delivery)
{
    for (size_t i = 0; i < delivery->count; i++)
        if (atomic_load(&delivery->list[i].exporter->exit_ms) >=
            LLMOBS_EXIT_INTAKE_MS)
            return false;
    return true;
}

int64_t llmobs_delivery_bound(struct llmobs_delivery *delivery, int64_t ms)
{
    int64_t now = llmobs_clock_mono_ns();

    if (delivery->account.adopt)
        llmobs_adopt_stop(delivery->account.adopt, true);
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
    if (delivery->account.adopt)
        llmobs_adopt_stop(delivery->account.adopt, false);
    for (size_t i = 0; i < delivery->count; i++)
        atomic_store(&delivery->list[i].exporter->cut_ns, 0);
    if (delivery->meter)
        atomic_store(&delivery->meter->base.cut_ns, 0);
}

void llmobs_delivery_set_exit_deadline(struct llmobs_delivery *delivery,
                                       int64_t ms)
{
    (void)llmobs_delivery_bound(delivery, ms);
    if (delivery->account.spool)
        llmobs_spool_set_ending(delivery->account.spool);
}

static enum llmobs_phase phase_of(const struct llmobs_delivery *delivery,
                                  enum llmobs_run how)
{
    if (how == LLMOBS_RUN_INLINE)
        return LLMOBS_PHASE_INLINE;
    if (atomic_load(&delivery->end_ns))
        return LLMOBS_PHASE_ENDING;
    return how == LLMOBS_RUN_ALL && !delivery->drains ? LLMOBS_PHASE_AWAITED
                                                      : LLMOBS_PHASE_RUNNING;
}

static void begin_send(struct llmobs_delivery *delivery,
                       struct llmobs_exporter *exporter)
{
    atomic_store(&delivery->sending, exporter);
    if (atomic_load(&delivery->end_ns))
        set_deadline(delivery);
}

static void end_send(struct llmobs_delivery *delivery)
{
    atomic_store(&delivery->sending, NULL);
    delivery->busy = NULL;
}

/* Sends the meter's sums when they are due; in a run of all, which is an end,
 * when any are unsent. */
static void publish_sums(struct llmobs_delivery *delivery, enum llmobs_run how)
{
    struct llmobs_meter *meter = delivery->meter;
    enum llmobs_phase phase = phase_of(delivery, how);
    struct llmobs_published published;
    bool last = how == LLMOBS_RUN_ALL && phase == LLMOBS_PHASE_ENDING;

    if (!meter || phase == LLMOBS_PHASE_INLINE)
        return;
    if (last ? delivery->published || !atomic_load(&meter->owes)
             : meter->due(meter) > llmobs_clock_mono_ns())
        return;
    delivery->published = last;
    meter->base.phase = phase;
    begin_send(delivery, &meter->base);
    published = meter->publish(meter);
    end_send(delivery);
    llmobs_stats_add(LLMOBS_STAT_sent_otlp_metrics, published.sent);
    llmobs_stats_add(LLMOBS_STAT_lost_otlp_metrics, published.lost);
}

void llmobs_delivery_allow_tries(struct llmobs_delivery *delivery, bool ending)
{
    delivery->published = false;
    for (size_t i = 0; i < delivery->count; i++) {
        struct llmobs_destination *d = &delivery->list[i];
        const struct llmobs_backoff *backoff = d->exporter->backoff;
        bool waits = d->peer_asked && llmobs_clock_mono_ns() < d->due_ns;

        d->tries = 1;
        if (d->given_up || (waits && (!ending || (backoff && backoff->firm))))
            d->tries = 0;
        else if (!waits && !atomic_load(&d->exporter->remote))
            d->tries = LOCAL_TRIES;
    }
}

/* The next request may hang until the process is killed. By then the events
 * that the last request delivered are out of the spool, so the recorded counts
 * must not call them left there. The step that the store began ends here. */
static void end_request(struct llmobs_delivery *delivery)
{
    llmobs_account_flush(&delivery->account);
    if (delivery->refresh)
        delivery->refresh(delivery->config);
    llmobs_commit_end();
}

bool llmobs_delivery_lacks_way(const struct llmobs_delivery *delivery)
{
    return delivery->account.spool && !delivery->drains &&
           delivery->config->relay && llmobs_http_lacks_way();
}

/* The meter's sums count no spans of other processes, so a process with sums
 * delivers its spans itself. One that lacks a way leaves its calls also while
 * no relay lives: the spool holds them as well as its memory would. */
bool llmobs_delivery_is_relayed(const struct llmobs_delivery *delivery)
{
    struct llmobs_spool *spool = delivery->account.spool;

    return spool && !delivery->drains && !delivery->meter &&
           (llmobs_spool_is_relayed(spool) ||
            llmobs_delivery_lacks_way(delivery));
}

/* A run goes round until nothing is left to do: items become events, each
 * destination gets one send, so that it need not wait for the queue of another,
 * and where none had anything to send, entries of other processes are adopted.
 * A call of the app waits for an inline run, so the run's work has a time
 * limit. */
int llmobs_delivery_run(struct llmobs_delivery *delivery, enum llmobs_run how,
                        int64_t deadline_ns)
{
    bool failed[LLMOBS_DESTINATIONS_MAX] = {false};
    bool lacks, more, left = false, hope = false;

    if (how == LLMOBS_RUN_INLINE)
        llmobs_work_by(deadline_ns);
    delivery->taken = 0;
    delivery->relayed = llmobs_delivery_is_relayed(delivery);
    do {
        llmobs_tick_now(&delivery->waits);
        lacks = llmobs_delivery_lacks_way(delivery);
        more = llmobs_delivery_fill(delivery, how);
        for (size_t i = 0; i < delivery->count; i++) {
            struct llmobs_destination *d = &delivery->list[i];

            if (lacks)
                llmobs_destination_leave(d);
            (void)llmobs_destination_release(d, LLMOBS_SORT_FOR_RELAY);
        }
        for (size_t i = 0; i < delivery->count; i++) {
            struct llmobs_destination *d = &delivery->list[i];

            if (failed[i] || !llmobs_delivery_is_due(delivery, d, how))
                continue;
            d->exporter->phase = phase_of(delivery, how);
            delivery->busy = d;
            begin_send(delivery, d->exporter);
            failed[i] = llmobs_destination_send(d, delivery->rescue) != 0;
            end_send(delivery);
            if (failed[i] && d->hopeless && atomic_load(&delivery->end_ns))
                d->given_up = true;
            end_request(delivery);
            more = true;
        }
        if (!more && how != LLMOBS_RUN_INLINE)
            more = llmobs_delivery_adopt(delivery, how);
    } while (more && llmobs_clock_mono_ns() < deadline_ns);
    llmobs_account_flush(&delivery->account);
    publish_sums(delivery, how);
    if (delivery->account.spool && how != LLMOBS_RUN_INLINE)
        llmobs_spool_count(delivery->account.spool);
    llmobs_work_by(INT64_MAX);
    for (size_t i = 0; i < delivery->count; i++) {
        left |= delivery->list[i].count > 0;
        hope |= delivery->list[i].count > 0 && delivery->list[i].tries > 0;
    }
    if (!left)
        return 0;
    if (more)
        return -ETIMEDOUT;
    return how == LLMOBS_RUN_ALL && !hope ? -ECONNABORTED : -EAGAIN;
}

/* While a request waits for its answer, the destinations on this host continue,
 * because the process may be killed before newer items have another chance.
 * `sending` stays the exporter whose request waits, because an exit has to cut
 * that request. The phase is INLINE: it keeps an exporter that sends through
 * others from using the network. */
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
        /* If the memory for events is used up, the items stay in the queue,
         * which has its own limit. */
        if (!filled && !llmobs_delivery_is_over(delivery))
            (void)llmobs_delivery_fill(delivery, LLMOBS_RUN_DUE);
        filled = true;
        if (!llmobs_delivery_is_due(delivery, d, LLMOBS_RUN_DUE))
            continue;
        d->exporter->phase = LLMOBS_PHASE_INLINE;
        (void)llmobs_destination_send(d, delivery->rescue);
        end_request(delivery);
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
    unsigned kinds = exporter->kinds ? exporter->kinds : ALL_KINDS;

    if (delivery->count + LLMOBS_EVENT_KINDS > LLMOBS_DESTINATIONS_MAX)
        return -ENOSPC;
    exporter->tick = (struct llmobs_tick){tick, delivery};
    if (atomic_load(&exporter->remote)) {
        for (unsigned kind = 1; kind <= kinds; kind <<= 1)
            if (kinds & kind)
                add_at(delivery, delivery->count, exporter, kind);
        return 0;
    }
    memmove(delivery->list + 1, delivery->list,
            delivery->count * sizeof(*delivery->list));
    add_at(delivery, 0, exporter, kinds);
    return 0;
}

void llmobs_delivery_set_meter(struct llmobs_delivery *delivery,
                               struct llmobs_meter *meter)
{
    meter->base.tick = (struct llmobs_tick){tick, delivery};
    delivery->meter = meter;
}

bool llmobs_delivery_has_unsent(const struct llmobs_delivery *delivery)
{
    return atomic_load(&delivery->account.pending) ||
           (delivery->meter && atomic_load(&delivery->meter->owes));
}

bool llmobs_delivery_carries(const struct llmobs_delivery *delivery)
{
    return atomic_load(&delivery->account.pending) ||
           (delivery->meter &&
            atomic_load(&delivery->sending) == &delivery->meter->base);
}

int64_t llmobs_delivery_due(const struct llmobs_delivery *delivery)
{
    const struct llmobs_meter *meter = delivery->meter;
    int64_t due = meter ? meter->due(meter) : INT64_MAX;
    const struct llmobs_spool *spool = delivery->account.spool;

    for (size_t i = 0; i < delivery->count; i++) {
        int64_t one = llmobs_destination_due(&delivery->list[i]);

        if (one < due)
            due = one;
    }
    if (spool && !atomic_load(&delivery->alone) &&
        llmobs_spool_watches_relay(spool)) {
        int64_t look = llmobs_futex_deadline(LOOK_MS);

        due = look < due ? look : due;
    }
    return due;
}

static void log_saved(const struct llmobs_destination *d, size_t n,
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

/* Leaves the events in the spool for another process. Without a spool, the
 * rescue exporter gets them. If the local store is a destination, an event that
 * the store has is not lost, although another destination did not get it. Saves
 * nothing once the exiting thread has counted what stays. */
void llmobs_delivery_save(struct llmobs_delivery *delivery)
{
    if (!llmobs_commit_begin())
        return;
    atomic_store(&delivery->rescuing, true);
    for (size_t i = 0; i < delivery->count; i++) {
        struct llmobs_destination *d = &delivery->list[i];
        size_t before;

        if (delivery->account.spool)
            log_saved(d, llmobs_destination_release(d, LLMOBS_SORT_WRITTEN),
                      "spool");
        if (!atomic_load(&d->exporter->remote))
            continue;
        before = d->count;
        if (!delivery->rescue)
            (void)llmobs_destination_release(d, LLMOBS_SORT_DELIVERED);
        else
            while (d->count &&
                   llmobs_destination_rescue(d, delivery->rescue) > 0)
                ;
        log_saved(d, before - d->count, "local store");
    }
    llmobs_account_flush(&delivery->account);
    atomic_store(&delivery->rescuing, false);
    llmobs_commit_end();
}

void llmobs_delivery_warm(struct llmobs_delivery *delivery)
{
    for (size_t i = 0; i < delivery->count; i++) {
        struct llmobs_exporter *exporter = delivery->list[i].exporter;

        if (!exporter->wants_warm || !exporter->ops->warm ||
            !llmobs_destination_takes(&delivery->list[i], LLMOBS_EVENT_SPAN))
            continue;
        exporter->phase = LLMOBS_PHASE_RUNNING;
        delivery->busy = &delivery->list[i];
        begin_send(delivery, exporter);
        exporter->ops->warm(exporter);
        end_send(delivery);
    }
}
