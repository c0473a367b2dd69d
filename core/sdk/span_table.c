/* Keeps the open spans of the program in a table. */
#include "core/sdk/span_table.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/cold.h"
#include "lib/base/fork.h"

/* A number is a generation, then 16 bits that name the slot. Slots count from
 * 2, because no span has the numbers 0 and 1. A slot of an odd generation is
 * open. */
#define SLOT_BITS 16
#define SLOT_FIRST 2
/* An application stores the number in a pointer, which may have fewer bits, so
 * the top bits of a generation are not compared. */
#define GENERATION_UNUSED (64 + SLOT_BITS - 8 * sizeof(void *))
#define CHUNK 256
#define CHUNKS ((LLMOBS_SPAN_TABLE_MAX + CHUNK - 1) / CHUNK)
#define SPINS 100

struct slot {
    _Atomic uint64_t generation;
    atomic_int holder; /* process of the thread that has it; 0: no thread */
    struct llmobs_open_span *live;
};

/* Chunks are never freed. */
LLMOBS_COLD static _Atomic(struct slot *) chunks[CHUNKS];
static atomic_uint hint; /* where a free slot is likely */

struct llmobs_open_span *llmobs_open_span_new(void)
{
    struct llmobs_open_span *live = calloc(1, sizeof(*live));

    if (live && llmobs_span_init(&live->span) != 0) {
        free(live);
        return NULL;
    }
    return live;
}

void llmobs_open_span_free(struct llmobs_open_span *live)
{
    if (!live)
        return;
    llmobs_span_fini(&live->span);
    llmobs_json_free(live->tags);
    llmobs_json_free(live->prompt_above);
    free(live->variables);
    free(live);
}

static struct slot *slot_at(size_t index)
{
    struct slot *chunk;

    if (index >= LLMOBS_SPAN_TABLE_MAX)
        return NULL;
    chunk = atomic_load_explicit(&chunks[index / CHUNK], memory_order_acquire);
    return chunk ? &chunk[index % CHUNK] : NULL;
}

static struct slot *make_slot(size_t index)
{
    struct slot *slot = slot_at(index);
    struct slot *fresh, *none = NULL;

    if (slot || index >= LLMOBS_SPAN_TABLE_MAX)
        return slot;
    fresh = calloc(CHUNK, sizeof(*fresh));
    if (!fresh)
        return NULL;
    if (!atomic_compare_exchange_strong(&chunks[index / CHUNK], &none, fresh))
        free(fresh);
    return slot_at(index);
}

static size_t index_of(uint64_t number)
{
    uint64_t low = number & ((1u << SLOT_BITS) - 1);

    return low < SLOT_FIRST ? SIZE_MAX : (size_t)low - SLOT_FIRST;
}

/* Locks the slot. A child never waits for a thread that only its parent has. */
static bool lock_slot(struct slot *slot)
{
    const struct timespec moment = {0, 20000};
    int mine = llmobs_fork_process();
    int holder = 0;

    for (unsigned tries = 0; !atomic_compare_exchange_weak_explicit(
             &slot->holder, &holder, mine, memory_order_acquire,
             memory_order_relaxed);
         tries++) {
        if (holder != 0 && holder != mine)
            return false;
        holder = 0;
        if (tries < SPINS)
            sched_yield();
        else
            nanosleep(&moment, NULL);
    }
    return true;
}

static void unlock_slot(struct slot *slot)
{
    atomic_store_explicit(&slot->holder, 0, memory_order_release);
}

/* Claims a free slot without waiting: skips slots that other threads hold. */
static bool claim_slot(struct slot *slot)
{
    int nobody = 0;

    if (atomic_load(&slot->generation) & 1)
        return false;
    if (!atomic_compare_exchange_strong(&slot->holder, &nobody,
                                        llmobs_fork_process()))
        return false;
    if (!(atomic_load(&slot->generation) & 1))
        return true;
    unlock_slot(slot);
    return false;
}

uint64_t llmobs_span_table_add(struct llmobs_open_span *live)
{
    size_t first = atomic_load(&hint);

    for (size_t i = 0; i < LLMOBS_SPAN_TABLE_MAX; i++) {
        size_t index = (first + i) % LLMOBS_SPAN_TABLE_MAX;
        struct slot *slot = make_slot(index);
        uint64_t number;

        if (!slot)
            return 0;
        if (!claim_slot(slot))
            continue;
        slot->live = live;
        number = atomic_fetch_add(&slot->generation, 1) + 1;
        unlock_slot(slot);
        atomic_store(&hint, (unsigned)(index + 1) % LLMOBS_SPAN_TABLE_MAX);
        return number << SLOT_BITS | (index + SLOT_FIRST);
    }
    return 0;
}

static bool is_open(struct slot *slot, uint64_t number)
{
    uint64_t generation = atomic_load(&slot->generation);

    return (generation & 1) &&
           (generation ^ number >> SLOT_BITS) << GENERATION_UNUSED == 0;
}

bool llmobs_span_table_has(uint64_t number)
{
    struct slot *slot = slot_at(index_of(number));

    return slot && is_open(slot, number);
}

struct llmobs_open_span *llmobs_span_table_lock(uint64_t number)
{
    struct slot *slot = slot_at(index_of(number));

    if (!slot || !is_open(slot, number) || !lock_slot(slot))
        return NULL;
    if (is_open(slot, number))
        return slot->live;
    unlock_slot(slot);
    return NULL;
}

void llmobs_span_table_unlock(uint64_t number)
{
    unlock_slot(slot_at(index_of(number)));
}

struct llmobs_open_span *llmobs_span_table_remove(uint64_t number)
{
    struct slot *slot = slot_at(index_of(number));
    struct llmobs_open_span *live = slot->live;

    slot->live = NULL;
    atomic_fetch_add(&slot->generation, 1);
    unlock_slot(slot);
    return live;
}
