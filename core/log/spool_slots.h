/* spool_slots - which of its files a process writes to, and how many entries
 * each file has that are not released: a file without such an entry may be
 * removed.
 *
 * Owns:    nothing: the slots are in the spool (spool_state.h).
 * Threads: any; none waits for another. A slot is written only by a thread that
 *          is counted in its `entries`, or that finds no entry in it.
 * Limits:  LLMOBS_SPOOL_FILES files at once.
 */
#ifndef LLMOBS_SPOOL_SLOTS_H
#define LLMOBS_SPOOL_SLOTS_H

#include "core/log/spool_state.h"

/* The slot of a file. The spool owns it. */
static inline struct llmobs_spool_slot *llmobs_slots_of(
    struct llmobs_spool *spool, uint32_t file)
{
    return &spool->slots[file % LLMOBS_SPOOL_FILES];
}

/* The number of the file that the next call begins in. */
static inline uint32_t llmobs_slots_current(const struct llmobs_spool *spool)
{
    return (uint32_t)(atomic_load(&spool->at) >> 32);
}

/* How many slots were ever used: files count up, and no file is newer than the
 * current one. A look at all slots would touch five pages. */
static inline size_t llmobs_slots_used(const struct llmobs_spool *spool)
{
    uint64_t slots = (atomic_load(&spool->at) >> 32) + 1;

    return slots < LLMOBS_SPOOL_FILES ? (size_t)slots : LLMOBS_SPOOL_FILES;
}

/* Adds a new entry of `size` bytes to the current file, and gives the file's
 * number. Nobody removes the file until the entry is taken out by _remove. 0:
 * the process has too many files. */
uint32_t llmobs_slots_add(struct llmobs_spool *spool, size_t size);

/* Adds the bytes of a later entry, if the file is still the current one. */
void llmobs_slots_add_bytes(struct llmobs_spool *spool, uint32_t file,
                            size_t size);

/* Takes `n` entries out of a file. If the relay may have entries of it, the
 * thread that takes out the last one frees the slot, and the relay removes the
 * file. Otherwise the spool's tidying does both. */
void llmobs_slots_remove(struct llmobs_spool *spool, uint32_t file, unsigned n);

/* Goes on to a new file, if `file` is the current one and there is a slot. */
void llmobs_slots_begin_next(struct llmobs_spool *spool, uint32_t file);

/* True where no other file of this process can be opened any more: then this
 * file, which is held (spool_file.h), grows as far as the spool. */
bool llmobs_slots_is_last(const struct llmobs_spool *spool, uint32_t file);

/* Makes the slot ready for another file. */
void llmobs_slots_free(struct llmobs_spool_slot *slot);

/* Forgets all files, in a child that has just begun. */
void llmobs_slots_clear(struct llmobs_spool *spool);

bool llmobs_slots_has_entries(struct llmobs_spool *spool);

#endif
