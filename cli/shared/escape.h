/* escape - text of others, made fit for a terminal.
 *
 * Threads: any.
 * Errors:  -ENOMEM, -EFBIG of the buffer.
 * Limits:  the columns asked for.
 *
 * Controls, escapes, line breaks and whatever turns the direction of writing
 * come out as \n, \x1b or \u{202e}: a model's answer cannot drive a terminal.
 * Bytes that are no UTF-8 come out as \xHH. Text is cut between characters,
 * with an ellipsis as its last column.
 */
#ifndef LLMOBS_ESCAPE_H
#define LLMOBS_ESCAPE_H

#include "core/base/buf.h"

/* Appends `text` in at most `columns` (> 0) columns. */
int llmobs_escape_add(struct llmobs_buf *out, struct llmobs_text text,
                      size_t columns);
int llmobs_escape_adds(struct llmobs_buf *out, const char *text,
                       size_t columns);

#define LLMOBS_ESCAPE_NAME 1024

/* For a message: a name or a path so, in `room`, which it gives. */
const char *llmobs_escape_name(const char *name, char room[LLMOBS_ESCAPE_NAME]);

/* Columns that bytes made by _add take. */
size_t llmobs_escape_width(const char *text);

#endif
