/* event_item - an encoded event, as an item of the queue and as an EVENT entry
 * of the spool.
 *
 * Owns:    its text, which is in the same block; freed like any item.
 * Threads: one thread at a time.
 * Limits:  those of entry.h.
 */
#ifndef LLMOBS_EVENT_ITEM_H
#define LLMOBS_EVENT_ITEM_H

#include "core/event/item.h"
#include "core/log/entry.h"

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

/* Adds the fields of an EVENT entry: the text, and the time when the event
 * began, if the text lacks it. Borrows both. */
void llmobs_event_add(struct llmobs_entry_writer *writer,
                      enum llmobs_event_kind kind, struct llmobs_text text,
                      const int64_t *began_ns);

/* Reads an EVENT entry, and borrows the text from it. -EINVAL: the entry is
 * damaged, or from a later version. */
int llmobs_event_read(const struct llmobs_entry *entry,
                      enum llmobs_event_kind *kind, struct llmobs_text *text);

/* When the event began, wall clock; 0: not in the entry. */
int64_t llmobs_event_start(const struct llmobs_entry *entry);

#endif
