/* backlog - the worker's side of the spool: what may go, what waits on the disk
 * alone, what others left.
 *
 * Owns:    its lists; borrows the spool and the adoption.
 * Threads: whoever holds the worker's gate.
 * Errors:  negative errno.
 * Limits:  LLMOBS_SPILL_MAX entries that wait on the disk alone.
 * Fork:    reset.
 */
#ifndef LLMOBS_BACKLOG_H
#define LLMOBS_BACKLOG_H

#include "core/spool/adopt.h"
#include "core/spool/spool.h"
#include "core/spool/spool_file.h"

#define LLMOBS_SPILL_MAX 1000000

/* An entry on the disk that memory had no room for. */
struct llmobs_spilled {
    struct llmobs_spooled spooled;
    unsigned had; /* bit i: destination i has it */
};

struct llmobs_backlog {
    struct llmobs_spool *spool; /* NULL: there is none */
    struct llmobs_adopt *adopt; /* likewise */
    struct llmobs_recalls *recalls;
    /* Ours, adopted: LLMOBS_RELEASE_MAX of each, while there is one. */
    struct llmobs_spooled *done[2];
    size_t done_count[2];
    struct llmobs_spilled *spill; /* a ring */
    size_t first, count, cap;
    struct llmobs_buf text;
    int64_t adopted_ns; /* when there was nothing to adopt */
};

void llmobs_backlog_init(struct llmobs_backlog *backlog,
                         struct llmobs_spool *spool,
                         struct llmobs_adopt *adopt);
void llmobs_backlog_reset(struct llmobs_backlog *backlog);

/* An entry is settled; the disk learns it at the next flush, or before, where
 * many are. */
void llmobs_backlog_done(struct llmobs_backlog *backlog,
                         const struct llmobs_spooled *spooled, bool adopted);
void llmobs_backlog_flush(struct llmobs_backlog *backlog);

/* Where the disk had no body of an exchange (content.h): it gets the event that
 * was made of it instead. Without room there, or where this process can release
 * the entry no more, that stays as it was. */
void llmobs_backlog_replace(struct llmobs_backlog *backlog,
                            struct llmobs_spooled *spooled,
                            enum llmobs_event_kind kind,
                            struct llmobs_text event);

/* Lets an entry wait on the disk; -ENOMEM, -ENOSPC, or -ENOENT where the disk
 * does not have it. */
int llmobs_backlog_spill(struct llmobs_backlog *backlog,
                         const struct llmobs_spooled *spooled, unsigned had);

/* Takes the first of those that wait: gives it, and who had it. -ENOENT: none
 * waits, or the process is away and may return; -ENOMEM: not now; -EXDEV: it is
 * out of this process's reach, and left where it is; any other error: it is
 * lost. */
int llmobs_backlog_unspill(struct llmobs_backlog *backlog,
                           struct llmobs_item **item, unsigned *had);

/* Reads an exchange or event of this process from the disk again. -ENOMEM: for
 * want of memory or of descriptors; -EXDEV: llmobs_spool_is_away. */
int llmobs_backlog_load(struct llmobs_backlog *backlog,
                        const struct llmobs_spooled *spooled,
                        struct llmobs_item **item);

#endif
