#include "core/sdk/api_table.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/cold.h"
#include "core/base/fork.h"

/* A number is a generation, then 16 bits that name the place from 2 on: 0 and
 * 1 are no spans. An odd generation is open. */
#define PLACE_BITS 16
#define PLACE_FIRST 2
/* An application has a number in a pointer. */
#define GENERATION_UNUSED (64 + PLACE_BITS - 8 * sizeof(void *))
#define CHUNK 256
#define CHUNKS ((LLMOBS_API_SPANS_MAX + CHUNK - 1) / CHUNK)
#define SPINS 100

struct place {
    _Atomic uint64_t generation;
    atomic_int holder; /* process whose thread has it; 0: nobody */
    struct llmobs_api_live *live;
};

/* Chunks are never freed. */
LLMOBS_COLD static _Atomic(struct place *) chunks[CHUNKS];
static atomic_uint hint; /* where a free place is likely */

struct llmobs_api_live *llmobs_api_live_new(void)
{
    struct llmobs_api_live *live = calloc(1, sizeof(*live));

    if (live && llmobs_span_init(&live->span) != 0) {
        free(live);
        return NULL;
    }
    return live;
}

void llmobs_api_live_free(struct llmobs_api_live *live)
{
    if (!live)
        return;
    llmobs_span_fini(&live->span);
    llmobs_json_free(live->tags);
    free(live);
}

static struct place *place_at(size_t index)
{
    struct place *chunk;

    if (index >= LLMOBS_API_SPANS_MAX)
        return NULL;
    chunk = atomic_load_explicit(&chunks[index / CHUNK], memory_order_acquire);
    return chunk ? &chunk[index % CHUNK] : NULL;
}

static struct place *make_place(size_t index)
{
    struct place *place = place_at(index);
    struct place *fresh, *none = NULL;

    if (place || index >= LLMOBS_API_SPANS_MAX)
        return place;
    fresh = calloc(CHUNK, sizeof(*fresh));
    if (!fresh)
        return NULL;
    if (!atomic_compare_exchange_strong(&chunks[index / CHUNK], &none, fresh))
        free(fresh);
    return place_at(index);
}

static size_t index_of(uint64_t number)
{
    uint64_t low = number & ((1u << PLACE_BITS) - 1);

    return low < PLACE_FIRST ? SIZE_MAX : (size_t)low - PLACE_FIRST;
}

/* A child never waits for a thread that only its parent has. */
static bool hold(struct place *place)
{
    const struct timespec moment = {0, 20000};
    int mine = llmobs_fork_process();
    int holder = 0;

    for (unsigned tries = 0; !atomic_compare_exchange_weak_explicit(
             &place->holder, &holder, mine, memory_order_acquire,
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

static void let_go(struct place *place)
{
    atomic_store_explicit(&place->holder, 0, memory_order_release);
}

/* One that nobody waits for: a place that is held is none. */
static bool claim(struct place *place)
{
    int nobody = 0;

    if (atomic_load(&place->generation) & 1)
        return false;
    if (!atomic_compare_exchange_strong(&place->holder, &nobody,
                                        llmobs_fork_process()))
        return false;
    if (!(atomic_load(&place->generation) & 1))
        return true;
    let_go(place);
    return false;
}

uint64_t llmobs_api_table_add(struct llmobs_api_live *live)
{
    size_t first = atomic_load(&hint);

    for (size_t i = 0; i < LLMOBS_API_SPANS_MAX; i++) {
        size_t index = (first + i) % LLMOBS_API_SPANS_MAX;
        struct place *place = make_place(index);
        uint64_t number;

        if (!place)
            return 0;
        if (!claim(place))
            continue;
        place->live = live;
        number = atomic_fetch_add(&place->generation, 1) + 1;
        let_go(place);
        atomic_store(&hint, (unsigned)(index + 1) % LLMOBS_API_SPANS_MAX);
        return number << PLACE_BITS | (index + PLACE_FIRST);
    }
    return 0;
}

static bool is_open(struct place *place, uint64_t number)
{
    uint64_t generation = atomic_load(&place->generation);

    return (generation & 1) &&
           (generation ^ number >> PLACE_BITS) << GENERATION_UNUSED == 0;
}

bool llmobs_api_table_has(uint64_t number)
{
    struct place *place = place_at(index_of(number));

    return place && is_open(place, number);
}

struct llmobs_api_live *llmobs_api_table_lock(uint64_t number)
{
    struct place *place = place_at(index_of(number));

    if (!place || !is_open(place, number) || !hold(place))
        return NULL;
    if (is_open(place, number))
        return place->live;
    let_go(place);
    return NULL;
}

void llmobs_api_table_unlock(uint64_t number)
{
    let_go(place_at(index_of(number)));
}

struct llmobs_api_live *llmobs_api_table_take(uint64_t number)
{
    struct place *place = place_at(index_of(number));
    struct llmobs_api_live *live = place->live;

    place->live = NULL;
    atomic_fetch_add(&place->generation, 1);
    let_go(place);
    return live;
}
