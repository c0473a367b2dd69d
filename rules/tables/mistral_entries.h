/* mistral_entries - the entries of Mistral's conversations as messages: what
 * users and models said, calls of functions and their results, tools that the
 * server ran, and the hand-over from one agent to another.
 *
 * Source:  the types of npm's @mistralai/mistralai 2.7.0
 *          (models/components/conversation*, *entry, *event).
 *
 * Owns:    nothing; the caller owns the values that it is given.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  those of message_content.h.
 */
#ifndef LLMOBS_MISTRAL_ENTRIES_H
#define LLMOBS_MISTRAL_ENTRIES_H

#include "lib/text/json.h"

/* Adds the messages of a request's `inputs`: a text, or a list of entries. */
int llmobs_mistral_add_inputs(struct llmobs_json *list,
                              const struct llmobs_json *inputs);

/* Adds the message of one entry; adds nothing for an unknown type. */
int llmobs_mistral_add_entry(struct llmobs_json *list,
                             const struct llmobs_json *entry);

#endif
