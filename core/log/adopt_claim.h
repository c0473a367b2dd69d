/* adopt_claim - the files that this process has claimed.
 *
 * Owns:    a claimed file, until it is removed or its claim is dropped.
 * Threads: the thread that has the worker's turn, or the command.
 * Errors:  negative errno.
 */
#ifndef LLMOBS_ADOPT_CLAIM_H
#define LLMOBS_ADOPT_CLAIM_H

#include "core/log/adopt_state.h"
#include "core/log/spool_file.h"

/* Gives a claim that is not in use; NULL: all are in use. */
struct llmobs_adopt_claim *llmobs_adopt_free_claim(struct llmobs_adopt *adopt);

/* The path of a file in the spool. -ENAMETOOLONG. */
int llmobs_adopt_path(const struct llmobs_adopt *adopt,
                      const struct llmobs_spool_name *name, char out[PATH_MAX]);

/* Prepares a write to the claimed file of an entry; `path` and `key` belong to
 * `out`. */
int llmobs_adopt_claim_target(const struct llmobs_adopt *adopt,
                              const struct llmobs_spooled *spooled,
                              char path[PATH_MAX], struct llmobs_entry_key *key,
                              struct llmobs_spool_target *out);

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

#endif
