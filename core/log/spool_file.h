/* spool_file - opens, writes, reads and counts the files of a spool.
 *
 * Owns:    nothing; the caller owns a descriptor or text that it gets.
 * Threads: any.
 * Limits:  LLMOBS_SPOOL_TEXT bytes of a file.
 */
#ifndef LLMOBS_SPOOL_FILE_H
#define LLMOBS_SPOOL_FILE_H

#include <limits.h>
#include <sys/stat.h>

#include "core/config/config.h"
#include "core/log/entry.h"

/* The bytes of a full file, and the files that a process may have. */
#define LLMOBS_SPOOL_FILE ((size_t)4 * 1024 * 1024)
#define LLMOBS_SPOOL_FILES 1024

/* A full file and the biggest entry at its end. */
#define LLMOBS_SPOOL_TEXT (LLMOBS_ENTRY_MAX + ((size_t)8 << 20))
/* The field of a RELEASE entry, an array of ids, of which there are so many at
 * most; and that of a DELIVERED_TO entry: the destinations, a bit each. */
#define LLMOBS_NOTE_FIELD 1
#define LLMOBS_RELEASE_MAX 256
#define LLMOBS_INFERRED (1u << 30) /* not a destination: spool.h */

/* A file of this size or a greater one is closed: a reader has claimed it. To
 * set the size stores nothing on the disk, and each entry, as it is appended,
 * lies before this offset or behind it. A call that begins behind it does not
 * count, and its writer writes it again to another file (docs/SPOOL.md). */
#define LLMOBS_SPOOL_CLOSED ((uint64_t)1 << 30)
/* In the mode of a file that its process holds open, as it can open no other
 * any more (held_file.h): such a file is never closed. */
#define LLMOBS_SPOOL_HELD S_ISVTX

/* The user's spool directory. */
int llmobs_spool_dir(const struct llmobs_config *config, char *out, size_t cap);

/* Opens that directory, to name files in it or to list them. Follows links only
 * if the user has named the directory. */
int llmobs_spool_base(const struct llmobs_config *config, bool list, int *out);

/* The path of a file of a process, of whose files `prefix` is the first part
 * ("/.../o.PID-START-NONCE"); "" where it is too long. */
void llmobs_spool_file_path(const char *prefix, uint32_t file,
                            char out[PATH_MAX]);

/* The path of that file under the name that its reader has given it; -ENOENT:
 * no reader has it. */
int llmobs_spool_find_claimed(const char *prefix, uint32_t file,
                              char out[PATH_MAX]);

/* Closes a file that this process has claimed. -EFBIG: its own limit of file
 * sizes does not allow it. */
int llmobs_spool_shut(const char *path);

/* Opens a file of the spool: never through a link; the descriptor is above 2
 * and close-on-exec. If the kernel does not open the file by its name, as in a
 * sandbox, gives a copy of the descriptor that the process holds for the file
 * (held_file.h), unless `flags` ask both to read and to write. */
int llmobs_spool_open(const char *path, int flags);

/* Writes a line to the end of an opened file. -EFBIG: it would exceed the app's
 * own limit of file sizes; here that raises no signal. */
int llmobs_spool_put_line(int fd, struct llmobs_text text);

/* The result of a write to the end of a file. */
struct llmobs_spool_written {
    uint64_t end;
    bool limited; /* the app has a limit of file sizes */
};

/* As llmobs_spool_put_line, for an ended entry. If `owner` is not empty, writes
 * it before: the beginning of the file and its owner. */
int llmobs_spool_write(int fd, struct llmobs_text owner,
                       const struct llmobs_entry_writer *writer,
                       struct llmobs_spool_written *written);

/* Opens a file, and appends an ended entry. */
int llmobs_spool_append(const char *path,
                        const struct llmobs_entry_writer *writer,
                        struct llmobs_spool_written *written);

/* An entry that is added to an existing file: a RELEASE for the ids in `field`,
 * by the first of them; a DELIVERED_TO; or the EVENT of a span beside a call of
 * the file (entry.h), in whose text its time is. */
struct llmobs_spool_addition {
    enum llmobs_entry_type type;
    uint64_t id;
    struct llmobs_text field;
    uint64_t offset; /* its place, once it is added */
};

int llmobs_spool_add(const char *path, const struct llmobs_entry_key *key,
                     struct llmobs_spool_addition *addition);

/* Releases an entry in place, which needs no room on the disk. */
int llmobs_spool_strike(const char *path, uint64_t offset, uint64_t id);

/* Appends to the buffer `size` bytes from `offset` on, or as many as the file
 * has; none behind LLMOBS_SPOOL_CLOSED if `offset` is before it. Of holes in
 * the file it reads only the first LLMOBS_SPOOL_HOLES bytes: entries have no
 * holes, and a file with big holes costs nothing to make. */
#define LLMOBS_SPOOL_HOLES ((uint64_t)1024 * 1024)
int llmobs_spool_read(const char *path, uint64_t offset, uint64_t size,
                      struct llmobs_buf *text);

/* Reads the key of a file. */
int llmobs_spool_key(const char *path, struct llmobs_entry_key *key);

/* The bytes of all files in the user's spool, as this or another process has
 * counted them lately; _told: only if another process has. */
int llmobs_spool_usage(const struct llmobs_config *config, uint64_t *bytes);
int llmobs_spool_usage_told(int base, uint64_t *bytes);

#endif
