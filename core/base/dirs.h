/* dirs - directories of ours: made for their owner only, opened with care.
 *
 * Owns:    nothing; an opened descriptor is the caller's.
 * Threads: any.
 * Errors:  negative errno; directories that were made stay.
 * Limits:  PATH_MAX bytes a path.
 */
#ifndef LLMOBS_DIRS_H
#define LLMOBS_DIRS_H

#include <stdbool.h>

/* Opens a directory, as a handle for the ...at calls or, with `list`, for
 * reading it. Where the user has not `chosen` it, its last part named
 * "llmobs" or "llmobs-..." and all below are ours: none of them may be a link,
 * and each must be our own or root's, for another user could watch or replace
 * what is in it (-EPERM). Gives *out, close-on-exec and above 2. */
int llmobs_dirs_open(const char *path, bool chosen, bool list, int *out);

/* The same, as a handle; makes every directory that is missing, 0700 whatever
 * the umask. Gives *out. */
int llmobs_dirs_have(const char *path, bool chosen, int *out);

/* Opens the same directory once more, for reading it. Gives *out. */
int llmobs_dirs_reopen(int dir, int *out);

#endif
