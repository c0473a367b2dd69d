/* start_relay - starts a relay (llmobs relay) from the process whose
 * destination needs one, or a drain of what ended processes have left.
 *
 * The relay is no child of the process: a child that the kernel tells nobody
 * about, and that ends at once, starts it. It has a session of its own, no
 * descriptor, and of the environment what the library's configuration was read
 * from, with the key: that is how the relay knows it. The program finds no
 * child, no signal, no file and no zombie.
 *
 * Owns:    nothing. The environment is borrowed for ever.
 * Threads: _from: before all others; the rest: one at a time, a thread of the
 *          library or the one that exits.
 * Errors:  negative errno.
 */
#ifndef LLMOBS_START_RELAY_H
#define LLMOBS_START_RELAY_H

#include "core/config/config.h"

/* Sets the environment for relays; without it none is started. */
void llmobs_start_relay_from(const char *const *env);

/* True for a program that ends by the kernel's call alone, past all handlers of
 * an exit: one of Go or of Bun. It has a relay from its first call on, which
 * delivers what the program has not. */
bool llmobs_start_relay_for_end(void);

/* Why this process must not start one; NULL: it may. A relay would harm the
 * program, or end with it. `brief`: a drain, which ends within a minute. */
const char *llmobs_start_relay_why_not(const struct llmobs_config *config,
                                       bool brief);

/* Starts one, and does not wait for its sign. The calling thread waits until
 * the kernel has the program of the relay, or of the drain. */
int llmobs_start_relay(bool brief);

#endif
