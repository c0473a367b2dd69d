/* take_back - lets a process whose relay has gone deliver itself what it had
 * handed over.
 *
 * The process waits for a moment, as a relay that is started again takes its
 * calls over. Then it marks its directory, by a bit of the mode, and looks for
 * the sign of a relay once more. A relay puts its sign up before it looks at a
 * directory, and passes over a directory with the mark. So of process and relay
 * at least one sees the other, and no call is delivered by both. The mark is
 * removed when all calls are settled.
 *
 * Owns:    nothing; the claim belongs to the adoption.
 * Threads: the thread that has the worker's turn.
 * Errors:  negative errno: nothing was taken back, and a later try may follow.
 */
#ifndef LLMOBS_TAKE_BACK_H
#define LLMOBS_TAKE_BACK_H

#include "core/log/adopt_state.h"

/* True where this process has handed something over, and its relay has been
 * away for a while. */
bool llmobs_take_back_is_due(const struct llmobs_adopt *adopt);

/* Opens the directory of this process: the next entries of the adoption are
 * those that it had handed over. */
int llmobs_take_back_begin(struct llmobs_adopt *adopt);

/* True while such entries are still to be read. */
bool llmobs_take_back_reads(const struct llmobs_adopt *adopt);

/* All entries of the claim are settled or given back. */
void llmobs_take_back_end(struct llmobs_adopt *adopt,
                          const struct llmobs_adopt_claim *claim);

#endif
