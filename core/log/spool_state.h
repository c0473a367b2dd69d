/* spool_state - the state of a spool, for the files that make it up and for the
 * tests.
 *
 * Limits:  LLMOBS_SPOOL_DEFERRED releases that wait for the disk.
 */
#ifndef LLMOBS_SPOOL_STATE_H
#define LLMOBS_SPOOL_STATE_H

#include <limits.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "lib/base/scratch.h"
#include "core/log/exchange_entry.h"
#include "core/log/ledger_dir.h"
#include "core/log/owner.h"
#include "core/log/spool_file.h"

/* RELEASE entries that the disk refused and that are written later. */
#define LLMOBS_SPOOL_DEFERRED 1024

enum llmobs_spool_begun {
    LLMOBS_SPOOL_NONE,
    LLMOBS_SPOOL_BUSY,
    LLMOBS_SPOOL_READY
};

/* The state of one file. Files whose numbers are LLMOBS_SPOOL_FILES apart use
 * the same slot, one after the other. */
struct llmobs_spool_slot {
    /* Entries written or being written, and not released. */
    atomic_uint left;
    /* The file's number while it exists, else 0. */
    _Atomic uint32_t file;
    atomic_bool owned;  /* the OWNER entry is in it */
    atomic_bool handed; /* the relay may have entries of it */
    _Atomic uint32_t bytes;
};

struct llmobs_spool_deferred {
    uint32_t file;
    uint64_t id;
};

/* The user and the root directory with which a process found its name. */
struct llmobs_spool_home {
    uid_t uid;
    dev_t device;
    ino_t root;
};

/* The files of the process that this one was forked from. */
struct llmobs_spool_parent {
    int process; /* llmobs_fork_process; 0: it had no files */
    struct llmobs_entry_key key;
    char prefix[PATH_MAX];
};

struct llmobs_spool {
    const struct llmobs_config *config;
    /* The thread that takes it from NONE to READY writes `prefix`, `self` and
     * `home`, which are constant from then on. */
    atomic_uint state;
    struct llmobs_spool_home home;
    struct llmobs_record_owner self;
    int process;       /* llmobs_fork_process, when it got its name */
    atomic_bool named; /* `prefix` and `self` do not change any more */
    struct llmobs_owner *owner;
    struct llmobs_entry_key key; /* its files'; constant from READY on */
    _Atomic int64_t failed_ns;   /* when the disk failed; 0: it works */
    atomic_bool ending;
    atomic_bool limited; /* the app has a limit of file sizes */
    /* A relay delivers for this process, as far as known, and when this process
     * looked last (monotonic). */
    atomic_bool relayed;
    _Atomic int64_t relay_ns;
    _Atomic int64_t gone_ns; /* since when the relay, which has entries, is
                              * gone; or 0 */
    /* Entries that were given to a relay to release them, and when last. */
    atomic_uint handed;
    _Atomic int64_t handed_ns; /* the last time */
    atomic_bool turned;        /* a file was begun since the last _look */
    /* The current file << 32 | its bytes, with those that are being written. */
    _Atomic uint64_t at;
    _Atomic int64_t room; /* bytes until LLMOBS_SPOOL_MAX, as far as known */
    size_t file_max;      /* bytes of a file */
    /* Only for the thread that has the worker's turn: */
    int64_t looked_ns;
    struct llmobs_spool_deferred *deferred; /* LLMOBS_SPOOL_DEFERRED, or NULL */
    size_t deferred_count;
    /* The slots are last: a process that captures nothing touches none. */
    struct llmobs_spool_slot slots[LLMOBS_SPOOL_FILES];
    char prefix[PATH_MAX]; /* of its files: "/.../o.PID-START-NONCE" */
    struct llmobs_spool_parent parent;
};

/* The slot of a file. The spool owns it. */
static inline struct llmobs_spool_slot *llmobs_slots_of(
    struct llmobs_spool *spool, uint32_t file)
{
    return &spool->slots[file % LLMOBS_SPOOL_FILES];
}

/* The number of the file that the next call begins in. */
static inline uint32_t llmobs_slots_current(const struct llmobs_spool *spool)
{
    return (uint32_t)(atomic_load(&spool->at) >> 32);
}

/* How many slots were ever used: files count up, and no file is newer than the
 * current one. A look at all slots would touch five pages. */
static inline size_t llmobs_spool_slots(const struct llmobs_spool *spool)
{
    uint64_t slots = (atomic_load(&spool->at) >> 32) + 1;

    return slots < LLMOBS_SPOOL_FILES ? (size_t)slots : LLMOBS_SPOOL_FILES;
}

/* The file of a call that has an entry; else 0. */
static inline uint32_t llmobs_spool_home_of(
    const struct llmobs_spooled *spooled)
{
    for (size_t i = 0; i < LLMOBS_BEGUN; i++)
        if (spooled->begun[i])
            return spooled->begun[i];
    return 0;
}

/* The writer of an exchange's entry, and the facts that it borrows. */
struct llmobs_spool_writing {
    struct llmobs_entry_writer writer;
    struct llmobs_exchange_facts facts;
};

_Static_assert(sizeof(struct llmobs_spool_writing) <= LLMOBS_SCRATCH_SIZE,
               "an allocation for each entry");

/* -- the slots (spool_slots.c) --
 *
 * Any thread; none waits for another. A slot is written only by whoever is
 * counted in its `left`, or finds it 0. */

/* Counts `size` bytes of a new entry, and the entry, in the current file, and
 * gives its number; so nobody removes the file while the entry is written. The
 * caller leaves it. 0: the process has too many files. */
uint32_t llmobs_slots_enter(struct llmobs_spool *spool, size_t size);

/* Counts the bytes of a later entry, if the file is still the current one. */
void llmobs_slots_count(struct llmobs_spool *spool, uint32_t file, size_t size);

/* Leaves a file with `n` entries. If the relay may have entries of it, the last
 * thread that leaves frees the slot, and the relay removes the file. Otherwise
 * the spool's tidying does both. */
void llmobs_slots_leave(struct llmobs_spool *spool, uint32_t file, unsigned n);

/* Goes on to a new file, if `file` is the current one and there is a slot. */
void llmobs_slots_turn_from(struct llmobs_spool *spool, uint32_t file);

/* Makes the slot ready for another file. */
void llmobs_slots_forget(struct llmobs_spool_slot *slot);

/* Forgets all files, in a child that has just begun. */
void llmobs_slots_clear(struct llmobs_spool *spool);

bool llmobs_slots_has_entries(struct llmobs_spool *spool);

/* -- the name of this process's files (process_files.c). Any thread. -- */

/* Notes that the disk has failed, or, by 0, that it works again. For a second
 * after a failure _have_ready gives -EBUSY, except in a process that ends. */
void llmobs_spool_note_failure(struct llmobs_spool *spool, int error);

/* Looks whether a relay delivers the spool; none does where there is no spool.
 */
void llmobs_spool_look_for_relay(struct llmobs_spool *spool);

/* Makes the spool again, which somebody may have removed since. */
int llmobs_spool_put_base(struct llmobs_spool *spool);

/* True for the name of this process's files. */
bool llmobs_spool_is_self(const struct llmobs_spool *spool,
                          const struct llmobs_record_owner *who);

/* Calls `use` with the path of a file of this process, and again with the name
 * that a reader has given it, as long as `use` gives -ENOENT. */
int llmobs_spool_with(struct llmobs_spool *spool, uint32_t file,
                      int (*use)(const char *path, void *ctx), void *ctx);

/* True where no other file of this process can be opened any more: then this
 * file, which is held (held_file.h), grows as far as the spool. */
bool llmobs_spool_is_last(struct llmobs_spool *spool, uint32_t file);

/* In a child, before it forgets its parent's files: notes where they are. */
void llmobs_spool_note_parent(struct llmobs_spool *spool);

#endif
