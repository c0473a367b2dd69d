/* Implements the table of records by address or number. */
#include "core/capture/keyed.h"

#include <stdlib.h>

/* Each level has eight times as many lines as the level before: 64 become 512.
 * So a search passes few levels. And a new level takes little memory, compared
 * with the records that filled the level before. */
#define LEVEL_BITS 3

struct llmobs_keyed_level {
    struct llmobs_keyed_level *older; /* NULL: the table's first is next */
    struct llmobs_keyed_line *lines;
    unsigned bits;
};

/* -- levels ---------------------------------------------------------------- */

static struct llmobs_keyed_line *first_line(
    const struct llmobs_keyed_table *table, const void *key)
{
    return &table->lines[llmobs_keyed_line_of(key, table->bits)];
}

static struct llmobs_keyed_line *line_in(const struct llmobs_keyed_level *level,
                                         const void *key)
{
    return &level->lines[llmobs_keyed_line_of(key, level->bits)];
}

static struct llmobs_keyed *find_in(struct llmobs_keyed_line *line,
                                    const void *key)
{
    uintptr_t hidden = llmobs_hide(key).negative;

#pragma GCC unroll 4
    for (int i = 0; i < LLMOBS_KEYED_LINE; i++) {
        struct llmobs_keyed_place *place = &line->places[i];

        if (atomic_load_explicit(&place->key, memory_order_acquire) == hidden)
            return atomic_load_explicit(&place->record, memory_order_relaxed);
    }
    return NULL;
}

/* Most records are in the newest level, which has the most places. */
void *llmobs_keyed_find_on(const struct llmobs_keyed_table *table,
                           const void *key)
{
    const struct llmobs_keyed_level *level =
        atomic_load_explicit(&table->state->newest, memory_order_acquire);
    struct llmobs_keyed *record = NULL;

    for (; level && !record; level = level->older)
        record = find_in(line_in(level, key), key);
    return record ? record : find_in(first_line(table, key), key);
}

/* The first address of a cache line, from `at` on. */
static void *aligned(void *at)
{
    return (void *)(((uintptr_t)at + LLMOBS_KEYED_ALIGN - 1) &
                    -(uintptr_t)LLMOBS_KEYED_ALIGN);
}

_Static_assert(sizeof(struct llmobs_keyed_level) <=
                   sizeof(struct llmobs_keyed_line),
               "two more lines are room for the level and its alignment");

/* Another thread that grows the table at the same time may be faster: then its
 * level is the newest. The kernel gives large blocks page by page, as they are
 * used. */
static struct llmobs_keyed_level *add_level(
    const struct llmobs_keyed_table *table, struct llmobs_keyed_level *newest)
{
    unsigned bits = (newest ? newest->bits : table->bits) + LEVEL_BITS;
    struct llmobs_keyed_level *level =
        bits > LLMOBS_KEYED_BITS
            ? NULL
            : calloc(((size_t)1 << bits) + 2, sizeof(struct llmobs_keyed_line));

    if (!level)
        return NULL;
    level->older = newest;
    level->bits = bits;
    level->lines = aligned(level + 1);
    if (atomic_compare_exchange_strong(&table->state->newest, &newest, level))
        return level;
    free(level);
    return newest;
}

/* -- places ---------------------------------------------------------------- */

/* Takes a free place by one atomic write: the place then holds its own address.
 * No search finds the place yet, as keys are hidden addresses. */
static struct llmobs_keyed_place *claim_in(struct llmobs_keyed_line *line)
{
    for (int i = 0; i < LLMOBS_KEYED_LINE; i++) {
        struct llmobs_keyed_place *place = &line->places[i];
        uintptr_t none = 0;

        if (atomic_compare_exchange_strong(&place->key, &none,
                                           (uintptr_t)place))
            return place;
    }
    return NULL;
}

/* -- records --------------------------------------------------------------- */

/* Claims a free record, by one atomic write of its key. */
static bool claim_record(struct llmobs_keyed *record, void *key)
{
    uintptr_t none = 0;

    return atomic_load_explicit(&record->key, memory_order_relaxed) == 0 &&
           atomic_compare_exchange_strong(&record->key, &none,
                                          llmobs_hide(key).negative);
}

/* Claims any free record. Each search begins where the last one ended, so that
 * all records have their turn. */
static struct llmobs_keyed *claim_any(struct llmobs_keyed_state *state,
                                      void *key)
{
    struct llmobs_keyed *record =
        atomic_load_explicit(&state->tried, memory_order_acquire);
    int tries = LLMOBS_KEYED_TRIES;

    while (tries-- > 0) {
        if (!record)
            record = atomic_load_explicit(&state->all, memory_order_acquire);
        if (!record || claim_record(record, key))
            break;
        record = record->next;
    }
    atomic_store_explicit(&state->tried, record ? record->next : NULL,
                          memory_order_release);
    return tries >= 0 ? record : NULL;
}

static struct llmobs_keyed *claim_free(struct llmobs_keyed_state *state,
                                       struct llmobs_keyed_place *place,
                                       void *key)
{
    struct llmobs_keyed *record =
        atomic_load_explicit(&place->record, memory_order_acquire);

    if (atomic_load_explicit(&state->free, memory_order_relaxed) == 0)
        return NULL;
    if (!record || !claim_record(record, key))
        record = claim_any(state, key);
    if (record)
        atomic_fetch_sub_explicit(&state->free, 1, memory_order_relaxed);
    return record;
}

static struct llmobs_keyed *make_record(const struct llmobs_keyed_table *table,
                                        void *key)
{
    _Atomic(struct llmobs_keyed *) *all = &table->state->all;
    void *block = calloc(1, table->size + LLMOBS_KEYED_ALIGN);
    struct llmobs_keyed *record = block ? aligned(block) : NULL;

    if (!record)
        return NULL;
    atomic_init(&record->key, llmobs_hide(key).negative);
    record->next = atomic_load_explicit(all, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(
        all, &record->next, record, memory_order_release, memory_order_relaxed))
        ;
    return record;
}

static void *fill_place(const struct llmobs_keyed_table *table,
                        struct llmobs_keyed_place *place, void *key)
{
    struct llmobs_keyed *record = claim_free(table->state, place, key);

    if (!record)
        record = make_record(table, key);
    if (!record) {
        atomic_store_explicit(&place->key, 0, memory_order_release);
        return NULL;
    }
    record->place = place;
    atomic_store_explicit(&place->record, record, memory_order_relaxed);
    atomic_store_explicit(&place->key, llmobs_hide(key).negative,
                          memory_order_release);
    return record;
}

void *llmobs_keyed_claim(const struct llmobs_keyed_table *table, void *key)
{
    void *record = llmobs_keyed_find(table, key);
    struct llmobs_keyed_place *place;
    struct llmobs_keyed_level *newest;
    struct llmobs_keyed_level *level;

    if (record || !key)
        return record;
    newest = atomic_load_explicit(&table->state->newest, memory_order_acquire);
    level = newest;
    place = claim_in(first_line(table, key));
    for (; level && !place; level = level->older)
        place = claim_in(line_in(level, key));
    while (!place && (newest = add_level(table, newest)) != NULL)
        place = claim_in(line_in(newest, key));
    return place ? fill_place(table, place, key) : NULL;
}

void llmobs_keyed_rename(struct llmobs_keyed *record, void *key)
{
    uintptr_t hidden = llmobs_hide(key).negative;

    atomic_store_explicit(&record->key, hidden, memory_order_release);
    atomic_store_explicit(&record->place->key, hidden, memory_order_release);
}

/* Another thread may claim the record, and give it another place, as soon as it
 * is free. */
void llmobs_keyed_release(const struct llmobs_keyed_table *table,
                          struct llmobs_keyed *record)
{
    struct llmobs_keyed_place *place = record->place;

    atomic_store_explicit(&record->key, 0, memory_order_release);
    atomic_fetch_add_explicit(&table->state->free, 1, memory_order_relaxed);
    atomic_store_explicit(&place->key, 0, memory_order_release);
}
