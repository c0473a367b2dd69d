/* message - OpenAI-shaped chat messages as the messages of a span.
 *
 * Owns:    nothing; what is given belongs to the caller.
 * Threads: any; no state.
 * Errors:  NULL or -ENOMEM without memory.
 * Limits:  those of content.h.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_MESSAGE_H
#define LLMOBS_MESSAGE_H

#include "core/json.h"

/* Gives a message; a NULL role is left out (llmobs-wire 1.5). */
struct llmobs_json *llmobs_message_new(const char *role,
                                       struct llmobs_text content);

/* Gives an array with one such message. */
struct llmobs_json *llmobs_message_only(const char *role,
                                        struct llmobs_text content);

/* Gives the messages of a request (llmobs-wire 6.3). */
struct llmobs_json *llmobs_message_read_inputs(const struct llmobs_json *list);

/* Appends the answer's message to `list`, after its reasoning where it has
 * any. `audio_format` is what the request asked for, NULL: nothing. */
int llmobs_message_add_answer(struct llmobs_json *list,
                              const struct llmobs_json *message,
                              const char *audio_format);

#endif
