/* take_back - what this process had handed over to a relay that is gone, it
 * takes back: it claims its own files as any reader does.
 *
 * Threads: the thread that has the worker's turn.
 */
#ifndef LLMOBS_TAKE_BACK_H
#define LLMOBS_TAKE_BACK_H

#include "core/log/adopt_state.h"

/* True where there is something to take back. */
bool llmobs_take_back_is_due(const struct llmobs_adopt *adopt);

/* The next walk of the adoption takes it back. -EBUSY: a relay has come after
 * all. */
int llmobs_take_back_begin(struct llmobs_adopt *adopt);

/* True while that walk is under way, or what it found is not settled. */
bool llmobs_take_back_reads(const struct llmobs_adopt *adopt);

/* For adopt.c: ends that when the walk is over and all is settled. */
void llmobs_take_back_end(struct llmobs_adopt *adopt);

/* For adopt.c: leaves a file of which this process has taken back what it had
 * handed over, and in which it has more. */
void llmobs_take_back_leave(const struct llmobs_adopt *adopt,
                            const struct llmobs_adopt_claim *claim);

#endif
