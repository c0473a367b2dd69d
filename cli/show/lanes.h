/* lanes - puts the spans of a trace beside each other where they overlap.
 *
 * Owns:    its arrays, until fini; borrows the forest.
 * Threads: one.
 * Errors:  -ENOMEM.
 * Limits:  memory: some 70 bytes a row of the largest trace.
 *
 * A span shares the lane of a span above it in the tree if it lies within that
 * span and no other span of the lane is open; else it gets a free lane. So two
 * spans of a lane are apart, or one lies within the other.
 */
#ifndef LLMOBS_LANES_H
#define LLMOBS_LANES_H

#include "cli/query/forest.h"

struct llmobs_lanes {
    struct llmobs_row **rows;  /* of one trace, by their start */
    struct llmobs_seat *seats; /* the seat of each row */
    uint32_t *last; /* by a row's place in the tree: the last row below it */
    size_t count;
    struct llmobs_lane *lanes; /* by their number */
    uint32_t *heap;            /* their numbers, the first to end at the top */
    uint32_t lane_count;
};

/* Where a row stands. */
struct llmobs_seat {
    uint32_t lane;
    uint32_t place, last; /* in the tree: its own, and the last below it */
    const struct llmobs_row *below; /* the row that it lies on; NULL: none */
};

/* Makes room for the traces of the forest. */
int llmobs_lanes_init(struct llmobs_lanes *lanes,
                      const struct llmobs_forest *forest);
void llmobs_lanes_fini(struct llmobs_lanes *lanes);

/* Lists the rows of a trace in the order of their start, and finds a lane for
 * each. Sets the mark of each row to its index in `rows`. */
void llmobs_lanes_set(struct llmobs_lanes *lanes,
                      const struct llmobs_forest_trace *trace);

#endif
