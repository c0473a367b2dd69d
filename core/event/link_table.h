/* link_table - what is remembered of earlier spans, so that a later one can be
 * linked to them: fixed records, found by a hash.
 *
 * A record has no text: its key and its check are hashes, under a key of the
 * table that is random. Several spans may have a record under one key; then
 * the reader decides whether one of them is meant. Spans are linked to a
 * record's span for LLMOBS_LINK_LIFE_NS; after that the record stays, as long
 * as its place is not needed, since it still shows that a key was used before.
 *
 * The records are in a file of the user's (link_file.h), so that the turns of a
 * conversation may be separate processes; without that file they are in memory.
 *
 * Owns:    the rows, from the first put as long as the process lives; the
 *          descriptor of the file from begin to end, between which begin may
 *          come again.
 * Threads: the thread that has the worker's turn.
 * Errors:  without memory nothing is remembered; a file that fails counts as
 *          empty, and stats.h counts the failures.
 * Limits:  LLMOBS_LINK_ROWS rows of LLMOBS_LINK_ROW records: a new record
 *          replaces the oldest of its row.
 * Fork:    a child forgets the table, by reset, and frees nothing.
 */
#ifndef LLMOBS_LINK_TABLE_H
#define LLMOBS_LINK_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/event/link_file.h"

#define LLMOBS_LINK_LIFE_NS (INT64_C(3600) * 1000000000)

struct llmobs_link_table {
    const char *path; /* the file's; NULL: no file. Borrowed */
    uint64_t salt[2]; /* from begin to end: the key of the hashes */
    uint64_t words[LLMOBS_SIPHASH_WORDS]; /* spread from spread[] */
    uint64_t spread[2];
    uint64_t own[2]; /* the key of the records in memory */
    struct llmobs_link_file file;
    struct llmobs_link_record *rows; /* NULL: nothing was put yet */
    /* The row of the file that was read last: */
    struct llmobs_link_record row[LLMOBS_LINK_ROW];
    struct llmobs_link_record found[LLMOBS_LINK_ROW];
};

void llmobs_link_table_init(struct llmobs_link_table *table);
void llmobs_link_table_reset(struct llmobs_link_table *table);

/* All other functions may only be called between begin and end. */
void llmobs_link_table_begin(struct llmobs_link_table *table);
void llmobs_link_table_end(struct llmobs_link_table *table);

/* Begins a hash under the table's key; each `kind` of record has its own. */
void llmobs_link_table_hash(const struct llmobs_link_table *table, char kind,
                            struct llmobs_siphash *out);

/* Adds a long text. */
void llmobs_link_table_add(struct llmobs_link_table *table, const char *text,
                           size_t len, struct llmobs_siphash *hash);

/* Gives all records under the key, also old ones, until the next call, and
 * their number. The caller may change them: they are copies. */
size_t llmobs_link_table_find(struct llmobs_link_table *table,
                              struct llmobs_hash128 key,
                              struct llmobs_link_record **out);

/* True where the record is young enough for a link to its span. */
bool llmobs_link_is_fresh(const struct llmobs_link_record *record,
                          int64_t now_ns);

/* Copies the record into the table, in the place of a record of the same span
 * under the key. Where a row has no room for another record of a key, the new
 * record is `crowded`: more spans have had the key than are found. */
void llmobs_link_table_put(struct llmobs_link_table *table,
                           const struct llmobs_link_record *record);

/* Sets the check of a record that was found, if it is 0 or already `check`.
 * False: another process has set another check, or may have. With `since_ns`
 * from 0 on, a record that the table lacks is put into it, unless it may have
 * been there since that time. */
bool llmobs_link_table_claim(struct llmobs_link_table *table,
                             const struct llmobs_link_record *record,
                             uint64_t check, int64_t since_ns);

/* Removes the record of that span under the key. */
void llmobs_link_table_drop(struct llmobs_link_table *table,
                            struct llmobs_hash128 key, uint64_t span_id);

#endif
