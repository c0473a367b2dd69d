/* sheet - a table on stdout: as lines of JSON, as CSV, or in aligned columns.
 *
 * Owns:    the cells of a table in columns, until fini; borrows the rest.
 * Threads: one.
 * Errors:  -ENOMEM; -EPIPE: stdout takes no more.
 * Limits:  LLMOBS_SHEET_COLUMNS columns. Lines of JSON and CSV are printed as
 *          they come; columns are kept until the end, LLMOBS_SHEET_MAX bytes of
 *          them.
 *
 * A table that prints its own lines, since others stand between them, fills
 * `cells` with one row at a time: measures all rows, makes them fit, and prints
 * each.
 */
#ifndef LLMOBS_SHEET_H
#define LLMOBS_SHEET_H

#include "cli/query/cell.h"
#include "cli/shared/screen.h"

#define LLMOBS_SHEET_MAX ((size_t)1 << 30)
#define LLMOBS_SHEET_COLUMNS 64

enum llmobs_sheet_form {
    LLMOBS_SHEET_WORDS, /* columns for a person */
    LLMOBS_SHEET_JSON,  /* an object a line */
    LLMOBS_SHEET_CSV    /* RFC 4180, with a header */
};

/* The columns that people look for stay longest: calls, their cost, their
 * tokens, then their times. Where the width is small the highest is left out
 * first, of equal ones the last. */
enum llmobs_spare {
    LLMOBS_SPARE_NEVER,
    LLMOBS_SPARE_COST,
    LLMOBS_SPARE_STATUS,
    LLMOBS_SPARE_TOKENS,
    LLMOBS_SPARE_TEXT,
    LLMOBS_SPARE_TIME,
    LLMOBS_SPARE_DETAIL, /* parts of the tokens, ids */
    LLMOBS_SPARE_FIRST   /* times to the first token */
};

struct llmobs_column {
    const char *name;  /* of the member, and in the header of CSV */
    const char *title; /* above the column; NULL: it is not for a person */
    bool left;         /* aligned to the left */
    enum llmobs_spare spare;
    size_t least;   /* cut to this before a column is left out; 0: never */
    bool tight;     /* one blank stands behind it, not two */
    const char *on; /* the screens that show it, for the table's maker */
};

struct llmobs_sheet {
    enum llmobs_sheet_form form;
    const struct llmobs_column *columns;
    size_t count;
    const struct llmobs_screen *screen;
    size_t
        width; /* of all columns; 0: any. The screen's, unless it is changed */
    size_t widths[LLMOBS_SHEET_COLUMNS]; /* of each; 0: it is left out */
    struct llmobs_buf line;              /* also a cell that is cut */
    struct llmobs_buf cells;             /* texts with their NULs, row by row */
    size_t rows;
    /* Writes a cell's text; NULL: as it is. */
    int (*put)(void *ctx, size_t column, const char *text);
    void *ctx;
};

/* Borrows the screen, which is stdout's, and the columns. */
void llmobs_sheet_init(struct llmobs_sheet *sheet,
                       const struct llmobs_screen *screen,
                       enum llmobs_sheet_form form,
                       const struct llmobs_column *columns, size_t count);
void llmobs_sheet_fini(struct llmobs_sheet *sheet);

/* Prints the header of CSV; a caller that may find no row calls it first. */
int llmobs_sheet_begin(struct llmobs_sheet *sheet);

/* Adds a row of as many cells as there are columns; copies their texts. */
int llmobs_sheet_add(struct llmobs_sheet *sheet,
                     const struct llmobs_cell *cells);

/* Forgets the rows and their widths. */
void llmobs_sheet_clear(struct llmobs_sheet *sheet);

/* Prints the columns. Where they are too wide and no more can be spared, those
 * that may be cut are, the widest first, else the first one; then the last ones
 * are left out. */
int llmobs_sheet_end(struct llmobs_sheet *sheet);

/* -- the steps of a table that prints its own lines ----------------------- */

/* Widens the columns for a row, the texts of `cells` from `at` on. */
void llmobs_sheet_measure(struct llmobs_sheet *sheet, size_t at);

/* The width up to a column's cell, and of all columns. */
size_t llmobs_sheet_before(const struct llmobs_sheet *sheet, size_t column);
size_t llmobs_sheet_whole(const struct llmobs_sheet *sheet);

/* Leaves out columns until the others have room, or no more can be spared. */
void llmobs_sheet_spare(struct llmobs_sheet *sheet);

/* Cuts a text that is fit for a terminal; a text that was cut before keeps its
 * mark at the end. *text is valid until the next call. */
int llmobs_sheet_cut(struct llmobs_sheet *sheet, const char **text,
                     size_t width);

/* Prints a row of texts, and moves *cells behind it; NULL: prints titles. */
int llmobs_sheet_print(struct llmobs_sheet *sheet, const char **cells);

#endif
