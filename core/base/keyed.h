/* keyed - a table of records, found by an address of the app: that of an easy
 * or of a multi handle.
 *
 * Owns:    the records of a table. They are recycled and never freed, so that a
 *          late reader never meets freed memory. The maker of the table owns
 * the array of its chains. Threads: a record belongs to the thread that uses
 * its key, by libcurl's own rule. A search takes no lock: chains only grow, and
 * one atomic store claims a record or gives it back. Errors:  claim: NULL when
 * memory runs out.
 */
#ifndef LLMOBS_KEYED_H
#define LLMOBS_KEYED_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* First member of each record. */
struct llmobs_keyed {
    _Atomic(void *) key; /* NULL: free to be recycled */
    struct llmobs_keyed *next;
};

typedef _Atomic(struct llmobs_keyed *) llmobs_keyed_chain;

/* Constant, so that the compiler can put its numbers into the search. */
struct llmobs_keyed_table {
    llmobs_keyed_chain *chains;
    uint32_t count;
    size_t size; /* of a record */
};

static inline llmobs_keyed_chain *llmobs_keyed_chain_of(
    const struct llmobs_keyed_table *table, const void *key)
{
    uint64_t hash = (uint64_t)(uintptr_t)key * UINT64_C(0x9E3779B97F4A7C15);

    return &table->chains[(hash >> 32) * table->count >> 32];
}

/* The record of a key; NULL: there is none, or no key. */
static inline void *llmobs_keyed_find(const struct llmobs_keyed_table *table,
                                      const void *key)
{
    struct llmobs_keyed *record = NULL;

    if (key)
        record = atomic_load_explicit(llmobs_keyed_chain_of(table, key),
                                      memory_order_acquire);
    while (record &&
           atomic_load_explicit(&record->key, memory_order_acquire) != key)
        record = record->next;
    return record;
}

/* The same; where there is none, claims a record that was given back, with the
 * contents that its last user left, or a new one, all zero. */
void *llmobs_keyed_claim(const struct llmobs_keyed_table *table, void *key);

/* Sets the key of a record; NULL: gives the record back. Under a key that no
 * object of the app can have, such as the record's own address, a record is
 * neither found nor recycled. */
static inline void llmobs_keyed_set(struct llmobs_keyed *record, void *key)
{
    atomic_store_explicit(&record->key, key, memory_order_release);
}

#endif
