/* spool_slots - the files that this process writes to: which of them is the
 * current one, and how many entries keep each.
 *
 * Threads: any; none waits for another. A slot is written only by whoever is
 *          counted in its `left`, or finds it 0.
 */
#ifndef LLMOBS_SPOOL_SLOTS_H
#define LLMOBS_SPOOL_SLOTS_H

#include "core/log/spool_state.h"

/* The slot of a file. The spool owns it. */
struct llmobs_spool_slot *llmobs_slots_of(struct llmobs_spool *spool,
                                          uint32_t file);

/* The number of the file that the next call begins in. */
uint32_t llmobs_slots_current(struct llmobs_spool *spool);

/* Counts `size` bytes of a new entry, and the entry, in the current file, and
 * gives its number; so nobody removes the file while the entry is written. The
 * caller leaves it. 0: the process has too many files. */
uint32_t llmobs_slots_enter(struct llmobs_spool *spool, size_t size);

/* Counts the bytes of a later entry, if the file is still the current one. */
void llmobs_slots_count(struct llmobs_spool *spool, uint32_t file, size_t size);

/* Leaves a file with `n` entries. If the relay may have entries of it, the last
 * thread that leaves frees the slot, and the relay removes the file. Otherwise
 * the spool's tidying does both. */
void llmobs_slots_leave(struct llmobs_spool *spool, uint32_t file, unsigned n);

/* Goes on to a new file, if `file` is the current one and there is a slot. */
void llmobs_slots_turn_from(struct llmobs_spool *spool, uint32_t file);

/* Makes the slot ready for another file. */
void llmobs_slots_forget(struct llmobs_spool_slot *slot);

/* Forgets all files, in a child that has just begun. */
void llmobs_slots_clear(struct llmobs_spool *spool);

bool llmobs_slots_has_entries(struct llmobs_spool *spool);

#endif
