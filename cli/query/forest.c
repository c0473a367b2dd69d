/* Sorts rows into traces, and links each row to its parent. */
#include "cli/query/forest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/grow.h"

void llmobs_forest_fini(struct llmobs_forest *forest)
{
    for (size_t i = 0; i < forest->count; i++)
        llmobs_row_free(forest->rows[i]);
    free(forest->rows);
    free(forest->traces);
    memset(forest, 0, sizeof(*forest));
}

int llmobs_forest_add(struct llmobs_forest *forest, struct llmobs_row *row)
{
    if (llmobs_grow(&forest->rows, &forest->cap, forest->count,
                    sizeof(*forest->rows)) != 0) {
        llmobs_row_free(row);
        return -ENOMEM;
    }
    forest->rows[forest->count++] = row;
    return 0;
}

static int compare_ids(const struct llmobs_row *a, const struct llmobs_row *b)
{
    int order = strcmp(a->trace_id, b->trace_id);

    return order != 0 ? order : strcmp(a->span_id, b->span_id);
}

static int by_ids(const void *left, const void *right)
{
    const struct llmobs_row *a = *(struct llmobs_row *const *)left;
    const struct llmobs_row *b = *(struct llmobs_row *const *)right;
    int order = compare_ids(a, b);

    return order != 0 ? order : (a->mark > b->mark) - (a->mark < b->mark);
}

static int by_time(const void *left, const void *right)
{
    const struct llmobs_row *a = *(struct llmobs_row *const *)left;
    const struct llmobs_row *b = *(struct llmobs_row *const *)right;

    if (a->start_ns != b->start_ns)
        return a->start_ns < b->start_ns ? -1 : 1;
    return compare_ids(a, b);
}

/* The row with these ids, while the rows are in the order of their ids. */
static struct llmobs_row *find_row(const struct llmobs_forest *forest,
                                   const char *trace, const char *span)
{
    struct llmobs_row key = {.trace_id = trace, .span_id = span};
    size_t low = 0, high = forest->count;

    if (!trace || !span)
        return NULL;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_ids(&key, forest->rows[middle]);

        if (order == 0)
            return forest->rows[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

bool llmobs_forest_shows(const struct llmobs_row *row)
{
    return row->wanted || row->path;
}

/* Links every row to the nearest shown row above it, and to its turn before,
 * while the rows are in the order of their ids. */
static void link_rows(struct llmobs_forest *forest)
{
    struct llmobs_row **rows = forest->rows, *at;

    /* First to the parent that it names, shown or not. The turn before is
     * older, so that there are no circles of turns. */
    for (size_t i = 0; i < forest->count; i++) {
        rows[i]->mark = 0;
        rows[i]->parent =
            find_row(forest, rows[i]->trace_id, rows[i]->parent_id);
        if (rows[i]->parent == rows[i])
            rows[i]->parent = NULL;
        rows[i]->orphan = !rows[i]->parent && rows[i]->parent_id;
        at = find_row(forest, rows[i]->turn_trace, rows[i]->turn_span);
        rows[i]->talk = at && at->start_ns < rows[i]->start_ns ? at : rows[i];
    }
    /* Cuts circles of parents. Each walk upwards leaves its own mark, and ends
     * at an older one; a walk that meets its own mark has gone round a circle.
     */
    for (size_t i = 0; i < forest->count; i++)
        for (at = rows[i]; at && at->mark == 0; at = at->parent) {
            at->mark = (unsigned)i + 1;
            if (at->parent && at->parent->mark == at->mark) {
                at->parent = NULL;
                at->orphan = true;
            }
        }
    /* Each row passed on the way up gets the same link, so that all ways
     * together are as long as the forest. */
    for (size_t i = 0; i < forest->count; i++) {
        struct llmobs_row *end = rows[i]->parent, *above;
        bool orphan = rows[i]->orphan;

        for (; end && !llmobs_forest_shows(end); end = end->parent)
            orphan |= end->orphan;
        for (at = rows[i]; at->parent != end; at = above) {
            above = at->parent;
            at->parent = end;
            at->orphan |= orphan;
        }
    }
}

/* -- order ---------------------------------------------------------------- */

int llmobs_forest_sort(struct llmobs_forest *forest)
{
    struct llmobs_row **rows = forest->rows, *at;
    size_t count = forest->count, kept = 0;

    free(forest->traces);
    forest->traces = NULL;
    forest->trace_count = 0;
    if (forest->count == 0)
        return 0;
    /* The mark keeps the old order, so that the sort is stable. */
    for (size_t i = 0; i < forest->count; i++) {
        rows[i]->parent = rows[i]->child = rows[i]->next = rows[i]->talk = NULL;
        rows[i]->turns = 0;
        rows[i]->orphan = false;
        rows[i]->mark = (unsigned)i;
    }
    qsort(rows, forest->count, sizeof(*rows), by_ids);
    for (size_t i = 0; i < count; i++) { /* the last of repeated ones is kept */
        if (kept > 0 && compare_ids(rows[kept - 1], rows[i]) == 0) {
            forest->repeated += rows[i]->wanted ? 1 : 0;
            llmobs_row_free(rows[--kept]);
        }
        rows[kept++] = rows[i];
    }
    forest->count = kept;
    /* Marks the rows above the wanted ones, up to one that is marked. */
    for (size_t i = 0; forest->paths && i < forest->count; i++) {
        at = rows[i];
        while (rows[i]->wanted &&
               (at = find_row(forest, at->trace_id, at->parent_id)) &&
               !at->wanted && !at->path)
            at->path = true;
    }
    link_rows(forest);
    qsort(rows, forest->count, sizeof(*rows), by_time);
    for (size_t i = 0; i < forest->count; i++)
        rows[i]->mark = (unsigned)i + 1;
    /* Numbers the turns in the order of time. Where an earlier turn is not
     * among the rows, the number is not known. */
    for (size_t i = 0; i < forest->count; i++) {
        rows[i]->family = rows[i]->parent ? rows[i]->parent->mark : 0;
        at = rows[i]->talk;
        rows[i]->turn = at == rows[i]  ? rows[i]->filled && !at->turn_span
                        : at->turn > 0 ? at->turn + 1
                                       : 0;
        rows[i]->talk = at->talk;
        if (rows[i]->turn > rows[i]->talk->turns)
            rows[i]->talk->turns = rows[i]->turn;
    }
    return 0;
}

/* Orders roots: all roots of a trace together, the oldest first. */
static int by_trace(const void *left, const void *right)
{
    const struct llmobs_row *a = *(struct llmobs_row *const *)left;
    const struct llmobs_row *b = *(struct llmobs_row *const *)right;
    int order = strcmp(a->trace_id, b->trace_id);

    return order != 0 ? order : by_time(left, right);
}

static int by_start(const void *left, const void *right)
{
    const struct llmobs_forest_trace *a = left, *b = right;

    if (a->start_ns != b->start_ns)
        return a->start_ns < b->start_ns ? -1 : 1;
    return strcmp(a->root->trace_id, b->root->trace_id);
}

/* -- runs ----------------------------------------------------------------- */

static int by_run(const void *left, const void *right)
{
    const struct llmobs_forest_trace *a = left, *b = right;
    int order = strcmp(a->run ? a->run : "", b->run ? b->run : "");

    return order != 0 ? order : by_start(left, right);
}

static int by_last(const void *left, const void *right)
{
    const struct llmobs_forest_trace *a = left, *b = right;

    if (a->last_ns != b->last_ns)
        return a->last_ns < b->last_ns ? -1 : 1;
    return by_run(left, right);
}

bool llmobs_forest_joined(const struct llmobs_forest_trace *a,
                          const struct llmobs_forest_trace *b)
{
    return a->run && b->run && strcmp(a->run, b->run) == 0;
}

static void add_tokens(int64_t *sum, int64_t count)
{
    if (count >= 0 && __builtin_add_overflow(*sum < 0 ? 0 : *sum, count, sum))
        *sum = INT64_MAX;
}

static void add_to_run(struct llmobs_run *run, const struct llmobs_row *row)
{
    int64_t length = row->duration_ns > 0 ? row->duration_ns : 0;
    int64_t end =
        row->start_ns > INT64_MAX - length ? INT64_MAX : row->start_ns + length;

    if (!run->program)
        run->program = row->program;
    run->calls += llmobs_row_is_call(row);
    run->failed += llmobs_row_is_call(row) && row->failed;
    if (row->start_ns < run->start_ns)
        run->start_ns = row->start_ns;
    if (end > run->end_ns)
        run->end_ns = end;
    if (!llmobs_row_counts(row))
        return;
    add_tokens(&run->input_tokens, row->input_tokens);
    add_tokens(&run->output_tokens, row->output_tokens);
    if (row->cost >= 0)
        run->cost = run->cost < 0 ? row->cost : run->cost + row->cost;
    run->costs += row->cost >= 0 && llmobs_row_is_call(row);
}

struct llmobs_run llmobs_forest_run(const struct llmobs_forest *forest,
                                    const struct llmobs_forest_trace *trace)
{
    struct llmobs_run run = {.start_ns = INT64_MAX,
                             .end_ns = INT64_MIN,
                             .input_tokens = -1,
                             .output_tokens = -1,
                             .cost = -1};
    const struct llmobs_forest_trace *end =
        forest->traces + forest->trace_count;

    while (trace > forest->traces && llmobs_forest_joined(trace - 1, trace))
        trace--;
    do {
        run.traces++;
        for (const struct llmobs_row *row = trace->root; row;
             row = llmobs_forest_next(row))
            if (row->wanted)
                add_to_run(&run, row);
    } while (++trace < end && llmobs_forest_joined(trace - 1, trace));
    return run;
}

/* -- traces --------------------------------------------------------------- */

int llmobs_forest_grow(struct llmobs_forest *forest)
{
    struct llmobs_row **roots;
    struct llmobs_forest_trace *trace = NULL;
    size_t count = 0;

    if (forest->count == 0)
        return 0;
    roots = calloc(forest->count, sizeof(*roots));
    forest->traces = calloc(forest->count, sizeof(*forest->traces));
    if (!roots || !forest->traces) {
        free(roots);
        return -ENOMEM;
    }
    /* Links the children to their parents, the youngest first. */
    for (size_t i = forest->count; i-- > 0;) {
        struct llmobs_row *row = forest->rows[i];

        if (llmobs_forest_shows(row) && row->parent) {
            row->next = row->parent->child;
            row->parent->child = row;
        } else if (llmobs_forest_shows(row)) {
            roots[count++] = row;
        }
    }
    qsort(roots, count, sizeof(*roots), by_trace);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && strcmp(roots[i - 1]->trace_id, roots[i]->trace_id) == 0) {
            roots[i - 1]->next = roots[i];
            continue;
        }
        trace = &forest->traces[forest->trace_count++];
        trace->root = roots[i];
        trace->start_ns = roots[i]->start_ns;
    }
    free(roots);
    for (size_t i = 0; i < forest->trace_count; i++) {
        trace = &forest->traces[i];
        for (const struct llmobs_row *row = trace->root; row;
             row = llmobs_forest_next(row)) {
            if (row->start_ns < trace->start_ns)
                trace->start_ns = row->start_ns;
            if (!trace->run)
                trace->run = row->run;
            trace->count++;
        }
    }
    /* Brings the traces of each run together. */
    count = forest->trace_count;
    qsort(forest->traces, count, sizeof(*trace), by_run);
    for (size_t i = 0, end; i < count; i = end) {
        trace = &forest->traces[i];
        for (end = i + 1;
             end < count && llmobs_forest_joined(trace, &forest->traces[end]);)
            end++;
        for (size_t k = i; k < end; k++)
            forest->traces[k].last_ns = forest->traces[end - 1].start_ns;
    }
    qsort(forest->traces, count, sizeof(*trace), by_last);
    return 0;
}

struct llmobs_row *llmobs_forest_next(const struct llmobs_row *row)
{
    if (row->child)
        return row->child;
    while (row && !row->next)
        row = row->parent;
    return row ? row->next : NULL;
}
