/* ledger_dir - the files of a ledger: their names, pages and lock.
 *
 * Owns:    a llmobs_totals owns its descriptor from open to close.
 * Threads: one at a time in a process, because the lock belongs to the process.
 * Errors:  negative errno. A record that could not be written as a whole is
 *          removed; in the totals the checksum shows it.
 * Limits:  where files may not grow (ulimit -f), the totals stay as they are,
 *          and a record is the text of a symbolic link.
 * Fork:    a child does not inherit the lock.
 */
#ifndef LLMOBS_LEDGER_DIR_H
#define LLMOBS_LEDGER_DIR_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/ledger/counts.h"

/* Names that are not counters of stats.h. */
#define LLMOBS_LEDGER_PENDING "pending"
#define LLMOBS_LEDGER_PROCESSES "processes"
#define LLMOBS_LEDGER_RESTARTS "totals_restarted"
/* When the last drop was noticed: a wall time in nanoseconds. */
#define LLMOBS_LEDGER_LOST "lost_at"
#define LLMOBS_LEDGER_TOTALS "totals"

struct llmobs_totals {
    int fd;
    struct llmobs_page page;
};

int llmobs_record_write(int dir, const char *name,
                        const struct llmobs_page *page);
/* -ENODATA: the file was made and is still empty. `own`: read only a file of
 * this user, also if that is root. */
int llmobs_record_read(int dir, const char *name, bool own,
                       struct llmobs_page *page);

/* Opens and locks the totals: no process can add anything until close. -EBUSY
 * after `ms`. Makes the file if it is missing; who only `reads` makes and
 * changes nothing, as the ledger may belong to another user, and reads what
 * cannot be locked, too. The page is empty after an error. */
int llmobs_totals_open(struct llmobs_totals *totals, int dir, bool reads,
                       int64_t ms);

/* Adds the counts of the record `name` ("": the process had none), then removes
 * that record. After an error the page is of no more use. */
int llmobs_totals_add(struct llmobs_totals *totals, int dir, const char *name,
                      const struct llmobs_counts *more);
void llmobs_totals_close(struct llmobs_totals *totals);

#endif
