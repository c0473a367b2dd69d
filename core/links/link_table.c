#include "core/links/link_table.h"

#include <stdlib.h>
#include <string.h>

#include "core/span/context.h"

void llmobs_link_table_init(struct llmobs_link_table *table)
{
    table->salt[0] = llmobs_context_random();
    table->salt[1] = llmobs_context_random();
    table->rows = NULL;
}

void llmobs_link_table_fini(struct llmobs_link_table *table)
{
    free(table->rows);
    table->rows = NULL;
}

void llmobs_link_table_reset(struct llmobs_link_table *table)
{
    table->rows = NULL;
}

void llmobs_link_table_hash(const struct llmobs_link_table *table, char kind,
                            struct llmobs_siphash *out)
{
    llmobs_siphash_init(out, table->salt);
    llmobs_siphash_add(out, &kind, 1);
}

static struct llmobs_link_record *row_of(const struct llmobs_link_table *table,
                                         struct llmobs_hash128 key)
{
    return table->rows
               ? &table->rows[key.lo % LLMOBS_LINK_ROWS * LLMOBS_LINK_ROW]
               : NULL;
}

static bool is_of(const struct llmobs_link_record *record,
                  struct llmobs_hash128 key)
{
    return record->at_ns && record->key.hi == key.hi &&
           record->key.lo == key.lo;
}

/* A record of the future is of a clock that was set back: it counts, too. */
static bool is_old(const struct llmobs_link_record *record, int64_t now_ns)
{
    return now_ns - record->at_ns > LLMOBS_LINK_LIFE_NS;
}

bool llmobs_link_table_find(const struct llmobs_link_table *table,
                            struct llmobs_hash128 key, int64_t now_ns,
                            struct llmobs_link_record *out)
{
    const struct llmobs_link_record *row = row_of(table, key);

    for (size_t i = 0; row && i < LLMOBS_LINK_ROW; i++) {
        if (!is_of(&row[i], key))
            continue;
        *out = row[i];
        return out->span_id && !is_old(out, now_ns);
    }
    return false;
}

/* The place of the record in its row: its key's own, else the oldest. */
static struct llmobs_link_record *place_in(struct llmobs_link_record *row,
                                           struct llmobs_hash128 key)
{
    struct llmobs_link_record *place = row;

    for (size_t i = 0; i < LLMOBS_LINK_ROW; i++) {
        if (is_of(&row[i], key))
            return &row[i];
        if (row[i].at_ns < place->at_ns)
            place = &row[i];
    }
    return place;
}

void llmobs_link_table_put(struct llmobs_link_table *table,
                           const struct llmobs_link_record *record)
{
    struct llmobs_link_record *place;
    bool shared;

    if (!table->rows)
        table->rows =
            calloc(LLMOBS_LINK_ROWS, LLMOBS_LINK_ROW * sizeof(*table->rows));
    if (!table->rows)
        return;
    place = place_in(row_of(table, record->key), record->key);
    shared = is_of(place, record->key) && !is_old(place, record->at_ns) &&
             place->span_id != record->span_id;
    *place = *record;
    if (shared)
        place->span_id = 0;
}
