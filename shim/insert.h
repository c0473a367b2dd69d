/* insert - puts trace headers among the bytes that a program sends, and counts
 * back how many of its own were taken.
 *
 * Owns:    nothing: the caller has taken the insertions (follow.h).
 * Threads: the one that sends; also a handler, but for _check and _show.
 * Errors:  none: what cannot be put is left out, but for a rest, which goes.
 */
#ifndef LLMOBS_INSERT_H
#define LLMOBS_INSERT_H

#include "include/engine.h"

/* Before a call with other bytes than were shown, as of another request, all
 * are dropped of which no part has gone; one of which a part has gone, where
 * the first byte is another. `readable`: the pieces are. */
void llmobs_insert_check(struct llmobs_insertions *all,
                         const struct iovec *pieces, size_t count,
                         bool readable);

/* Writes all->pieces: those of a call with the insertions among them, at most
 * LLMOBS_INSERT_PIECES; of none, a rest alone. Gives their number. */
size_t llmobs_insert_mix(struct llmobs_insertions *all,
                         const struct iovec *pieces, size_t count);

/* `took` bytes of the mix have gone. Gives how many of them are the program's;
 * 0: its call must go on, for a program does not expect 0. */
size_t llmobs_insert_took(struct llmobs_insertions *all, size_t took);

/* So many bytes of the call have gone: notes those that must come next. */
void llmobs_insert_show(struct llmobs_insertions *all,
                        const struct iovec *pieces, size_t count,
                        size_t accepted, bool readable);

#endif
