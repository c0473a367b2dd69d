/* delivery_state - the state of a delivery, for the files delivery*.c and the
 * worker, which owns it. */
#ifndef LLMOBS_DELIVERY_STATE_H
#define LLMOBS_DELIVERY_STATE_H

#include <sys/types.h>

#include "core/deliver/buffer.h"
#include "core/deliver/destination.h"
#include "core/export/meter.h"
#include "core/event/linker.h"
#include "core/event/recorder.h"
#include "lib/span/span.h"

/* A remote exporter needs one for each kind of event that it takes. */
#define LLMOBS_DESTINATIONS_MAX 12

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
    struct llmobs_destination *busy; /* the destination that sends, or NULL */
    struct llmobs_exporter *rescue;  /* or NULL */
    struct llmobs_meter *meter;      /* or NULL */
    struct llmobs_item *held; /* taken from the buffer, not encoded yet */
    struct llmobs_buf scratch;
    struct llmobs_linker linker;
    struct llmobs_recorder recorder;
    char *links_path; /* of the file of remembered spans; NULL: not known yet */
    uid_t links_uid;
    size_t taken; /* items encoded by the last run */
    /* Called before the next request, as the last one may have settled events;
     * or NULL. */
    void (*settled)(const struct llmobs_config *config);
    struct llmobs_tick waits; /* called while a request waits */
    bool published;           /* the meter had its try at the exit */
    bool drains;              /* this delivery only adopts */
    bool relayed;             /* the relay delivers what this run encodes */
    bool eager;               /* adopted events do not wait for a full batch */
    atomic_bool full;         /* no destination accepts another event */
    atomic_bool rescuing;
    _Atomic(struct llmobs_exporter *) sending;
    _Atomic int64_t began_ns;      /* when the process began its first call */
    _Atomic int64_t end_ns;        /* when the stop began; 0: no stop yet */
    _Atomic int64_t end_ms;        /* how long the stop may take */
    _Atomic int64_t adopt_end_ns;  /* when a stop ends adopting; or 0 */
    _Atomic int64_t adopt_from_ns; /* nothing is adopted before this time */
};

/* The events that a run sends. */
enum llmobs_run {
    LLMOBS_RUN_DUE,    /* send what is due */
    LLMOBS_RUN_INLINE, /* on an app's thread while the app waits: no network */
    LLMOBS_RUN_ALL     /* send all, whether due or not */
};

#endif
