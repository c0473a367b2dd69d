/* adopt_state - the state of an adoption, and the functions that its files
 * (adopt*.c) share.
 *
 * Owns:    a claimed file, until it is removed or its claim is dropped; the
 *          text, the owner and the ids of the file at adopt->path, until
 *          llmobs_adopt_leave_file.
 * Threads: the thread that has the worker's turn, or the command.
 * Errors:  negative errno.
 */
#ifndef LLMOBS_ADOPT_STATE_H
#define LLMOBS_ADOPT_STATE_H

#include <limits.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "lib/base/clock.h"
#include "core/log/adopt.h"
#include "core/log/spool_file.h"
#include "core/log/spool_name.h"

/* Short programs leave a file each: so many files give one batch. */
#define LLMOBS_ADOPT_CLAIMS 64
/* The names that are read from the spool at a time. */
#define LLMOBS_ADOPT_NAMES 1024

/* Numbers, to be sorted once and then searched. */
struct llmobs_adopt_ids {
    uint64_t *list;
    size_t count, cap;
};

/* The destinations that have an entry already. by_number sorts the list by its
 * first member, the id. */
struct llmobs_adopt_delivered {
    uint64_t id;
    unsigned bits;
};

/* A file that this process has claimed, until it is read and each entry is let
 * go or given back. */
struct llmobs_adopt_claim {
    bool used;
    bool read;   /* all its entries were given */
    bool living; /* of a living process, and it has a call under way */
    bool away;   /* its process's pid does not count here */
    bool own;    /* of this process: what it reclaims of a relay */
    struct llmobs_spool_name name;
    bool stays;  /* it has more than the entries that are given */
    off_t size;  /* when it was read */
    size_t out;  /* entries given, and neither let go nor given back */
    size_t kept; /* entries given back, and unreadable ones */
};

/* A file of a living process, as a reader has seen it last: as long as it has
 * this size there is nothing new in it. */
struct llmobs_adopt_seen {
    struct llmobs_spool_name name;
    off_t size;
    int64_t looked_ns; /* when its process was last asked for */
    bool away;         /* it cannot be asked: its pid does not count here */
    bool met;          /* seen in this walk */
};

/* The names in the spool that a walk has still to visit. The spool is not held
 * open from one file to the next: the app owns the descriptors. */
struct llmobs_adopt_names {
    struct llmobs_spool_name *list; /* LLMOBS_ADOPT_NAMES, during a walk */
    size_t count, at;
    int64_t next; /* where in the spool to read on (listing.h) */
    bool all;     /* the end of the spool was reached */
    bool found;   /* the walk has claimed a file */
};

/* A file in the spool, as far as it is known. */
struct llmobs_adopt_found {
    struct llmobs_spool_name name;
    bool own;       /* it is this process's */
    bool gone;      /* its process has ended */
    bool by_gone;   /* the process that claimed it has ended */
    uint64_t start; /* of the process that has that pid now */
    uint64_t program;
    uint64_t by_start, by_program;
    int64_t changed_s; /* when it was last written or renamed */
    int64_t written_s;
    off_t size;
    bool held; /* LLMOBS_SPOOL_HELD */
    char path[PATH_MAX];
};

struct llmobs_adopt {
    const struct llmobs_config *config;
    /* A process that adopts nothing uses only the next members, in one page. */
    struct llmobs_buf text; /* of the file that was read last */
    enum llmobs_adopt_whose whose;
    _Atomic int64_t until_ns;
    struct llmobs_spool *own;
    char base[PATH_MAX];
    struct llmobs_owner *unset; /* of a relay: the owner without destinations */
    bool reclaims;              /* this walk reclaims what a relay had */
    bool reclaimed_all;         /* and has claimed all of it so far */
    unsigned reclaimed;         /* how many entries that were at its begin */
    const struct llmobs_live_namespaces *living;
    struct llmobs_owner *self;     /* set at the first owner that is read */
    struct llmobs_record_owner me; /* the pid is 0 before the first use */
    struct llmobs_adopt_seen *seen;
    size_t seen_count;
    struct llmobs_adopt_names walk;
    /* Files that this walk has visited, and not emptied. */
    struct llmobs_spool_name *given_up;
    size_t given_up_count;
    struct llmobs_adopt_claim claims[LLMOBS_ADOPT_CLAIMS];
    /* The file that is read, and its claim; NULL: it is only looked at. */
    struct llmobs_adopt_claim *here;
    bool at_living; /* its process lives: only what it handed over is given */
    struct llmobs_owner *owner;
    struct llmobs_config names;
    struct llmobs_adopt_ids released, begun, ended;
    struct llmobs_adopt_ids before; /* with an entry before the closing */
    struct llmobs_adopt_ids childs; /* ended by a child of their process */
    struct llmobs_adopt_delivered
        *delivered_to; /* few, in the order of their entries */
    size_t delivered_to_count, delivered_to_cap;
    struct llmobs_recalls *recalls;
    bool have;                   /* `text` has the whole file at `path` */
    size_t closed_at;            /* bytes of `text` from before the closing */
    struct llmobs_entry_key key; /* of the file */
    off_t size;                  /* of the file, from before it was read */
    size_t at;
    size_t due;      /* open entries that this process has to deliver, */
    size_t left;     /* and others */
    size_t kept;     /* unreadable entries */
    size_t strange;  /* of this user: links, and what is no regular file */
    int64_t died_ns; /* wall clock: the last write to the file */
    char path[PATH_MAX];
};

/* True where the time that the caller allows is over. */
static inline bool llmobs_adopt_is_late(struct llmobs_adopt *adopt)
{
    int64_t until = atomic_load(&adopt->until_ns);

    return until != INT64_MAX && llmobs_clock_mono_ns() >= until;
}

/* -- the files that this process has claimed (adopt_claim.c) -- */

/* Gives a claim that is not in use; NULL: all are in use. */
struct llmobs_adopt_claim *llmobs_adopt_free_claim(struct llmobs_adopt *adopt);

/* The path of a file in the spool. -ENAMETOOLONG. */
int llmobs_adopt_path(const struct llmobs_adopt *adopt,
                      const struct llmobs_spool_name *name, char out[PATH_MAX]);

/* Prepares a write to the claimed file of an entry. */
int llmobs_adopt_claim_target(const struct llmobs_adopt *adopt,
                              const struct llmobs_spooled *spooled,
                              char path[PATH_MAX],
                              struct llmobs_entry_key *key);

/* True where this process has claimed the file. */
bool llmobs_adopt_is_mine(struct llmobs_adopt *adopt,
                          const struct llmobs_spool_name *name);

/* Gives the file a name of this process, and closes it if its process lives.
 * Fails if another reader was faster. */
int llmobs_adopt_claim_file(struct llmobs_adopt *adopt,
                            const struct llmobs_adopt_found *found,
                            bool is_living, struct llmobs_adopt_claim *claim);

/* _forget_file: the adoption reads no file any more, as in a forked child, and
 * frees nothing. _leave_file frees what was read. */
void llmobs_adopt_forget_file(struct llmobs_adopt *adopt);
void llmobs_adopt_leave_file(struct llmobs_adopt *adopt);

/* Keeps this walk from visiting the file again. */
void llmobs_adopt_give_up(struct llmobs_adopt *adopt,
                          const struct llmobs_adopt_claim *claim);

/* True for a file that this process reads, or has given up in this walk. */
bool llmobs_adopt_is_ours(const struct llmobs_adopt *adopt,
                          const struct llmobs_spool_name *name);

/* -- files of living processes -- */

/* True where another look would find nothing: the file has the size that it had
 * at the last look, which was not long ago, and its process still lives. Notes
 * that the file exists. `away`: its process cannot be asked. */
bool llmobs_adopt_is_seen(struct llmobs_adopt *adopt,
                          const struct llmobs_spool_name *name, off_t size);
void llmobs_adopt_note_seen(struct llmobs_adopt *adopt,
                            const struct llmobs_spool_name *name, bool away,
                            off_t size);
/* Forgets the files that this walk has not met. */
void llmobs_adopt_forget_unmet(struct llmobs_adopt *adopt);

/* -- the entries of a file, and its process (adopt_read.c) -- */

/* Gives the next entry of the file that was read last; false at its end. */
bool llmobs_adopt_next_entry(const struct llmobs_adopt *adopt, size_t *at,
                             struct llmobs_entry *entry);

/* Reads the owner of the file. -ENODATA: it has none in its first bytes. */
#define LLMOBS_ADOPT_OWNER_LOOK ((size_t)64 * 1024)
int llmobs_adopt_find_owner(struct llmobs_adopt *adopt);

/* Reads the whole file, to learn which entries were released, and how many are
 * due. -ETIME: the caller's time is over, or too short for that. */
int llmobs_adopt_survey(struct llmobs_adopt *adopt);

/* True for an entry that is neither settled nor replaced by a later one. */
bool llmobs_adopt_is_open(const struct llmobs_adopt *adopt,
                          const struct llmobs_entry *entry);

/* Gives the next entry of the file: 1; 0: no entry is left. */
int llmobs_adopt_next_here(struct llmobs_adopt *adopt,
                           struct llmobs_adopted *out);

#endif
