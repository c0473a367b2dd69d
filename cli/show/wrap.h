/* wrap - a foreign text in lines of a width, broken at words.
 *
 * Owns:    nothing; borrows the text.
 * Threads: any.
 * Errors:  -ENOMEM, -EFBIG of the buffer.
 *
 * Line breaks of the text stay; what does not fit into a line goes on below the
 * first word of it. A character that is wider than a line is left
 * out.
 */
#ifndef LLMOBS_WRAP_H
#define LLMOBS_WRAP_H

#include "cli/shared/screen.h"
#include "lib/base/buf.h"

struct llmobs_wrap {
    struct llmobs_text rest;
    const char *stop; /* the end of the text's line; NULL: not looked for */
    size_t columns;   /* of a line; 0: any number */
    size_t indent;    /* blanks that belong before the line given last */
    size_t hang;      /* of the lines that go on with one of the text */
};

void llmobs_wrap_init(struct llmobs_wrap *wrap, struct llmobs_text text,
                      size_t columns);

/* Gives the next line, a part of the text; false at its end. */
bool llmobs_wrap_next(struct llmobs_wrap *wrap, struct llmobs_text *line);

/* Appends a part of a line fit for a terminal: a tab as blanks, else as
 * cli/shared/escape does. */
int llmobs_wrap_add(struct llmobs_buf *out, struct llmobs_text part);

/* Prints a text of the tool's own on stdout, in lines of the screen's width, in
 * that colour. Each begins with so many blanks, where there is room for them.
 */
void llmobs_wrap_print(const struct llmobs_screen *screen,
                       enum llmobs_paint paint, size_t indent,
                       const char *text);

#endif
