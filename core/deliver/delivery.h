/* delivery - makes events of the items in the queue and in the spools of other
 * processes, and sends them to the destinations.
 *
 * Owns:    the queue, its destinations, the rescue exporter.
 * Threads: the thread that has the worker's turn; _bound, _unbound,
 *          _set_exit_deadline and the atomic members: any.
 * Errors:  an event that cannot be made or delivered is counted in stats.h, or
 *          waits on the disk.
 * Limits:  LLMOBS_DESTINATIONS_MAX destinations; `buffer_max` bytes of encoded
 *          events: beyond them a destination that is behind gets no more.
 * Fork:    a child begins empty, by reset.
 *
 * The rescue exporter gets the events that no remote destination accepted, at
 * the end of the process or where the memory for events is used up. It is the
 * local store, unless the store is a destination already. So no event is lost
 * while the disk has room for it.
 */
#ifndef LLMOBS_DELIVERY_H
#define LLMOBS_DELIVERY_H

#include <sys/types.h>

#include "core/deliver/destination.h"
#include "core/export/exporter.h"
#include "core/event/linker.h"
#include "core/event/recording.h"

/* A remote exporter needs one for each kind of event that it takes. */
#define LLMOBS_DESTINATIONS_MAX 12

struct llmobs_delivery {
    const struct llmobs_config *config;
    struct llmobs_account account;
    struct llmobs_destination list[LLMOBS_DESTINATIONS_MAX];
    size_t count;
    struct llmobs_destination *busy; /* the destination that sends, or NULL */
    struct llmobs_exporter *rescue;  /* or NULL */
    struct llmobs_meter *meter;      /* or NULL */
    struct llmobs_buf scratch;
    struct llmobs_linker linker;
    struct llmobs_recalls *recalls; /* rules of items that were read again */
    int64_t adopted_ns;             /* when adoption last found nothing */
    struct llmobs_recorder recorder;
    char *links_path; /* of the file of remembered spans; NULL: not known yet */
    uid_t links_uid;
    size_t taken; /* items encoded by the last run */
    /* Each may be NULL. Called before each request, because the one before may
     * have sent events; after each round of the worker's thread or of a drain,
     * where it gives the milliseconds after which it wants to be called again,
     * -1: after the next round (`rests`: perhaps none follows); and as the last
     * step of each stop, when every item is counted. */
    void (*refresh)(const struct llmobs_config *config);
    int64_t (*record)(const struct llmobs_config *config, bool rests);
    void (*close)(const struct llmobs_config *config);
    struct llmobs_tick waits; /* called while a request waits */
    bool published;           /* the meter had its try at the exit */
    bool drains;              /* this delivery only adopts */
    bool relayed;             /* the relay delivers what this run encodes */
    bool eager;               /* adopted events do not wait for a full batch */
    atomic_bool alone;        /* this process starts no relay */
    atomic_bool found;        /* ended processes have left calls */
    atomic_bool rescuing;
    _Atomic(struct llmobs_exporter *) sending;
    _Atomic int64_t began_ns; /* when the process began its first call */
    _Atomic int64_t end_ns;   /* when the stop began; 0: no stop yet */
    _Atomic int64_t end_ms;   /* how long the stop may take */
};

/* The events that a run sends. */
enum llmobs_run {
    LLMOBS_RUN_DUE,    /* send what is due */
    LLMOBS_RUN_INLINE, /* on an app's thread while the app waits: no network */
    LLMOBS_RUN_ALL     /* send all, whether due or not */
};

void llmobs_delivery_init(struct llmobs_delivery *delivery,
                          const struct llmobs_config *config,
                          struct llmobs_queue *queue);
void llmobs_delivery_reset(struct llmobs_delivery *delivery);

/* Makes one with the exporters that the configuration names (LLMOBS_EXPORTER),
 * the spool and the ledger; false: memory runs out. `bytes`: the limit of its
 * queue. Borrows config and `adopt` (or NULL) for ever. */
bool llmobs_delivery_open(struct llmobs_delivery *delivery,
                          const struct llmobs_config *config, size_t bytes,
                          struct llmobs_adopt *adopt);

/* Takes the exporter on success; -ENOSPC. Local exporters are served first. An
 * exporter that may be remote gets a destination for each kind of event that it
 * takes. */
int llmobs_delivery_add(struct llmobs_delivery *delivery,
                        struct llmobs_exporter *exporter);

/* Takes the exporter that sends sums. It gets each span of this process once,
 * as soon as the span is encoded, and no span of another process. */
void llmobs_delivery_set_meter(struct llmobs_delivery *delivery,
                               struct llmobs_meter *meter);

/* True where another process, the relay, delivers what this process has on the
 * disk. Any thread. */
bool llmobs_delivery_is_relayed(const struct llmobs_delivery *delivery);

/* True where this process has no way to a destination, and a relay may be
 * started. Any thread. */
bool llmobs_delivery_lacks_way(const struct llmobs_delivery *delivery);

/* True if events or sums wait, so that the process's end must send them. Any
 * thread. */
bool llmobs_delivery_has_unsent(const struct llmobs_delivery *delivery);

/* True where the request under way carries events or sums, and so deserves some
 * time at the process's end. Any thread. */
bool llmobs_delivery_carries(const struct llmobs_delivery *delivery);

/* True where no exporter sends to an intake. Any thread. */
bool llmobs_delivery_is_near(const struct llmobs_delivery *delivery);

/* To be called before one or more runs with LLMOBS_RUN_ALL: sets how often
 * these runs together may try each destination. The runs do not try a
 * destination whose peer asked for a pause, or only once when the process ends.
 */
void llmobs_delivery_allow_tries(struct llmobs_delivery *delivery, bool ending);

/* 0: nothing is left; -ETIMEDOUT: the deadline has passed; -EAGAIN: some events
 * wait for a later run; -ECONNABORTED: some events wait, and this
 * LLMOBS_RUN_ALL may not try them again. */
int llmobs_delivery_run(struct llmobs_delivery *delivery, enum llmobs_run how,
                        int64_t deadline_ns);

/* When the next run is due: 0: now; INT64_MAX: when an item is submitted. */
int64_t llmobs_delivery_due(const struct llmobs_delivery *delivery);

/* Moves the undelivered events to the spool or to the rescue exporter. */
void llmobs_delivery_save(struct llmobs_delivery *delivery);

/* Opens connections ahead of need, for the exporters that want this. */
void llmobs_delivery_warm(struct llmobs_delivery *delivery);

/* _bound: the send under way and each later send ends within its exporter's
 * part of `ms`. _unbound ends that limit. Its argument is the number that
 * _bound gave; it does nothing if _bound was called again since. */
int64_t llmobs_delivery_bound(struct llmobs_delivery *delivery, int64_t ms);
void llmobs_delivery_unbound(struct llmobs_delivery *delivery, int64_t since);

/* Like _bound, for good: the process exits. */
void llmobs_delivery_set_exit_deadline(struct llmobs_delivery *delivery,
                                       int64_t ms);

/* -- delivery_fill.c ------------------------------------------------------ */

/* Gives the approximate weight of an item in bytes. Any thread. */
size_t llmobs_delivery_weight(const struct llmobs_item *item);

/* Counts an item as lost, for -EXDEV as left on the disk, and logs each kind of
 * loss once. Any thread. */
void llmobs_delivery_count_lost(struct llmobs_delivery *delivery, int error);

/* True where the memory for events is used up. */
bool llmobs_delivery_is_over(const struct llmobs_delivery *delivery);

/* True where a run of this kind sends to the destination now. */
bool llmobs_delivery_is_due(const struct llmobs_delivery *delivery,
                            const struct llmobs_destination *destination,
                            enum llmobs_run how);

/* Encodes some of the items that wait, of at most a megabyte; false: no item
 * waited. */
bool llmobs_delivery_fill(struct llmobs_delivery *delivery,
                          enum llmobs_run how);

/* Takes some events out of the spools of ended processes, when it is time for
 * that. True while there is more to do. */
bool llmobs_delivery_adopt(struct llmobs_delivery *delivery,
                           enum llmobs_run how);

#endif
