/* owner - whose entries of the spool are: who must be told apart when another
 * process delivers them.
 *
 * What of the configuration goes into an event (ml_app, service, tags, ...),
 * where its events were to go (a fingerprint: of the key only a hash), and in
 * which boot and pid namespace its pid counts.
 *
 * Owns:    a llmobs_owner owns its texts, until free.
 * Threads: constant after new, and seal.
 * Errors:  -ENOMEM; -EINVAL for an entry that is none.
 * Limits:  those of entry.h.
 * Fork:    plain memory; a child's owner is the same.
 */
#ifndef LLMOBS_OWNER_H
#define LLMOBS_OWNER_H

#include "core/config/config.h"
#include "core/spool/entry.h"

struct llmobs_owner;

/* Gives the owner of this process. */
struct llmobs_owner *llmobs_owner_new(const struct llmobs_config *config);
/* The same anew, in a forked child: replaces *owner, unless memory is short. */
void llmobs_owner_renew(struct llmobs_owner **owner,
                        const struct llmobs_config *config);
/* Gives the owner that an OWNER entry names. */
int llmobs_owner_read(const struct llmobs_entry *entry,
                      struct llmobs_owner **out);
void llmobs_owner_free(struct llmobs_owner *owner);

/* The begin of a file of entries, its own behind it: of the key that it was
 * last given. Borrowed. */
struct llmobs_text llmobs_owner_text(const struct llmobs_owner *owner);

/* Gives it the key of the files to be written. No other thread reads it. */
void llmobs_owner_seal(struct llmobs_owner *owner,
                       const struct llmobs_entry_key *key);

/* True where both deliver to the same place with the same key. */
bool llmobs_owner_same_place(const struct llmobs_owner *owner,
                             const struct llmobs_owner *other);

/* 0: not known. */
uint64_t llmobs_owner_boot(const struct llmobs_owner *owner);
uint64_t llmobs_owner_pidns(const struct llmobs_owner *owner);

/* The configuration for its events: a copy of `base` with the owner's names in
 * it. Borrows from both. */
void llmobs_owner_config(const struct llmobs_owner *owner,
                         const struct llmobs_config *base,
                         struct llmobs_config *out);

#endif
