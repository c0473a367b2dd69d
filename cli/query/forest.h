/* forest - puts the rows of a store in order: traces, and the tree in each.
 *
 * Owns:    its rows and arrays, from the first add to fini.
 * Threads: one.
 * Errors:  -ENOMEM.
 * Limits:  memory.
 *
 * Every wanted row comes out exactly once, whatever the events contain: of rows
 * with the same ids the last one is kept, a row whose parent is missing is an
 * orphan at the top, a circle of parents is cut.
 */
#ifndef LLMOBS_FOREST_H
#define LLMOBS_FOREST_H

#include "cli/query/row.h"

struct llmobs_forest_trace {
    struct llmobs_row *root; /* the oldest; linked by next */
    int64_t start_ns;
    size_t count;
};

struct llmobs_forest {
    bool paths; /* set by the caller: also shows the rows above wanted rows */
    struct llmobs_row **rows;
    size_t count;
    size_t cap;
    size_t repeated;                    /* rows that came again */
    struct llmobs_forest_trace *traces; /* oldest first */
    size_t trace_count;
};

void llmobs_forest_fini(struct llmobs_forest *forest);

/* Takes `row`, also on error. */
int llmobs_forest_add(struct llmobs_forest *forest, struct llmobs_row *row);

/* Drops repeated rows and, with all rows added, orders them by time. After
 * further adds, or where other rows are wanted, both may be called again. */
int llmobs_forest_sort(struct llmobs_forest *forest);

/* Builds the traces of sorted rows. */
int llmobs_forest_grow(struct llmobs_forest *forest);

/* True where the row comes out. */
bool llmobs_forest_shows(const struct llmobs_row *row);

/* The next row in the order of printing; NULL after the last of a trace. */
struct llmobs_row *llmobs_forest_next(const struct llmobs_row *row);

#endif
