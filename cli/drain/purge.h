/* purge - what is removed of one user's store and spool; for the command's own
 * files.
 *
 * Owns:    nothing between calls.
 * Threads: one.
 * Errors:  in the outcome: the first negative errno. What is not the user's
 *          own, or no file, is told to stderr, counted and stays.
 * Limits:  those of adopt.h.
 * Fork:    llmobs_purge_spool becomes the place's user for good: only in a
 *          child.
 */
#ifndef LLMOBS_CLI_PURGE_H
#define LLMOBS_CLI_PURGE_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/drain/spool_dirs.h"
#include "core/spool/living.h"

/* What went, or would go, of one place or of all. */
struct llmobs_purged {
    uint64_t files; /* of the store, and what the peer had refused */
    uint64_t bytes;
    uint64_t calls;   /* of the spool */
    uint64_t living;  /* of running processes: left there */
    uint64_t refused; /* not the user's own, or no files: left there */
    uint64_t unreadable;
    int error;
};

struct llmobs_purge {
    const char *name; /* of the command */
    const char *dir;  /* NULL: by the environment */
    bool store;
    bool spool;
    bool all;
    bool users;
    bool yes;
    bool dry;
    bool json;
    bool help;
    long user_s; /* for how long each other user is waited for */
    struct llmobs_config *config;
    struct llmobs_living living;
    struct llmobs_purged sum;
};

void llmobs_purge_spool(const struct llmobs_purge *purge,
                        const struct llmobs_user_spool *place,
                        struct llmobs_purged *out);

#endif
