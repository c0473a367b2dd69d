/* delivery - exchanges and spans from the buffer, as events to destinations.
 *
 * Owns:    the buffer, its destinations, the rescue exporter.
 * Threads: one at a time, whoever holds the worker's gate; give, hasten, note
 *          and the atomic members: any.
 * Errors:  what cannot be delivered is counted in stats.h.
 * Limits:  LLMOBS_DESTINATIONS_MAX destinations; `buffer_max` bytes of encoded
 *          events: beyond it a destination that is behind gets no newer ones.
 * Fork:    reset: a child begins empty.
 *
 * The rescue exporter takes, at the end of the process or where memory ends,
 * what no remote destination would have: the local store, where it is no
 * destination already. Nothing is lost then that a disk could hold.
 */
#ifndef LLMOBS_DELIVERY_H
#define LLMOBS_DELIVERY_H

#include "core/deliver/destination.h"
#include "core/deliver/buffer.h"
#include "core/span/span.h"

/* Two for each exporter but the store: spans, evaluations. */
#define LLMOBS_DESTINATIONS_MAX 8

/* A span as the buffer carries it. */
struct llmobs_span_item {
    struct llmobs_item item; /* first */
    struct llmobs_span span;
};

struct llmobs_delivery {
    const struct llmobs_config *config;
    struct llmobs_buffer *buffer;
    struct llmobs_account account;
    struct llmobs_destination list[LLMOBS_DESTINATIONS_MAX];
    size_t count;
    struct llmobs_destination *busy; /* in a send, or NULL */
    struct llmobs_exporter *rescue;  /* or NULL */
    struct llmobs_item *held;        /* taken from the buffer, not encoded */
    struct llmobs_buf scratch;
    size_t taken; /* items taken by the last run */
    /* Tells the bookkeeper, before the next request, that something may be
     * settled; or NULL. */
    void (*settled)(const struct llmobs_config *config);
    struct llmobs_tick waits; /* of who delivers, while a request waits */
    bool drains;              /* adopting is what it is for */
    bool eager;               /* adopted events wait for no batch to fill */
    atomic_bool full;         /* no destination would take another event */
    atomic_bool rescuing;
    _Atomic(struct llmobs_exporter *) sending;
    _Atomic int64_t end_ns;       /* when the stop began; 0: none */
    _Atomic int64_t end_ms;       /* how long it may take */
    _Atomic int64_t adopt_end_ns; /* until when it adopts; 0: it did not */
};

/* What a run may do. */
enum llmobs_run {
    LLMOBS_RUN_DUE,    /* send what is due */
    LLMOBS_RUN_INLINE, /* on an app's thread, in its path: no network */
    LLMOBS_RUN_ALL     /* send all, whether due or not */
};

void llmobs_delivery_init(struct llmobs_delivery *delivery,
                          const struct llmobs_config *config,
                          struct llmobs_buffer *buffer);
void llmobs_delivery_reset(struct llmobs_delivery *delivery);

/* Takes the exporter on success; -ENOSPC. Local ones are served first. One that
 * may be remote becomes a destination for each kind of event. */
int llmobs_delivery_add(struct llmobs_delivery *delivery,
                        struct llmobs_exporter *exporter);

/* Frees an item of the buffer, or gives its weight in bytes, roughly. */
void llmobs_delivery_free_item(struct llmobs_item *item);
size_t llmobs_delivery_weight(const struct llmobs_item *item);

/* Before the runs of a hurry: how often each destination may be tried. Where
 * the peer asked for a pause, not at all, or once when the process ends. */
void llmobs_delivery_allow_tries(struct llmobs_delivery *delivery, bool ending);

/* 0: nothing is left; -ETIMEDOUT: the deadline has passed; -EAGAIN: something
 * waits for its time; -ECONNABORTED: and a hurry has no try left. */
int llmobs_delivery_run(struct llmobs_delivery *delivery, enum llmobs_run how,
                        int64_t deadline_ns);

/* When the next run is due: 0 now, INT64_MAX: when something is given. */
int64_t llmobs_delivery_due(const struct llmobs_delivery *delivery);

/* What is left goes to the rescue exporter. */
void llmobs_delivery_save(struct llmobs_delivery *delivery);

/* Prepares connections. */
void llmobs_delivery_warm(struct llmobs_delivery *delivery);

/* From now on the send under way, and each later one, has the time that its
 * exporter gets of `ms`. _unbound ends that; it takes the number that _bound
 * gave, and does nothing where a later _bound has been called. */
int64_t llmobs_delivery_bound(struct llmobs_delivery *delivery, int64_t ms);
void llmobs_delivery_unbound(struct llmobs_delivery *delivery, int64_t since);

/* The same as _bound, without an end: the process exits. */
void llmobs_delivery_set_exit_deadline(struct llmobs_delivery *delivery,
                                       int64_t ms);

#endif
