/* adopt_read - reads the entries in a directory of the spool, and finds out
 * which entries are settled, and which are to be delivered.
 *
 * Owns:    nothing; its lists and the text of one file belong to the adoption.
 * Threads: the thread that has the adoption.
 * Errors:  negative errno.
 * Limits:  LLMOBS_ADOPT_FILES files of a directory, IDS_MAX ids.
 */
#ifndef LLMOBS_ADOPT_READ_H
#define LLMOBS_ADOPT_READ_H

#include "core/log/adopt_state.h"

/* Reads up to `max` bytes of a file, and its key. */
int llmobs_adopt_read_file(struct llmobs_adopt *adopt, const char *dir,
                           uint32_t file, size_t max);

/* Reads all of a file of the present directory, unless it was just read. */
int llmobs_adopt_have_file(struct llmobs_adopt *adopt, uint32_t file);

/* Gives the next entry of the file that was read last; false at its end. */
bool llmobs_adopt_next_entry(const struct llmobs_adopt *adopt, size_t *at,
                             struct llmobs_entry *entry);

/* Reads the owner of a directory from the first of its listed files that has an
 * owner in its first LLMOBS_ADOPT_OWNER_LOOK bytes. -ENODATA: no file has an
 * owner, and all could be read. */
#define LLMOBS_ADOPT_OWNER_LOOK ((size_t)64 * 1024)
int llmobs_adopt_find_owner(struct llmobs_adopt *adopt, const char *dir);

/* Notes when the file was last written; gives its bytes. */
size_t llmobs_adopt_note_file(struct llmobs_adopt *adopt, uint32_t file);

/* Reads all files of the directory once, to learn which entries were released,
 * which calls began and which ended. A file that cannot be read counts as kept,
 * so that the directory stays. */
int llmobs_adopt_survey(struct llmobs_adopt *adopt);

/* True for an entry that is neither settled nor replaced by a later one. */
bool llmobs_adopt_is_open(const struct llmobs_adopt *adopt,
                          const struct llmobs_entry *entry);

/* True for an entry that this process has to deliver. A living process itself
 * delivers the entries that it has not handed over. */
bool llmobs_adopt_is_due(const struct llmobs_adopt *adopt,
                         const struct llmobs_entry *entry);

/* Gives the next entry of the present directory: 1; 0: no entry is left. */
int llmobs_adopt_next_here(struct llmobs_adopt *adopt,
                           struct llmobs_adopted *out);

/* Lists the files of a directory, in the order of their numbers. */
int llmobs_adopt_list_files(struct llmobs_adopt *adopt, const char *path);

#endif
