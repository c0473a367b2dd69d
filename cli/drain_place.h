/* drain_place - the delivery of what one spool holds of the dead, in a process
 * of its own: that of the entries' user, whom no lock or thread of ours meets.
 *
 * Owns:    nothing; a round borrows its configuration.
 * Threads: one, and no other may run: it forks. The caller has SIGCHLD,
 *          SIGTERM and SIGINT blocked; the last two end the round.
 * Errors:  -errno in the outcome: the place could not be entered or looked at;
 *          -ECHILD: the delivery broke off.
 * Limits:  the deadline, if there is one.
 * Fork:    forks for each place and waits for its end.
 */
#ifndef LLMOBS_DRAIN_PLACE_H
#define LLMOBS_DRAIN_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/places.h"
#include "core/config.h"
#include "core/living.h"

struct llmobs_drain_round {
    struct llmobs_config *config;
    struct llmobs_living living;
    bool all;            /* whatever destination the entries were for */
    int64_t deadline_ns; /* monotonic: nothing of ours runs after it; 0: none */
    bool ending;         /* set by a signal or the deadline: no more places */
};

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

/* Delivers what the place holds, and waits for it. */
void llmobs_drain_visit(struct llmobs_drain_round *round,
                        const struct llmobs_drain_place *place,
                        struct llmobs_drain_outcome *out);

#endif
