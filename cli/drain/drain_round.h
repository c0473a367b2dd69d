/* drain_round - delivers what ended processes left in one spool, in a process
 * of its own, which becomes the user that the spool belongs to.
 *
 * That user may stop the process, or give it work without an end. So several
 * of them run side by side, one for each user, whose further places come after
 * those of all others; and root kills one that runs for another user when its
 * time is over.
 *
 * Owns:    the processes of a round until its end; a round borrows its
 *          configuration.
 * Threads: one, and no other may run: it forks. The caller has SIGCHLD,
 *          SIGTERM and SIGINT blocked; the last two end the round.
 * Errors:  -errno in the outcome: the place could not be entered or looked at;
 *          -ECHILD: the delivery broke off.
 * Limits:  the deadline, if there is one; LLMOBS_DRAIN_CHILDREN at once.
 * Fork:    forks for each place.
 */
#ifndef LLMOBS_DRAIN_ROUND_H
#define LLMOBS_DRAIN_ROUND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/drain/spool_dirs.h"
#include "core/config/config.h"
#include "core/spool/living.h"

/* What became of the entries of one place, or of all. */
struct llmobs_drain_outcome {
    uint64_t delivered;
    uint64_t expired;
    uint64_t refused; /* by the peer, or not to be made an event of */
    uint64_t left;    /* `others` included */
    uint64_t others;  /* for another destination */
    uint64_t unreadable;
    int error;
};

#define LLMOBS_DRAIN_CHILDREN 4

struct llmobs_drain_child {
    pid_t pid; /* 0: none */
    uid_t uid;
    int fd;          /* its outcome comes there */
    int64_t soft_ns; /* when it is told to end; 0: never */
    int64_t hard_ns; /* when it is killed; 0: never */
    char *path;
};

/* A place whose user has a child already. */
struct llmobs_drain_aside {
    struct llmobs_drain_aside *next;
    struct llmobs_user_spool place; /* its path is this one */
    char path[];
};

struct llmobs_drain_round {
    struct llmobs_config *config;
    struct llmobs_living living;
    bool all;            /* whatever destination the entries were for */
    int64_t deadline_ns; /* monotonic: no child runs after it; 0: none */
    int64_t user_ms;     /* of the process of another user; 0: no limit */
    bool ending;         /* set by a signal or the deadline: no more places */
    int64_t soft_ns;     /* when all are told to end; zero at first */
    /* Is told what became of each place. */
    void (*done)(void *ctx, const char *path,
                 const struct llmobs_drain_outcome *outcome);
    void *ctx;
    struct llmobs_drain_child children[LLMOBS_DRAIN_CHILDREN]; /* zero */
    struct llmobs_drain_aside *aside;                          /* NULL */
};

/* Delivers what the places of `dir` hold (spool_dirs.h), and waits for all that
 * it began. -EINTR: the round was told to end before the last place. */
int llmobs_drain_run(struct llmobs_drain_round *round, const char *dir);

#endif
