/* adopt - the reader of the spool: gives the entries that other processes have
 * left, and notes what became of them (docs/SPOOL.md).
 *
 * A walk visits the files, the oldest first (find_file). It looks at a file's
 * process, and only then reads: of one that has ended nothing comes any more
 * (look_at). It claims the file by a rename to a name with its own pid, which
 * of two readers one can do (open_file). A relay also claims files of processes
 * that live, if an entry is for it, and closes them, so that it has all calls
 * that they will ever have (open_living). Then it gives each entry that is due
 * (next_here): an END or EVENT as it is, a call without an END as one that the
 * death of its process ended.
 *
 * Nothing is lost on the way: an entry stays in its file until it is released,
 * after its delivery, and the file until all of its entries are
 * (end_claim_if_done). One that is returned, or not yet released when this
 * process dies, is claimed again, by whoever finds the reader in its name dead;
 * so at most one batch comes twice.
 *
 * Short programs leave one call each. So a process claims some files before it
 * delivers the first: their calls go in one batch.
 *
 * Owns:    the files that it has claimed, each until all of it is read and let
 *          or returned.
 * Threads: the thread that has the worker's turn, or the command.
 * Errors:  negative errno; a file that cannot be read stays and is counted.
 * Limits:  CLAIMS (adopt.c) claimed files; memory has the text of one at a
 *          time; LLMOBS_ADOPT_PLACES destinations are counted apart.
 * Fork:    a child forgets all of it, by _forget.
 */
#ifndef LLMOBS_ADOPT_H
#define LLMOBS_ADOPT_H

#include <sys/types.h>

#include "core/event/event_kind.h"
#include "core/log/item_entry.h"
#include "core/log/live_namespaces.h"
#include "core/log/owner.h"

struct llmobs_relay_sign;
struct llmobs_spool;

struct llmobs_adopt;

enum llmobs_adopt_whose {
    LLMOBS_ADOPT_OWN,  /* none but this process's own, in a reclaim */
    LLMOBS_ADOPT_SAME, /* only of processes with the same destinations */
    LLMOBS_ADOPT_ANY   /* of all: the user has named the destinations */
};

/* An entry that was not delivered. */
struct llmobs_adopted {
    struct llmobs_spooled spooled; /* for _release */
    struct llmobs_item *item; /* the caller's, to free; has the place, too */
    bool killed;              /* the process was killed before the call ended */
    bool uncounted;           /* no process has counted it as captured yet */
    int64_t began_ns;         /* wall clock; 0: not known */
    int64_t mono_ns;          /* likewise, in this boot; 0: not known */
    const struct llmobs_config *config; /* its process's names; borrowed until
                                         * the next call */
};

/* The calls that wait for one destination. */
#define LLMOBS_ADOPT_PLACES 8
struct llmobs_adopt_place {
    char name[LLMOBS_OWNER_PLACE]; /* as llmobs_owner_place */
    bool ours;                     /* with this process's settings */
    uint64_t ended;                /* entries of ended processes */
    uint64_t living;               /* ended calls of running processes */
    int64_t oldest_ns;             /* wall clock: when the oldest began; or 0 */
};

/* A count of all that is in the spool. */
struct llmobs_adopt_counts {
    uint64_t ours;       /* entries of ended processes, for this process */
    uint64_t others;     /* entries of ended processes, for other processes */
    uint64_t living;     /* ended calls of running processes */
    uint64_t set_aside;  /* other entries, which nobody reads (adopt_file.h) */
    uint64_t unreadable; /* files */
    uint64_t versions;   /* of these: of another version (entry.h) */
    int64_t oldest_ns;   /* wall clock: when the oldest began that is not set
                          * aside; 0: no entries */
    struct llmobs_adopt_place places[LLMOBS_ADOPT_PLACES];
};

/* A call that has begun and not ended, in a process that lives or may live: for
 * a process in another pid namespace this is not known. Anyone who may write
 * the spool may have written the entries, from which all of this comes. */
struct llmobs_adopt_call {
    pid_t pid;
    uint64_t start; /* the process's (process_id.h); 0: not known */
    uint64_t pidns; /* where its pid counts; 0: not known */
    bool elsewhere; /* its pid does not count in this process's namespace */
    uint64_t id;
    struct llmobs_exchange_place place;
    struct llmobs_exchange *exchange;   /* borrowed until the visit returns */
    const struct llmobs_config *config; /* borrowed: the process's names */
};
typedef int llmobs_adopt_call_fn(void *ctx,
                                 const struct llmobs_adopt_call *call);

/* Borrows both until free. `living`: the pid namespaces that live; without
 * them, NULL, a file from another namespace than this process's is never
 * adopted. */
struct llmobs_adopt *llmobs_adopt_new(
    const struct llmobs_config *config, enum llmobs_adopt_whose whose,
    const struct llmobs_live_namespaces *living);
void llmobs_adopt_free(struct llmobs_adopt *adopt);

/* Takes only entries for a destination whose name has this text; borrowed. */
void llmobs_adopt_set_place(struct llmobs_adopt *adopt, const char *text);

/* Gives all entries unread, without their items, and also those that are set
 * aside (adopt_file.h): for a caller that removes them. */
void llmobs_adopt_set_all(struct llmobs_adopt *adopt);

/* From now on no file is read, not even one that was just claimed; false: ends
 * that. Any thread. */
void llmobs_adopt_stop(struct llmobs_adopt *adopt, bool stop);

/* Sets the spool of this process, whose files must not be adopted. Borrows it.
 */
void llmobs_adopt_set_own(struct llmobs_adopt *adopt, struct llmobs_spool *own);

/* Makes it the adoption of a relay. It also gives entries of living processes
 * that are for a relay (entry.h), and entries of processes that have the
 * destinations of `unset`, a configuration that names none. Borrows all.
 * -ENOMEM. */
int llmobs_adopt_set_relay(struct llmobs_adopt *adopt,
                           const struct llmobs_config *unset,
                           const struct llmobs_relay_sign *sign);

/* The owners for which a relay works; gives their number. Borrowed. */
#define LLMOBS_ADOPT_OWNERS 2
size_t llmobs_adopt_owners(struct llmobs_adopt *adopt,
                           const struct llmobs_owner *out[LLMOBS_ADOPT_OWNERS]);

/* 1 where an entry is left; claims its file. Other numbers as _next. */
int llmobs_adopt_any(struct llmobs_adopt *adopt);

/* Gives the next entry: 1. Claims another file once the last one is read. 0:
 * nothing more is to be adopted; -EAGAIN: another file may be claimed when all
 * entries of one are released or returned; any other negative errno. */
int llmobs_adopt_next(struct llmobs_adopt *adopt, struct llmobs_adopted *out);

/* Releases entries that were delivered, or never will be. */
void llmobs_adopt_release(struct llmobs_adopt *adopt,
                          const struct llmobs_spooled *list, size_t count);

/* True where the file of the entry that was given last has, or had, an END or
 * EVENT with this id. */
bool llmobs_adopt_has(const struct llmobs_adopt *adopt, uint64_t id);

/* Adds an event of a span, with that id, to the file of an entry that was given
 * and is neither released nor returned. Gives the event's place; it is not
 * released, and no call gives it. */
int llmobs_adopt_add(struct llmobs_adopt *adopt,
                     const struct llmobs_spooled *beside, uint64_t id,
                     struct llmobs_text event, struct llmobs_spooled *out);

/* In a forked child: forgets the inherited files. Frees nothing that another
 * thread may have been in the middle of changing. */
void llmobs_adopt_forget(struct llmobs_adopt *adopt);

/* Writes which destinations have an entry that other destinations wait for; 0:
 * none has it any more. */
void llmobs_adopt_write_delivered_to(const struct llmobs_adopt *adopt,
                                     const struct llmobs_spooled *spooled,
                                     unsigned delivered_to);

/* Counts all entries in the spool; claims and changes nothing. -EBUSY while a
 * file is adopted. */
int llmobs_adopt_count(struct llmobs_adopt *adopt,
                       struct llmobs_adopt_counts *out);

/* True where a living process with a file in the spool delivers to the same
 * destinations. */
bool llmobs_adopt_has_clients(struct llmobs_adopt *adopt);

/* True where an ended process has left a file that this one may claim, with
 * more in it than what is set aside; false while a file is adopted. With
 * LLMOBS_ADOPT_OWN: that a reader should claim, by its owner, name and mode. */
bool llmobs_adopt_has_left(struct llmobs_adopt *adopt);

/* Visits the calls that are under way; claims and changes nothing. A visit that
 * gives a number other than 0 ends the walk. -EBUSY as of _count. */
int llmobs_adopt_under_way(struct llmobs_adopt *adopt,
                           llmobs_adopt_call_fn *visit, void *ctx);

/* Visits the entries of ended processes, as _next gives them; the item is
 * borrowed. Claims and changes nothing; otherwise as _under_way. */
typedef int llmobs_adopt_waiting_fn(void *ctx,
                                    const struct llmobs_adopted *one);
int llmobs_adopt_waiting(struct llmobs_adopt *adopt,
                         llmobs_adopt_waiting_fn *visit, void *ctx);

/* A reclaim: the process claims its own files, as any reader does, for the
 * entries that it had left to a relay which is gone. _begin_reclaim: the next
 * walk claims them, if there are some. _reclaims: that walk is under way, or
 * what it found is not delivered. */
void llmobs_adopt_begin_reclaim(struct llmobs_adopt *adopt);
bool llmobs_adopt_reclaims(const struct llmobs_adopt *adopt);

/* Returns an entry: it stays on the disk for another time. */
void llmobs_adopt_return(struct llmobs_adopt *adopt,
                         const struct llmobs_spooled *spooled);

#endif
