/* openai_stream - a streamed chat answer put together from its chunks.
 *
 * Owns:    its choices and their texts, from init to fini.
 * Threads: one at a time.
 * Errors:  -ENOMEM; a chunk that is no JSON is passed over.
 * Limits:  LLMOBS_STREAM_CHOICES_MAX choices and LLMOBS_STREAM_CALLS_MAX tool
 *          calls each; chunks of others are passed over. Texts as content.h.
 * Fork:    plain memory.
 *
 * Source: llmobs-wire 6.7.
 */
#ifndef LLMOBS_OPENAI_STREAM_H
#define LLMOBS_OPENAI_STREAM_H

#include "rules/rules.h"

#define LLMOBS_STREAM_CHOICES_MAX 128
#define LLMOBS_STREAM_CALLS_MAX 512

struct llmobs_stream_choice;

struct llmobs_stream {
    const struct llmobs_call *call;       /* borrowed until fini */
    struct llmobs_stream_choice *choices; /* sorted by index */
    size_t choice_count;
    size_t choice_cap;
    char *model;               /* the first that was not empty */
    struct llmobs_json *usage; /* the last one */
    bool done;                 /* [DONE] or a finish reason was seen */
    uint64_t first_at; /* bytes up to the first token's event; 0: none */
};

void llmobs_stream_init(struct llmobs_stream *stream,
                        const struct llmobs_call *call);
void llmobs_stream_fini(struct llmobs_stream *stream);

/* Reads events. `whole` texts begin at the answer's first byte; others (the
 * end of one that was too long) begin anywhere: the line they begin in is no
 * JSON or a field of no meaning, and they tell no times. An error among the
 * events fails the span. */
int llmobs_stream_read(struct llmobs_stream *stream, struct llmobs_text text,
                       bool whole, struct llmobs_span *span);

/* Gives the output messages. */
struct llmobs_json *llmobs_stream_messages(const struct llmobs_stream *stream,
                                           const char *audio_format);

#endif
