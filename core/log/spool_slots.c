#include "core/log/spool_state.h"

static uint32_t file_at(uint64_t at)
{
    return (uint32_t)(at >> 32);
}

/* Writes only to the slots in use, which are few: memory that a child writes to
 * is no longer shared with its parent. */
void llmobs_slots_clear(struct llmobs_spool *spool)
{
    for (size_t i = 0; i < llmobs_spool_slots(spool); i++) {
        struct llmobs_spool_slot *slot = &spool->slots[i];

        if (!atomic_load(&slot->file) && !atomic_load(&slot->left) &&
            !atomic_load(&slot->owned) && !atomic_load(&slot->bytes) &&
            !atomic_load(&slot->handed))
            continue;
        atomic_store(&slot->handed, false);
        atomic_store(&slot->left, 0);
        atomic_store(&slot->file, 0);
        atomic_store(&slot->owned, false);
        atomic_store(&slot->bytes, 0);
    }
}

static bool spool_is_free(struct llmobs_spool_slot *slot)
{
    return atomic_load(&slot->left) == 0 && atomic_load(&slot->file) == 0;
}

void llmobs_slots_forget(struct llmobs_spool_slot *slot)
{
    atomic_store(&slot->bytes, 0);
    atomic_store(&slot->owned, false);
    atomic_store(&slot->handed, false);
    atomic_store(&slot->file, 0);
}

void llmobs_slots_leave(struct llmobs_spool *spool, uint32_t file, unsigned n)
{
    struct llmobs_spool_slot *slot = llmobs_slots_of(spool, file);

    if (atomic_fetch_sub(&slot->left, n) == n && atomic_load(&slot->handed) &&
        file != llmobs_slots_current(spool))
        llmobs_slots_forget(slot);
}

/* Makes `next` the current file, unless another thread has made a file since
 * `at` was read. All entries of the file before it may be gone already, so this
 * thread also leaves that file. */
static void turn_to(struct llmobs_spool *spool, uint64_t at, uint32_t next)
{
    uint32_t file = file_at(at);

    atomic_fetch_add(&llmobs_slots_of(spool, file)->left, 1);
    atomic_store(&spool->turned, true);
    (void)atomic_compare_exchange_strong(&spool->at, &at, (uint64_t)next << 32);
    llmobs_slots_leave(spool, file, 1);
}

/* Goes on to the next free file; false where the process has too many files. */
static bool turn_over(struct llmobs_spool *spool, uint64_t at)
{
    for (uint32_t next = file_at(at) + 1;
         next < file_at(at) + LLMOBS_SPOOL_FILES; next++) {
        if (!spool_is_free(llmobs_slots_of(spool, next)))
            continue;
        turn_to(spool, at, next);
        return true;
    }
    return false;
}

void llmobs_slots_turn_from(struct llmobs_spool *spool, uint32_t file)
{
    uint64_t at = atomic_load(&spool->at);

    if (file_at(at) == file)
        (void)turn_over(spool, at);
}

/* True where nothing more begins in a file of so many bytes. Under a limit of
 * file sizes each call has a file to itself: its END would not fit behind
 * others. */
static bool is_full(struct llmobs_spool *spool, uint32_t file, size_t bytes)
{
    if (bytes > 0 && atomic_load(&spool->limited))
        return true;
    return bytes >= spool->file_max &&
           (bytes >= INT32_MAX || !llmobs_spool_is_last(spool, file));
}

uint32_t llmobs_slots_enter(struct llmobs_spool *spool, size_t size)
{
    for (;;) {
        uint64_t at = atomic_load(&spool->at);
        uint32_t file = file_at(at);

        if (is_full(spool, file, at & UINT32_MAX)) {
            if (!turn_over(spool, at))
                return 0;
            continue;
        }
        atomic_fetch_add(&llmobs_slots_of(spool, file)->left, 1);
        if (atomic_compare_exchange_strong(&spool->at, &at, at + size))
            return file;
        llmobs_slots_leave(spool, file, 1);
    }
}

void llmobs_slots_count(struct llmobs_spool *spool, uint32_t file, size_t size)
{
    uint64_t at = atomic_load(&spool->at);

    while (file_at(at) == file && (at & UINT32_MAX) < INT32_MAX &&
           !atomic_compare_exchange_strong(&spool->at, &at, at + size))
        ;
}

bool llmobs_slots_has_entries(struct llmobs_spool *spool)
{
    for (size_t i = 0; i < llmobs_spool_slots(spool); i++)
        if (atomic_load(&spool->slots[i].left) != 0)
            return true;
    return false;
}
