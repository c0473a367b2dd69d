/* owner - all that another process must know of a process to deliver its
 * entries of the spool.
 *
 * It has the values of the configuration that go into an event (ml_app,
 * service, tags, ...), a hash of all settings that decide where events go, and
 * the boot and the pid namespace in which its pid counts. Of a key or another
 * credential only its length and its last six characters go into the hash, and
 * none of them where it is short.
 *
 * Owns:    a llmobs_owner owns its texts, until free.
 * Threads: any: it is constant after new and fill.
 * Errors:  -ENOMEM; -EINVAL for an entry that is no OWNER entry.
 * Limits:  those of entry.h.
 */
#ifndef LLMOBS_OWNER_H
#define LLMOBS_OWNER_H

#include "core/config/config.h"
#include "core/log/entry.h"

#define LLMOBS_OWNER_HASH 16
#define LLMOBS_OWNER_TEXTS 18
#define LLMOBS_OWNER_TAGS 48

/* Where a process runs and delivers, as it is on the disk; 0: not known. */
struct llmobs_owner_origin {
    uint64_t boot;
    uint64_t pidns;
    uint64_t program; /* that wrote the file (llmobs_process_program) */
    uint8_t hash[LLMOBS_OWNER_HASH]; /* of its destinations */
};

struct llmobs_owner {
    struct llmobs_owner_origin origin;
    uint8_t whole[LLMOBS_OWNER_HASH]; /* in memory alone: see find_hash */
    /* Of one that was filled: the beginning of a file, with the OWNER entry. */
    struct llmobs_buf lead;
    /* Of one that was read: */
    int64_t pid;
    int64_t uid;                     /* < 0: not known */
    char *texts[LLMOBS_OWNER_TEXTS]; /* by their tags */
    char *tags[LLMOBS_OWNER_TAGS + 1];
    size_t tag_count;
};

/* Gives the owner of this process, for one who reads others' files. */
struct llmobs_owner *llmobs_owner_new(const struct llmobs_config *config);
/* An owner for one who writes files under this key, in two steps. The first
 * only allocates. For the second the kernel makes the files of this process in
 * /proc, which takes it longer than the library takes for all else as it is
 * loaded. A process settles its owner before it first writes an entry, with the
 * program in it, a child again; no other thread may use the owner meanwhile. */
struct llmobs_owner *llmobs_owner_alloc(void);
int llmobs_owner_fill(struct llmobs_owner *owner,
                      const struct llmobs_config *config, uint64_t program,
                      const struct llmobs_entry_key *key);
/* Gives the owner that an OWNER entry names. */
int llmobs_owner_read(const struct llmobs_entry *entry,
                      struct llmobs_owner **out);
void llmobs_owner_free(struct llmobs_owner *owner);

/* True where both owners deliver to the same destinations with the same key. */
bool llmobs_owner_same_destinations(const struct llmobs_owner *owner,
                                    const struct llmobs_owner *other);

/* Where the process delivers (llmobs_config_place), in an owner that was read;
 * "" for the store alone, or of an earlier version. Borrowed. */
#define LLMOBS_OWNER_PLACE 512
const char *llmobs_owner_place(const struct llmobs_owner *owner);

/* The configuration for its events: a copy of `base` with the values of the
 * owner. Borrows from both. */
void llmobs_owner_config(const struct llmobs_owner *owner,
                         const struct llmobs_config *base,
                         struct llmobs_config *out);

#endif
