/* adopt_read - reads the entries of a file of the spool, and finds out about
 * the process that wrote it.
 *
 * Owns:    the text, the owner and the ids of the file at adopt->path, until
 *          llmobs_adopt_leave_file.
 * Threads: the thread that has the worker's turn, or the command.
 * Errors:  negative errno.
 */
#ifndef LLMOBS_ADOPT_READ_H
#define LLMOBS_ADOPT_READ_H

#include "core/log/adopt_state.h"

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

/* True for an entry that this process has to deliver. A living process itself
 * delivers what it has not handed over. */
bool llmobs_adopt_is_due(const struct llmobs_adopt *adopt,
                         const struct llmobs_entry *entry);

/* Gives the next entry of the file: 1; 0: no entry is left. */
int llmobs_adopt_next_here(struct llmobs_adopt *adopt,
                           struct llmobs_adopted *out);

#endif
