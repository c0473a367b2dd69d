/* destination - one exporter and its progress: a queue of events to send, and
 * the time of the next try. A remote exporter has a destination for each kind
 * of event, so that a peer that refuses one kind still gets the others.
 *
 * Owns:    its exporter; shares encoded events with the other destinations.
 * Threads: the thread that has the worker's turn; the account's `pending`: any.
 * Errors:  push: -ENOMEM: the event is lost for this destination.
 * Limits:  the caller's, who reads the account's bytes.
 * Fork:    forget abandons the events and the exporter's connections.
 */
#ifndef LLMOBS_DESTINATION_H
#define LLMOBS_DESTINATION_H

#include "core/deliver/backlog.h"
#include "core/deliver/queue.h"
#include "core/export/exporter.h"
#include "lib/base/stats.h"

/* A bit besides the destinations': the meter has the span (delivery.h). */
#define LLMOBS_MEASURED (1u << 31)

/* The events of all destinations that wait. */
struct llmobs_account {
    atomic_size_t pending;   /* neither delivered nor lost yet */
    size_t bytes;            /* of encoded events */
    struct llmobs_buf spare; /* memory of a long event, for the next one */
    struct llmobs_queue *queue;
    struct llmobs_backlog backlog;
};

/* An encoded event with a count of its references. It is released when the last
 * destination releases it, and delivered only if all destinations got it. */
struct llmobs_event {
    size_t refs;
    enum llmobs_event_kind kind;
    enum llmobs_stat fate;
    struct llmobs_spooled spooled; /* where the disk keeps it */
    unsigned delivered_to;         /* bit i: destination i has it */
    unsigned postponed; /* bit i: destination i has moved it to its end */
    bool rescued;       /* the rescue exporter has it, and gets it only once */
    size_t len;
    char *data; /* `copy`, or memory that the event owns */
    char copy[];
};

struct llmobs_destination {
    struct llmobs_exporter *exporter;
    struct llmobs_account *account;
    unsigned bit;        /* its bit in an event's `delivered_to` */
    unsigned kinds;      /* bit i: it takes events of kind i */
    int64_t interval_ms; /* between two sends over the network */
    size_t enough; /* with this many bytes it need not wait for the interval */
    struct llmobs_event **queue; /* a ring */
    size_t first, count, cap;
    size_t bytes;
    int64_t due_ns;   /* back-off: no send before this time; 0: no back-off */
    int64_t first_ns; /* when an event was pushed to the empty queue */
    int64_t sent_ns;  /* when a send was last accepted */
    int64_t backoff_ms;
    bool peer_asked; /* the peer asked for the pause until due_ns */
    bool hopeless;   /* a local destination whose last error will not go away */
    bool given_up;   /* failed at the process's end: not tried again */
    int tries;       /* how many runs of all may still try it */
    bool keeps;      /* there is a spool: events that are not in it are sent
                      * sooner */
    bool hurries;    /* the queue has, or had, such an event */
};

/* Moves a pending item to a counter, if one is pending: so the sums stay right
 * if a stop no longer waits for a thread that still runs. */
void llmobs_account_count(struct llmobs_account *account,
                          enum llmobs_stat stat);

/* Lets an entry of this process wait on the disk because memory has no room for
 * it; counts it as left there for another process where that fails. False: the
 * disk does not have the entry. */
bool llmobs_account_wait(struct llmobs_account *account,
                         const struct llmobs_spooled *spooled,
                         enum llmobs_event_kind kind, unsigned delivered_to);

/* Gives an event with one reference and a copy of the text; takes a long text
 * from the buffer that owns it (or NULL), which then is empty. NULL when memory
 * runs out: the buffer keeps the text. Released events leave an event's memory,
 * at most LLMOBS_EVENT_SPARE bytes, in account->spare. */
#define LLMOBS_EVENT_SPARE ((size_t)2 * 1024 * 1024)
struct llmobs_event *llmobs_event_new(struct llmobs_account *account,
                                      enum llmobs_event_kind kind,
                                      struct llmobs_text text,
                                      struct llmobs_buf *owner);

/* Drops one reference. A `fate` other than delivered: this destination does not
 * get the event. An event for which memory had no room waits on the disk, if
 * the disk has it. */
void llmobs_event_release(struct llmobs_account *account,
                          struct llmobs_event *event, enum llmobs_stat fate);

/* Takes the exporter. */
void llmobs_destination_init(struct llmobs_destination *destination,
                             struct llmobs_exporter *exporter,
                             struct llmobs_account *account,
                             const struct llmobs_config *config);
void llmobs_destination_forget(struct llmobs_destination *destination,
                               const struct llmobs_config *config);

static inline bool llmobs_destination_takes(const struct llmobs_destination *d,
                                            enum llmobs_event_kind kind)
{
    return d->kinds & 1u << kind;
}

/* Adds a reference to the event. */
int llmobs_destination_push(struct llmobs_destination *destination,
                            struct llmobs_event *event);

/* When the next send is wanted, monotonic; 0: now; INT64_MAX: never. */
int64_t llmobs_destination_due(const struct llmobs_destination *destination);

/* Sends the first events once. 0: some of them were delivered or given up; else
 * the error, and a back-off has begun. */
int llmobs_destination_send(struct llmobs_destination *destination);

/* Sends up to LLMOBS_SEND_MAX first events to another exporter instead; gives
 * how many events that exporter accepted or had already, or its error. */
int llmobs_destination_rescue(struct llmobs_destination *destination,
                              struct llmobs_exporter *rescue);

/* Notes of the queued events that the disk has that they are for the relay. */
void llmobs_destination_leave(struct llmobs_destination *destination);

/* Releases the first events of one sort; gives how many. */
enum llmobs_destination_sort {
    LLMOBS_SORT_FOR_RELAY, /* on the disk for the relay; a send stops there */
    LLMOBS_SORT_DELIVERED, /* another destination has them */
    LLMOBS_SORT_WRITTEN    /* on the disk; writes those that the disk lacks */
};
size_t llmobs_destination_release(struct llmobs_destination *destination,
                                  enum llmobs_destination_sort which);

#endif
