/* interactions_steps - the steps of Gemini's Interactions API as the messages
 * of a span.
 *
 * Owns:    nothing; the list owns the messages that are added.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  those of message_content.h.
 *
 * Source:  the types of googleapis/python-genai,
 *          google/genai/_gaos/types/interactions (2026-08). Images, sounds and
 *          files are never kept.
 */
#ifndef LLMOBS_INTERACTIONS_STEPS_H
#define LLMOBS_INTERACTIONS_STEPS_H

#include "lib/text/json.h"

/* Adds the messages of a request's `input`: a text, a content, or a list of
 * contents, steps or (before 2026-05) turns. */
int llmobs_interactions_add_inputs(struct llmobs_json *list,
                                   const struct llmobs_json *input);

/* Adds the message of one step of an answer; before 2026-05 a content stood in
 * its place. An input that the answer repeats adds none. */
int llmobs_interactions_add_output(struct llmobs_json *list,
                                   const struct llmobs_json *step);

/* Appends the words for an image, a sound or a file to a text; *is is false
 * where the content is none of these. */
int llmobs_interactions_mark(struct llmobs_buf *text,
                             const struct llmobs_json *content, bool *is);

/* True for the type of a call that the model made: "function_call", ... */
bool llmobs_interactions_is_call(const char *type);

#endif
