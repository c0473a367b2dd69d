/* file - files of ours and files of settings, opened with care.
 *
 * Owns:    nothing; an opened descriptor, above 2, is the caller's.
 * Threads: any.
 * Errors:  negative errno.
 * Limits:  what is read goes into a buffer of the caller's, with its cap.
 * Fork:    a lock is the process's: a child does not inherit it, as it would
 *          one of flock.
 */
#ifndef LLMOBS_FILE_H
#define LLMOBS_FILE_H

#include <stdint.h>
#include <sys/types.h>

#include "core/base/buf.h"

/* Adds all of a regular file. -EINVAL for another one: a fifo would wait, a
 * device do something. */
int llmobs_file_read(const char *path, struct llmobs_buf *text);

/* The begin of a small file, as /proc has them, in one read: a C string. Gives
 * its length; -1: it cannot be read. `dir`: AT_FDCWD, or where a path begins.
 */
ssize_t llmobs_file_begin(int dir, const char *path, char *out, size_t cap);

/* Opens this user's file in `dir`, where other users may write as well. `how`
 * is O_RDONLY, or O_RDWR and more: then a missing file is made, for its owner
 * alone. It follows no link and waits for no fifo. Gives the descriptor.
 * -EPERM: the file is another user's, or has a second name. */
int llmobs_file_open(int dir, const char *name, int how);

/* The same for reading, where root reads everybody's. */
int llmobs_file_peek(int dir, const char *name);

/* 0 for an opened file that those two give: a regular one with one name, of
 * this user, or of anybody; else -EPERM, or -ESTALE where it has no name. */
int llmobs_file_check(int fd, bool any_owner);

/* F_RDLCK or F_WRLCK; tries for `ms`: -EBUSY. */
int llmobs_file_lock(int fd, short type, int64_t ms);

#endif
