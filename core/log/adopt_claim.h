/* adopt_claim - the directories that this process has claimed.
 *
 * Owns:    nothing; the claims belong to the adoption.
 * Threads: the thread that has the adoption.
 * Errors:  negative errno.
 */
#ifndef LLMOBS_ADOPT_CLAIM_H
#define LLMOBS_ADOPT_CLAIM_H

#include "core/log/adopt_state.h"
#include "core/log/spool_file.h"

/* True where the process has given the directory away. Only a relay asks this:
 * it has the sign, so it alone knows that any process that has claimed the
 * directory since is dead. */
bool llmobs_adopt_is_given(const struct llmobs_adopt *adopt,
                           const struct llmobs_record_owner *who);

/* Gives a claim that is not in use; NULL: all are in use. */
struct llmobs_adopt_claim *llmobs_adopt_free_claim(struct llmobs_adopt *adopt);

/* Ends the use of a claim; its directory stays as it is. */
void llmobs_adopt_drop_claim(struct llmobs_adopt_claim *claim);

/* The path of a directory in the spool. -ENAMETOOLONG. */
int llmobs_adopt_dir_path(const struct llmobs_adopt *adopt, const char *name,
                          char out[PATH_MAX]);

/* The path of a claimed directory. */
int llmobs_adopt_claim_path(const struct llmobs_adopt *adopt,
                            const struct llmobs_adopt_claim *claim,
                            char out[PATH_MAX]);

/* Prepares a write to a file of a claimed directory, to which no other process
 * writes, unless the directory's process lives. Reads the key again, as the
 * last file may have had another key. `path` and `key` are the caller's. */
int llmobs_adopt_claim_target(const struct llmobs_adopt *adopt,
                              const struct llmobs_spooled *spooled,
                              char path[PATH_MAX], struct llmobs_entry_key *key,
                              struct llmobs_spool_target *out);

/* True for a directory that a process has claimed to adopt it: its entries are
 * that process's, as long as it lives. */
bool llmobs_adopt_is_claimed(const struct llmobs_record_owner *who);

/* Gives the directory this process's name. Fails if another was faster. */
int llmobs_adopt_claim_dir(struct llmobs_adopt *adopt,
                           const struct llmobs_adopt_found *found,
                           struct llmobs_adopt_claim *claim);

/* _forget_dir: the adoption reads no directory any more, as in a forked child.
 * _leave_dir also frees what it knew of the directory. */
void llmobs_adopt_forget_dir(struct llmobs_adopt *adopt);
void llmobs_adopt_leave_dir(struct llmobs_adopt *adopt);

/* Keeps this walk from visiting the directory again. */
void llmobs_adopt_give_up(struct llmobs_adopt *adopt,
                          const struct llmobs_adopt_claim *claim);

/* True for a directory that this process has open, even under another name. */
bool llmobs_adopt_is_held(const struct llmobs_adopt *adopt, ino_t inode);

/* True for a directory that this process has claimed in this walk. */
bool llmobs_adopt_is_ours(const struct llmobs_adopt *adopt, const char *name);

#endif
