/* table - rows as aligned columns on stdout.
 *
 * Owns:    nothing; borrows the forest.
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

/* Print the traces as trees, or all shown rows as one list. */
int llmobs_table_tree(const struct llmobs_forest *forest,
                      const struct llmobs_table_style *style);
int llmobs_table_list(const struct llmobs_forest *forest,
                      const struct llmobs_table_style *style);

#endif
