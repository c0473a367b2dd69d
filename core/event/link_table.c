/* Stores records of earlier spans by hash. */
#include "core/event/link_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/stats.h"
#include "lib/span/context.h"

/* More records of a key than this make it crowded: the rest of the row is for
 * other keys. */
#define SAME_MAX 4

void llmobs_link_table_init(struct llmobs_link_table *table)
{
    memset(table, 0, sizeof(*table));
    table->file.fd = -1;
    table->own[0] = llmobs_context_random();
    table->own[1] = llmobs_context_random();
}

void llmobs_link_table_reset(struct llmobs_link_table *table)
{
    table->rows = NULL;
    table->file.fd = -1;
}

static void report_failure(int error)
{
    llmobs_stats_add(LLMOBS_STAT_link_file_failed, 1);
    llmobs_log_once(LLMOBS_LOG_WARN, "links",
                    "the file of links cannot be used (%s): calls of other "
                    "processes get no links",
                    strerror(-error));
}

void llmobs_link_table_begin(struct llmobs_link_table *table)
{
    int rc = -ENOENT;

    if (table->path)
        rc = llmobs_link_file_open(&table->file, table->path, table->salt);
    if (rc == 0)
        return;
    memcpy(table->salt, table->own, sizeof(table->salt));
    if (rc != -ENOENT && rc != -ENOTDIR)
        report_failure(rc);
}

void llmobs_link_table_end(struct llmobs_link_table *table)
{
    llmobs_link_file_close(&table->file);
}

void llmobs_link_table_hash(const struct llmobs_link_table *table, char kind,
                            struct llmobs_siphash *out)
{
    llmobs_siphash_init(out, table->salt);
    llmobs_siphash_add(out, &kind, 1);
}

void llmobs_link_table_add(struct llmobs_link_table *table, const char *text,
                           size_t len, struct llmobs_siphash *hash)
{
    if (memcmp(table->spread, table->salt, sizeof(table->salt)) != 0) {
        memcpy(table->spread, table->salt, sizeof(table->salt));
        llmobs_siphash_spread(table->salt, table->words);
    }
    llmobs_siphash_add_sums(hash, table->words, text, len);
}

static uint64_t row_number(struct llmobs_hash128 key)
{
    return key.lo % LLMOBS_LINK_ROWS;
}

/* The row of a key; NULL: no memory or file. */
static struct llmobs_link_record *row_of_key(struct llmobs_link_table *table,
                                             struct llmobs_hash128 key)
{
    int rc;

    if (table->file.fd < 0)
        return table->rows ? &table->rows[row_number(key) * LLMOBS_LINK_ROW]
                           : NULL;
    rc = llmobs_link_file_read(&table->file, table->salt, row_number(key),
                               table->row);
    if (rc)
        report_failure(rc);
    return rc ? NULL : table->row;
}

static bool store(struct llmobs_link_table *table,
                  struct llmobs_link_record *place, struct llmobs_hash128 key,
                  const struct llmobs_link_record *record)
{
    int rc;

    if (table->file.fd < 0) {
        *place = *record;
        return true;
    }
    rc = llmobs_link_file_write(&table->file, table->salt, row_number(key),
                                (unsigned)(place - table->row), *record);
    if (rc)
        report_failure(rc);
    return rc == 0;
}

static bool has_key(const struct llmobs_link_record *record,
                    struct llmobs_hash128 key)
{
    return record->at_ns && record->key.hi == key.hi &&
           record->key.lo == key.lo;
}

/* A record from the future also counts: the clock was set back. */
bool llmobs_link_is_fresh(const struct llmobs_link_record *record,
                          int64_t now_ns)
{
    return now_ns - record->at_ns <= LLMOBS_LINK_LIFE_NS;
}

size_t llmobs_link_table_find(struct llmobs_link_table *table,
                              struct llmobs_hash128 key,
                              struct llmobs_link_record **out)
{
    const struct llmobs_link_record *row = row_of_key(table, key);
    size_t count = 0;

    for (size_t i = 0; row && i < LLMOBS_LINK_ROW; i++)
        if (has_key(&row[i], key))
            table->found[count++] = row[i];
    *out = table->found;
    return count;
}

/* The record that the new one replaces in its row: a record of the same span;
 * else the oldest record of its key, if the key has many; else the oldest
 * record. */
static struct llmobs_link_record *place_in(
    struct llmobs_link_record *row, const struct llmobs_link_record *record,
    bool *crowded)
{
    struct llmobs_link_record *oldest = row, *own = NULL;
    size_t same = 0;

    for (size_t i = 0; i < LLMOBS_LINK_ROW; i++) {
        if (row[i].at_ns < oldest->at_ns)
            oldest = &row[i];
        if (!has_key(&row[i], record->key))
            continue;
        *crowded = *crowded || row[i].crowded;
        if (row[i].span_id == record->span_id)
            return &row[i];
        if (!own || row[i].at_ns < own->at_ns)
            own = &row[i];
        same++;
    }
    if (same < SAME_MAX && oldest != own)
        return oldest;
    *crowded = true;
    return own;
}

void llmobs_link_table_put(struct llmobs_link_table *table,
                           const struct llmobs_link_record *record)
{
    struct llmobs_link_record *row, anew = *record;
    bool crowded = false;

    if (table->file.fd < 0 && !table->rows)
        table->rows =
            calloc(LLMOBS_LINK_ROWS, LLMOBS_LINK_ROW * sizeof(*table->rows));
    row = row_of_key(table, record->key);
    if (!row)
        return;
    row = place_in(row, record, &crowded);
    anew.crowded = crowded;
    (void)store(table, row, record->key, &anew);
}

void llmobs_link_table_drop(struct llmobs_link_table *table,
                            struct llmobs_hash128 key, uint64_t span_id)
{
    static const struct llmobs_link_record none;
    struct llmobs_link_record *row = row_of_key(table, key);

    for (size_t i = 0; row && i < LLMOBS_LINK_ROW; i++)
        if (has_key(&row[i], key) && row[i].span_id == span_id)
            (void)store(table, &row[i], key, &none);
}

/* A put replaces the oldest record, so the second oldest is newer than all that
 * a row has forgotten, even if some were put late. */
static bool claim_record(struct llmobs_link_table *table,
                         const struct llmobs_link_record *record,
                         uint64_t check, int64_t since_ns)
{
    struct llmobs_link_record *row = row_of_key(table, record->key), anew;
    int64_t oldest = INT64_MAX, second = INT64_MAX;

    for (size_t i = 0; row && i < LLMOBS_LINK_ROW; i++) {
        if (row[i].at_ns < second)
            second = row[i].at_ns < oldest ? oldest : row[i].at_ns;
        if (row[i].at_ns < oldest)
            oldest = row[i].at_ns;
        if (!has_key(&row[i], record->key) || row[i].span_id != record->span_id)
            continue;
        if (row[i].check)
            return row[i].check == check;
        anew = row[i];
        anew.check = check;
        return store(table, &row[i], record->key, &anew);
    }
    if (second > since_ns)
        return false;
    anew = *record;
    anew.check = check;
    llmobs_link_table_put(table, &anew);
    return claim_record(table, record, check, -1);
}

/* Two processes may find the record at once: only one gets the lock, and it
 * reads the row again then. */
bool llmobs_link_table_claim(struct llmobs_link_table *table,
                             const struct llmobs_link_record *record,
                             uint64_t check, int64_t since_ns)
{
    const uint64_t row = row_number(record->key);
    bool claimed;

    if (table->file.fd < 0)
        return claim_record(table, record, check, since_ns);
    if (llmobs_link_file_lock(&table->file, row))
        return false;
    claimed = claim_record(table, record, check, since_ns);
    llmobs_link_file_unlock(&table->file, row);
    return claimed;
}
