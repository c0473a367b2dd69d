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

#include "core/deliver/account.h"
#include "core/export/exporter.h"

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
 * the error, and a back-off has begun. Those that are too old for the peer go
 * to `rescue`, or NULL: the store has them as another destination. */
int llmobs_destination_send(struct llmobs_destination *destination,
                            struct llmobs_exporter *rescue);

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
