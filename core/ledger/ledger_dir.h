/* ledger_dir - the files of a ledger: their names, pages and lock.
 *
 * Owns:    a llmobs_totals owns its descriptor from open to close.
 * Threads: one at a time in a process: the lock is the process's.
 * Errors:  negative errno; a page that was not written whole is removed or, in
 *          the totals, found by its checksum.
 * Limits:  see ledger.h.
 * Fork:    the lock does not go to a child.
 */
#ifndef LLMOBS_LEDGER_DIR_H
#define LLMOBS_LEDGER_DIR_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/ledger/counts.h"

#define LLMOBS_RECORD_NAME_MAX LLMOBS_PAGE_LAST_MAX
#define LLMOBS_LEDGER_TOTALS "totals"

/* Who writes a record. */
struct llmobs_record_owner {
    pid_t pid;
    uint64_t start; /* field 22 of /proc/PID/stat; 0: not known */
    uint64_t nonce; /* grows: another program in the same process */
};

struct llmobs_totals {
    int fd;
    struct llmobs_page page;
};

void llmobs_record_name(const struct llmobs_record_owner *owner,
                        char out[LLMOBS_RECORD_NAME_MAX]);
/* The same for this process and now: a name that it never had before. */
void llmobs_record_self(char out[LLMOBS_RECORD_NAME_MAX]);
bool llmobs_record_parse(const char *name, struct llmobs_record_owner *out);

/* The start time of a process, and whether it is one still: -ESRCH. 0 and a
 * start of 0 where /proc does not tell. */
int llmobs_record_start(pid_t pid, uint64_t *start);

/* The boot and the pid namespace of this process; 0: not known. */
void llmobs_record_place(uint64_t *boot, uint64_t *pidns);

int llmobs_record_write(int dir, const char *name,
                        const struct llmobs_page *page);
/* -ENODATA: it was made and is still empty. `own`: of this user alone; else
 * root reads everybody's. */
int llmobs_record_read(int dir, const char *name, bool own,
                       struct llmobs_page *page);

/* Opens the totals, locked, made if need be; tries for `ms`: -EBUSY. */
int llmobs_totals_open(struct llmobs_totals *totals, int dir, int64_t ms);

/* The same to read only: nobody adds anything until close. On error too, but
 * for -ENOENT, the descriptor is open. */
int llmobs_totals_peek(struct llmobs_totals *totals, int dir, int64_t ms);

/* Adds `more` as the record `name` ("": there was none), then removes that
 * record. */
int llmobs_totals_add(struct llmobs_totals *totals, int dir, const char *name,
                      const struct llmobs_counts *more);
void llmobs_totals_close(struct llmobs_totals *totals);

#endif
