/* table - rows as aligned columns on stdout.
 *
 * Owns:    nothing; borrows the forest.
 * Threads: one.
 * Errors:  -ENOMEM. What stdout cannot take is the caller's to find.
 * Limits:  LLMOBS_TABLE_DEPTH levels are drawn; deeper rows stand below them.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_TABLE_H
#define LLMOBS_TABLE_H

#include "cli/view/forest.h"

#define LLMOBS_TABLE_DEPTH 16

/* Traces as trees, or all rows that are shown as one list. */
int llmobs_table_tree(const struct llmobs_forest *forest, bool colour);
int llmobs_table_list(const struct llmobs_forest *forest, bool colour);

/* A duration in the unit that a person would choose: "412 ms", "3 m 05 s". */
void llmobs_table_duration(int64_t ns, char *out, size_t cap);

#endif
