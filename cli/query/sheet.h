/* sheet - a table on stdout: as lines of JSON, as CSV, or in aligned columns.
 *
 * Owns:    the cells of a table in columns, until fini; borrows the rest.
 * Threads: one.
 * Errors:  -ENOMEM; -EPIPE: stdout takes no more.
 * Limits:  lines of JSON and CSV are printed as they come; columns are kept
 *          until the end, LLMOBS_SHEET_MAX bytes of them.
 */
#ifndef LLMOBS_SHEET_H
#define LLMOBS_SHEET_H

#include "cli/query/cell.h"
#include "cli/shared/screen.h"

#define LLMOBS_SHEET_MAX ((size_t)1 << 30)

enum llmobs_sheet_form {
    LLMOBS_SHEET_WORDS, /* columns for a person */
    LLMOBS_SHEET_JSON,  /* an object a line */
    LLMOBS_SHEET_CSV    /* RFC 4180, with a header */
};

struct llmobs_column {
    const char *name;  /* of the member, and in the header of CSV */
    const char *title; /* above the column; NULL: it is not for a person */
    bool left;         /* aligned to the left */
    unsigned spare;    /* is left out where the width is small, the highest
                          number first; 0: never */
};

struct llmobs_sheet {
    enum llmobs_sheet_form form;
    const struct llmobs_column *columns;
    size_t count;
    const struct llmobs_screen *screen;
    size_t width; /* of columns; 0: any. The screen's, unless it is changed */
    struct llmobs_buf line;  /* also a cell that is cut */
    struct llmobs_buf cells; /* texts with their NULs, row by row */
    size_t rows;
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

/* The width of the columns so far; -ENOMEM. */
int llmobs_sheet_width(const struct llmobs_sheet *sheet, size_t *width);

/* Forgets the rows. */
void llmobs_sheet_clear(struct llmobs_sheet *sheet);

/* Prints the columns. Where they are too wide and no more can be spared, the
 * first one is cut, and then the last ones are left out. */
int llmobs_sheet_end(struct llmobs_sheet *sheet);

#endif
