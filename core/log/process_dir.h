/* process_dir - the directory of this process in the spool: made at the first
 * entry, given away or removed at the end of the process, and made again for an
 * entry after that.
 *
 * Owns:    the directory, from _have, _wait or _put to _leave.
 * Threads: any, unless a function says otherwise. The first threads wait,
 *          without a lock, for the thread that makes the directory.
 * Errors:  -EBUSY: another thread takes too long to make it, or the disk has
 *          just failed; any other error: it could not be made.
 * Fork:    a child makes a directory of its own, by llmobs_spool_reset.
 */
#ifndef LLMOBS_PROCESS_DIR_H
#define LLMOBS_PROCESS_DIR_H

#include "core/event/item.h"

struct llmobs_spool;

/* Notes that the disk has failed, or, by 0, that it works again. For a second
 * after a failure _have gives -EBUSY, except in a process that ends. */
void llmobs_spool_note_failure(struct llmobs_spool *spool, int error);

/* 0 where the directory exists. The first caller makes it, or notes that it
 * could not. _wait does this even where the disk has just failed. */
int llmobs_spool_have_dir(struct llmobs_spool *spool);
int llmobs_spool_wait_dir(struct llmobs_spool *spool);

/* Looks whether a relay delivers the spool, and how full the spool is, as other
 * processes have told. */
void llmobs_spool_look_first(struct llmobs_spool *spool, int base);

/* Makes the directory again, which somebody may have removed since _have or
 * _wait. */
int llmobs_spool_put_dir(struct llmobs_spool *spool);

/* Gives the directory to the next process, or removes it, unless the process
 * has none or another thread does so now. False: an entry is left, or the disk
 * failed. */
bool llmobs_spool_leave_dir(struct llmobs_spool *spool);

/* Leaves an empty directory of the spool to the next process, which then need
 * not make a directory. -ENOTEMPTY, -EPERM: it is not fit for that. */
int llmobs_spool_give_spare(const char *path);

/* True for the directory that this process has, or had and may make again. */
bool llmobs_spool_is_at(const struct llmobs_spool *spool, const char *path);

/* _has_moved: the process has changed its user or its root since it made its
 * directory. _is_away: it has moved, and cannot release this entry now. If it
 * delivered the entry, the next process of that user would deliver it again.
 * _may_return: the process does not end yet, and may become that user again.
 * For the thread that has the worker's turn. */
bool llmobs_spool_has_moved(const struct llmobs_spool *spool);
bool llmobs_spool_is_away(struct llmobs_spool *spool,
                          const struct llmobs_spooled *spooled);
bool llmobs_spool_may_return(struct llmobs_spool *spool);

/* True where no other file of this process can be opened any more: then this
 * file, which is held (held_file.h), grows as far as the spool. */
bool llmobs_spool_is_last(struct llmobs_spool *spool, uint32_t file);

#endif
