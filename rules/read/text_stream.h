/* text_stream - plain texts that come in pieces, one text or several at a time.
 *
 * Owns:    its texts, from the first piece to fini.
 * Threads: one thread at a time.
 * Errors:  -ENOMEM.
 * Limits:  LLMOBS_TEXT_STREAM_MAX texts; pieces of more texts are passed over.
 *          Texts as message_content.h.
 */
#ifndef LLMOBS_TEXT_STREAM_H
#define LLMOBS_TEXT_STREAM_H

#include "lib/span/span.h"
#include "rules/read/stream_parts.h"

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
