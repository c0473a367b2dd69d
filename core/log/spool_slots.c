/* Chooses the file of each entry, and counts open entries. */
#include "core/log/spool_slots.h"

#include "lib/base/scratch.h"

static uint32_t file_of(uint64_t at)
{
    return (uint32_t)(at >> 32);
}

/* Writes only to the slots in use, which are few: memory that a child writes to
 * is no longer shared with its parent. */
void llmobs_slots_clear(struct llmobs_spool *spool)
{
    for (size_t i = 0; i < llmobs_slots_used(spool); i++) {
        struct llmobs_spool_slot *slot = &spool->slots[i];

        if (!atomic_load(&slot->file) && !atomic_load(&slot->entries) &&
            !atomic_load(&slot->owned) && !atomic_load(&slot->bytes) &&
            !atomic_load(&slot->for_relay))
            continue;
        atomic_store(&slot->entries, 0);
        llmobs_slots_free(slot);
    }
}

void llmobs_slots_free(struct llmobs_spool_slot *slot)
{
    atomic_store(&slot->bytes, 0);
    atomic_store(&slot->owned, false);
    atomic_store(&slot->for_relay, false);
    atomic_store(&slot->file, 0);
}

void llmobs_slots_remove(struct llmobs_spool *spool, uint32_t file, unsigned n)
{
    struct llmobs_spool_slot *slot = llmobs_slots_of(spool, file);

    if (atomic_fetch_sub(&slot->entries, n) == n &&
        atomic_load(&slot->for_relay) && file != llmobs_slots_current(spool))
        llmobs_slots_free(slot);
}

/* Makes the next free file the current one, unless another thread has done so
 * since `at` was read. All entries of the file before it may be gone already,
 * so this thread also counts itself in that file, and takes itself out. False
 * where the process has too many files. */
static bool begin_file(struct llmobs_spool *spool, uint64_t at)
{
    const uint32_t file = file_of(at);

    for (uint32_t next = file + 1; next < file + LLMOBS_SPOOL_FILES; next++) {
        struct llmobs_spool_slot *slot = llmobs_slots_of(spool, next);

        if (atomic_load(&slot->entries) != 0 || atomic_load(&slot->file) != 0)
            continue;
        atomic_fetch_add(&llmobs_slots_of(spool, file)->entries, 1);
        atomic_store(&spool->began_file, true);
        (void)atomic_compare_exchange_strong(&spool->at, &at,
                                             (uint64_t)next << 32);
        llmobs_slots_remove(spool, file, 1);
        return true;
    }
    return false;
}

void llmobs_slots_begin_next(struct llmobs_spool *spool, uint32_t file)
{
    uint64_t at = atomic_load(&spool->at);

    if (file_of(at) == file)
        (void)begin_file(spool, at);
}

bool llmobs_slots_is_last(const struct llmobs_spool *spool, uint32_t file)
{
    char *path = llmobs_scratch_alloc(PATH_MAX);
    bool last = false;

    if (path) {
        llmobs_spool_file_path(spool->prefix, file, path);
        last = llmobs_spool_file_is_only(path);
    }
    llmobs_scratch_free_text(path);
    return last;
}

/* Under a limit of file sizes each call has its own file, because its END would
 * not fit behind other calls. */
uint32_t llmobs_slots_add(struct llmobs_spool *spool, size_t size)
{
    for (;;) {
        uint64_t at = atomic_load(&spool->at), bytes = at & UINT32_MAX;
        uint32_t file = file_of(at);

        if ((bytes > 0 && atomic_load(&spool->limited)) ||
            (bytes >= spool->file_max &&
             (bytes >= INT32_MAX || !llmobs_slots_is_last(spool, file)))) {
            if (!begin_file(spool, at))
                return 0;
            continue;
        }
        atomic_fetch_add(&llmobs_slots_of(spool, file)->entries, 1);
        if (atomic_compare_exchange_strong(&spool->at, &at, at + size))
            return file;
        llmobs_slots_remove(spool, file, 1);
    }
}

void llmobs_slots_add_bytes(struct llmobs_spool *spool, uint32_t file,
                            size_t size)
{
    uint64_t at = atomic_load(&spool->at);

    while (file_of(at) == file && (at & UINT32_MAX) < INT32_MAX &&
           !atomic_compare_exchange_strong(&spool->at, &at, at + size))
        ;
}

bool llmobs_slots_has_entries(struct llmobs_spool *spool)
{
    for (size_t i = 0; i < llmobs_slots_used(spool); i++)
        if (atomic_load(&spool->slots[i].entries) != 0)
            return true;
    return false;
}
