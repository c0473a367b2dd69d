/* link_file - the records of a link_table in a file that all processes of a
 * user share: a random key, and behind it rows of fixed size.
 *
 * A process reads and writes one row at a time, and never waits for another
 * process. Each record has a seal, a hash of the record under the key. So a
 * record does not count if its writer was killed, two processes wrote at once,
 * the disk was full or a stranger wrote it. The worst that can happen is a link
 * that is missing.
 *
 * Owns:    the descriptor, from open to close.
 * Threads: one at a time.
 * Errors:  negative errno. open: -EPERM if the file belongs to another user, is
 *          a link, or is not a regular file; -EFBIG if the app's limit of file
 *          sizes is smaller; -EPROTONOSUPPORT: a later version's, which stays
 *          as it is; any other file without a key that can be read begins anew.
 * Limits:  LLMOBS_LINK_FILE_SIZE bytes; of them the disk has the rows in use.
 */
#ifndef LLMOBS_LINK_FILE_H
#define LLMOBS_LINK_FILE_H

#include <stdint.h>
#include <sys/stat.h>

#include "lib/base/siphash.h"
#include "lib/span/id128.h"

/* The file's name in the spool, before the user's number. */
#define LLMOBS_LINK_FILE "links."
#define LLMOBS_LINK_ROWS 2048
#define LLMOBS_LINK_ROW 8
#define LLMOBS_LINK_FILE_SIZE \
    ((int64_t)(1 + LLMOBS_LINK_ROWS) * LLMOBS_LINK_ROW * 72)

/* A record as on the disk. This form may change only together with the first
 * bytes of the file. */
struct llmobs_link_record {
    struct llmobs_hash128 key;
    uint64_t span_id;
    struct llmobs_id128 trace_id;
    int64_t at_ns;    /* wall clock: when its call ended; 0: a free place */
    uint64_t check;   /* what else must be equal, as the writer defines it */
    uint64_t crowded; /* 1: more spans had the key than have records */
    uint64_t seal;
};

struct llmobs_link_file {
    int fd; /* -1: not open */
    struct stat file;
};

/* Opens the file, and makes it if it is missing; gives its key. If it is open
 * already, and the app has not taken its number, it stays as it is. */
int llmobs_link_file_open(struct llmobs_link_file *file, const char *path,
                          uint64_t salt[2]);
void llmobs_link_file_close(struct llmobs_link_file *file);

/* Reads a row; the places without a valid record are zero. */
int llmobs_link_file_read(const struct llmobs_link_file *file,
                          const uint64_t salt[2], uint64_t row,
                          struct llmobs_link_record out[LLMOBS_LINK_ROW]);

/* Writes the record, sealed, to a place of a row; zeroes free the place. */
int llmobs_link_file_write(const struct llmobs_link_file *file,
                           const uint64_t salt[2], uint64_t row, unsigned place,
                           struct llmobs_link_record record);

/* Locks the row for this process, until unlock; -EAGAIN or -EACCES where
 * another process has locked it. Reading and writing ignore the lock. */
int llmobs_link_file_lock(const struct llmobs_link_file *file, uint64_t row);
void llmobs_link_file_unlock(const struct llmobs_link_file *file, uint64_t row);

#endif
