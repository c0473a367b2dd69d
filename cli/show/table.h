/* table - rows as aligned columns on stdout: measures all rows, then prints
 * them.
 *
 * Owns:    itself; borrows the style, and each row while it is at it.
 * Threads: one.
 * Errors:  -ENOMEM, -EPIPE: stdout takes no more.
 * Limits:  LLMOBS_TABLE_DEPTH levels are drawn; deeper rows stand below them.
 */
#ifndef LLMOBS_TABLE_H
#define LLMOBS_TABLE_H

#include "cli/query/filter.h"
#include "cli/query/forest.h"
#include "cli/shared/screen.h"
#include "cli/show/columns.h"

#define LLMOBS_TABLE_DEPTH 16

/* The columns of the last print; all zero before the first print. The next rows
 * stand below it; the titles are printed again where a column has changed. */
struct llmobs_table_kept {
    size_t columns; /* of the screen */
    size_t wanted[LLMOBS_COLUMN_COUNT], fitted[LLMOBS_COLUMN_COUNT];
};

struct llmobs_table_style {
    struct llmobs_screen screen;    /* its columns are 0: rows are not fitted */
    struct llmobs_filter *filter;   /* its pattern is underlined */
    struct llmobs_reader *messages; /* reads them; NULL: shows no messages */
    bool whole;                     /* shows every line of the messages */
    bool repeat;                    /* also the messages shown above */
    bool reverse;                   /* the newest first */
    struct llmobs_table_kept *kept; /* borrowed; NULL: this is all */
};

struct llmobs_table;

/* Gives a new table, of traces as trees or of one list. */
int llmobs_table_new(struct llmobs_table **out, bool list,
                     const struct llmobs_table_style *style);
void llmobs_table_free(struct llmobs_table *table); /* NULL is fine */

/* Widens the columns for a row. */
int llmobs_table_measure(struct llmobs_table *table,
                         const struct llmobs_row *row);

/* Shares the screen among the columns of the rows that were measured, and
 * prints the titles. */
int llmobs_table_begin(struct llmobs_table *table);

/* Print the traces, or a row of a list (llmobs_each_row). */
int llmobs_table_tree(struct llmobs_table *table,
                      const struct llmobs_forest *forest);
int llmobs_table_row(void *table, const struct llmobs_row *row,
                     const struct llmobs_json *unused);

#endif
