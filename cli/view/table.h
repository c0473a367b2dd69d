/* table - rows as aligned columns on stdout.
 *
 * Owns:    nothing; borrows the forest.
 * Threads: one.
 * Errors:  -ENOMEM, -EPIPE: stdout takes no more.
 * Limits:  LLMOBS_TABLE_DEPTH levels are drawn; deeper rows stand below them.
 */
#ifndef LLMOBS_TABLE_H
#define LLMOBS_TABLE_H

#include "cli/rows/filter.h"
#include "cli/rows/forest.h"
#include "cli/term/screen.h"

#define LLMOBS_TABLE_DEPTH 16

struct llmobs_table_style {
    struct llmobs_screen screen;    /* its columns are 0: rows are not fitted */
    struct llmobs_reader *messages; /* reads them again; NULL: show none */
    bool reverse;                   /* the newest first */
};

/* Print the traces as trees, or all shown rows as one list. */
int llmobs_table_tree(const struct llmobs_forest *forest,
                      const struct llmobs_table_style *style);
int llmobs_table_list(const struct llmobs_forest *forest,
                      const struct llmobs_table_style *style);

#endif
