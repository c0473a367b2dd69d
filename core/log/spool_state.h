/* spool_state - the state of a process's own files, for spool.c, spool_slots.c
 * and spool_relay.c, and for the tests.
 *
 * Limits:  LLMOBS_SPOOL_DEFERRED releases that wait for the disk.
 */
#ifndef LLMOBS_SPOOL_STATE_H
#define LLMOBS_SPOOL_STATE_H

#include <limits.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "lib/base/process_id.h"
#include "core/config/config.h"
#include "core/log/entry.h"
#include "core/log/owner.h"
#include "core/log/spool_file.h"

/* RELEASE entries that the disk refused and that are written later. */
#define LLMOBS_SPOOL_DEFERRED 1024

enum llmobs_spool_begun {
    LLMOBS_SPOOL_NONE,
    LLMOBS_SPOOL_BUSY,
    LLMOBS_SPOOL_READY
};

/* In the place of a file's number, while a thread makes it: no other thread
 * waits, or one does. */
#define LLMOBS_SPOOL_MAKING UINT32_MAX
#define LLMOBS_SPOOL_AWAITED (UINT32_MAX - 1)

/* The state of one file. Files whose numbers are LLMOBS_SPOOL_FILES apart use
 * the same slot, one after the other. */
struct llmobs_spool_slot {
    /* Entries written or being written, and not released. */
    atomic_uint entries;
    /* The file's number while it exists, else 0; a futex while it is made. */
    atomic_uint file;
    atomic_bool owned;     /* the OWNER entry is in it */
    atomic_bool for_relay; /* the relay may have entries of it */
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
    struct llmobs_process_id self;
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
    /* Entries that a relay delivers and releases, and when it got the last. */
    atomic_uint for_relay;
    _Atomic int64_t for_relay_ns;
    atomic_bool began_file; /* since the spool's bytes were counted last */
    /* The current file << 32 | its bytes, with those that are being written. */
    _Atomic uint64_t at;
    _Atomic int64_t room; /* bytes until LLMOBS_SPOOL_MAX, as far as known */
    size_t file_max;      /* bytes of a file */
    /* Only for the thread that has the worker's turn: */
    int64_t counted_ns;
    struct llmobs_spool_deferred *deferred; /* LLMOBS_SPOOL_DEFERRED, or NULL */
    size_t deferred_count;
    /* The slots are last: a process that captures nothing touches none. */
    struct llmobs_spool_slot slots[LLMOBS_SPOOL_FILES];
    char prefix[PATH_MAX]; /* of its files: "/.../o.PID-START-NONCE" */
    struct llmobs_spool_parent parent;
};

#endif
