/* Sends a destination's queue, and backs off after failures. */
#include "core/deliver/destination.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/grow.h"
#include "lib/base/log.h"
#include "lib/base/crash_point.h"
#include "lib/span/context.h"
#include "core/export/store.h"

/* How long a first send waits. A short process has ended by then, and its exit
 * sends. The app's own cleanup of libcurl could cut an earlier request, and
 * then it would be unknown whether the peer got the events. */
#define FIRST_MS 50
static const struct llmobs_backoff usual = {
    .first_ms = 100, .most_ms = 10000, .growth = 200, .jitter = 50};

/* -- the queue ----------------------------------------------------------- */

static const struct llmobs_backoff *backoff_of(
    const struct llmobs_destination *d)
{
    return d->exporter->backoff ? d->exporter->backoff : &usual;
}

void llmobs_destination_init(struct llmobs_destination *destination,
                             struct llmobs_exporter *exporter,
                             struct llmobs_account *account,
                             const struct llmobs_config *config)
{
    memset(destination, 0, sizeof(*destination));
    destination->exporter = exporter;
    destination->account = account;
    destination->interval_ms = config->flush_interval_ms;
    destination->enough = (size_t)config->payload_max / 2;
    destination->backoff_ms = backoff_of(destination)->first_ms;
    destination->keeps = config->spool_max > 0;
}

void llmobs_destination_forget(struct llmobs_destination *destination,
                               const struct llmobs_config *config)
{
    const struct llmobs_destination old = *destination;

    old.exporter->ops->forget(old.exporter);
    atomic_store(&old.exporter->cut_ns, 0);
    llmobs_destination_init(destination, old.exporter, old.account, config);
    destination->kinds = old.kinds;
    destination->bit = old.bit;
}

static struct llmobs_event *event_at(const struct llmobs_destination *d,
                                     size_t i)
{
    return d->queue[(d->first + i) % d->cap];
}

int llmobs_destination_push(struct llmobs_destination *d,
                            struct llmobs_event *event)
{
    size_t cap = d->cap;

    if (llmobs_grow(&d->queue, &d->cap, d->count, sizeof(*d->queue)) != 0)
        return -ENOMEM;
    if (d->cap != cap) /* the ring's second part follows the first */
        memcpy(d->queue + cap, d->queue, d->first * sizeof(*d->queue));
    if (d->count == 0)
        d->first_ns = llmobs_clock_mono_ns();
    d->queue[(d->first + d->count) % d->cap] = event;
    d->hurries |= d->keeps && !event->spooled.kept;
    event->refs++;
    d->count++;
    d->bytes += event->len;
    return 0;
}

/* Releases the first n events, and the memory of a big queue once it is empty.
 */
static void pop(struct llmobs_destination *d, size_t n, enum llmobs_stat fate)
{
    for (size_t i = 0; i < n; i++) {
        struct llmobs_event *event = d->queue[d->first];

        d->first = (d->first + 1) % d->cap;
        d->count--;
        d->bytes -= event->len;
        llmobs_event_release(d->account, event, fate);
    }
    d->hurries &= d->count > 0;
    if (d->count == 0 && d->cap > 1024) {
        free(d->queue);
        d->queue = NULL;
        d->first = d->cap = 0;
    }
}

/* -- sending ------------------------------------------------------------- */

/* Waits for a full batch only during the interval after a send. Does not wait
 * if the disk had no room for an event, because a kill or an exec would lose
 * that event. */
int64_t llmobs_destination_due(const struct llmobs_destination *d)
{
    int64_t early, regular;

    if (d->count == 0)
        return INT64_MAX;
    if (d->due_ns)
        return d->due_ns;
    if (!atomic_load(&d->exporter->remote) || d->count >= LLMOBS_SEND_MAX ||
        d->bytes >= d->enough)
        return 0;
    early = d->first_ns + FIRST_MS * LLMOBS_NS_PER_MS;
    regular = d->sent_ns && !d->hurries
                  ? d->sent_ns + d->interval_ms * LLMOBS_NS_PER_MS
                  : 0;
    return early > regular ? early : regular;
}

static int64_t random_ms(int64_t below)
{
    return (int64_t)(llmobs_context_random() % (uint64_t)(below + 1));
}

/* A part of the time is random: otherwise all processes of a host would try
 * again at once. */
static void back_off(struct llmobs_destination *d, int error)
{
    const struct llmobs_backoff *backoff = backoff_of(d);
    int64_t ms = d->exporter->retry_ms;

    d->peer_asked = ms > 0;
    if (d->peer_asked) {
        ms += random_ms(ms / 8);
    } else {
        int64_t longer = d->backoff_ms * backoff->growth / 100;

        ms = d->backoff_ms / 2 +
             random_ms(d->backoff_ms * backoff->jitter / 100);
        d->backoff_ms = longer < backoff->most_ms ? longer : backoff->most_ms;
    }
    d->due_ns = llmobs_clock_mono_ns() + ms * LLMOBS_NS_PER_MS;
    /* Some errors of a store pass; others say that this user may not write it.
     */
    d->hopeless = !atomic_load(&d->exporter->remote) && error != -EAGAIN &&
                  error != -EINTR && error != -ENOSPC && error != -EDQUOT &&
                  error != -ECANCELED;
    d->tries = d->peer_asked || d->hopeless || d->tries < 1 ? 0 : d->tries - 1;
}

static unsigned delivered_bits(const struct llmobs_event *event)
{
    return event->delivered_to & ~(LLMOBS_MEASURED | LLMOBS_INFERRED);
}

static bool are_alike(const struct llmobs_event *a,
                      const struct llmobs_event *b)
{
    return a->kind == b->kind && a->old == b->old &&
           a->spooled.stored == b->spooled.stored;
}

/* Sends at least one and at most `most` of the first events, all of one kind.
 * `outcomes` tells for each how it ended. */
static int send_first(struct llmobs_destination *d,
                      struct llmobs_exporter *exporter, size_t most,
                      unsigned char outcomes[LLMOBS_SEND_MAX])
{
    struct llmobs_text events[LLMOBS_SEND_MAX];
    uint64_t sent = 0;
    size_t n = 0;
    int rc;

    exporter->kind = event_at(d, 0)->kind;
    exporter->old = event_at(d, 0)->old;
    exporter->stored = event_at(d, 0)->spooled.stored;
    do {
        const struct llmobs_event *event = event_at(d, n);

        events[n++] = (struct llmobs_text){event->data, event->len};
    } while (n < most && n < LLMOBS_SEND_MAX &&
             are_alike(event_at(d, 0), event_at(d, n)));
    exporter->retry_ms = 0;
    memset(outcomes, LLMOBS_OUTCOME_DELIVERED, LLMOBS_SEND_MAX);
    exporter->outcomes = outcomes;
    rc = exporter->ops->send(exporter, events, n);
    exporter->outcomes = NULL;
    if (rc > 0)
        llmobs_crash_point("accepted");
    if (rc > (int)n)
        rc = (int)n;
    for (int i = 0; i < rc; i++) {
        struct llmobs_event *event = event_at(d, (size_t)i);

        if (outcomes[i] == LLMOBS_OUTCOME_REFUSED)
            continue;
        sent += outcomes[i] == LLMOBS_OUTCOME_DELIVERED ||
                outcomes[i] == LLMOBS_OUTCOME_FELL_BACK;
        event->delivered_to |= 1u << d->bit;
        /* If other destinations still wait for the event, or had no room for it
         * and it waits on the disk, writes there which destinations have it.
         * Otherwise a destination would get it twice if the process dies. */
        if (event->refs > 1 || event->fate != LLMOBS_STAT_delivered)
            llmobs_account_write_delivered_to(d->account, &event->spooled,
                                              delivered_bits(event));
    }
    /* The send has chosen `via`. */
    llmobs_stats_add(
        llmobs_stats_sent(exporter->via ? exporter->via : exporter->ops->name),
        sent);
    return rc;
}

/* Gives up the first event, which the peer will never take. */
static void reject_first(struct llmobs_destination *d)
{
    struct llmobs_spool *spool = d->account->spool;
    const struct llmobs_event *event = event_at(d, 0);

    if (spool)
        (void)llmobs_spool_reject(
            spool, (struct llmobs_text){event->data, event->len});
    pop(d, 1, LLMOBS_STAT_dropped_export);
    llmobs_log_once(LLMOBS_LOG_ERROR, "event refused",
                    "exporter %s refused an event%s", d->exporter->ops->name,
                    spool ? ": see " LLMOBS_REJECTED " in the spool" : "");
}

static bool is_away(const struct llmobs_destination *d,
                    const struct llmobs_event *event)
{
    struct llmobs_spool *spool = d->account->spool;

    return spool && !event->spooled.claim &&
           llmobs_spool_is_away(spool, &event->spooled);
}

/* Settles the first event, which the peer takes no more. Where the store, too,
 * refuses it, it stays on the disk, so that newer ones go on. */
static void expire_first(struct llmobs_destination *d,
                         struct llmobs_exporter *rescue)
{
    enum llmobs_stat fate = LLMOBS_STAT_dropped_expired;
    unsigned char outcomes[LLMOBS_SEND_MAX];
    const struct llmobs_event *event = event_at(d, 0);
    bool stored = false;

    if (rescue && event->fate != fate && !event->rescued &&
        !event->spooled.stored) {
        rescue->mark = LLMOBS_STORE_EXPIRED;
        stored = send_first(d, rescue, 1, outcomes) > 0;
        if (!stored && event->spooled.kept)
            fate = LLMOBS_STAT_left;
    }
    pop(d, 1, fate);
    if (stored)
        llmobs_log_once(LLMOBS_LOG_WARN, "expired",
                        "spans older than a day go to the local store: Datadog "
                        "takes them no more");
}

int llmobs_destination_send(struct llmobs_destination *d,
                            struct llmobs_exporter *rescue)
{
    static const enum llmobs_stat fates[] = {
        [LLMOBS_OUTCOME_DELIVERED] = LLMOBS_STAT_delivered,
        [LLMOBS_OUTCOME_REJECTED] = LLMOBS_STAT_dropped_rejected,
        [LLMOBS_OUTCOME_SAMPLED_OUT] = LLMOBS_STAT_sampled_out,
        [LLMOBS_OUTCOME_NOTHING] = LLMOBS_STAT_delivered,
        [LLMOBS_OUTCOME_FELL_BACK] = LLMOBS_STAT_left,
        [LLMOBS_OUTCOME_UNSAID] = LLMOBS_STAT_dropped_unsaid};
    unsigned char outcomes[LLMOBS_SEND_MAX];
    size_t most = 0;
    int rc;
    const struct llmobs_spool *spool = d->account->spool;
    bool moved = spool && llmobs_spool_has_moved(spool);

    /* How many of the first events this process may send, because it can
     * release them afterwards. Asks about each event only if the process has
     * moved. */
    while (moved && d->count && is_away(d, event_at(d, 0))) {
        bool returns = llmobs_spool_may_return(d->account->spool,
                                               &event_at(d, 0)->spooled);

        /* The first event waits on the disk if the process may become the user
         * of its spool again; else it is left there for another process. */
        if (!returns)
            llmobs_log_once(LLMOBS_LOG_WARN, "gone",
                            "the process has given up the user of its spool: "
                            "spans from before are left there for `llmobs "
                            "drain`");
        pop(d, 1, returns ? LLMOBS_STAT_dropped_full : LLMOBS_STAT_left);
    }
    while (most < d->count && most < LLMOBS_SEND_MAX &&
           !event_at(d, most)->spooled.for_relay &&
           !(moved && is_away(d, event_at(d, most))))
        most++;

    if (most == 0)
        return 0;
    rc = send_first(d, d->exporter, most, outcomes);
    if (rc > 0) {
        for (int i = 0; i < rc; i++) {
            struct llmobs_event *first = event_at(d, 0);

            if (outcomes[i] != LLMOBS_OUTCOME_REFUSED) {
                first->rescued |= outcomes[i] == LLMOBS_OUTCOME_FELL_BACK;
                pop(d, 1, fates[outcomes[i]]);
            } else if (first->postponed & 1u << d->bit ||
                       llmobs_destination_push(d, first)) {
                reject_first(d);
            } else { /* once more at the end of the queue */
                first->postponed |= 1u << d->bit;
                pop(d, 1, LLMOBS_STAT_delivered); /* its other place remains */
            }
        }
    } else if (rc == -EBADMSG) {
        reject_first(d);
    } else if (rc == -ESTALE && event_at(d, 0)->old) {
        expire_first(d, rescue);
    } else if (rc == -EALREADY && event_at(d, 0)->spooled.stored) {
        pop(d, 1, LLMOBS_STAT_left);
    } else {
        rc = rc ? rc : -EAGAIN;
        back_off(d, rc);
        return rc;
    }
    d->due_ns = 0;
    d->peer_asked = d->hopeless = false;
    d->backoff_ms = backoff_of(d)->first_ms;
    d->sent_ns = llmobs_clock_mono_ns();
    return 0;
}

/* An event that another destination has is not sent again from the store. */
static enum llmobs_stat fate_of_rescued(const struct llmobs_event *event)
{
    return delivered_bits(event) ? LLMOBS_STAT_delivered : LLMOBS_STAT_left;
}

int llmobs_destination_rescue(struct llmobs_destination *d,
                              struct llmobs_exporter *rescue)
{
    enum llmobs_stat fate = fate_of_rescued(event_at(d, 0));
    bool rescued = event_at(d, 0)->rescued;
    unsigned char outcomes[LLMOBS_SEND_MAX];
    size_t n = 1;
    int rc;

    while (n < d->count && n < LLMOBS_SEND_MAX &&
           event_at(d, n)->rescued == rescued &&
           fate_of_rescued(event_at(d, n)) == fate)
        n++;
    rescue->mark = fate == LLMOBS_STAT_left ? LLMOBS_STORE_UNSENT : NULL;
    rc = rescued ? (int)n : send_first(d, rescue, n, outcomes);
    for (int i = 0; i < rc; i++)
        event_at(d, (size_t)i)->rescued = true;
    if (rc > 0)
        pop(d, (size_t)rc, fate);
    return rc;
}

void llmobs_destination_leave(struct llmobs_destination *d)
{
    struct llmobs_spool *spool = d->account->spool;

    for (size_t i = 0; i < d->count && spool; i++) {
        struct llmobs_event *event = event_at(d, i);

        if (!event->spooled.claim && !event->spooled.for_relay &&
            llmobs_spool_leave(spool, &event->spooled) != 0)
            return;
    }
}

/* True once the disk has the event: writes it unless the disk has it now. */
static bool is_written(struct llmobs_spool *spool, struct llmobs_event *event)
{
    struct llmobs_text text = {event->data, event->len};

    if (event->spooled.claim || event->spooled.for_relay)
        return true;
    if (!spool)
        return false;
    if (llmobs_spool_has(spool, &event->spooled) ||
        llmobs_spool_is_away(spool, &event->spooled))
        return true;
    if (llmobs_spool_write_event(spool, &event->spooled, event->kind, text) !=
        0)
        return false;
    if (delivered_bits(event))
        llmobs_spool_write_delivered_to(spool, &event->spooled,
                                        delivered_bits(event));
    return true;
}

size_t llmobs_destination_release(struct llmobs_destination *d,
                                  enum llmobs_destination_sort which)
{
    size_t n = 0;

    for (; n < d->count; n++) {
        struct llmobs_event *event = event_at(d, n);
        bool is = which == LLMOBS_SORT_FOR_RELAY ? event->spooled.for_relay
                  : which == LLMOBS_SORT_DELIVERED
                      ? delivered_bits(event) != 0
                      : is_written(d->account->spool, event);

        if (!is)
            break;
    }
    pop(d, n,
        which == LLMOBS_SORT_DELIVERED ? LLMOBS_STAT_delivered
                                       : LLMOBS_STAT_left);
    return n;
}
