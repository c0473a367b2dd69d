/* ending - the end of a process that delivers for others: TERM and INT ask for
 * it, and a request that hangs is cut soon after.
 *
 * Owns:    nothing.
 * Threads: begin: the main one, before any other. stop: any, also a signal
 *          handler; it preserves errno.
 * Limits:  a request has LLMOBS_ENDING_MS more.
 */
#ifndef LLMOBS_ENDING_H
#define LLMOBS_ENDING_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#define LLMOBS_ENDING_MS 500

/* True from the first signal or stop on. */
extern atomic_bool llmobs_ending;

/* Handles TERM and INT, unblocks all signals, and ignores the signals that a
 * delivery may raise. */
void llmobs_ending_begin(void);

void llmobs_ending_stop(void);

/* Blocks TERM and INT, with `children` CHLD too, in a process that waits for
 * them; gives these signals. */
sigset_t llmobs_ending_block(bool children);

#endif
