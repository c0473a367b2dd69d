/* commit - a step on the disk that the end of the process may not cut in two:
 * the store's write of a batch, and the release of its entries in the spool.
 *
 * The thread that delivers begins and ends a step. The thread that exits closes
 * the gate: it waits for the step under way, and no other step begins. A batch
 * is then in the store and out of the spool, or in the spool alone.
 *
 * Threads: _begin and _end: the thread that delivers; the rest: any.
 * Errors:  none; a step that takes longer than the exit waits is cut.
 * Fork:    the child calls _reset, as its parent's step is not its own.
 */
#ifndef LLMOBS_COMMIT_H
#define LLMOBS_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

/* False: the gate is closed, and nothing may be written. A second _begin within
 * a step continues the step; a single _end ends it. */
bool llmobs_commit_begin(void);

/* Does nothing where no step has begun. */
void llmobs_commit_end(void);

/* Waits for the step under way, until `until_ns` (monotonic) at the longest. */
void llmobs_commit_close(int64_t until_ns);

/* Both open the gate again. _reopen: a step that is under way goes on. _reset:
 * such a step is forgotten. */
void llmobs_commit_reopen(void);
void llmobs_commit_reset(void);

#endif
