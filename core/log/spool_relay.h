/* spool_relay - whether a relay delivers what this process has in its spool,
 * and whether the relay still lives that has entries of this process.
 *
 * Owns:    nothing.
 * Threads: any. _begin_reclaim, _end_reclaim: the thread that has the worker's
 *          turn.
 */
#ifndef LLMOBS_SPOOL_RELAY_H
#define LLMOBS_SPOOL_RELAY_H

#include <stdbool.h>

struct llmobs_spool;

/* True while a relay delivers this spool for the destinations of this process
 * (relay_sign.h); looks at most once a second. */
bool llmobs_spool_is_relayed(struct llmobs_spool *spool);

/* To be called before a relay for this process's destinations is started
 * (relay_sign.h); -ENOENT: the process has no spool yet. _give_up: the start
 * has failed. */
int llmobs_spool_begin_relay(const struct llmobs_spool *spool);
void llmobs_spool_give_up_relay(const struct llmobs_spool *spool);

/* Looks for a relay in the opened spool, and how full the spool is, as other
 * processes have said. */
void llmobs_spool_look_in(struct llmobs_spool *spool, int dir);

/* True where a thread has to look whether the relay still lives: the relay got
 * entries a moment ago, or they are to be reclaimed. */
bool llmobs_spool_watches_relay(const struct llmobs_spool *spool);

/* _begin_reclaim gives the number of entries that the relay has. -ENOENT: it
 * has none, or has not been away for long; -EBUSY: a relay has come after all.
 * _end_reclaim: `all` of them were claimed; else, or if the relay has got more
 * since, this process may try again. */
int llmobs_spool_begin_reclaim(struct llmobs_spool *spool, unsigned *entries);
void llmobs_spool_end_reclaim(struct llmobs_spool *spool, unsigned entries,
                              bool all);

#endif
