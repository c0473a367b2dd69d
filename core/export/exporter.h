/* exporter - an interface to send events somewhere: to the local store, to an
 * agent, to the intake, or to whichever of these "auto" chooses.
 *
 * Owns:    its descriptors and connections, until free.
 * Threads: the thread that has the worker's turn; the atomic members: any.
 * Errors:  send gives the number of leading events that are done with (0 to
 *          count), delivered unless `outcomes` says otherwise; or a negative
 *          errno when no event is. -EBADMSG: the peer has refused the first
 *          event for good, and has not judged the others. -ESTALE: it takes no
 *          events that are `old`; -EALREADY: none that are `stored`. The
 *          exporter itself logs, once, why it cannot send.
 * Fork:    forget abandons the state that a child inherited, and frees none of
 *          it.
 */
#ifndef LLMOBS_EXPORTER_H
#define LLMOBS_EXPORTER_H

#include <stdatomic.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/tick.h"
#include "core/config/config.h"
#include "core/event/event_kind.h"

/* The most events of one send. */
#define LLMOBS_SEND_MAX 256

/* How long an exit may wait for a store, an agent, an intake. */
#define LLMOBS_EXIT_STORE_MS 1000
#define LLMOBS_EXIT_KEPT_MS 100 /* a store, where the disk has all */
#define LLMOBS_EXIT_AGENT_MS 100
#define LLMOBS_EXIT_INTAKE_MS 2000

struct llmobs_exporter;
struct llmobs_http;

struct llmobs_exporter_ops {
    const char *name; /* as LLMOBS_EXPORTER names it */
    int (*send)(struct llmobs_exporter *exporter,
                const struct llmobs_text *events, size_t count);
    void (*forget)(struct llmobs_exporter *exporter);
    void (*free)(struct llmobs_exporter *exporter);
    void (*warm)(struct llmobs_exporter *exporter); /* NULL: nothing to do */
};

/* When a send happens. */
enum llmobs_phase {
    LLMOBS_PHASE_RUNNING, /* on the worker's thread: there is time */
    LLMOBS_PHASE_INLINE,  /* on an app's thread: no network */
    LLMOBS_PHASE_AWAITED, /* a flush waits for it, called by the app */
    LLMOBS_PHASE_ENDING   /* the exit of the process waits for it */
};

/* The fate of an event that a send is done with. */
enum llmobs_outcome {
    LLMOBS_OUTCOME_DELIVERED,
    LLMOBS_OUTCOME_REJECTED,    /* the peer accepted the request, but says that
                                 * it threw the event away */
    LLMOBS_OUTCOME_SAMPLED_OUT, /* the sampler keeps it from this peer */
    LLMOBS_OUTCOME_NOTHING,     /* the peer does not want it */
    LLMOBS_OUTCOME_FELL_BACK,   /* the local store has it, in a peer's place */
    LLMOBS_OUTCOME_REFUSED, /* the peer has refused it and taken the next; this
                             * happens once to a good event, as a refusal of
                             * all events ends */
    LLMOBS_OUTCOME_UNSAID   /* the peer would want it, but has no form for it */
};

/* How the time before the next try grows after failed sends. */
struct llmobs_backoff {
    int64_t first_ms, most_ms;
    int growth; /* percent of the time before the last try */
    int jitter; /* percent of the time: the wait is half of the time plus a
                 * random part of this */
    bool firm;  /* a pause that the peer asks for holds at the exit, too */
};

struct llmobs_exporter {
    const struct llmobs_exporter_ops *ops;
    const struct llmobs_backoff *backoff; /* NULL: an agent's */
    unsigned kinds; /* bit i: it takes events of kind i; 0: of all kinds */
    struct llmobs_exporter *outer; /* an exporter that uses this one; or NULL */
    _Atomic int64_t cut_ns; /* when its requests are cut; 0: they are not cut */
    const char *via;        /* the sending exporter's name; NULL: ops->name */
    atomic_bool remote;     /* sends over the network */
    atomic_bool silent;     /* its peer let a request run into its time-out */
    bool wants_warm;        /* connecting takes so long that it is done ahead */
    atomic_int exit_ms;     /* a time above; 0: the store's */
    int64_t retry_ms;       /* after a failed send: no retry before; or 0 */
    /* The caller of send sets these. */
    enum llmobs_phase phase;
    enum llmobs_event_kind kind; /* of all events of a send */
    bool old;                    /* they are spans that began over a day ago */
    bool stored;                 /* the local store has them already */
    unsigned char *outcomes;     /* enum llmobs_outcome of each event, at first
                                  * DELIVERED; NULL: nobody asks */
    const char *mark;            /* in another exporter's place: the end of
                                  * their lines in the store; or NULL */
    struct llmobs_tick tick;     /* called while a request waits */
};

/* True where the end of the process has cut a request. */
static inline bool llmobs_exporter_was_cut(struct llmobs_exporter *exporter)
{
    int64_t cut = atomic_load(exporter->outer ? &exporter->outer->cut_ns
                                              : &exporter->cut_ns);

    return cut && llmobs_clock_mono_ns() >= cut;
}

/* Sets the fate of the event at the place. */
static inline void llmobs_exporter_set_outcome(struct llmobs_exporter *exporter,
                                               size_t place,
                                               enum llmobs_outcome outcome)
{
    if (exporter->outcomes)
        exporter->outcomes[place] = (unsigned char)outcome;
}

/* How many spans are in sums that the peer has got now, and in sums that it has
 * refused for good and that are not sent again. */
struct llmobs_published {
    uint64_t sent, lost;
};

/* An exporter that sums up the spans it gets, and sends the sums at times of
 * its own. Its `send` adds a span at once, without the network: it answers 1,
 * or -ETIMEDOUT (work.h) to get the span again. */
struct llmobs_meter {
    struct llmobs_exporter base; /* first */
    /* When the sums are to be sent, monotonic; INT64_MAX: no sums wait. */
    int64_t (*due)(const struct llmobs_meter *meter);
    /* Sends the sums; in the phase ENDING perhaps for the last time. */
    struct llmobs_published (*publish)(struct llmobs_meter *meter);
    atomic_bool owes; /* sums that it wants to send before the process ends; any
                       * thread may ask */
};

#endif
