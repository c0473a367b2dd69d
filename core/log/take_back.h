/* take_back - what this process had handed over to a relay that is gone, it
 * takes back: it claims its own files as any reader does.
 *
 * Threads: the thread that has the worker's turn; _watches: any.
 */
#ifndef LLMOBS_TAKE_BACK_H
#define LLMOBS_TAKE_BACK_H

#include <stdbool.h>

struct llmobs_adopt;
struct llmobs_adopt_claim;
struct llmobs_spool;

/* True where a thread has to look whether the relay still lives: something was
 * handed over a moment ago, or is to be taken back. */
bool llmobs_take_back_watches(const struct llmobs_spool *spool);

/* True where there is something to take back: the relay has been away for a
 * while, and has our entries. */
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
