/* spool_file - names, opens, writes, reads and counts the files of a spool.
 *
 * "o.PID-START-NONCE-N" is the N-th file of a process, to which it writes.
 * "c.PID-START-NONCE.NAMESPACE.PID-START-NONCE-N" is such a file that a reader
 * has claimed: the reader, the pid namespace in which its pid counts, and what
 * stood behind "o."; the reader's NONCE is its program (process_id.h). "r." in
 * place of "c.": the reader is a relay. The writer finds its file under each
 * name.
 *
 * Before a program enters a sandbox, which may refuse to open files by their
 * names afterwards, the process holds a descriptor of one file open.
 *
 * Owns:    that descriptor, above 2 and closed on exec, for the process's life.
 *          The program may close it and use its number: each use looks whether
 *          it still is that file. The caller owns a descriptor or text that it
 *          gets.
 * Threads: any.
 * Errors:  negative errno.
 * Limits:  LLMOBS_SPOOL_TEXT bytes of a file.
 * Fork:    a child's own files have other names, and are not held.
 */
#ifndef LLMOBS_SPOOL_FILE_H
#define LLMOBS_SPOOL_FILE_H

#include <limits.h>
#include <sys/stat.h>

#include "lib/base/process_id.h"
#include "core/config/config.h"
#include "core/log/entry.h"

/* The bytes of a full file, and the files that a process may have. */
#define LLMOBS_SPOOL_FILE ((size_t)4 * 1024 * 1024)
#define LLMOBS_SPOOL_FILES 1024

/* A full file and the biggest entry at its end. */
#define LLMOBS_SPOOL_TEXT (LLMOBS_ENTRY_MAX + ((size_t)8 << 20))
/* The only field of a RELEASE entry, an array of at most LLMOBS_RELEASE_MAX
 * ids; and of a DELIVERED_TO entry: the destinations, a bit each. */
#define LLMOBS_RELEASE_FIELD 1
#define LLMOBS_RELEASE_MAX 256
#define LLMOBS_INFERRED (1u << 30) /* not a destination: spool.h */
#define LLMOBS_LEFT                                          \
    (1u << 29) /* likewise: its process, which lives, leaves \
                * the entry to a relay after all */

/* A file of this size or a greater one is closed: a reader has claimed it. To
 * set the size stores nothing on the disk, and each entry, as it is appended,
 * lies before this offset or behind it. A call that begins behind it does not
 * count, and its writer writes it again to another file (docs/SPOOL.md). */
#define LLMOBS_SPOOL_CLOSED ((uint64_t)1 << 30)
/* In the mode of a file that its process holds open: such a file is never
 * closed. */
#define LLMOBS_SPOOL_HELD S_ISVTX
/* Likewise, of an ended process: a reader could read nothing more of it. */
#define LLMOBS_SPOOL_ASIDE S_IXUSR

/* The user's spool directory. */
int llmobs_spool_dir(const struct llmobs_config *config, char *out, size_t cap);

/* Opens that directory, to name files in it or to list them. Follows links only
 * if the user has named the directory. */
int llmobs_spool_open_dir(const struct llmobs_config *config, bool list,
                          int *out);

#define LLMOBS_SPOOL_NAME_MAX (2 * LLMOBS_PROCESS_ID_MAX + 40)

struct llmobs_spool_name {
    struct llmobs_process_id who; /* the process that writes to the file */
    uint32_t file;
    bool claimed;
    bool by_relay; /* it holds the sign (relay_sign.h) as long as it lives */
    struct llmobs_process_id by; /* of a claimed file: the reader */
    uint64_t by_pidns;           /* 0: not known */
};

/* True only for names that _write makes. */
bool llmobs_spool_name_parse(const char *name, struct llmobs_spool_name *out);

void llmobs_spool_name_write(const struct llmobs_spool_name *name,
                             char out[LLMOBS_SPOOL_NAME_MAX]);

/* True for two names of one file, whoever has claimed it. */
bool llmobs_spool_name_same(const struct llmobs_spool_name *a,
                            const struct llmobs_spool_name *b);

/* Orders names by the time when the files were made: a call that continues
 * another process's call comes after it. For qsort. */
int llmobs_spool_name_by_age(const void *a, const void *b);

/* The path of a file of a process, of whose files `prefix` is the first part
 * ("/.../o.PID-START-NONCE"); "" where it is too long. */
void llmobs_spool_file_path(const char *prefix, uint32_t file,
                            char out[PATH_MAX]);

/* The path of that file under the name that its reader has given it; -ENOENT:
 * no reader has it. */
int llmobs_spool_file_find_claimed(const char *prefix, uint32_t file,
                                   char out[PATH_MAX]);

/* Opens a file of the spool: never through a link; the descriptor is above 2
 * and close-on-exec. If the kernel does not open the file by its name, as in a
 * sandbox, gives a copy of the descriptor that the process holds for the file,
 * unless `flags` ask both to read and to write. */
int llmobs_spool_file_open(const char *path, int flags);

/* Holds the file open instead of the file that was held. -EBUSY: another thread
 * does so now. */
int llmobs_spool_file_hold(const char *path);

/* True for the held file, once it could not be opened by its name: then no
 * other file can be opened either. */
bool llmobs_spool_file_is_only(const char *path);

/* Sets the size of a file that this process has claimed to LLMOBS_SPOOL_CLOSED.
 * -EFBIG: this process's own limit of file sizes does not allow it. */
int llmobs_spool_file_close(const char *path);

/* Writes a line to the end of an opened file. -EFBIG: it would exceed the app's
 * own limit of file sizes; here that raises no signal. */
int llmobs_spool_file_write_line(int fd, struct llmobs_text text);

/* The result of a write to the end of a file. */
struct llmobs_spool_written {
    uint64_t end;
    bool limited; /* the app has a limit of file sizes */
};

/* As _write_line, for an ended entry. First writes `owner`, unless it is empty:
 * the beginning of the file and its owner. */
int llmobs_spool_file_write(int fd, struct llmobs_text owner,
                            const struct llmobs_entry_writer *writer,
                            struct llmobs_spool_written *written);

/* Opens a file, and appends an ended entry. */
int llmobs_spool_file_append(const char *path,
                             const struct llmobs_entry_writer *writer,
                             struct llmobs_spool_written *written);

/* An entry that is added to an existing file: a RELEASE for the ids in `field`,
 * by the first of them; a DELIVERED_TO; or the EVENT of a span beside a call of
 * the file (entry.h), in whose text its time is. Borrows the key of the file
 * and the field. */
struct llmobs_spool_addition {
    const struct llmobs_entry_key *key;
    enum llmobs_entry_type type;
    uint64_t id;
    struct llmobs_text field;
    uint64_t offset; /* its place, once it is added */
};

int llmobs_spool_file_add(const char *path,
                          struct llmobs_spool_addition *addition);

/* Releases an entry in place, which needs no room on the disk. */
int llmobs_spool_file_release(const char *path, uint64_t offset, uint64_t id);

/* Appends to the buffer `size` bytes from `offset` on, or as many as the file
 * has; none behind LLMOBS_SPOOL_CLOSED if `offset` is before it. Reads at most
 * LLMOBS_SPOOL_HOLES bytes of holes: entries have no holes, but anybody could
 * make a file with big holes at no cost. */
#define LLMOBS_SPOOL_HOLES ((uint64_t)1024 * 1024)
int llmobs_spool_file_read(const char *path, uint64_t offset, uint64_t size,
                           struct llmobs_buf *text);

/* The bytes of all files in the user's spool, as this or another process has
 * counted them lately. _last_usage: the last count in the opened spool;
 * -ESTALE: it is older than a minute. */
int llmobs_spool_usage(const struct llmobs_config *config, uint64_t *bytes);
int llmobs_spool_last_usage(int dir, uint64_t *bytes);

#endif
