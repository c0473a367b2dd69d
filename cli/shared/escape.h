/* escape - makes a text from outside fit for a terminal.
 *
 * Threads: any.
 * Errors:  -ENOMEM, -EFBIG of the buffer.
 * Limits:  the columns asked for. A character is as wide as wcwidth says; where
 *          the locale does not know it, as a short table here says. Joined
 *          emoji are as wide as all of them: some terminals do not join them.
 *
 * Controls, escapes, line breaks, characters that nobody sees and those that
 * change the direction of writing are written as \n, \x1b or \u{202e}, so that
 * a model's answer cannot control a terminal, nor hide a text. Bytes that are
 * no UTF-8 are written as \xHH. Joiners and selectors are parts of the
 * character before them. A text is cut between characters, with an ellipsis as
 * its last column.
 */
#ifndef LLMOBS_ESCAPE_H
#define LLMOBS_ESCAPE_H

#include "lib/base/buf.h"

/* Appends `text` in at most `columns` (> 0) columns. */
int llmobs_escape_add(struct llmobs_buf *out, struct llmobs_text text,
                      size_t columns);
int llmobs_escape_adds(struct llmobs_buf *out, const char *text,
                       size_t columns);

#define LLMOBS_ESCAPE_NAME 1024

/* Escapes a name or a path for a message, into `room`, which it returns. */
const char *llmobs_escape_name(const char *name, char room[LLMOBS_ESCAPE_NAME]);

/* The number of columns of a text that llmobs_escape_add has written. */
size_t llmobs_escape_width(const char *text);

#define LLMOBS_ESCAPE_MAX 16

/* The shown form of one character of a text, with its parts. */
struct llmobs_escape_piece {
    char escape[LLMOBS_ESCAPE_MAX];
    const char *data; /* in the text, or ->escape */
    size_t len;
    size_t width; /* in columns */
};

/* Fills `piece` from the start of a text that is not empty; answers the number
 * of bytes used. */
size_t llmobs_escape_next(struct llmobs_text text,
                          struct llmobs_escape_piece *piece);

#endif
