/* spool_file - the files of a spool: opened with care, read, counted.
 *
 * Owns:    nothing; a descriptor or text that is given is the caller's.
 * Threads: any.
 * Errors:  negative errno.
 * Limits:  LLMOBS_SPOOL_TEXT bytes of a file.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_SPOOL_FILE_H
#define LLMOBS_SPOOL_FILE_H

#include <limits.h>

#include "core/config/config.h"
#include "core/spool/entry.h"

/* A file may end with the biggest entry. */
#define LLMOBS_SPOOL_TEXT (LLMOBS_ENTRY_MAX + ((size_t)8 << 20))
/* The field of a RELEASE entry, an array of ids, and how many one holds. */
#define LLMOBS_RELEASE_IDS 1
#define LLMOBS_RELEASE_MAX 256
/* The field of a HAD entry: the destinations, a bit each. */
#define LLMOBS_DELIVERED_TO_BITS 1

/* In the spool, a directory that its process has emptied and needs no more: to
 * move one costs a short program far less than to make and remove it. */
#define LLMOBS_SPOOL_SPARE "spare"

/* The user's spool directory. */
int llmobs_spool_dir(const struct llmobs_config *config, char *out, size_t cap);

/* Opens it, to name files in it or to list them. Links are followed only where
 * the user chose the directory. */
int llmobs_spool_base(const struct llmobs_config *config, bool list, int *out);

/* The path of a file of a process's directory; "" where it is too long. The
 * names of the last release's files (_old_path) have no such end. Its processes
 * may run beside ours: they find none of their files in our directories, take
 * these for empty, and leave them. */
#define LLMOBS_SPOOL_SUFFIX ".entries"
void llmobs_spool_file_path(const char *dir, uint32_t file, char out[PATH_MAX]);
void llmobs_spool_old_path(const char *dir, uint32_t file, char out[PATH_MAX]);

/* Whether a file of that name holds entries: this release's, or the last one's.
 */
bool llmobs_spool_is_file(const char *name);

/* Opens a file of ours: never through a link, above 2, close-on-exec. */
int llmobs_spool_open(const char *path, int flags);

/* Writes a line to the end of an opened file. -EFBIG: the app's own limit of
 * file sizes was met, which raises no signal here. */
int llmobs_spool_put_line(int fd, struct llmobs_text text);

/* The result of a write to the end of a file. */
struct llmobs_spool_written {
    uint64_t end;
    size_t part; /* bytes before it that are not a whole entry */
};

/* Writes an ended entry to the end of an opened file, likewise, behind the
 * file's begin and owner where that is not empty. */
int llmobs_spool_write(int fd, struct llmobs_text owner,
                       const struct llmobs_entry_writer *writer,
                       struct llmobs_spool_written *written);

/* Takes back what came of a write that was cut short. For who knows that
 * nobody else writes to the file. */
void llmobs_spool_cut(int fd, const struct llmobs_spool_written *written);

/* A file that is there, to be added to. NULL: without a key. `alone`: nobody
 * else writes to it. */
struct llmobs_spool_target {
    const char *path;
    const struct llmobs_entry_key *key;
    bool alone;
};

/* Notes in a file that these ids are done with. */
int llmobs_spool_note(const struct llmobs_spool_target *target,
                      const uint64_t *ids, size_t count);

/* Releases an entry where it stands: needs no room on the disk. */
int llmobs_spool_strike(const char *path, uint64_t offset, uint64_t id);

/* Notes in a file which destinations have an event: bit i is destination i. */
int llmobs_spool_write_delivered_to(const struct llmobs_spool_target *target,
                                    uint64_t id, unsigned delivered_to);

/* Appends `size` bytes from `offset` on, or what there is, to the buffer. Of
 * what a file has no blocks for, only the first LLMOBS_SPOOL_HOLES bytes: no
 * entry is written so, and to make such a file costs nothing. */
#define LLMOBS_SPOOL_HOLES ((uint64_t)1024 * 1024)
int llmobs_spool_read(const char *path, uint64_t offset, uint64_t size,
                      struct llmobs_buf *text);

/* Reads the key of a file. */
int llmobs_spool_key(const char *path, struct llmobs_entry_key *key);

/* The bytes of all that is in a spool directory, or was there when a process
 * last found out; _told: only as another one has told. */
int llmobs_spool_usage(const struct llmobs_config *config, uint64_t *bytes);
int llmobs_spool_usage_told(int base, uint64_t *bytes);

#endif
