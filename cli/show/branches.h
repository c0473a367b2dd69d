/* branches - the lines of a tree to the left of a row.
 *
 * Threads: any.
 * Errors:  -ENOMEM, -EFBIG of the buffer.
 */
#ifndef LLMOBS_BRANCHES_H
#define LLMOBS_BRANCHES_H

#include "cli/query/row.h"

/* The columns of one level. */
#define LLMOBS_BRANCHES_COLUMNS 3

/* Adds the branches of a row's own line, or the bars beside the lines below it.
 * At most `depth` levels are drawn; deeper rows stand below the last one. A
 * root has none, since its siblings are other trees. */
int llmobs_branches_add(struct llmobs_buf *out, const struct llmobs_row *row,
                        bool own, size_t depth);

#endif
