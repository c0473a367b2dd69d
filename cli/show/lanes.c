#include "cli/show/lanes.h"

#include <errno.h>
#include <stdlib.h>

struct llmobs_lane {
    int64_t end_ns;               /* of the longest row that is on it */
    const struct llmobs_row *top; /* the last one; it lies on the others */
};

int llmobs_lanes_init(struct llmobs_lanes *lanes,
                      const struct llmobs_forest *forest)
{
    size_t most = 1;

    for (size_t i = 0; i < forest->trace_count; i++)
        if (forest->traces[i].count > most)
            most = forest->traces[i].count;
    lanes->count = 0;
    lanes->lane_count = 0;
    lanes->rows = calloc(most, sizeof(*lanes->rows));
    lanes->seats = calloc(most, sizeof(*lanes->seats));
    lanes->last = calloc(most, sizeof(*lanes->last));
    lanes->lanes = calloc(most, sizeof(*lanes->lanes));
    lanes->heap = calloc(most, sizeof(*lanes->heap));
    return lanes->rows && lanes->seats && lanes->last && lanes->lanes &&
                   lanes->heap
               ? 0
               : -ENOMEM;
}

void llmobs_lanes_fini(struct llmobs_lanes *lanes)
{
    free(lanes->rows);
    free(lanes->seats);
    free(lanes->last);
    free(lanes->lanes);
    free(lanes->heap);
}

static int64_t lanes_end_of(const struct llmobs_row *row)
{
    int64_t end = row->start_ns;

    if (row->duration_ns > 0 &&
        __builtin_add_overflow(end, row->duration_ns, &end))
        return INT64_MAX;
    return end;
}

/* Orders rows by their start. Of rows that start together, a longer row comes
 * before a shorter one; of rows of one length, a parent comes before its child,
 * as the mark of a row is its place in the tree. */
static int lanes_by_start(const void *left, const void *right)
{
    const struct llmobs_row *a = *(struct llmobs_row *const *)left;
    const struct llmobs_row *b = *(struct llmobs_row *const *)right;

    if (a->start_ns != b->start_ns)
        return a->start_ns < b->start_ns ? -1 : 1;
    if (lanes_end_of(a) != lanes_end_of(b))
        return lanes_end_of(a) > lanes_end_of(b) ? -1 : 1;
    return (a->mark > b->mark) - (a->mark < b->mark);
}

/* -- free lanes ----------------------------------------------------------- */

static int64_t end_at(const struct llmobs_lanes *lanes, size_t at)
{
    return lanes->lanes[lanes->heap[at]].end_ns;
}

static void lanes_swap(struct llmobs_lanes *lanes, size_t a, size_t b)
{
    uint32_t lane = lanes->heap[a];

    lanes->heap[a] = lanes->heap[b];
    lanes->heap[b] = lane;
}

static void sink(struct llmobs_lanes *lanes, size_t at)
{
    for (;;) {
        size_t least = at;

        for (size_t i = 2 * at + 1; i <= 2 * at + 2; i++)
            if (i < lanes->lane_count &&
                end_at(lanes, i) < end_at(lanes, least))
                least = i;
        if (least == at)
            return;
        lanes_swap(lanes, at, least);
        at = least;
    }
}

static void rise(struct llmobs_lanes *lanes, size_t at)
{
    for (; at > 0 && end_at(lanes, at) < end_at(lanes, (at - 1) / 2);
         at = (at - 1) / 2)
        lanes_swap(lanes, at, (at - 1) / 2);
}

/* Gives the row a lane on which nothing is open. */
static uint32_t take_free(struct llmobs_lanes *lanes,
                          const struct llmobs_row *row)
{
    bool is_free = lanes->lane_count > 0 && end_at(lanes, 0) <= row->start_ns;
    uint32_t lane = is_free ? lanes->heap[0] : lanes->lane_count++;

    lanes->lanes[lane] = (struct llmobs_lane){lanes_end_of(row), NULL};
    if (is_free) {
        sink(lanes, 0);
        return lane;
    }
    lanes->heap[lane] = lane;
    rise(lanes, lane);
    return lane;
}

/* -- rows ----------------------------------------------------------------- */

/* Compares places: a way up from row to row is as long as the tree is deep. */
static bool is_above(const struct llmobs_lanes *lanes,
                     const struct llmobs_row *above,
                     const struct llmobs_row *row)
{
    const struct llmobs_seat *of = &lanes->seats[above->mark];
    uint32_t place = lanes->seats[row->mark].place;

    return place >= of->place && place <= of->last;
}

/* True where the row lies within the row that is open on its parent's lane. */
static bool lanes_fits(const struct llmobs_lanes *lanes,
                       const struct llmobs_row *row)
{
    const struct llmobs_row *parent = row->parent;
    struct llmobs_lane *lane;

    if (!parent || parent->mark >= row->mark) /* begun later */
        return false;
    lane = &lanes->lanes[lanes->seats[parent->mark].lane];
    while (lane->top && lanes_end_of(lane->top) <= row->start_ns)
        lane->top = lanes->seats[lane->top->mark].below;
    return lane->top && lanes_end_of(lane->top) >= lanes_end_of(row) &&
           is_above(lanes, lane->top, row);
}

static void seat(struct llmobs_lanes *lanes, const struct llmobs_row *row)
{
    uint32_t lane = lanes_fits(lanes, row)
                        ? lanes->seats[row->parent->mark].lane
                        : take_free(lanes, row);

    lanes->seats[row->mark].lane = lane;
    lanes->seats[row->mark].below = lanes->lanes[lane].top;
    lanes->lanes[lane].top = row;
}

/* Lists the rows in the order of the tree; the marks are their places. */
static void lanes_list(struct llmobs_lanes *lanes, struct llmobs_row *row)
{
    lanes->count = 0;
    for (; row; row = llmobs_forest_next(row)) {
        row->mark = (unsigned)lanes->count;
        lanes->last[lanes->count] = row->mark;
        lanes->rows[lanes->count++] = row;
    }
    for (size_t i = lanes->count; i-- > 0;) {
        const struct llmobs_row *parent = lanes->rows[i]->parent;

        if (parent && lanes->last[parent->mark] < lanes->last[i])
            lanes->last[parent->mark] = lanes->last[i];
    }
}

void llmobs_lanes_set(struct llmobs_lanes *lanes,
                      const struct llmobs_forest_trace *trace)
{
    lanes->lane_count = 0;
    lanes_list(lanes, trace->root);
    qsort(lanes->rows, lanes->count, sizeof(struct llmobs_row *),
          lanes_by_start);
    for (size_t i = 0; i < lanes->count; i++) {
        uint32_t place = lanes->rows[i]->mark;

        lanes->seats[i] =
            (struct llmobs_seat){.place = place, .last = lanes->last[place]};
        lanes->rows[i]->mark = (unsigned)i;
    }
    for (size_t i = 0; i < lanes->count; i++)
        seat(lanes, lanes->rows[i]);
}
