/* passing - passes bytes on between two sockets, in both directions, until both
 * have ended: an end of sending as an end of sending, a reset as a reset.
 *
 * Owns:    two buffers while it runs; wipes them.
 * Threads: one a pair.
 */
#ifndef LLMOBS_PASSING_H
#define LLMOBS_PASSING_H

/* Borrows both, which do not block; the caller closes them then. */
void llmobs_passing_run(int client, int server);

#endif
