/* stream_parts - the parts of a streamed answer, each under its index.
 *
 * Owns:    its items, from the first use to fini, but nothing that they point
 *          to.
 * Threads: one thread at a time.
 * Errors:  -ENOSPC beyond `max` items, -ENOMEM.
 * Limits:  `max` items; it is cheap to find an item (by bisection) and to add
 *          an item at the end; an item between others moves those behind.
 *
 * An item is a struct whose first member is its `int64_t index`.
 */
#ifndef LLMOBS_STREAM_PARTS_H
#define LLMOBS_STREAM_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/span/span.h"

struct llmobs_stream_parts {
    void *items; /* sorted by index */
    size_t count;
    size_t cap;
};

/* Sets *item to the item of that index; makes the item (all zeros but the
 * index) if it is new. The next new item may move it. */
int llmobs_stream_part_at(struct llmobs_stream_parts *parts, size_t size,
                          size_t max, int64_t index, void **item);

void llmobs_stream_parts_fini(struct llmobs_stream_parts *parts);

/* Plain texts that come in pieces, one text or several at a time.
 *
 * Owns:    its texts, from the first piece to fini.
 * Threads: one thread at a time.
 * Errors:  -ENOMEM.
 * Limits:  LLMOBS_TEXT_STREAM_MAX texts; pieces of more texts are passed over.
 *          Texts as message_content.h.
 */
#define LLMOBS_TEXT_STREAM_MAX 128

/* A struct of zeros is empty and ready. */
struct llmobs_text_stream {
    struct llmobs_stream_parts texts;
    size_t len; /* bytes of all texts together */
};

void llmobs_text_stream_fini(void *stream);

/* Appends a piece to the text of an index. */
int llmobs_text_stream_add(struct llmobs_text_stream *stream, int64_t index,
                           struct llmobs_text piece);

/* Notes why the text of an index ended, if any piece of it came. */
int llmobs_text_stream_end(struct llmobs_text_stream *stream, int64_t index,
                           const char *reason);

/* Notes the reasons of all texts as facts (facts.h). */
void llmobs_text_stream_reasons(const struct llmobs_text_stream *stream,
                                struct llmobs_span *span);

/* Gives a message for each text; a NULL role is left out. */
struct llmobs_json *llmobs_text_stream_messages(
    const struct llmobs_text_stream *stream, const char *role);

#endif
