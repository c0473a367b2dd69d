/* gemini_parts - the contents of Google's models, and their parts, as messages.
 *
 * Owns:    nothing; the caller owns the messages that it is given.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  those of message_content.h.
 *
 * Source:  WIRE 1.5, 6.10. Files, images and sounds are never kept.
 */
#ifndef LLMOBS_GEMINI_PARTS_H
#define LLMOBS_GEMINI_PARTS_H

#include "lib/text/json.h"

/* The span's word for a content's role; `fallback` where it has none. */
const char *llmobs_gemini_role(const struct llmobs_json *content,
                               const char *fallback);

/* True where a part has more than text and a thought's signature. */
bool llmobs_gemini_has_data(const struct llmobs_json *part);

/* True where a part is reasoning, not answer. */
bool llmobs_gemini_is_thought(const struct llmobs_json *part);

/* Appends the message of a part. Appends nothing for a part that has only the
 * signature of a thought. */
int llmobs_gemini_add_part(struct llmobs_json *list,
                           const struct llmobs_json *part, const char *role);

/* Appends the messages of all parts of a `content` object. A `content` that is
 * a text counts as one part. */
int llmobs_gemini_add_content(struct llmobs_json *list,
                              const struct llmobs_json *content,
                              const char *role);

#endif
