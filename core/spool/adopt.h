/* adopt - what processes that are gone have left in the spool.
 *
 * A directory whose process is dead is claimed by a rename that gives it our
 * name; its entries are then ours to deliver. An END or EVENT is delivered as
 * it is, a BEGIN without either, or a START without any of them, as a call that
 * the process's death ended. Each entry that is let go is noted in its file, so
 * that our own death repeats one batch at most; the last removes the directory.
 *
 * Owns:    the directory that it is in, from open to close.
 * Threads: the worker, or the command: one at a time.
 * Errors:  negative errno; what cannot be read is left and counted.
 * Limits:  one directory and one file of it at a time in memory.
 * Fork:    abandon.
 */
#ifndef LLMOBS_ADOPT_H
#define LLMOBS_ADOPT_H

#include "core/spool/live_namespaces.h"
#include "core/spool/owner.h"
#include "core/spool/spool.h"

struct llmobs_adopt;

enum llmobs_adopt_whose {
    LLMOBS_ADOPT_OURS, /* same place and pid namespace only */
    LLMOBS_ADOPT_ANY   /* whoever surely is dead: the user says where to */
};

/* One entry that nobody delivered. */
struct llmobs_adopted {
    struct llmobs_spooled spooled; /* for let_go */
    /* One of both: */
    struct llmobs_exchange *exchange; /* the caller's, to free */
    struct llmobs_text event;         /* borrowed until the next call */
    enum llmobs_event_kind kind;
    bool killed;           /* it had only begun */
    bool uncounted;        /* and nobody has counted it as captured before */
    unsigned delivered_to; /* bit i: destination i has it */
    const struct llmobs_config *config; /* its process's names; borrowed until
                                         * the directory ends */
};

struct llmobs_adopt *llmobs_adopt_new(const struct llmobs_config *config,
                                      enum llmobs_adopt_whose whose);
void llmobs_adopt_free(struct llmobs_adopt *adopt);

/* From this monotonic time on nothing more is looked for, and what was claimed
 * and not read yet is left (INT64_MAX: no such time). Any thread. */
void llmobs_adopt_until(struct llmobs_adopt *adopt, int64_t mono_ns);

/* Which pid namespaces live: without, a directory of another one than ours is
 * never adopted. Borrowed until free. */
void llmobs_adopt_living(struct llmobs_adopt *adopt,
                         const struct llmobs_live_namespaces *living);

/* The spool of this process, whose directory is not to be adopted. Borrows it.
 */
void llmobs_adopt_except(struct llmobs_adopt *adopt,
                         const struct llmobs_spool *own);

/* The next entry; claims another directory where the last one is read. 1, 0
 * when there is nothing (more) to adopt, or a negative errno. While entries of
 * the present directory are out, no other is claimed: -EAGAIN. */
int llmobs_adopt_next(struct llmobs_adopt *adopt, struct llmobs_adopted *out);

/* Entries were delivered, or will never be. */
void llmobs_adopt_let_go(struct llmobs_adopt *adopt,
                         const struct llmobs_spooled *list, size_t count);

/* In a forked child: forgets what it inherited, without touching it. */
void llmobs_adopt_abandon(struct llmobs_adopt *adopt);

/* Some destinations have an entry which others have not yet. */
void llmobs_adopt_note_delivered_to(struct llmobs_adopt *adopt,
                                    const struct llmobs_spooled *spooled,
                                    unsigned delivered_to);

/* What lies in the spool. */
struct llmobs_adopt_left {
    uint64_t dirs;       /* of the dead, and ours, be there something or not */
    uint64_t ours;       /* of the dead, and ours to deliver */
    uint64_t others;     /* of the dead, for other destinations */
    uint64_t living;     /* calls that ended, of processes that run */
    uint64_t unreadable; /* files, and directories that are nobody's */
    int64_t oldest_ns;   /* wall clock: when the oldest began; 0: none is */
};

/* Counts all of it; claims and changes nothing. -EBUSY while a directory is
 * adopted. */
int llmobs_adopt_count(struct llmobs_adopt *adopt,
                       struct llmobs_adopt_left *out);

/* Entries come back: they stay on the disk for another time. */
void llmobs_adopt_give_back(struct llmobs_adopt *adopt, size_t count);

#endif
