/* gemini_stream - the parts of an answer of Google's models that comes in
 * pieces: all thoughts joined, all texts joined, the other parts as messages in
 * their order; a call whose arguments come in pieces is one call.
 *
 * Owns:    its members, from the first piece to fini.
 * Threads: one at a time.
 * Errors:  -ENOMEM.
 * Limits:  those of message_content.h.
 */
#ifndef LLMOBS_GEMINI_STREAM_H
#define LLMOBS_GEMINI_STREAM_H

#include "lib/text/json.h"

/* All zeros: empty and ready. */
struct llmobs_gemini_stream {
    struct llmobs_buf text;
    struct llmobs_buf thought;
    struct llmobs_json *others; /* messages; NULL: no piece came */
    char *role;                 /* of the first content */
    struct llmobs_json *open;   /* the arguments of the call that goes on, in
                                 * `others`; NULL: none */
    struct llmobs_buf piece;    /* a text of the arguments that goes on */
    char *piece_path;           /* the path of that text; NULL: none */
    bool begun;                 /* a first token was seen */
};

void llmobs_gemini_stream_fini(struct llmobs_gemini_stream *stream);

/* A piece has come, perhaps without a content. */
int llmobs_gemini_stream_begin(struct llmobs_gemini_stream *stream);

/* Adds the parts of a content to a stream that has begun. */
int llmobs_gemini_stream_add(struct llmobs_gemini_stream *stream,
                             const struct llmobs_json *content);

/* Gives the messages of a stream that has begun; NULL without memory. */
struct llmobs_json *llmobs_gemini_stream_messages(
    struct llmobs_gemini_stream *stream);

#endif
