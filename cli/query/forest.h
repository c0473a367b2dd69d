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
    const char *run; /* of its oldest row that has one; NULL: none */
    int64_t last_ns; /* the start of the last trace of the run */
};

/* The sums of a run's shown rows. A number is -1 where none is known. */
struct llmobs_run {
    const char *program; /* NULL: unknown */
    size_t traces, calls, failed;
    int64_t start_ns, end_ns;
    int64_t input_tokens, output_tokens;
    double cost;
    size_t costs; /* the calls of which it is */
};

struct llmobs_forest {
    bool paths; /* set by the caller: also shows the rows above wanted rows */
    struct llmobs_row **rows;
    size_t count;
    size_t cap;
    size_t repeated; /* rows that came again */
    /* Oldest first; the traces of a run together, where its last one is. */
    struct llmobs_forest_trace *traces;
    size_t trace_count;
};

void llmobs_forest_fini(struct llmobs_forest *forest);

/* Adds a row, which the forest frees, also on error. */
int llmobs_forest_add(struct llmobs_forest *forest, struct llmobs_row *row);

/* Drops repeated rows and, with all rows added, orders them by time, and
 * numbers the turns of conversations. After further adds, or where other rows
 * are wanted, both may be called again. */
int llmobs_forest_sort(struct llmobs_forest *forest);

/* Builds the traces of sorted rows. */
int llmobs_forest_grow(struct llmobs_forest *forest);

/* Sums up the run of a trace of the forest, and of its neighbours. */
struct llmobs_run llmobs_forest_run(const struct llmobs_forest *forest,
                                    const struct llmobs_forest_trace *trace);

/* True for two traces of one run. */
bool llmobs_forest_joined(const struct llmobs_forest_trace *a,
                          const struct llmobs_forest_trace *b);

/* True where the row comes out. */
bool llmobs_forest_shows(const struct llmobs_row *row);

/* The next row in the order of printing; NULL after the last of a trace. */
struct llmobs_row *llmobs_forest_next(const struct llmobs_row *row);

#endif
