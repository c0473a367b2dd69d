/* destination - one exporter and its own progress: what it has yet to deliver,
 * and when it may try again. Over the network, each kind of event is a
 * destination of its own: that a peer would not have the one stops no other.
 *
 * Owns:    its exporter; shares encoded events with the other destinations.
 * Threads: one at a time: whoever holds the worker's gate. The account's
 *          `pending` is read by any thread.
 * Errors:  push: -ENOMEM, the event is then lost for this destination.
 * Limits:  the caller's; the account says how many bytes wait.
 * Fork:    forget abandons the events and the exporter's connections.
 */
#ifndef LLMOBS_DESTINATION_H
#define LLMOBS_DESTINATION_H

#include "core/deliver/backlog.h"
#include "core/export/exporter.h"
#include "core/ledger/stats.h"

/* What waits, over all destinations. */
struct llmobs_account {
    atomic_size_t pending; /* given and not yet counted as anything else */
    size_t bytes;          /* of encoded events */
    struct llmobs_backlog backlog;
};

/* An encoded event, counted by its references. It is settled when the last
 * destination lets go of it: delivered only when each of them had it. */
struct llmobs_event {
    size_t refs;
    enum llmobs_event_kind kind;
    enum llmobs_stat fate;
    struct llmobs_spooled spooled; /* where the disk keeps it */
    bool adopted;                  /* in another process's directory */
    unsigned had;                  /* bit i: destination i has it */
    bool rescued; /* the rescue has it: once, whoever else waits for it */
    size_t len;
    char data[];
};

struct llmobs_destination {
    struct llmobs_exporter *exporter;
    struct llmobs_account *account;
    unsigned bit;        /* of an event's `had` */
    unsigned kinds;      /* bit i: it takes events of kind i */
    int64_t interval_ms; /* between two sends over the network */
    size_t enough;       /* bytes that are sent without waiting for it */
    struct llmobs_event **queue; /* a ring */
    size_t first, count, cap;
    size_t bytes;
    int64_t due_ns;   /* back-off: not before; 0: none */
    int64_t first_ns; /* when something was pushed to an empty queue */
    int64_t sent_ns;  /* the last send that was accepted */
    int64_t backoff_ms;
    bool polite;   /* the peer said how long, or needs its time */
    bool hopeless; /* it is local, and its last error was none that passes */
    bool given_up; /* and the process was ending: not tried again */
    int tries;     /* left of a hurry */
};

/* Moves n of what is pending to a counter; never more than is pending, so that
 * the sums hold where a stop has given up on a thread that goes on. */
void llmobs_account_settle(struct llmobs_account *account,
                           enum llmobs_stat stat, size_t n);

/* There was no room for an entry. True where nothing is lost by that: it waits
 * on the disk, or is left there for another process, and is settled then. */
bool llmobs_account_wait(struct llmobs_account *account,
                         const struct llmobs_spooled *spooled, unsigned had,
                         bool adopted);

/* Gives an event of one reference; copies the text. NULL without memory. */
struct llmobs_event *llmobs_event_new(struct llmobs_account *account,
                                      enum llmobs_event_kind kind,
                                      struct llmobs_text text);

/* Drops one reference. `fate` other than delivered: it was lost here. An event
 * for which there was no room, and which the disk keeps, waits there. */
void llmobs_event_release(struct llmobs_account *account,
                          struct llmobs_event *event, enum llmobs_stat fate);

/* Takes the exporter. */
void llmobs_destination_init(struct llmobs_destination *destination,
                             struct llmobs_exporter *exporter,
                             struct llmobs_account *account,
                             const struct llmobs_config *config);
void llmobs_destination_forget(struct llmobs_destination *destination);

static inline bool llmobs_destination_takes(const struct llmobs_destination *d,
                                            enum llmobs_event_kind kind)
{
    return d->kinds & 1u << kind;
}

/* Shares the event. */
int llmobs_destination_push(struct llmobs_destination *destination,
                            struct llmobs_event *event);

/* When it wants to send next: 0 now, INT64_MAX never, else monotonic. */
int64_t llmobs_destination_due(const struct llmobs_destination *destination);

/* One send of what is first. 0: some events are done with; else the error, and
 * the back-off has begun. */
int llmobs_destination_send(struct llmobs_destination *destination);

/* Gives up to LLMOBS_SEND_MAX first events to another exporter instead; how
 * many it took or had already, or its error. */
int llmobs_destination_rescue(struct llmobs_destination *destination,
                              struct llmobs_exporter *rescue);

/* Lets go of the first events that another destination has; how many. */
size_t llmobs_destination_leave(struct llmobs_destination *destination);

/* Lets go of the first events that the disk keeps, having written them there
 * where it did not; how many. */
size_t llmobs_destination_keep(struct llmobs_destination *destination);

#endif
