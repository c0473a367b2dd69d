/* delivery_inner - what the parts of delivery share; see delivery.h.
 *
 * delivery.c: the runs, and what is sent when; delivery_fill.c: what comes to
 * the destinations, from the buffer, the spool, and other processes' spools.
 *
 * Owns:    see delivery.h.
 * Threads: whoever holds the worker's gate.
 * Errors:  counted in stats.h.
 * Limits:  see delivery.h.
 * Fork:    see delivery.h.
 */
#ifndef LLMOBS_DELIVERY_INNER_H
#define LLMOBS_DELIVERY_INNER_H

#include "core/base/clock.h"
#include "core/deliver/delivery.h"

/* More than an event can have: the buffer's own cap never decides. */
#define LLMOBS_SCRATCH_MAX ((size_t)1 << 31)

static inline bool llmobs_delivery_is_over(
    const struct llmobs_delivery *delivery)
{
    return delivery->account.bytes >= (size_t)delivery->config->buffer_max;
}

/* Sent at all by such a run. */
static inline bool llmobs_delivery_serves(const struct llmobs_destination *d,
                                          enum llmobs_run how)
{
    return how != LLMOBS_RUN_INLINE || !atomic_load(&d->exporter->remote);
}

static inline bool llmobs_delivery_is_due(
    const struct llmobs_delivery *delivery, const struct llmobs_destination *d,
    enum llmobs_run how)
{
    if (!d->count || !llmobs_delivery_serves(d, how))
        return false;
    if (how == LLMOBS_RUN_ALL)
        return d->tries > 0;
    return ((llmobs_delivery_is_over(delivery) || delivery->eager) &&
            !d->due_ns) ||
           llmobs_destination_due(d) <= llmobs_clock_mono_ns();
}

/* -- delivery_fill.c -- */

/* Encodes a part of what is there for the destinations; false: nothing was. */
bool llmobs_delivery_fill(struct llmobs_delivery *delivery,
                          enum llmobs_run how);

/* Whether it is time to look at what others left, and somebody there to take
 * it. */
bool llmobs_delivery_may_adopt(const struct llmobs_delivery *delivery);

/* A part of it; true while there is something to go on with. */
bool llmobs_delivery_adopt(struct llmobs_delivery *delivery,
                           enum llmobs_run how);

#endif
