/* held_file - a descriptor of this process's spool file, held open from just
 * before the program takes on a sandbox, which may refuse to open files by
 * their names afterwards.
 *
 * Owns:    the descriptor, above 2 and closed on exec, for the process's life.
 *          The program may close it and use its number: each use looks whether
 *          it still is that file, and gives no copy otherwise.
 * Threads: any.
 * Fork:    a child's own files have other names, and are not held.
 */
#ifndef LLMOBS_HELD_FILE_H
#define LLMOBS_HELD_FILE_H

#include <stdbool.h>

/* Makes the file of that path if it is missing, and holds it instead of the
 * file that was held; does nothing if it is held already. -EBUSY: another
 * thread does so now; else -errno. */
int llmobs_held_take(const char *path);

/* For a path that could not be opened: gives a copy of the descriptor, to read,
 * to append and to close; -1 where that file is not held. Preserves errno
 * then. */
int llmobs_held_open(const char *path);

/* True once _open has given the file of that path: no other can be opened. */
bool llmobs_held_alone(const char *path);

#endif
