/* try - the entry that a reader has in hand, for a handler of signals: if the
 * reader dies of the entry, the handler notes that in the entry's file. After
 * two such notes other readers set the entry aside (adopt_file.h).
 *
 * Nothing is noted where nobody has armed it, as in a program.
 *
 * Owns:    one note, of the process.
 * Threads: the one that reads; _note only in a handler on that thread.
 * Errors:  without memory or room on the disk there is no note.
 */
#ifndef LLMOBS_TRY_H
#define LLMOBS_TRY_H

#include "core/log/entry.h"

/* From now on the process's readings are noted. */
void llmobs_try_arm(void);

/* The thread reads the entry with this id in this file, until _end. */
void llmobs_try_begin(const char *path, const struct llmobs_entry_key *key,
                      uint64_t id);
void llmobs_try_end(void);

/* Writes the note if this thread has an entry in hand. Safe in a handler. */
void llmobs_try_note(void);

#endif
