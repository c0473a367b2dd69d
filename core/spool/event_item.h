/* event_item - an event that is encoded already, as the buffer carries it and
 * as the spool keeps it.
 *
 * Owns:    its text, which is a part of it; freed as any item.
 * Threads: any, one at a time.
 * Errors:  negative errno.
 * Limits:  those of entry.h.
 * Fork:    plain memory.
 */
#ifndef LLMOBS_EVENT_ITEM_H
#define LLMOBS_EVENT_ITEM_H

#include "core/event/item.h"
#include "core/spool/entry.h"

struct llmobs_event_item {
    struct llmobs_item item; /* first */
    size_t len;
    char data[];
};

/* Copies the text. NULL without memory. */
struct llmobs_item *llmobs_event_item_new(enum llmobs_event_kind kind,
                                          struct llmobs_text text);
struct llmobs_text llmobs_event_item_text(const struct llmobs_item *item);

/* Adds the fields of an EVENT entry: the text, and for events that do not say
 * when they began, when that was. Borrows both. */
int llmobs_event_add(struct llmobs_entry_writer *writer,
                     enum llmobs_event_kind kind, struct llmobs_text text,
                     const int64_t *began_ns);

/* Reads an EVENT entry; the text is borrowed from it. -EINVAL: it is none of
 * ours, or of a later version. */
int llmobs_event_read(const struct llmobs_entry *entry,
                      enum llmobs_event_kind *kind, struct llmobs_text *text);

/* When it began: wall clock; 0: it does not say. */
int64_t llmobs_event_start(const struct llmobs_entry *entry);

#endif
