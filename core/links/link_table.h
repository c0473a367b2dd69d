/* link_table - what is remembered of earlier spans, so that a later one can be
 * linked to them: fixed records, found by a hash.
 *
 * A record has no text: its key and its check are hashes under a key that the
 * table draws at random. It counts for LLMOBS_LINK_LIFE_NS. Where two spans
 * have left a record under one key, the key names neither: the record says that
 * it is ambiguous, and a link by it would be a guess.
 *
 * Owns:    its memory, from the first put to fini.
 * Threads: the one that has the worker's turn.
 * Errors:  without memory nothing is remembered.
 * Limits:  LLMOBS_LINK_ROWS rows of LLMOBS_LINK_ROW records: a new one replaces
 *          the oldest of its row.
 * Fork:    a child forgets the table, by reset, and frees nothing.
 */
#ifndef LLMOBS_LINK_TABLE_H
#define LLMOBS_LINK_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/siphash.h"
#include "core/span/id128.h"

#define LLMOBS_LINK_LIFE_NS (INT64_C(3600) * 1000000000)
#define LLMOBS_LINK_ROWS 2048
#define LLMOBS_LINK_ROW 8

struct llmobs_link_record {
    struct llmobs_hash128 key;
    uint64_t span_id; /* 0: several spans have left it */
    struct llmobs_id128 trace_id;
    int64_t at_ns;  /* wall clock; 0: the place is free */
    uint64_t check; /* what else must be equal; its meaning is the writer's */
};

struct llmobs_link_table {
    uint64_t salt[2];
    struct llmobs_link_record *rows; /* NULL: none was put yet */
};

/* Draws the key; nothing else. */
void llmobs_link_table_init(struct llmobs_link_table *table);
void llmobs_link_table_fini(struct llmobs_link_table *table);
void llmobs_link_table_reset(struct llmobs_link_table *table);

/* Begins a hash under the table's key, whose `kind` keeps the records of
 * different meaning apart. */
void llmobs_link_table_hash(const struct llmobs_link_table *table, char kind,
                            struct llmobs_siphash *out);

/* Gives the record under the key, unless it is too old at `now_ns`. False:
 * there is none, or it is ambiguous. */
bool llmobs_link_table_find(const struct llmobs_link_table *table,
                            struct llmobs_hash128 key, int64_t now_ns,
                            struct llmobs_link_record *out);

/* Copies the record into the table. One that the same span has left under the
 * key is replaced; one of another span makes the key ambiguous. */
void llmobs_link_table_put(struct llmobs_link_table *table,
                           const struct llmobs_link_record *record);

#endif
