/* spool_dirs - the spools that a drain goes through, and as which user.
 *
 * Each user's files are touched by a process of that user's alone: a link that
 * one lays leads no further than its own rights do.
 *
 * Owns:    nothing; what a visit gets is borrowed for the call.
 * Threads: one at a time.
 * Errors:  negative errno; a place that is not there is passed over.
 * Limits:  LLMOBS_SPOOL_DIRS_MAX users of one directory.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_SPOOL_DIRS_H
#define LLMOBS_SPOOL_DIRS_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/config/config.h"

#define LLMOBS_SPOOL_DIRS_MAX 4096

struct llmobs_user_spool {
    const char *path; /* of the spool */
    bool chosen;      /* by a person, who may have chosen a link */
    uid_t uid;        /* whose entries */
    gid_t gid;
};

typedef int llmobs_user_spool_fn(void *ctx,
                                 const struct llmobs_user_spool *place);

/* Visits the spool `dir`; NULL: the configuration's, or, for root where that
 * names none, those of all users, also where only the store is there. Until a
 * visit answers other than 0. */
int llmobs_spool_dirs_visit(const char *dir, const struct llmobs_config *config,
                            llmobs_user_spool_fn *visit, void *ctx);

/* Becomes the place's user for good and makes the place that of the
 * configuration, so that store and counters are that user's too. */
int llmobs_user_spool_enter(const struct llmobs_user_spool *place,
                            struct llmobs_config *config);

#endif
