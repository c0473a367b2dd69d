/* adopt_held - the directories of living processes, which a relay holds open
 * while it delivers their entries that are for it. It removes files there that
 * nobody needs any more.
 *
 * Owns:    nothing; the lists belong to the adoption.
 * Threads: the thread that has the adoption.
 * Errors:  negative errno; a directory that cannot be read is passed over.
 */
#ifndef LLMOBS_ADOPT_HELD_H
#define LLMOBS_ADOPT_HELD_H

#include "core/log/adopt_state.h"

/* Notes that the directory still exists. True where another look would find
 * nothing: it had nothing new a moment ago, its process lives, and neither the
 * directory nor its newest file has changed. */
bool llmobs_adopt_meet(struct llmobs_adopt *adopt, const char *name);

/* Forgets directories that do not exist any more. */
void llmobs_adopt_forget_unmet(struct llmobs_adopt *adopt);

/* All that was handed over up to the survey is settled. */
void llmobs_adopt_advance(struct llmobs_adopt *adopt,
                          const struct llmobs_adopt_claim *claim);

/* Sorts numbers of files, sealed or not, from the oldest on. */
void llmobs_adopt_sort_by_age(uint32_t *files, size_t count);

/* Opens the directory of a living process, if it has something new: 1, and its
 * entries can be read (adopt_read.h). 0: nothing is new, or unreadable. */
int llmobs_adopt_open_living(struct llmobs_adopt *adopt, const char *name,
                             const struct llmobs_adopt_found *found);

#endif
