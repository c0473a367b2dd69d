/* history - a chat whose last message stands beside the ones before it, as
 * Cohere had it first, and as Oracle has it still.
 *
 * Owns:    nothing; the span owns what is set.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  those of message_content.h.
 */
#ifndef LLMOBS_HISTORY_H
#define LLMOBS_HISTORY_H

#include "rules/read/message.h"
#include "rules/read/reading.h"

/* Reads the messages of `from`: the text under `system`, the list under
 * `history`, the text `message`, and what tools said to it; and its tools.
 * Nothing of a request that was cut. */
int llmobs_history_request(struct llmobs_reading *reading,
                           const struct llmobs_json *from, const char *system,
                           const char *history);

/* Appends a message of which roles are in capital letters, with its calls. */
int llmobs_history_add(struct llmobs_json *list,
                       const struct llmobs_json *message,
                       const struct llmobs_message_form *form);

/* Sets the calls of tools that `from` has; a call has its name in itself. */
int llmobs_history_calls(struct llmobs_json *message,
                         const struct llmobs_json *from);

#endif
