/* process_files - the name of this process in the spool, which all of its files
 * bear ("o.PID-START-NONCE-N"), from its first entry on.
 *
 * Owns:    nothing on the disk; the spool's name, key and owner.
 * Threads: any, unless a function says otherwise. The first threads wait,
 *          without a lock, for the thread that finds the name.
 * Errors:  -EBUSY: another thread takes too long, or the disk has just failed;
 *          any other error: the spool could not be made.
 * Fork:    a child has a name of its own, by llmobs_spool_reset.
 */
#ifndef LLMOBS_PROCESS_FILES_H
#define LLMOBS_PROCESS_FILES_H

#include "core/event/item.h"
#include "core/log/ledger_dir.h"

struct llmobs_spool;

/* Notes that the disk has failed, or, by 0, that it works again. For a second
 * after a failure _have_ready gives -EBUSY, except in a process that ends. */
void llmobs_spool_note_failure(struct llmobs_spool *spool, int error);

/* 0 where the process has its name. The first caller finds it, and makes the
 * spool, or notes that it could not. */
int llmobs_spool_have_ready(struct llmobs_spool *spool);

/* Looks whether a relay delivers the spool; none does where there is no spool.
 */
void llmobs_spool_look_for_relay(struct llmobs_spool *spool);

/* Makes the spool again, which somebody may have removed since. */
int llmobs_spool_put_base(struct llmobs_spool *spool);

/* True for the name of this process's files. */
bool llmobs_spool_is_self(const struct llmobs_spool *spool,
                          const struct llmobs_record_owner *who);

/* Calls `use` with the path of a file of this process, and again with the name
 * that a reader has given it, as long as `use` gives -ENOENT. */
int llmobs_spool_with(struct llmobs_spool *spool, uint32_t file,
                      int (*use)(const char *path, void *ctx), void *ctx);

/* _has_moved: the process has changed its user or its root since it found its
 * name. _is_away: it has moved, and cannot release this entry now. If it
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
