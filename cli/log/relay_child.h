/* relay_child - the processes of a relay: one for each spool, which becomes the
 * spool's user.
 *
 * A user may stop or kill the process of that user's spool, and harms nobody
 * else: a new process is started a moment later.
 *
 * Owns:    the children until _end; the configurations are borrowed.
 * Threads: one, and no other may run: it forks. The caller has SIGCHLD, SIGTERM
 *          and SIGINT blocked.
 * Errors:  negative errno; a child that cannot serve its spool says why in the
 *          log.
 * Limits:  LLMOBS_RELAY_PLACES spools.
 */
#ifndef LLMOBS_RELAY_CHILD_H
#define LLMOBS_RELAY_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/log/relay_places.h"
#include "cli/shared/spool_dirs.h"
#include "core/config/config.h"

struct llmobs_relay_children {
    struct llmobs_config *config;
    const struct llmobs_config *unset; /* of an environment without settings */
    long idle_s;                       /* 0: a child never ends by itself */
    bool ended;        /* all children have ended, as they had no work or no
                        * spool */
    int64_t served_ns; /* when a child last ran */
    struct llmobs_relay_places places;
};

/* Starts the child of a spool that has none. */
int llmobs_relay_child_have(struct llmobs_relay_children *children,
                            const struct llmobs_user_spool *spool);

/* Serves the spool for the configuration's destinations alone, in this process,
 * until it has had no client for idle_s. Gives way to a relay that lives. */
int llmobs_relay_serve_own(struct llmobs_relay_children *children,
                           const struct llmobs_user_spool *spool);

/* Notes which children have ended. */
void llmobs_relay_children_reap(struct llmobs_relay_children *children);

/* Tells all children to end, and waits for them; kills those that take too
 * long. */
void llmobs_relay_children_end(struct llmobs_relay_children *children,
                               const sigset_t *signals);

#endif
