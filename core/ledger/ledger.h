/* ledger - the counters of stats.h on disk, those of ended processes included.
 *
 * A directory "stats" beside the store (inside it, where LLMOBS_STORE_DIR names
 * one), made once something is captured. In it, a page (counts.h) each:
 *   totals                   what ended processes counted, all added up;
 *   PID-START-NONCE          the record of one process since it began.
 * A process that ends adds its counts to the totals and removes its record, if
 * it has lived long enough to have one. A record whose process is gone is
 * added by fold, what it had pending as dropped_died. The totals name the
 * record that was added last, so that a death between adding and removing
 * counts nothing twice.
 *
 * Owns:    no descriptor between two calls.
 * Threads: note, settle: who delivers; close: the exit handler; one of them at
 *          a time, by a gate, else the call does nothing. fold and read: any.
 * Errors:  never the app's: a ledger that cannot be written is logged once.
 *          fold and read answer a negative errno. errno stays.
 * Limits:  a record is written once per LLMOBS_LEDGER_NOTE_MS at most, and
 *          when what it has as pending is delivered (12 us measured). The
 *          lock of the totals is tried for LLMOBS_LEDGER_LOCK_MS at exit; then
 *          the record stays. What a process captured after its last record is
 *          unknown to the ledger when it is killed.
 * Fork:    a child has counts and a record of its own; the gate and names that
 *          it inherited are dropped when it finds another process (fork.h).
 */
#ifndef LLMOBS_LEDGER_H
#define LLMOBS_LEDGER_H

#include "core/config/config.h"
#include "core/ledger/counts.h"

#define LLMOBS_LEDGER_NOTE_MS 1000
#define LLMOBS_LEDGER_LOCK_MS 2

/* Names that are no counters of stats.h. */
#define LLMOBS_LEDGER_PENDING "pending"
#define LLMOBS_LEDGER_PROCESSES "processes"
#define LLMOBS_LEDGER_RESTARTS "totals_restarted"

/* After a round of the worker: writes the record if something changed and the
 * last one is old enough. Gives the ms after which it wants to be called again
 * although nothing happens meanwhile; -1: not before the next round. */
int64_t llmobs_ledger_note(const struct llmobs_config *config);

/* Between two requests, by whoever holds the worker's gate: writes the record
 * again if it tells of what is settled as pending. The first one is note's. */
void llmobs_ledger_settle(const struct llmobs_config *config);

/* From the exit handler, after the worker has stopped and has counted what it
 * could not deliver: adds this process to the totals. May come again, when
 * something was captured after it. */
void llmobs_ledger_close(const struct llmobs_config *config);

/* Begins anew, as llmobs_stats_reset does: with it, or numbers go backwards. A
 * forked child needs no call of it. */
void llmobs_ledger_reset(void);

/* Where the ledger of this configuration is. -ENAMETOOLONG. */
int llmobs_ledger_dir(const struct llmobs_config *config, char *out,
                      size_t cap);

/* Adds the records of the dead in `dir` to its totals. At most `max` of them.
 */
int llmobs_ledger_fold(const char *dir, size_t max);

struct llmobs_ledger {
    struct llmobs_counts ended;  /* the totals */
    struct llmobs_counts living; /* all records that were not added, pending
                                  * included */
    size_t records;
    size_t unreadable; /* files that hold no page, or a later version's */
};

/* Reads the ledger in `dir`, consistently, while processes come and go. The
 * records of the dead that fold could not add count as ended here.
 * -ENOENT: there is none. */
int llmobs_ledger_read(const char *dir, struct llmobs_ledger *out);

#endif
