/* dirs - the library's directories: made for their owner alone, and opened so
 * that no other user can replace them.
 *
 * Owns:    nothing; the caller owns an opened descriptor.
 * Threads: any.
 * Errors:  negative errno; directories that were made stay.
 * Limits:  PATH_MAX bytes a path.
 */
#ifndef LLMOBS_DIRS_H
#define LLMOBS_DIRS_H

#include <stdbool.h>

/* Opens a directory, as a handle for the ...at calls or, with `list`, for
 * reading it. Where the user has not `chosen` the path, its last part named
 * "llmobs" or "llmobs-..." and all parts below are the library's: none of them
 * may be a link, and each must belong to this user or root, as another user
 * could watch or replace its files (-EPERM). Gives *out, close-on-exec and
 * above 2. */
int llmobs_dirs_open(const char *path, bool chosen, bool list, int *out);

/* Like llmobs_dirs_open, but first makes every directory that is missing, with
 * mode 0700 under every umask. Gives a handle in *out. */
int llmobs_dirs_have(const char *path, bool chosen, int *out);

/* Makes one directory in `parent`, with mode 0700 under every umask; -EEXIST:
 * the name is taken. Where the umask takes rights from the owner it needs
 * /proc. */
int llmobs_dirs_make(int parent, const char *name);

#endif
