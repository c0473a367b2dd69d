/* backlog - the worker's account of the spool: entries that may be released,
 * and entries that ended processes left.
 *
 * Owns:    its lists; borrows the spool and the adoption.
 * Threads: the thread that has the worker's turn.
 * Fork:    a child begins empty, by reset.
 */
#ifndef LLMOBS_BACKLOG_H
#define LLMOBS_BACKLOG_H

#include "core/log/adopt.h"
#include "core/log/spool.h"
#include "core/log/spool_file.h"

struct llmobs_backlog {
    struct llmobs_spool *spool; /* NULL: no spool */
    struct llmobs_adopt *adopt; /* NULL: no adoption */
    struct llmobs_recalls *recalls;
    /* At most LLMOBS_RELEASE_MAX entries to be released; or NULL. */
    struct llmobs_spooled *done;
    size_t done_count;
    struct llmobs_buf text;
    int64_t adopted_ns; /* when adoption last found nothing */
};

void llmobs_backlog_init(struct llmobs_backlog *backlog,
                         struct llmobs_spool *spool,
                         struct llmobs_adopt *adopt);
void llmobs_backlog_reset(struct llmobs_backlog *backlog);

/* _release: an entry was delivered, or never will be. It is released at the
 * next flush, or earlier if many entries are to be released. */
void llmobs_backlog_release(struct llmobs_backlog *backlog,
                            const struct llmobs_spooled *spooled);
void llmobs_backlog_flush(struct llmobs_backlog *backlog);

/* Writes which destinations have an entry (spool.h, adopt.h). */
void llmobs_backlog_write_delivered_to(const struct llmobs_backlog *backlog,
                                       const struct llmobs_spooled *spooled,
                                       unsigned delivered_to);

/* If the disk may not have the bodies of an exchange (content_filter.h), writes
 * the redacted event in their place, for the relay if `for_relay`. The entry
 * stays as it is if the disk is full, or if this process cannot release the
 * entry any more. */
void llmobs_backlog_replace(struct llmobs_backlog *backlog,
                            struct llmobs_spooled *spooled,
                            enum llmobs_event_kind kind, bool for_relay,
                            struct llmobs_text event);

/* True where this process cannot reach the entry now, but may be the user of
 * its spool again. */
bool llmobs_backlog_may_return(const struct llmobs_backlog *backlog,
                               const struct llmobs_spooled *spooled);

/* Reads the item of a head from the disk again, which this process wrote.
 * -ENOMEM: memory or descriptors are short; -EXDEV: this process cannot reach
 * the entry, which stays on the disk; any other error: the entry is lost. */
int llmobs_backlog_load(struct llmobs_backlog *backlog,
                        const struct llmobs_item *head,
                        struct llmobs_item **item);

#endif
