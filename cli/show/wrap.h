/* wrap - a text from outside in lines of a width, broken at words.
 *
 * Owns:    nothing; borrows the text.
 * Threads: any.
 * Errors:  -ENOMEM, -EFBIG of the buffer.
 *
 * Line breaks of the text stay; the rest of a line that is too long goes on
 * below the line's first word. A character wider than a line is left out.
 */
#ifndef LLMOBS_WRAP_H
#define LLMOBS_WRAP_H

#include "cli/shared/screen.h"
#include "lib/base/buf.h"

struct llmobs_wrap {
    struct llmobs_text rest;
    const char *stop; /* the end of the text's line; NULL: not looked for */
    size_t columns;   /* the width of a line; 0: no limit */
    size_t indent;    /* blanks to print before the line given last */
    size_t hang;      /* blanks before lines that go on with a text line */
};

void llmobs_wrap_init(struct llmobs_wrap *wrap, struct llmobs_text text,
                      size_t columns);

/* Gives the next line, a part of the text; false at its end. */
bool llmobs_wrap_next(struct llmobs_wrap *wrap, struct llmobs_text *line);

/* Appends a part of a line, fit for a terminal: tabs become blanks, the rest is
 * escaped as by cli/shared/escape. */
int llmobs_wrap_add(struct llmobs_buf *out, struct llmobs_text part);

/* Prints a text of the tool on stdout, in lines of the screen's width and in
 * that colour. */
void llmobs_wrap_print(const struct llmobs_screen *screen,
                       enum llmobs_paint paint, const char *text);

#endif
