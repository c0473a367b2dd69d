/* exporter - where events go.
 *
 * An interface: the local store, an agent, the intake, and auto, which chooses
 * among them; OTLP fills the same places.
 *
 * Owns:    its descriptors and connections, until free.
 * Threads: the worker only, or the exit handler after the worker has stopped;
 *          the atomic members: any.
 * Errors:  send answers the number of leading events that are delivered for
 *          good (0 to count), or a negative errno when none is; -EBADMSG: the
 *          first one is refused for good, the others are not looked at yet.
 *          The exporter itself says in the log, once, why it cannot.
 * Fork:    forget abandons what a child inherited, without touching it.
 */
#ifndef LLMOBS_EXPORTER_H
#define LLMOBS_EXPORTER_H

#include <stdatomic.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/tick.h"
#include "core/config/config.h"
#include "core/event/event_kind.h"

/* Events offered by one send, at most. */
#define LLMOBS_SEND_MAX 256

/* How long an exit may wait for a store, an agent, an intake. */
#define LLMOBS_EXIT_STORE_MS 1000
#define LLMOBS_EXIT_AGENT_MS 100
#define LLMOBS_EXIT_INTAKE_MS 2000

struct llmobs_exporter;
struct llmobs_http;

struct llmobs_exporter_ops {
    const char *name; /* as in LLMOBS_EXPORTER */
    int (*send)(struct llmobs_exporter *exporter,
                const struct llmobs_text *events, size_t count);
    void (*forget)(struct llmobs_exporter *exporter);
    void (*free)(struct llmobs_exporter *exporter);
    void (*warm)(struct llmobs_exporter *exporter); /* NULL: nothing to do */
};

/* When a send happens. */
enum llmobs_phase {
    LLMOBS_PHASE_RUNNING, /* on our thread, there is time */
    LLMOBS_PHASE_INLINE,  /* on an app's thread: no network */
    LLMOBS_PHASE_ENDING   /* the process waits for us */
};

struct llmobs_exporter {
    const struct llmobs_exporter_ops *ops;
    struct llmobs_exporter *outer; /* who sends by it; NULL: nobody else */
    _Atomic int64_t cut_ns;  /* its requests end then; 0: not before theirs */
    const char *via;         /* who takes the events; NULL: ops->name */
    atomic_bool remote;      /* sends over the network */
    atomic_bool silent;      /* its peer let a request run into its time-out */
    bool wants_warm;         /* connecting takes long: worth doing ahead */
    atomic_int exit_ms;      /* one of the above; 0: the store's */
    int64_t retry_ms;        /* after a failed send: not before; 0: back-off */
    enum llmobs_phase phase; /* set by the caller of send */
    enum llmobs_event_kind kind; /* of all events of a send; likewise */
    struct llmobs_tick tick;     /* for its requests, likewise */
};

/* True when the process's end is what ended a request. */
static inline bool llmobs_exporter_was_cut(struct llmobs_exporter *exporter)
{
    int64_t cut = atomic_load(exporter->outer ? &exporter->outer->cut_ns
                                              : &exporter->cut_ns);

    return cut && llmobs_clock_mono_ns() >= cut;
}

/* Gives the exporter of the local store: JSON Lines, one event a line. NULL
 * without memory. The directory is made at the first send. */
struct llmobs_exporter *llmobs_store_new(const struct llmobs_config *config);

/* The file that the store writes to, and whether a file's name is that of one
 * of its files. */
#define LLMOBS_STORE_FILE "spans.jsonl"
bool llmobs_store_has(const char *name);

/* Gives the exporter of a Datadog Agent, or of the intake itself; NULL without
 * memory, and, of the intake, without a key. Borrows `http`; NULL: it makes
 * its own. */
struct llmobs_exporter *llmobs_intake_new(const struct llmobs_config *config,
                                          bool agentless,
                                          struct llmobs_http *http);

/* Gives the exporter that finds out where events go; NULL without memory. */
struct llmobs_exporter *llmobs_choose_new(const struct llmobs_config *config);

#endif
