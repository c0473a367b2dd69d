/* gemini_parts - contents of Google's models and their parts as messages.
 *
 * Owns:    nothing; what is given belongs to the caller.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  those of message_content.h.
 * Fork:    nothing to do.
 *
 * Source: WIRE 1.5, 6.10. Files, images and sounds are never kept.
 */
#ifndef LLMOBS_GEMINI_PARTS_H
#define LLMOBS_GEMINI_PARTS_H

#include "core/text/json.h"

/* The role of a content in our words; `fallback` where it has none. */
const char *llmobs_gemini_role(const struct llmobs_json *content,
                               const char *fallback);

/* True where a part holds more than text and what signs a thought. */
bool llmobs_gemini_has_data(const struct llmobs_json *part);

/* True where a part is thought, not said. */
bool llmobs_gemini_is_thought(const struct llmobs_json *part);

/* Appends the message of a part; one that only signs a thought makes none. */
int llmobs_gemini_add_part(struct llmobs_json *list,
                           const struct llmobs_json *part, const char *role);

/* The same for all parts of a content; a text is one part. */
int llmobs_gemini_add_content(struct llmobs_json *list,
                              const struct llmobs_json *content,
                              const char *role);

#endif
