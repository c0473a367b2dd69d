/* file - opens and reads the library's files and files of settings, where other
 * users may write too.
 *
 * Owns:    nothing; the caller owns an opened descriptor, which is above 2.
 * Threads: any.
 * Errors:  negative errno.
 * Limits:  reads into a buffer of the caller, up to its cap.
 * Fork:    a lock belongs to the process, and a child does not inherit it (a
 *          child would inherit a lock of flock).
 */
#ifndef LLMOBS_FILE_H
#define LLMOBS_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/buf.h"

/* Appends all of a regular file; of /dev/null nothing. -EINVAL for any other
 * file: the open of a fifo waits, and a device may act. */
int llmobs_file_read(const char *path, struct llmobs_buf *text);

/* Like llmobs_file_read, but for a file in that directory; follows no link.
 * -EINVAL also for a name with a slash. */
int llmobs_file_read_in(int dir, const char *name, struct llmobs_buf *text);

/* Reads a file of settings into an empty buffer, without a byte order mark.
 * -EAGAIN: somebody went on writing to the file. */
int llmobs_file_settings(const char *path, struct llmobs_buf *text);

/* Reads the beginning of a small file, such as /proc has, in one read, into a C
 * string. Gives its length; -1: the file cannot be read. `dir`: AT_FDCWD, or
 * the directory in which a relative path begins. */
ssize_t llmobs_file_begin(int dir, const char *path, char *out, size_t cap);

/* Writes all bytes, even where a signal or a pipe splits the write. -EIO: the
 * file takes no more. */
int llmobs_file_write(int fd, const void *data, size_t len);

/* Opens this user's file in `dir`, where other users may write too. `how` is
 * O_RDONLY, or O_RDWR and more: then a missing file is made, for its owner
 * alone. Follows no link and does not wait for a fifo. Gives the descriptor.
 * -EPERM: the file belongs to another user, or has a second name. */
int llmobs_file_open(int dir, const char *name, int how);

/* Like llmobs_file_open, but for reading; root may read the files of all users.
 */
int llmobs_file_peek(int dir, const char *name);

/* True where the program allows files of that size: a write beyond its limit
 * would raise a signal that ends the program. */
bool llmobs_file_may_grow(uint64_t size);

/* Like llmobs_file_open, but for adding to a file whose path the environment
 * gives; the file may also belong to root. */
int llmobs_file_append(const char *path);

/* -EPERM where a link on the way to the path belongs neither to this user nor
 * to root: its owner could lead the library's files elsewhere. `whole`: the
 * path itself is checked, too. */
int llmobs_file_reach(const char *path, bool whole);

#define LLMOBS_FILE_ANY ((uid_t)-1)

/* Checks an opened file as the functions above do: 0 for a regular file with
 * one name that belongs to this user or to `other`; -EPERM; -ESTALE: the file
 * has no name any more. */
int llmobs_file_check(int fd, uid_t other);

/* Takes a lock, F_RDLCK or F_WRLCK; tries for `ms`, then -EBUSY. */
int llmobs_file_lock(int fd, short type, int64_t ms);

#endif
