/* keyed - a table of records, each found by its key: the address of an easy or
 * of a multi handle of the app, or a number that the app gives.
 *
 * A record has a place, which holds its key. The places are in levels: the
 * first one is the table's own array, each further one is eight times as large
 * and comes when a record finds no place in the others. A level has a line of
 * LLMOBS_KEYED_LINE places for each key, the size of a cache line, and no
 * record is anywhere else. Nothing moves when a table grows: a search goes to
 * the first place of the first level, then from the newest one to the oldest.
 *
 * Owns:    the records and the further levels. It recycles records and frees
 *          nothing, so that a late reader never meets freed memory. The maker
 *          of the table owns the array of its first level.
 * Threads: a record belongs to the thread that uses its key, by libcurl's own
 *          rule. Neither a search nor a claim takes a lock or waits: one atomic
 *          write takes a place, one takes a record, one makes the record known.
 * Errors:  claim: NULL when memory runs out.
 * Limits:  LLMOBS_KEYED_BITS; a search looks at a line of each level, and the
 *          levels of 100,000 records are five. A claim tries LLMOBS_KEYED_TRIES
 *          records that were given back before it makes another.
 * Fork:    a claim that a thread of the parent had begun stays unfound in the
 *          child, and its place stays taken.
 */
#ifndef LLMOBS_KEYED_H
#define LLMOBS_KEYED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/capture/hidden.h"

#define LLMOBS_KEYED_LINE 4
#define LLMOBS_KEYED_ALIGN 64
/* The largest level has this many bits of lines. */
#define LLMOBS_KEYED_BITS 21
#define LLMOBS_KEYED_TRIES 64

struct llmobs_keyed_place;

/* First member of each record, which begins a cache line. */
struct llmobs_keyed {
    _Atomic(uintptr_t) key; /* hidden.h; 0: free to be recycled */
    struct llmobs_keyed *next;
    struct llmobs_keyed_place *place; /* while the record is in use */
};

struct llmobs_keyed_place {
    _Atomic(uintptr_t) key; /* hidden.h; 0: free */
    /* The record stays here when the place becomes free: the next user of the
     * place tries this record first. */
    _Atomic(struct llmobs_keyed *) record;
};

struct llmobs_keyed_line {
    _Alignas(
        LLMOBS_KEYED_ALIGN) struct llmobs_keyed_place places[LLMOBS_KEYED_LINE];
};

struct llmobs_keyed_level;

/* The part of a table that changes. */
struct llmobs_keyed_state {
    _Atomic(struct llmobs_keyed_level *) newest; /* NULL: no further level */
    _Atomic(struct llmobs_keyed *) all;          /* every record, by next */
    _Atomic(struct llmobs_keyed *) tried;        /* next record to try as
                                                  * free */
    atomic_size_t free;                          /* number of free records */
};

/* Constant, so that the compiler can put its numbers into the search. */
struct llmobs_keyed_table {
    struct llmobs_keyed_line *lines; /* 2 to the power of bits */
    unsigned bits;                   /* at least 1 */
    size_t size;                     /* of a record */
    struct llmobs_keyed_state *state;
};

static inline size_t llmobs_keyed_line_of(const void *key, unsigned bits)
{
    return (uint64_t)(uintptr_t)key * UINT64_C(0x9E3779B97F4A7C15) >>
           (64 - bits);
}

/* The key of a record. */
static inline void *llmobs_keyed_key(const struct llmobs_keyed *record)
{
    return llmobs_shown((struct llmobs_hidden){atomic_load(&record->key)});
}

/* Continues a search behind the first place of the first level. */
void *llmobs_keyed_find_on(const struct llmobs_keyed_table *table,
                           const void *key);

/* The record of a key. NULL: the key has no record, or is NULL. */
static inline void *llmobs_keyed_find(const struct llmobs_keyed_table *table,
                                      const void *key)
{
    struct llmobs_keyed_place *first;

    if (!key)
        return NULL;
    first = table->lines[llmobs_keyed_line_of(key, table->bits)].places;
    if (atomic_load_explicit(&first->key, memory_order_acquire) ==
        llmobs_hide(key).negative)
        return atomic_load_explicit(&first->record, memory_order_relaxed);
    return llmobs_keyed_find_on(table, key);
}

/* Like llmobs_keyed_find. But if the key has no record, claims one: a record
 * that was given back, with its last user's contents, or a new record, all
 * zero. */
void *llmobs_keyed_claim(const struct llmobs_keyed_table *table, void *key);

/* Gives a record another key. Under a key that no object of the app can have,
 * such as the record's own address, the record is neither found nor recycled;
 * it may have its former key back. */
void llmobs_keyed_rename(struct llmobs_keyed *record, void *key);

/* Gives the record back for another claim. */
void llmobs_keyed_release(const struct llmobs_keyed_table *table,
                          struct llmobs_keyed *record);

#endif
