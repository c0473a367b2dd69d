#include "core/deliver/keeping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/step.h"
#include "core/ledger/stats.h"
#include "core/spool/event_item.h"
#include "core/spool/exchange_entry.h"

void llmobs_keeping_init(struct llmobs_keeping *keeping,
                         struct llmobs_spool *spool, struct llmobs_adopt *adopt)
{
    memset(keeping, 0, sizeof(*keeping));
    keeping->spool = spool;
    keeping->adopt = adopt;
    if (adopt)
        llmobs_adopt_except(adopt, spool);
    llmobs_buf_init(&keeping->text, LLMOBS_SPOOL_TEXT);
}

/* What a child inherited may be half-way in a state that only a thread of the
 * parent could finish: nothing of it is touched. */
void llmobs_keeping_reset(struct llmobs_keeping *keeping)
{
    struct llmobs_spool *spool = keeping->spool;
    struct llmobs_adopt *adopt = keeping->adopt;

    if (spool)
        llmobs_spool_reset(spool);
    if (adopt)
        llmobs_adopt_abandon(adopt);
    llmobs_keeping_init(keeping, spool, adopt);
}

static void release(struct llmobs_keeping *keeping,
                    const struct llmobs_spooled *list, size_t count,
                    bool adopted)
{
    if (adopted) {
        llmobs_stats_add(LLMOBS_STAT_released, count);
        llmobs_adopt_let_go(keeping->adopt, list, count);
    } else {
        llmobs_spool_release(keeping->spool, list, count);
    }
}

static void flush_one(struct llmobs_keeping *keeping, bool adopted)
{
    size_t count = keeping->done_count[adopted];

    keeping->done_count[adopted] = 0;
    if (count > 0)
        release(keeping, keeping->done[adopted], count, adopted);
    free(keeping->done[adopted]);
    keeping->done[adopted] = NULL;
}

/* Without memory each is let go by itself. */
void llmobs_keeping_done(struct llmobs_keeping *keeping,
                         const struct llmobs_spooled *spooled, bool adopted)
{
    struct llmobs_spooled **done = &keeping->done[adopted];

    if (!llmobs_spooled_any(spooled))
        return;
    if (keeping->done_count[adopted] == LLMOBS_RELEASE_MAX)
        flush_one(keeping, adopted);
    if (!*done)
        *done = malloc(LLMOBS_RELEASE_MAX * sizeof(**done));
    if (*done)
        (*done)[keeping->done_count[adopted]++] = *spooled;
    else
        release(keeping, spooled, 1, adopted);
}

void llmobs_keeping_flush(struct llmobs_keeping *keeping)
{
    bool some = keeping->done_count[false] || keeping->done_count[true];

    flush_one(keeping, false);
    flush_one(keeping, true);
    if (some)
        llmobs_step("noted");
}

/* By an id of its own: to release the one must not be to release the other. A
 * death between the two steps tells the call twice. */
void llmobs_keeping_replace(struct llmobs_keeping *keeping,
                            struct llmobs_spooled *spooled,
                            enum llmobs_event_kind kind,
                            struct llmobs_text event)
{
    struct llmobs_spooled anew = {0};

    if (!keeping->spool || !spooled->file ||
        llmobs_spool_is_away(keeping->spool, spooled) ||
        llmobs_spool_event(keeping->spool, &anew, kind, event) != 0)
        return;
    llmobs_spool_release(keeping->spool, spooled, 1);
    *spooled = anew;
}

/* -- on the disk alone --------------------------------------------------- */

static int grow(struct llmobs_keeping *keeping)
{
    size_t cap = keeping->cap ? keeping->cap * 2 : 256;
    struct llmobs_spilled *spill;

    if (keeping->count < keeping->cap)
        return 0;
    if (cap > LLMOBS_SPILL_MAX)
        return -ENOSPC;
    spill = malloc(cap * sizeof(*spill));
    if (!spill)
        return -ENOMEM;
    for (size_t i = 0; i < keeping->count; i++)
        spill[i] = keeping->spill[(keeping->first + i) % keeping->cap];
    free(keeping->spill);
    keeping->spill = spill;
    keeping->first = 0;
    keeping->cap = cap;
    return 0;
}

int llmobs_keeping_spill(struct llmobs_keeping *keeping,
                         const struct llmobs_spooled *spooled, unsigned had)
{
    int rc;

    if (!keeping->spool || !spooled->file)
        return -ENOENT;
    rc = grow(keeping);
    if (rc)
        return rc;
    keeping->spill[(keeping->first + keeping->count) % keeping->cap] =
        (struct llmobs_spilled){*spooled, had};
    keeping->count++;
    return 0;
}

static int read_item(struct llmobs_keeping *keeping,
                     const struct llmobs_entry *entry,
                     struct llmobs_item **item)
{
    struct llmobs_exchange *exchange;
    enum llmobs_event_kind kind;
    struct llmobs_text text;
    int rc;

    if (entry->type == LLMOBS_ENTRY_EVENT) {
        rc = llmobs_event_read(entry, &kind, &text);
        if (rc)
            return rc;
        *item = llmobs_event_item_new(kind, text);
        return *item ? 0 : -ENOMEM;
    }
    rc = llmobs_exchange_read(entry, &keeping->recalls, &exchange);
    *item = rc ? NULL : &exchange->item;
    return rc;
}

int llmobs_keeping_load(struct llmobs_keeping *keeping,
                        const struct llmobs_spooled *spooled,
                        struct llmobs_item **item)
{
    struct llmobs_entry entry;
    int rc = llmobs_spool_load(keeping->spool, spooled, &keeping->text, &entry);

    *item = NULL;
    if (rc == -EMFILE || rc == -ENFILE || rc == -EINTR || rc == -EAGAIN)
        rc = -ENOMEM;
    else if (rc == -ENOENT)
        rc = -EIO;
    if (!rc)
        rc = read_item(keeping, &entry, item);
    if (!rc)
        (*item)->spooled = *spooled;
    if (keeping->text.cap > LLMOBS_SPOOL_FILE)
        llmobs_buf_fini(&keeping->text);
    if (rc && rc != -ENOMEM && llmobs_spool_is_away(keeping->spool, spooled))
        rc = -EXDEV;
    return rc;
}

int llmobs_keeping_unspill(struct llmobs_keeping *keeping,
                           struct llmobs_item **item, unsigned *had)
{
    struct llmobs_spilled one;
    int rc;

    if (keeping->count == 0)
        return -ENOENT;
    one = keeping->spill[keeping->first];
    if (llmobs_spool_is_away(keeping->spool, &one.spooled) &&
        llmobs_spool_may_return(keeping->spool))
        return -ENOENT;
    rc = llmobs_keeping_load(keeping, &one.spooled, item);
    if (rc == -ENOMEM)
        return rc;
    keeping->first = (keeping->first + 1) % keeping->cap;
    if (--keeping->count == 0) {
        free(keeping->spill);
        keeping->spill = NULL;
        keeping->first = keeping->cap = 0;
    }
    *had = one.had;
    if (rc && rc != -EXDEV)
        llmobs_keeping_done(keeping, &one.spooled, false);
    return rc;
}
