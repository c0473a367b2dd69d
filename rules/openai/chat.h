/* chat - answers in the form of OpenAI's chat completions, which several
 * dialects have (WIRE 6.3, 6.7).
 *
 * Owns:    nothing; the reading's state is a struct llmobs_stream.
 * Threads: one at a time.
 * Errors:  -ENOMEM.
 * Limits:  those of openai_stream.h and message_content.h.
 * Fork:    plain memory.
 */
#ifndef LLMOBS_CHAT_H
#define LLMOBS_CHAT_H

#include "rules/openai/openai_stream.h"
#include "rules/read/reading.h"
#include "rules/read/message.h"

/* What such dialects differ in: a form's variant. */
struct llmobs_chat_variant {
    /* Sets the metrics of a usage object; NULL: there was none. */
    int (*usage)(const struct llmobs_json *usage, struct llmobs_span *span);
    const char *const *metadata;                /* keys of the request */
    const struct llmobs_message_form *messages; /* of the request */
    bool asked_model; /* streamed: the model is that of the request */
    bool keep_space;  /* streamed: the white space around the content stays */
};

/* OpenAI's own, and the keys of its requests that become metadata. */
extern const struct llmobs_chat_variant llmobs_chat_openai;
extern const char *const llmobs_chat_openai_keys[];

/* form->confirm: the request has messages, and a model. */
bool llmobs_chat_asks(const struct llmobs_reading *reading);

/* The functions of a form (reading.h), which has a variant. */
int llmobs_chat_request(struct llmobs_reading *reading);
int llmobs_chat_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body);
int llmobs_chat_event(struct llmobs_reading *reading,
                      const struct llmobs_event *event);
int llmobs_chat_finish(struct llmobs_reading *reading);
int llmobs_chat_ends(struct llmobs_reading *reading);
void llmobs_chat_fini(void *state);

/* Makes the output of a stream whose parts were added, if any came; the model
 * and the usage are the caller's. */
int llmobs_chat_messages(struct llmobs_reading *reading);

/* Notes the stream's first token after an event was added. */
void llmobs_chat_begun(struct llmobs_reading *reading,
                       const struct llmobs_event *event);

#endif
