/* drain_round - delivers the entries that ended processes left in one spool or
 * several. A child process, which becomes the spool's user, delivers each.
 *
 * That user may stop the child, or give it work without an end. So several
 * children run side by side, one for each user; a user's second spool comes
 * after the first spool of every other user; and root kills a child of another
 * user when its time is over.
 *
 * Owns:    the children, until the round's end; the configuration is borrowed.
 * Threads: one, and no other may run: it forks. The caller has SIGCHLD, SIGTERM
 *          and SIGINT blocked; the last two end the round.
 * Errors:  -errno in the outcome: the child could not become the user or read
 *          the spool; -ECHILD: the delivery broke off.
 * Limits:  the deadline, if there is one; LLMOBS_DRAIN_CHILDREN at once.
 * Fork:    forks for each spool.
 */
#ifndef LLMOBS_DRAIN_ROUND_H
#define LLMOBS_DRAIN_ROUND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/shared/apart.h"
#include "cli/shared/spool_dirs.h"
#include "core/config/config.h"
#include "core/log/live_namespaces.h"

/* The outcome for the entries of one spool, or of all. */
struct llmobs_drain_outcome {
    union {
        struct {
            uint64_t delivered;
            uint64_t expired;
            uint64_t refused; /* by the peer, or because they make no event */
            uint64_t sampled_out; /* kept from OTLP by its sampler */
            uint64_t left;        /* `others` included */
            uint64_t others;      /* entries for another destination */
            uint64_t unreadable;
            uint64_t versions;  /* of these: of another version */
            uint64_t set_aside; /* entries that nobody reads (adopt.h) */
        };
        uint64_t counts[9];
    };
    int error;
};

#define LLMOBS_DRAIN_CHILDREN 4
/* A round starts so many children more for spools whose child has died of an
 * entry. */
#define LLMOBS_DRAIN_FALLS 100

struct llmobs_drain_child {
    struct llmobs_apart apart;
    int64_t soft_ns; /* when the child gets the signal to end; 0: never */
    int64_t hard_ns; /* when the child is killed, and then left; 0: never */
    bool killed, left;
    int64_t end_ns;                 /* when the time of another user is over */
    struct llmobs_user_spool place; /* owns its path */
};

/* A spool whose user has a child already, or one that has died of an entry. */
struct llmobs_drain_aside {
    struct llmobs_drain_aside *next;
    int64_t end_ns; /* 0: no child was begun; else as of that one */
    struct llmobs_user_spool place; /* place.path is `path` */
    char path[];
};

struct llmobs_drain_round {
    struct llmobs_config *config;
    struct llmobs_live_namespaces living;
    bool own;            /* passes over the spools of other users */
    bool all;            /* also delivers entries for another destination */
    const char *place;   /* but only those whose name has this, or NULL */
    int64_t deadline_ns; /* monotonic: no child runs after it; 0: none */
    int64_t user_ms;     /* the time of another user's child; 0: no limit */
    bool ending;         /* set by a signal or the deadline: no more spools */
    int64_t soft_ns;     /* when all children get it; 0 at first */
    int64_t end_ns;      /* that of the spool that is visited, which see */
    int falls;           /* children that have died of an entry */
    /* Called with the outcome for each spool. */
    void (*done)(void *ctx, const char *path,
                 const struct llmobs_drain_outcome *outcome);
    void *ctx;
    struct llmobs_drain_child children[LLMOBS_DRAIN_CHILDREN]; /* zero */
    struct llmobs_drain_aside *aside;                          /* NULL */
};

/* Delivers the entries in the spools of `dir` (spool_dirs.h), and waits for all
 * its children. -EINTR: a signal ended the round before the last spool. */
int llmobs_drain_run(struct llmobs_drain_round *round, const char *dir);

#endif
