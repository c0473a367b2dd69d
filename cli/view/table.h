/* table - rows as aligned columns on stdout.
 *
 * Owns:    nothing; borrows the forest.
 * Threads: one.
 * Errors:  -ENOMEM. The caller looks for errors of stdout.
 * Limits:  LLMOBS_TABLE_DEPTH levels are drawn; deeper rows stand below them.
 */
#ifndef LLMOBS_TABLE_H
#define LLMOBS_TABLE_H

#include "cli/rows/forest.h"

#define LLMOBS_TABLE_DEPTH 16

struct llmobs_table_style {
    bool colour;
    struct llmobs_reader *messages; /* reads them again; NULL: show none */
};

/* Print the traces as trees, or all shown rows as one list. */
int llmobs_table_tree(const struct llmobs_forest *forest,
                      const struct llmobs_table_style *style);
int llmobs_table_list(const struct llmobs_forest *forest,
                      const struct llmobs_table_style *style);

#endif
