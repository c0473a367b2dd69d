#include "core/deliver/backlog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/crash_point.h"
#include "lib/base/stats.h"
#include "core/log/event_item.h"
#include "core/log/exchange_entry.h"

void llmobs_backlog_init(struct llmobs_backlog *backlog,
                         struct llmobs_spool *spool, struct llmobs_adopt *adopt)
{
    memset(backlog, 0, sizeof(*backlog));
    backlog->spool = spool;
    backlog->adopt = adopt;
    if (adopt)
        llmobs_adopt_set_own(adopt, spool);
    llmobs_buf_init(&backlog->text, LLMOBS_SPOOL_TEXT);
}

/* Frees nothing that a child inherited: a thread of the parent may have been in
 * the middle of changing it. */
void llmobs_backlog_reset(struct llmobs_backlog *backlog)
{
    struct llmobs_spool *spool = backlog->spool;
    struct llmobs_adopt *adopt = backlog->adopt;

    if (spool)
        llmobs_spool_reset(spool);
    if (adopt)
        llmobs_adopt_forget(adopt);
    llmobs_backlog_init(backlog, spool, adopt);
}

/* Releases the entries of this process, or those of one other after the other,
 * in the order of the list. */
static void release_list(struct llmobs_backlog *backlog,
                         const struct llmobs_spooled *list, size_t count)
{
    size_t n;

    for (; count > 0; list += n, count -= n) {
        for (n = 1; n < count && !list[n].claim == !list->claim;)
            n++;
        if (list->claim) {
            llmobs_stats_add(LLMOBS_STAT_released, n);
            llmobs_adopt_release(backlog->adopt, list, n);
        } else {
            llmobs_spool_release(backlog->spool, list, n);
        }
    }
}

/* Without memory for a list, releases the entry at once. */
void llmobs_backlog_release(struct llmobs_backlog *backlog,
                            const struct llmobs_spooled *spooled)
{
    if (!llmobs_spooled_any(spooled))
        return;
    if (backlog->done_count == LLMOBS_RELEASE_MAX)
        llmobs_backlog_flush(backlog);
    if (!backlog->done)
        backlog->done = malloc(LLMOBS_RELEASE_MAX * sizeof(*backlog->done));
    if (backlog->done)
        backlog->done[backlog->done_count++] = *spooled;
    else
        release_list(backlog, spooled, 1);
}

void llmobs_backlog_flush(struct llmobs_backlog *backlog)
{
    size_t count = backlog->done_count;

    backlog->done_count = 0;
    release_list(backlog, backlog->done, count);
    free(backlog->done);
    backlog->done = NULL;
    if (count > 0)
        llmobs_crash_point("noted");
}

void llmobs_backlog_write_delivered_to(const struct llmobs_backlog *backlog,
                                       const struct llmobs_spooled *spooled,
                                       unsigned delivered_to)
{
    if (spooled->claim)
        llmobs_adopt_write_delivered_to(backlog->adopt, spooled, delivered_to);
    else if (backlog->spool)
        llmobs_spool_write_delivered_to(backlog->spool, spooled, delivered_to);
}

/* The event gets an id of its own, so that the release of one entry does not
 * release the other. If the process dies between the two steps, the call is
 * delivered twice. */
void llmobs_backlog_replace(struct llmobs_backlog *backlog,
                            struct llmobs_spooled *spooled,
                            enum llmobs_event_kind kind, bool for_relay,
                            struct llmobs_text event)
{
    struct llmobs_spooled anew = {.for_relay = for_relay};

    if (!backlog->spool || !spooled->file ||
        llmobs_spool_is_away(backlog->spool, spooled) ||
        llmobs_spool_write_event(backlog->spool, &anew, kind, event) != 0)
        return;
    llmobs_spool_release(backlog->spool, spooled, 1);
    *spooled = anew;
}

bool llmobs_backlog_may_return(const struct llmobs_backlog *backlog,
                               const struct llmobs_spooled *spooled)
{
    return llmobs_spool_is_away(backlog->spool, spooled) &&
           llmobs_spool_may_return(backlog->spool);
}

int llmobs_backlog_load(struct llmobs_backlog *backlog,
                        const struct llmobs_item *head,
                        struct llmobs_item **item)
{
    const struct llmobs_spooled *spooled = &head->spooled;
    struct llmobs_entry entry;
    int rc = llmobs_spool_load(backlog->spool, spooled, &backlog->text, &entry);

    if (rc == -EMFILE || rc == -ENFILE || rc == -EINTR || rc == -EAGAIN)
        rc = -ENOMEM;
    else if (rc == -ENOENT)
        rc = -EIO;
    if (!rc)
        rc = llmobs_item_read(&entry, &backlog->recalls, item);
    if (!rc) {
        (*item)->spooled = *spooled;
        (*item)->delivered_to = head->delivered_to;
    }
    if (backlog->text.cap > LLMOBS_SPOOL_FILE)
        llmobs_buf_fini(&backlog->text);
    if (rc && rc != -ENOMEM && llmobs_spool_is_away(backlog->spool, spooled))
        rc = -EXDEV;
    return rc;
}
