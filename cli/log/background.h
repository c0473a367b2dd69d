/* background - a relay that a command starts and leaves behind.
 *
 * The relay is in a session of its own, with no descriptor of its starter, and
 * is no child of it. Where a relay delivers for this environment's destination
 * already, none is started; of two that are started at the same time one ends
 * at once.
 *
 * Owns:    nothing; the configuration is borrowed.
 * Threads: one, and no other may run: it forks.
 * Errors:  negative errno: no relay delivers. -EBUSY: a relay delivers, but for
 *          other destinations.
 * Limits:  waits at most LLMOBS_BACKGROUND_MS.
 * Fork:    begin forks.
 */
#ifndef LLMOBS_BACKGROUND_H
#define LLMOBS_BACKGROUND_H

#include "core/config/config.h"

#define LLMOBS_BACKGROUND_MS 500

/* Returns 1 in the new process that is to be the relay. Returns 0 in the
 * caller's process when a relay delivers, or none is wanted. */
int llmobs_relay_background(const struct llmobs_config *config);

#endif
