/* chat - requests and answers in the form of OpenAI's chat completions, which
 * several dialects share (WIRE 6.3, 6.7).
 *
 * Owns:    nothing; the reading's state is a struct llmobs_stream.
 * Threads: one at a time.
 * Errors:  -ENOMEM.
 * Limits:  those of openai_stream.h and message_content.h.
 */
#ifndef LLMOBS_CHAT_H
#define LLMOBS_CHAT_H

#include "rules/vendors/openai_stream.h"
#include "rules/read/message.h"
#include "rules/read/reading.h"

/* The differences between such dialects: form->variant. */
struct llmobs_chat_variant {
    const char *metadata;                       /* keys of the request to copy
                                                 */
    const struct llmobs_message_form *messages; /* of the request */
    bool asked_model; /* a stream's model is the request's */
    bool keep_space;  /* a stream's content keeps the white space around it */
    bool texts;       /* a prompt, and texts without a role */
    bool mute;        /* no answer has a reason, and counts end a stream */
};

/* OpenAI's own variant, and the keys of its requests that become metadata. */
extern const struct llmobs_chat_variant llmobs_chat_openai;
extern const char llmobs_chat_openai_keys[];

/* form->confirm: the request has messages, and a model. */
bool llmobs_chat_asks(const struct llmobs_reading *reading);

/* Functions for a form (reading.h) that has a variant. */
int llmobs_chat_request(struct llmobs_reading *reading);
int llmobs_chat_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body);
int llmobs_chat_event(struct llmobs_reading *reading,
                      const struct llmobs_event *event);
int llmobs_chat_finish(struct llmobs_reading *reading);

#endif
