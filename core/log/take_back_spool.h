/* take_back_spool - what take_back.h needs of a spool, to take back entries
 * that this process had handed over.
 *
 * Threads: the thread that has the worker's turn; _handed and _uses: any.
 * Errors:  negative errno.
 */
#ifndef LLMOBS_TAKE_BACK_SPOOL_H
#define LLMOBS_TAKE_BACK_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

struct llmobs_spool;

/* How often this process has handed over since it last took everything back. */
unsigned llmobs_spool_handed(const struct llmobs_spool *spool);

/* True where a thread has to look whether the relay still lives: something was
 * handed over a moment ago, or is to be taken back. */
bool llmobs_spool_watches(const struct llmobs_spool *spool);

/* True where the relay has been away for a while, and has our entries. */
bool llmobs_spool_wants_back(struct llmobs_spool *spool);

/* Looks for a relay; true: there is none. */
bool llmobs_spool_has_no_relay(struct llmobs_spool *spool);

/* Everything was taken back. `handed`: the answer of _handed when that began;
 * 0: not all of it, and the process may try again. */
void llmobs_spool_taken_back(struct llmobs_spool *spool, unsigned handed);

#endif
