/* spool_dirs - the spools that several commands visit, each with its user.
 *
 * Only a process that has become the user touches a user's files, so a link
 * that the user makes leads no further than the user's own rights.
 *
 * Owns:    nothing; a visit borrows its spool for the call.
 * Threads: one at a time.
 * Errors:  negative errno; a spool that does not exist is passed over.
 * Limits:  LLMOBS_SPOOL_DIRS_MAX users of one directory.
 */
#ifndef LLMOBS_SPOOL_DIRS_H
#define LLMOBS_SPOOL_DIRS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/config/config.h"

#define LLMOBS_SPOOL_DIRS_MAX 4096

struct llmobs_user_spool {
    const char *path; /* the spool's */
    bool chosen;      /* a person gave the path, so it may be a link */
    uid_t uid;        /* the owner of the entries */
    pid_t pid;        /* 0; or: it is as this process sees it (mounts.h) */
    uint64_t mounts;  /* the number of that process's mount namespace */
};

typedef int llmobs_user_spool_fn(void *ctx,
                                 const struct llmobs_user_spool *place);

/* Visits the spool `dir`; NULL: the configured spool or, for root without a
 * configured spool, the spools of all users, also of users who have only a
 * store. A visit that does not return 0 ends the walk. */
int llmobs_spool_dirs_here(const char *dir, const struct llmobs_config *config,
                           llmobs_user_spool_fn *visit, void *ctx);

/* Does so, and then visits the places of users in other mount namespaces. */
int llmobs_spool_dirs_visit(const char *dir, const struct llmobs_config *config,
                            llmobs_user_spool_fn *visit, void *ctx);

/* Becomes the spool's user for good, and sets the spool in the configuration,
 * so that store and counters are that user's too. */
int llmobs_user_spool_enter(const struct llmobs_user_spool *place,
                            struct llmobs_config *config);

#endif
