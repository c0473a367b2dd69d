/* background - a relay that a command starts and leaves behind.
 *
 * The relay is in a session of its own, with no descriptor of its starter, and
 * is no child of it. Where one delivers for this environment's destination
 * already, none is started, and a second one that was started at the same time
 * ends at once.
 *
 * Owns:    nothing; the configuration is borrowed.
 * Threads: one, and no other may run: it forks.
 * Errors:  negative errno: no relay delivers. -EBUSY: one does, for other
 *          destinations.
 * Limits:  waits at most LLMOBS_BACKGROUND_MS.
 * Fork:    begin forks.
 */
#ifndef LLMOBS_BACKGROUND_H
#define LLMOBS_BACKGROUND_H

#include "core/config/config.h"

#define LLMOBS_BACKGROUND_MS 500

/* Answers 1 in the process that is to be the relay. Answers 0 in this one when
 * a relay delivers, or none is wanted. */
int llmobs_relay_background(const struct llmobs_config *config);

#endif
