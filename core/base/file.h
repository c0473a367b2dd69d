/* file - opens and reads the library's files and files of settings, where other
 * users may write too.
 *
 * Owns:    nothing; the caller owns an opened descriptor, which is above 2.
 * Threads: any.
 * Errors:  negative errno.
 * Limits:  reads into a buffer of the caller, up to its cap.
 * Fork:    a lock belongs to the process, and a child does not inherit it (a
 *          lock of flock it would).
 */
#ifndef LLMOBS_FILE_H
#define LLMOBS_FILE_H

#include <stdint.h>
#include <sys/types.h>

#include "core/base/buf.h"

/* Appends all of a regular file. -EINVAL for any other file: the open of a fifo
 * waits, and a device may act. */
int llmobs_file_read(const char *path, struct llmobs_buf *text);

/* Reads the beginning of a small file, such as /proc has, in one read, into a C
 * string. Answers its length; -1: it cannot be read. `dir`: AT_FDCWD, or the
 * directory in which a relative path begins. */
ssize_t llmobs_file_begin(int dir, const char *path, char *out, size_t cap);

/* Writes all bytes, also where a signal or a pipe parts them. -EIO: the file
 * takes no more. */
int llmobs_file_write(int fd, const void *data, size_t len);

/* Opens this user's file in `dir`, where other users may write too. `how` is
 * O_RDONLY, or O_RDWR and more: then a missing file is made, for its owner
 * alone. Follows no link and waits for no fifo. Gives the descriptor. -EPERM:
 * the file belongs to another user, or has a second name. */
int llmobs_file_open(int dir, const char *name, int how);

/* The same for reading; root may read the files of all users. */
int llmobs_file_peek(int dir, const char *name);

/* Checks an opened file as those two do: 0 for a regular file with one name
 * that belongs to this user, or with `any_owner` to any; -EPERM; -ESTALE: the
 * file has no name any more. */
int llmobs_file_check(int fd, bool any_owner);

/* Takes a lock, F_RDLCK or F_WRLCK; tries for `ms`, then -EBUSY. */
int llmobs_file_lock(int fd, short type, int64_t ms);

#endif
