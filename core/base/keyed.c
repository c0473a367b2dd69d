#include "core/base/keyed.h"

#include <stdlib.h>

/* Claims a free record, by one atomic write of its key. */
static struct llmobs_keyed *recycle(llmobs_keyed_chain *chain, void *key)
{
    struct llmobs_keyed *record =
        atomic_load_explicit(chain, memory_order_acquire);

    for (; record; record = record->next) {
        void *none = NULL;

        if (atomic_compare_exchange_strong(&record->key, &none, key))
            return record;
    }
    return NULL;
}

static struct llmobs_keyed *make(llmobs_keyed_chain *chain, size_t size,
                                 void *key)
{
    struct llmobs_keyed *record = calloc(1, size);

    if (!record)
        return NULL;
    atomic_init(&record->key, key);
    record->next = atomic_load_explicit(chain, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(chain, &record->next, record,
                                                  memory_order_release,
                                                  memory_order_relaxed))
        ;
    return record;
}

void *llmobs_keyed_claim(const struct llmobs_keyed_table *table, void *key)
{
    struct llmobs_keyed *record = llmobs_keyed_find(table, key);

    if (!record && key)
        record = recycle(llmobs_keyed_chain_of(table, key), key);
    if (!record && key)
        record = make(llmobs_keyed_chain_of(table, key), table->size, key);
    return record;
}
