/* take_back_spool - what take_back.h needs of a spool, to take back entries
 * that this process had handed over.
 *
 * Threads: the thread that has the worker's turn; _handed and _uses: any.
 * Errors:  negative errno.
 */
#ifndef LLMOBS_TAKE_BACK_SPOOL_H
#define LLMOBS_TAKE_BACK_SPOOL_H

#include <sys/stat.h>

#include <stdbool.h>
#include <stdint.h>

struct llmobs_spool;

/* In the mode of a directory whose process takes its entries back. Nobody else
 * may use the directory, so the bit has no other meaning. */
#define LLMOBS_SPOOL_MARK S_ISVTX

/* How often this process has handed over since it last took everything back. */
unsigned llmobs_spool_handed(const struct llmobs_spool *spool);

/* True where a thread has to look whether the relay still lives: something was
 * handed over a moment ago, or is to be taken back. */
bool llmobs_spool_watches(const struct llmobs_spool *spool);

/* True where the relay has been away for a while, and has our entries. */
bool llmobs_spool_wants_back(struct llmobs_spool *spool);

/* Marks the directory. -EBUSY: a relay has come after all. */
int llmobs_spool_mark(struct llmobs_spool *spool);

/* Takes the mark away. `handed`: the answer of _handed when this process took
 * its entries back; 0: it did not get all of them, and may try again. */
void llmobs_spool_unmark(struct llmobs_spool *spool, unsigned handed);

/* True where the process may still write to that file, or the file has an entry
 * that it did not hand over. */
bool llmobs_spool_uses(const struct llmobs_spool *spool, uint32_t file);

#endif
