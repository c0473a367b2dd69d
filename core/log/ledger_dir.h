/* ledger_dir - the files of a ledger: their names, pages and lock.
 *
 * Owns:    a llmobs_totals owns its descriptor from open to close.
 * Threads: one at a time in a process, because the lock belongs to the process.
 * Errors:  negative errno. A record that could not be written as a whole is
 *          removed; in the totals the checksum shows it.
 * Fork:    a child does not inherit the lock.
 */
#ifndef LLMOBS_LEDGER_DIR_H
#define LLMOBS_LEDGER_DIR_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/log/counts.h"

#define LLMOBS_RECORD_NAME_MAX LLMOBS_PAGE_LAST_MAX
/* Names that are not counters of stats.h. */
#define LLMOBS_LEDGER_PENDING "pending"
#define LLMOBS_LEDGER_PROCESSES "processes"
#define LLMOBS_LEDGER_RESTARTS "totals_restarted"
/* When the last drop was noticed: a wall time in nanoseconds. */
#define LLMOBS_LEDGER_LOST "lost_at"
#define LLMOBS_LEDGER_TOTALS "totals"

/* The program that writes a record. */
struct llmobs_record_owner {
    pid_t pid;
    uint64_t start; /* field 22 of /proc/PID/stat; 0: not known */
    uint64_t nonce; /* grows with each program in the same process */
};

struct llmobs_totals {
    int fd;
    struct llmobs_page page;
};

/* Writes a number of a name, without a NUL; gives the end. */
char *llmobs_record_put(char *out, uint64_t number, unsigned base);
/* Gives the end of the name. */
char *llmobs_record_name(const struct llmobs_record_owner *owner,
                         char out[LLMOBS_RECORD_NAME_MAX]);
/* Makes a new name for this process, different from all earlier names, and
 * gives the program in it (_program). */
void llmobs_record_self(char out[LLMOBS_RECORD_NAME_MAX], uint64_t *program);
bool llmobs_record_parse(const char *name, struct llmobs_record_owner *out);

/* Gives the start time of a process, 0 where /proc does not have it. -ESRCH:
 * the process has ended. */
int llmobs_record_start(pid_t pid, uint64_t *start);

/* The same, and a number of the program in the process: the place of its stack
 * (field 28 of /proc/PID/stat), which is another one after an exec. 0: not
 * known, as for the process of another user. */
int llmobs_record_program(pid_t pid, uint64_t *start, uint64_t *program);

/* True where the process that now has the pid of `who`, and began at `start`,
 * is another one. Another time namespace counts from another boot: the start of
 * a process there says nothing, and the process counts as the same. */
bool llmobs_record_is_another(const struct llmobs_record_owner *who,
                              uint64_t start);

/* The pid namespace in the text that readlink has given with `len`; 0: none. */
uint64_t llmobs_record_pidns(char *text, ssize_t len);

/* The boot and the pid namespace of this process; 0: not known. */
void llmobs_record_namespace(uint64_t *boot, uint64_t *pidns);

int llmobs_record_write(int dir, const char *name,
                        const struct llmobs_page *page);
/* -ENODATA: the file was made and is still empty. `own`: read only a file of
 * this user, also if that is root. */
int llmobs_record_read(int dir, const char *name, bool own,
                       struct llmobs_page *page);

/* Opens and locks the totals, and makes the file if it is missing. -EBUSY after
 * `ms`. */
int llmobs_totals_open(struct llmobs_totals *totals, int dir, int64_t ms);

/* As llmobs_totals_open, only for reading: no process can add anything until
 * close. The descriptor is also open after an error, except -ENOENT. */
int llmobs_totals_peek(struct llmobs_totals *totals, int dir, int64_t ms);

/* Adds the counts of the record `name` ("": the process had none), then removes
 * that record. */
int llmobs_totals_add(struct llmobs_totals *totals, int dir, const char *name,
                      const struct llmobs_counts *more);
void llmobs_totals_close(struct llmobs_totals *totals);

#endif
