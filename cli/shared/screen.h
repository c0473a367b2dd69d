/* screen - the place where a view's lines go: its width, its colours and
 * characters, and the functions that write to it.
 *
 * Owns:    nothing. It writes to stdout, and sets the thread's locale for the
 *          widths of characters.
 * Threads: the main thread.
 * Errors:  none; the caller looks for errors of stdout.
 */
#ifndef LLMOBS_SCREEN_H
#define LLMOBS_SCREEN_H

#include "lib/base/buf.h"

enum llmobs_screen_when {
    LLMOBS_SCREEN_AUTO, /* on a terminal, unless a variable forbids colours */
    LLMOBS_SCREEN_ALWAYS,
    LLMOBS_SCREEN_NEVER
};

/* The sequence for underlined text, where the screen has colours. */
#define LLMOBS_SCREEN_UNDERLINE "\033[4m"
#define LLMOBS_SCREEN_NO_UNDERLINE "\033[24m"

enum llmobs_paint {
    LLMOBS_PAINT_NONE,
    LLMOBS_PAINT_DIM,
    LLMOBS_PAINT_BOLD,
    LLMOBS_PAINT_RED,
    LLMOBS_PAINT_GREEN,
    LLMOBS_PAINT_YELLOW,
    LLMOBS_PAINT_BLUE,
    LLMOBS_PAINT_MAGENTA,
    LLMOBS_PAINT_CYAN
};

struct llmobs_screen {
    bool terminal; /* stdout is a terminal */
    bool colour;
    bool ascii;     /* lines are drawn with ASCII alone */
    size_t columns; /* of a line, at most; 0: any number */
    size_t lines;   /* of a terminal; 0: unknown, or no terminal */
};

/* Looks at stdout and the environment: NO_COLOR, CLICOLOR_FORCE, TERM, COLUMNS
 * and the locale. */
void llmobs_screen_init(struct llmobs_screen *screen,
                        enum llmobs_screen_when colour);

/* Writes a text. Where lines are drawn with ASCII alone, the characters that
 * this project draws with become others of the same width. */
void llmobs_screen_put(const struct llmobs_screen *screen,
                       struct llmobs_text text);
void llmobs_screen_puts(const struct llmobs_screen *screen, const char *text);

/* Writes a text in a colour. */
void llmobs_screen_painted(const struct llmobs_screen *screen,
                           enum llmobs_paint paint, const char *text);

/* Begin and end a colour; nothing where there are none. */
void llmobs_screen_paint(const struct llmobs_screen *screen,
                         enum llmobs_paint paint);
void llmobs_screen_unpaint(const struct llmobs_screen *screen,
                           enum llmobs_paint paint);

/* Writes `count` blanks. */
void llmobs_screen_pad(size_t count);

/* Writes a text that may hold any bytes, escaped, in at most `most` columns,
 * and blanks up to `width`. -ENOMEM. */
int llmobs_screen_cell(const char *text, size_t most, size_t width);

#endif
