/* Keeps what is to be delivered, and notes what was. */
#include "core/deliver/account.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/crash_point.h"
#include "lib/text/budget.h"

/* Copying a longer text costs more than new memory for the next text. */
#define COPIED_MAX ((size_t)128 * 1024)

void llmobs_account_set(struct llmobs_account *account,
                        struct llmobs_spool *spool, struct llmobs_adopt *adopt)
{
    account->spool = spool;
    account->adopt = adopt;
    if (adopt)
        llmobs_adopt_set_own(adopt, spool);
}

void llmobs_account_reset(struct llmobs_account *account)
{
    llmobs_queue_reset(account->queue);
    if (account->spool)
        llmobs_spool_reset(account->spool);
    if (account->adopt)
        llmobs_adopt_forget(account->adopt);
    account->done = NULL;
    account->done_count = account->bytes = 0;
    llmobs_buf_init(&account->spare, 0);
    atomic_store(&account->pending, 0);
}

void llmobs_account_count(struct llmobs_account *account, enum llmobs_stat stat)
{
    size_t old = atomic_load(&account->pending);

    while (old > 0)
        if (atomic_compare_exchange_weak(&account->pending, &old, old - 1)) {
            llmobs_stats_add(stat, 1);
            return;
        }
}

/* -- entries --------------------------------------------------------------- */

/* Leaves the entry on the disk for another process, such as the relay. */
static void leave_on_disk(struct llmobs_account *account,
                          const struct llmobs_spooled *spooled)
{
    if (spooled->claim)
        llmobs_adopt_return(account->adopt, spooled);
    else if (account->spool && spooled->for_relay)
        llmobs_spool_delegate(account->spool, spooled);
    llmobs_account_count(account, LLMOBS_STAT_left);
}

bool llmobs_account_wait(struct llmobs_account *account,
                         const struct llmobs_spooled *spooled,
                         enum llmobs_event_kind kind, unsigned delivered_to)
{
    struct llmobs_item *head;

    if (!spooled->kept)
        return false;
    head = spooled->claim ? NULL : malloc(sizeof(*head));
    if (head)
        *head = (struct llmobs_item){.type = LLMOBS_ITEM_SPOOLED,
                                     .kind = kind,
                                     .delivered_to = delivered_to,
                                     .spooled = *spooled};
    if (!head || llmobs_queue_wait(account->queue, head) != 0) {
        free(head);
        leave_on_disk(account, spooled);
    }
    return true;
}

void llmobs_account_write_delivered_to(const struct llmobs_account *account,
                                       const struct llmobs_spooled *spooled,
                                       unsigned delivered_to)
{
    if (spooled->claim)
        llmobs_adopt_write_delivered_to(account->adopt, spooled, delivered_to);
    else if (account->spool)
        llmobs_spool_write_delivered_to(account->spool, spooled, delivered_to);
}

/* Releases the entries of this process, or those of one other after the other,
 * in the order of the list. */
static void release_list(struct llmobs_account *account,
                         const struct llmobs_spooled *list, size_t count)
{
    size_t n;

    for (; count > 0; list += n, count -= n) {
        for (n = 1; n < count && !list[n].claim == !list->claim;)
            n++;
        if (list->claim) {
            llmobs_stats_add(LLMOBS_STAT_released, n);
            llmobs_adopt_release(account->adopt, list, n);
        } else {
            llmobs_spool_release(account->spool, list, n);
        }
    }
}

/* Without memory for a list, releases the entry at once. */
void llmobs_account_release(struct llmobs_account *account,
                            const struct llmobs_spooled *spooled)
{
    if (!spooled->file)
        return;
    if (account->done_count == LLMOBS_RELEASE_MAX)
        llmobs_account_flush(account);
    if (!account->done)
        account->done = malloc(LLMOBS_RELEASE_MAX * sizeof(*account->done));
    if (account->done)
        account->done[account->done_count++] = *spooled;
    else
        release_list(account, spooled, 1);
}

void llmobs_account_flush(struct llmobs_account *account)
{
    size_t count = account->done_count;

    account->done_count = 0;
    release_list(account, account->done, count);
    free(account->done);
    account->done = NULL;
    if (count > 0)
        llmobs_crash_point("noted");
}

/* -- events ---------------------------------------------------------------- */

struct llmobs_event *llmobs_event_new(struct llmobs_account *account,
                                      enum llmobs_event_kind kind,
                                      struct llmobs_text text,
                                      struct llmobs_buf *owner)
{
    bool takes = owner && text.data == owner->data && text.len > COPIED_MAX;
    struct llmobs_event *event =
        malloc(sizeof(*event) + (takes ? 0 : text.len));

    if (!event)
        return NULL;
    *event = (struct llmobs_event){.refs = 1,
                                   .kind = kind,
                                   .fate = LLMOBS_STAT_delivered,
                                   .len = text.len,
                                   .data = event->copy};
    account->bytes += text.len;
    llmobs_budget_force(text.len);
    if (takes) {
        llmobs_buf_fit(owner);
        event->data = llmobs_buf_take(owner, NULL);
    } else {
        memcpy(event->data, text.data, text.len);
    }
    return event;
}

/* Settles the event and releases its entry, unless the entry stays on the disk
 * for a later moment or for another process. */
static void settle(struct llmobs_account *account,
                   const struct llmobs_event *event)
{
    enum llmobs_stat fate = event->fate;

    if ((fate == LLMOBS_STAT_dropped_full ||
         fate == LLMOBS_STAT_dropped_memory) &&
        llmobs_account_wait(account, &event->spooled, event->kind,
                            event->delivered_to))
        return;
    if (fate == LLMOBS_STAT_left && !event->rescued) {
        leave_on_disk(account, &event->spooled);
        return;
    }
    if (fate == LLMOBS_STAT_left) {
        llmobs_stats_add(LLMOBS_STAT_kept, 1);
        llmobs_stats_add(LLMOBS_STAT_fell_back, 1);
    }
    if (event->kind == LLMOBS_EVENT_EVALUATION && fate == LLMOBS_STAT_delivered)
        llmobs_stats_add(LLMOBS_STAT_evaluations, 1);
    llmobs_account_count(account, fate);
    llmobs_account_release(account, &event->spooled);
}

void llmobs_event_release(struct llmobs_account *account,
                          struct llmobs_event *event, enum llmobs_stat fate)
{
    /* An event that expired for one destination waits for another. */
    if (event->fate == LLMOBS_STAT_delivered ||
        (event->fate == LLMOBS_STAT_sampled_out &&
         fate != LLMOBS_STAT_delivered) ||
        (event->fate == LLMOBS_STAT_dropped_expired &&
         fate == LLMOBS_STAT_left && event->spooled.kept))
        event->fate = fate;
    if (--event->refs)
        return;
    account->bytes -= event->len;
    llmobs_budget_release(event->len);
    settle(account, event);
    if (event->data != event->copy && !account->spare.data &&
        event->len < LLMOBS_EVENT_SPARE) {
        account->spare.data = event->data;
        account->spare.cap = event->len + 1;
    } else if (event->data != event->copy) {
        free(event->data);
    }
    free(event);
}
