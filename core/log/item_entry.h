/* item_entry - writes what is delivered, an exchange or an encoded event, to an
 * entry of the spool, and reads it back.
 *
 * The exchange is prepared for its stage (llmobs_exchange_prepare), so that no
 * secret comes here; its headers are what it may keep (allowlist.h). Where
 * the configuration hides content (content_filter.h), the bodies and libcurl's
 * error text are left out; their sizes say that they were there.
 *
 * Owns:    the caller owns an item that was read; an event's text is in its
 *          block.
 * Threads: add: the thread that owns the item; read: any.
 * Errors:  -ENOSPC, -ENOMEM; -EINVAL for a damaged entry; -ENOTSUP: this
 *          version does not know its dialect.
 * Limits:  those of entry.h; the first LLMOBS_BEGIN_MAX bytes of a request that
 *          has only begun.
 */
#ifndef LLMOBS_ITEM_ENTRY_H
#define LLMOBS_ITEM_ENTRY_H

#include "core/event/exchange.h"
#include "core/event/item.h"
#include "core/log/entry.h"

#define LLMOBS_BEGIN_MAX ((size_t)64 * 1024)

/* Values that the writer borrows, as it borrows the exchange. */
struct llmobs_exchange_facts {
    int64_t numbers[32];
    double times[4];
    char rule[LLMOBS_RULES_NOTE_MAX];
};

/* Adds the exchange's fields to an entry. A START gets no headers and bodies,
 * and its `stands` says whether it is a call; a BEGIN gets the request as far
 * as it is known; an END gets everything. `bare`: without the bodies. The
 * writer borrows the exchange and `facts` until the entry is written, and has
 * the failure, if there is one (entry.h). */
void llmobs_exchange_add(struct llmobs_exchange *exchange, bool bare,
                         struct llmobs_exchange_facts *facts,
                         struct llmobs_entry_writer *writer);

/* Gives the exchange of a START, BEGIN or END entry. Its match borrows from the
 * recalls. _item_read gives the item of any of these, or of an EVENT. -EINVAL:
 * the entry is damaged, or from a later version. */
int llmobs_exchange_read(const struct llmobs_entry *entry,
                         struct llmobs_recalls **recalls,
                         struct llmobs_exchange **out);
int llmobs_item_read(const struct llmobs_entry *entry,
                     struct llmobs_recalls **recalls, struct llmobs_item **out);

/* -- an encoded event ------------------------------------------------------ */

/* The tag of the text is this plus the kind of the event. */
#define LLMOBS_EVENT_TAG 1

struct llmobs_event_item {
    struct llmobs_item item; /* first */
    size_t len;
    char data[];
};

/* Copies the text. NULL when memory runs out. */
struct llmobs_item *llmobs_event_item_new(enum llmobs_event_kind kind,
                                          struct llmobs_text text);
struct llmobs_text llmobs_event_item_text(const struct llmobs_item *item);

/* Adds the fields of an EVENT entry: the text, and the time of the writing by
 * wall and monotonic clock; an event whose text has no time began then. Borrows
 * both. */
void llmobs_event_add(struct llmobs_entry_writer *writer,
                      enum llmobs_event_kind kind, struct llmobs_text text,
                      const int64_t now_ns[2]);

/* When the call of such an entry, or the event of an EVENT entry, began, wall
 * clock; 0: not in the entry. `mono_ns`, or NULL: the monotonic clock of its
 * boot; 0: not known. */
int64_t llmobs_item_start(const struct llmobs_entry *entry, int64_t *mono_ns);

/* Where a call that has begun is, in the memory of the process that wrote the
 * entry: the thread pointer of the thread that began it, and the address of its
 * struct llmobs_progress. 0: not in the entry. */
struct llmobs_exchange_place {
    uint64_t thread;
    uint64_t progress;
};
void llmobs_exchange_entry_place(const struct llmobs_entry *entry,
                                 struct llmobs_exchange_place *out);

#endif
