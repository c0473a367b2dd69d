/* openai_stream - puts a streamed chat or completion together from its chunks.
 *
 * Owns:    its choices and their texts, from init to fini.
 * Threads: one at a time.
 * Errors:  -ENOMEM; an event that is no chunk is passed over.
 * Limits:  LLMOBS_STREAM_CHOICES_MAX choices and LLMOBS_STREAM_CALLS_MAX tool
 *          calls each; chunks of more of them are passed over. Texts as
 *          message_content.h.
 *
 * Source:  WIRE 6.7.
 */
#ifndef LLMOBS_OPENAI_STREAM_H
#define LLMOBS_OPENAI_STREAM_H

#include "lib/span/span.h"
#include "rules/read/stream_parts.h"

#define LLMOBS_STREAM_CHOICES_MAX 128
#define LLMOBS_STREAM_CALLS_MAX 512

struct llmobs_stream {
    bool texts;   /* legacy completions: a choice has a text and no delta */
    bool prompts; /* the request has several */
    struct llmobs_stream_parts choices;
    int64_t choice; /* the index of the one to which parts are added */
    char *model;    /* the first that was not empty */
    struct llmobs_json *usage;      /* of all chunks (usage.h) */
    const struct llmobs_json *bare; /* a chunk's tree that is known to have no
                                     * usage */
    const struct llmobs_json *said; /* the last chunk's, if it has no more than
                                     * a text for `choice`; or NULL */
    struct llmobs_json **text;      /* where `bare` has `said`; or NULL */
    struct llmobs_json **padding;   /* and random letters */
    bool done;                      /* a finish reason was seen */
    bool begun;                     /* a first token was seen */
    bool keep_space; /* the content keeps the white space around it */
};

/* A stream of all zeros is empty and ready for a chat. */
void llmobs_stream_fini(void *stream);

/* Adds one chunk. */
int llmobs_stream_add(struct llmobs_stream *stream,
                      const struct llmobs_json *chunk);

/* Each adds a part of one choice, for dialects whose events are no chunks.
 * Texts may be NULL; `call` is a tool call, or a piece of one, in a chunk's
 * form. */
int llmobs_stream_role(struct llmobs_stream *stream, const char *role);
int llmobs_stream_say(struct llmobs_stream *stream, const char *text,
                      bool thought);
int llmobs_stream_call(struct llmobs_stream *stream, int64_t index,
                       const struct llmobs_json *call);

/* Adds a piece to the call that its index, its id or its name shows, as of a
 * chunk. */
int llmobs_stream_next_call(struct llmobs_stream *stream,
                            const struct llmobs_json *call);

/* Sets the reason why the current choice ended; NULL changes nothing. */
int llmobs_stream_reason(struct llmobs_stream *stream, const char *reason);

/* Notes the reason of each choice (facts.h). */
void llmobs_stream_reasons(const struct llmobs_stream *stream,
                           struct llmobs_span *span);

/* Gives the output messages. */
struct llmobs_json *llmobs_stream_messages(const struct llmobs_stream *stream,
                                           const char *audio_format);

/* Gives those of legacy completions: plain texts without roles. */
struct llmobs_json *llmobs_stream_texts(const struct llmobs_stream *stream);

#endif
