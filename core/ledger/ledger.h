/* ledger - the counters of stats.h on disk, of living and of ended processes.
 *
 * The ledger is a directory "stats" beside the store (inside it, if
 * LLMOBS_STORE_DIR names it), which a process makes once it has captured
 * something. Its files have one page (counts.h) each:
 *   totals                   the sum of the counts of all ended processes;
 *   PID-START-NONCE          the record of one process since it began;
 *   acknowledged             the drops of which a person knows.
 * A process that ends adds its counts to the totals, and removes its record, if
 * it has lived long enough for a record. fold adds the record of a process that
 * was killed; its pending events count as dropped_died. The totals name the
 * record that was added last, so that nothing counts twice if a process dies
 * between adding and removing a record.
 * A record and the totals have the time at which their last drop was noticed:
 * of a process that was killed, when another one finds its record.
 *
 * Owns:    no descriptor between two calls.
 * Threads: _record and _refresh: the thread that has the worker's turn; _close:
 *          the exit handler. Where two of these meet, the second does nothing,
 *          except _close, which waits LLMOBS_LEDGER_TURN_MS. _fold and _read:
 *          any.
 * Errors:  the app sees none: a ledger that cannot be written is logged once.
 *          fold and read give a negative errno. All preserve errno.
 * Limits:  a process writes its record at most once in LLMOBS_LEDGER_RECORD_MS,
 *          when its worker comes to rest, and after each request that has
 *          delivered events (12 us measured). The exit tries to lock the totals
 * for LLMOBS_LEDGER_LOCK_MS; then the record stays, or where the disk has no
 * room for it, for LLMOBS_LEDGER_TURN_MS more. If a process is killed, the
 * ledger does not know what it captured after its last record. Fork:    a child
 * has its own counts and record. It drops the inherited counts when it finds
 * itself in another process (fork.h).
 */
#ifndef LLMOBS_LEDGER_H
#define LLMOBS_LEDGER_H

#include "core/config/config.h"
#include "core/ledger/ledger_dir.h"

#define LLMOBS_LEDGER_RECORD_MS 1000
#define LLMOBS_LEDGER_LOCK_MS 2
#define LLMOBS_LEDGER_TURN_MS 100

/* To be called after a round of the worker: writes the record if something
 * changed and the last record is old enough, or the worker `rests`. Gives the
 * milliseconds after which it wants to be called again even if nothing happens
 * meanwhile; -1: not before the next round. */
int64_t llmobs_ledger_record(const struct llmobs_config *config, bool rests);

/* To be called between two requests: writes the record again if events have
 * been delivered since. */
void llmobs_ledger_refresh(const struct llmobs_config *config);

/* For the exit handler, after the worker has stopped and has counted the events
 * that it could not deliver: adds this process to the totals. May be called
 * again if something was captured since. */
void llmobs_ledger_close(const struct llmobs_config *config);

/* Begins anew, together with llmobs_stats_reset, as otherwise the counts would
 * go backwards. A forked child does not need it. */
void llmobs_ledger_reset(void);

/* The directory of the ledger in this configuration. -ENAMETOOLONG. */
int llmobs_ledger_dir(const struct llmobs_config *config, char *out,
                      size_t cap);

/* Adds at most `max` records of ended processes in `dir` to its totals. */
int llmobs_ledger_fold(const char *dir, size_t max);

/* The drops up to a moment. Both numbers grow with each further drop; the count
 * grows even if the clock was set back. */
struct llmobs_ledger_drops {
    uint64_t count;
    uint64_t at_ns; /* when the last one was noticed; 0: not known */
};

struct llmobs_ledger {
    struct llmobs_counts ended;  /* the totals */
    struct llmobs_counts living; /* of all living processes, with pending */
    size_t records;
    size_t unreadable; /* files without a page of a known version */
    size_t versions;   /* of these: of a later one */
    struct llmobs_ledger_drops known; /* that a person has acknowledged */
};

/* Reads the ledger in `dir`, consistently, while processes come and go. A
 * record of an ended process that _fold could not add counts as ended here.
 * -ENOENT: no ledger exists. */
int llmobs_ledger_read(const char *dir, struct llmobs_ledger *out);

/* How many events fell back to the store and are not moved to the spool. */
uint64_t llmobs_ledger_fallen(const struct llmobs_counts *sum);

/* Notes in the ledger in `dir` that a person knows of these drops. -EPERM: it
 * is another user's. */
int llmobs_ledger_acknowledge(const char *dir,
                              const struct llmobs_ledger_drops *drops);

/* A living process's counts. `pid` is 0 for a process of another pid namespace,
 * where the number means another one. */
typedef void llmobs_ledger_living_fn(void *ctx, pid_t pid,
                                     const struct llmobs_counts *counts);

/* Visits the records of living processes. */
int llmobs_ledger_living(const char *dir, llmobs_ledger_living_fn *visit,
                         void *ctx);

#endif
