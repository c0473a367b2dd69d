/* pretty - JSON on several lines, for people.
 *
 * Threads: any.
 * Errors:  -ENOMEM, -EFBIG of the buffer.
 * Limits:  LLMOBS_PRETTY_DEPTH levels have lines of their own; deeper ones
 *          stand in one line.
 */
#ifndef LLMOBS_PRETTY_H
#define LLMOBS_PRETTY_H

#include "lib/text/json.h"

#define LLMOBS_PRETTY_DEPTH 32

/* Appends a value with its members in their order. A container of one member,
 * or a short one within another, stands in one line. */
int llmobs_pretty_add(struct llmobs_buf *out, const struct llmobs_json *json);

/* Appends a text that is a JSON object or array; -EINVAL: it is neither. */
int llmobs_pretty_text(struct llmobs_buf *out, const char *text);

#endif
