/* fallen - events that fell back to the local store, because their destination
 * was away and the spool had no room (LLMOBS_STORE_UNSENT).
 *
 * Threads: one.
 * Errors:  negative errno; an event that could not be moved stays in the store.
 * Fork:    forks: the entries are those of a process that has ended, so that a
 *          drain delivers them.
 */
#ifndef LLMOBS_FALLEN_H
#define LLMOBS_FALLEN_H

#include "core/config/config.h"

/* Moves them to the spool, for this configuration's destinations. The store
 * keeps them as events that were sent. If the process is killed, at most one is
 * moved again. Those that the store has lost meanwhile count as expired. */
int llmobs_fallen_move(const struct llmobs_config *config);

#endif
