/* spool_inner - what the parts of spool share; see spool.h.
 *
 * spool.c: what is added; spool_place.c: the directory; spool_release.c: what
 * is let go, read again, and how much room there is.
 *
 * Owns:    see spool.h.
 * Threads: the members say.
 * Errors:  see spool.h.
 * Limits:  LLMOBS_SPOOL_DEFERRED release notes that the disk would not take.
 * Fork:    see spool.h.
 */
#ifndef LLMOBS_SPOOL_INNER_H
#define LLMOBS_SPOOL_INNER_H

#include <limits.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "core/spool/owner.h"
#include "core/spool/spool.h"
#include "core/spool/spool_file.h"

/* Release notes that the disk would not take are written later. */
#define LLMOBS_SPOOL_DEFERRED 1024

enum llmobs_spool_place {
    LLMOBS_SPOOL_PLACE_NONE,
    LLMOBS_SPOOL_PLACE_BUSY,
    LLMOBS_SPOOL_PLACE_READY,
    LLMOBS_SPOOL_PLACE_GIVEN /* was ours, and may be another's by now */
};

/* Of each file, by its number: several files, far apart, share a slot one
 * after the other. */
struct llmobs_spool_slot {
    /* Entries written or being written, and not released. */
    atomic_uint left;
    /* The file's number while it exists, else 0. */
    _Atomic uint32_t file;
    atomic_bool owned; /* its owner is in it */
    _Atomic uint32_t bytes;
    /* Threads that write to it; LLMOBS_SPOOL_CUTTING: one takes back its own.
     */
    atomic_uint writers;
};

#define LLMOBS_SPOOL_CUTTING 0x80000000u

struct llmobs_spool_deferred {
    uint32_t file;
    uint64_t id;
};

/* As whom, and below which root, a process can reach a directory. */
struct llmobs_spool_home {
    uid_t uid;
    dev_t device;
    ino_t root;
};

struct llmobs_spool {
    const struct llmobs_config *config;
    /* Written by whoever takes it from NONE to READY, constant then. */
    atomic_uint place;
    char dir[PATH_MAX];
    struct llmobs_spool_home home; /* of `dir`; as constant as that is */
    atomic_bool named; /* `dir` has been there, and does not change */
    struct llmobs_owner *owner;
    struct llmobs_entry_key key; /* of its files; constant from READY on */
    _Atomic int64_t failed_ns;   /* monotonic; 0: it works */
    atomic_bool ending;
    atomic_bool turned; /* a file was begun since the last look */
    /* The current file << 32 | its bytes, those being written included. */
    _Atomic uint64_t at;
    _Atomic int64_t room; /* bytes until LLMOBS_SPOOL_MAX, as far as known */
    size_t file_max;      /* bytes of a file */
    struct llmobs_spool_slot slots[LLMOBS_SPOOL_FILES];
    /* The worker's. */
    int64_t looked_ns;
    struct llmobs_spool_deferred
        *deferred; /* LLMOBS_SPOOL_DEFERRED, once there is one */
    size_t deferred_count;
};

static inline struct llmobs_spool_slot *llmobs_spool_slot(
    struct llmobs_spool *spool, uint32_t file)
{
    return &spool->slots[file % LLMOBS_SPOOL_FILES];
}

static inline uint32_t llmobs_spool_file_at(uint64_t at)
{
    return (uint32_t)(at >> 32);
}

static inline uint32_t llmobs_spool_current(struct llmobs_spool *spool)
{
    return llmobs_spool_file_at(atomic_load(&spool->at));
}

/* Before a thread opens a file to write to it, and after it: what came of a
 * write that was cut short goes where nobody else writes there. False: somebody
 * is at that this moment. Any thread. */
bool llmobs_spool_enter_write(struct llmobs_spool_slot *slot);
void llmobs_spool_leave_write(struct llmobs_spool_slot *slot, int fd,
                              const struct llmobs_spool_written *written);

/* 0 where the directory is there; the first caller makes it, or notes that it
 * could not. -EBUSY: another thread was too long about that, or the disk just
 * failed, which at the end is no reason: there is no later. Any thread. */
int llmobs_spool_have_dir(struct llmobs_spool *spool);
/* The same, whether the disk just failed or not. */
int llmobs_spool_wait_dir(struct llmobs_spool *spool);

/* Makes what is not there of it: somebody may remove it at any time. Any
 * thread. */
int llmobs_spool_put_dir(struct llmobs_spool *spool);

/* Gives it to whoever comes next, or removes it, unless another thread is at
 * that; false: something is in it, or the disk failed. Any thread. */
bool llmobs_spool_leave_dir(struct llmobs_spool *spool);

/* From this file to a new one, if it is the current one. Any thread. */
void llmobs_spool_turn_from(struct llmobs_spool *spool, uint32_t file);

/* `n` entries of a file are no more, or were not written. Any thread. */
void llmobs_spool_leave_file(struct llmobs_spool *spool, uint32_t file,
                             unsigned n);

/* The disk failed, or works again: 0. Any thread. */
void llmobs_spool_note_failure(struct llmobs_spool *spool, int error);

#endif
