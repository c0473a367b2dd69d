/* find_files - the files whose paths match a pattern, within a budget.
 *
 * `*`, `?` and `[a-z]` match within a name, as for a shell; a name that begins
 * with a dot is passed over. The files come in the order of their directories.
 *
 * Any user with write access could fill a directory, so each entry has a cost.
 * libc's glob(3) cannot count costs: musl's takes no function in place of
 * readdir.
 *
 * Threads: one.
 * Errors:  what cannot be read has no files.
 * Limits:  paths of PATH_MAX bytes; the budget.
 */
#ifndef LLMOBS_FIND_FILES_H
#define LLMOBS_FIND_FILES_H

#include "cli/doctor/object.h"

/* The cost of an entry of a directory, in bytes of the budget. */
#define LLMOBS_FIND_FILES_COST 1024

/* Takes a path, which it borrows during the call. False ends the search. */
typedef bool llmobs_find_files_fn(void *ctx, const char *path);

void llmobs_find_files(const char *pattern, struct llmobs_allowance *allowance,
                       llmobs_find_files_fn *each, void *ctx);

#endif
