/* Shows numbers over time, as bars or as rows (--timeseries). */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/query/metrics.h"
#include "cli/shared/tell.h"
#include "cli/show/wrap.h"
#include "cli/show/forms.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"

#define LEVELS 8 /* of a bar */
#define NS_PER_S 1000000000
#define GROUPS_SHOWN 12
#define BARS_LEAST 16
#define COLUMNS_LEAST 20
#define COLUMNS_USUAL 80
#define COLUMNS_MOST 1000
#define SPARE 20 /* columns that are never bars */
/* Days before the end of nanoseconds, so that a zone's offset can be added. */
#define START_MAX (INT64_MAX - 7 * INT64_C(86400) * NS_PER_S)

#define BUCKETS_USUAL 96
#define BUCKETS_MAX 100000

/* Parts of equal length of a range of time. They begin at round times in the
 * zone of TZ, as its offset is where the range begins. */
struct buckets {
    int64_t first_ns; /* the beginning of the first bucket */
    int64_t step_ns;
    size_t count;
};

struct series {
    struct llmobs_samples samples;
    struct llmobs_metrics metrics;
    const struct llmobs_screen *screen;
    size_t columns;             /* the width */
    int64_t step_ns;            /* 0: a round length */
    int64_t since_ns, until_ns; /* of the filter; 0: none; now */
    struct buckets buckets;
    size_t left_out; /* calls without a start */
    double *numbers; /* of the bars of one line */
    struct llmobs_buf bars;
};

/* A walk along the calls of a group, bucket by bucket. */
struct walk {
    const struct llmobs_sample *at, *end;
    size_t bucket;
};

/* -- parts of a range ------------------------------------------------------ */

#define MS INT64_C(1000000)
#define SECOND INT64_C(1000000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define WEEK (7 * DAY)
#define MONDAY (4 * DAY) /* the first one since the epoch */

/* Sets the buckets, and answers their number, which may be too large. Weeks
 * begin at `since_ns`, or on Mondays. */
static uint64_t cover(struct series *series, int64_t from_ns, int64_t to_ns,
                      int64_t step_ns)
{
    struct buckets *buckets = &series->buckets;
    time_t at = (time_t)(from_ns / SECOND);
    struct tm tm = {0};
    int64_t offset = localtime_r(&at, &tm) ? tm.tm_gmtoff * SECOND : 0;
    int64_t origin = step_ns % WEEK != 0    ? 0
                     : series->since_ns > 0 ? series->since_ns + offset
                                            : MONDAY;
    int64_t local = from_ns + offset - origin;
    uint64_t count;

    buckets->step_ns = step_ns;
    buckets->first_ns =
        (local / step_ns - (local % step_ns < 0)) * step_ns - offset + origin;
    count = (uint64_t)(to_ns - buckets->first_ns) / (uint64_t)step_ns + 1;
    buckets->count = (size_t)count;
    return count;
}

/* The beginning of a bucket; `at` may be the number of buckets. */
static int64_t buckets_begin(const struct buckets *buckets, size_t at)
{
    int64_t begin;

    if (__builtin_mul_overflow((int64_t)at, buckets->step_ns, &begin) ||
        __builtin_add_overflow(begin, buckets->first_ns, &begin))
        return INT64_MAX;
    return begin;
}

/* True for a bucket that began before the filter's time, or ends after it, or
 * that is not over. */
static bool is_partial(const struct series *series, size_t at)
{
    return buckets_begin(&series->buckets, at) < series->since_ns ||
           buckets_begin(&series->buckets, at + 1) > series->until_ns;
}

/* -- buckets -------------------------------------------------------------- */

static bool has_start(const struct llmobs_sample *sample)
{
    return sample->start_ns > 0 && sample->start_ns <= START_MAX;
}

/* Sets the buckets, at most `most` (0: any number), of a round length: 1, 2 or
 * 5 of a unit, and such. If the user has given a step, and not all steps can be
 * drawn, a bar stands for several steps. Counts the calls without a start. */
static int set_buckets(struct series *series, size_t most)
{
    static const int64_t steps[] = {
        1 * MS,      2 * MS,      5 * MS,      10 * MS,     20 * MS,
        50 * MS,     100 * MS,    200 * MS,    500 * MS,    1 * SECOND,
        2 * SECOND,  5 * SECOND,  10 * SECOND, 20 * SECOND, 30 * SECOND,
        1 * MINUTE,  2 * MINUTE,  5 * MINUTE,  10 * MINUTE, 20 * MINUTE,
        30 * MINUTE, 1 * HOUR,    2 * HOUR,    5 * HOUR,    12 * HOUR,
        1 * DAY,     2 * DAY,     5 * DAY,     10 * DAY,    20 * DAY,
        50 * DAY,    100 * DAY,   365 * DAY,   1000 * DAY,  2000 * DAY,
        5000 * DAY,  10000 * DAY, 50000 * DAY};
    struct buckets *buckets = &series->buckets;
    int64_t from = START_MAX, to = 0;

    series->left_out = 0;
    for (size_t i = 0; i < series->samples.count; i++) {
        const struct llmobs_sample *sample = &series->samples.list[i];

        series->left_out += has_start(sample) ? 0 : 1;
        if (has_start(sample) && sample->start_ns < from)
            from = sample->start_ns;
        if (has_start(sample) && sample->start_ns > to)
            to = sample->start_ns;
    }
    from = from > to ? to : from;
    for (size_t i = 0;
         series->step_ns == 0 && i < sizeof(steps) / sizeof(*steps); i++)
        if (cover(series, from, to, steps[i]) <=
            (most > 0 ? most : BUCKETS_USUAL))
            break;
    if (series->step_ns > 0 &&
        cover(series, from, to, series->step_ns) > BUCKETS_MAX) {
        llmobs_tell("llmobs view: --step: more than %d steps\n", BUCKETS_MAX);
        return -ECANCELED;
    }
    for (int64_t merged = 2;
         series->step_ns > 0 && most > 0 && buckets->count > most; merged++)
        (void)cover(series, from, to, series->step_ns * merged);
    return 0;
}

static struct walk begin_walk(const struct llmobs_samples_group *group)
{
    struct walk walk = {group->list, group->list + group->kept, 0};

    while (walk.at < walk.end && !has_start(walk.at))
        walk.at++;
    return walk;
}

/* Gives the calls of the next bucket. */
static int next_bucket(struct series *series, struct walk *walk,
                       struct llmobs_samples_group *out)
{
    int64_t end = buckets_begin(&series->buckets, ++walk->bucket);
    const struct llmobs_sample *list = walk->at;

    while (walk->at < walk->end && has_start(walk->at) &&
           walk->at->start_ns < end)
        walk->at++;
    return llmobs_samples_sum(&series->samples, list, (size_t)(walk->at - list),
                              out);
}

static const char *word_of(const struct series *series, size_t i, bool column)
{
    enum llmobs_metric metric = series->metrics.list[i];
    size_t label = (size_t)(metric - LLMOBS_METRIC_COUNT) / 2;

    if (metric >= LLMOBS_METRIC_COUNT)
        return column ? series->samples.labels.means[label]
                      : series->samples.labels.list[label];
    return column ? llmobs_metric_words(metric)->column
                  : llmobs_metric_words(metric)->word;
}

/* -- lines of numbers ----------------------------------------------------- */

static int add_group(struct series *series, struct llmobs_sheet *sheet,
                     const struct llmobs_samples_group *group)
{
    struct llmobs_cell cells[LLMOBS_METRICS_MAX + 2 + LLMOBS_BY_KEYS];
    struct walk walk = begin_walk(group);
    int rc = 0;

    for (size_t b = 0; rc == 0 && b < series->buckets.count; b++) {
        struct llmobs_samples_group bucket;
        size_t at = 0;

        rc = next_bucket(series, &walk, &bucket);
        cells[at++] = llmobs_cell_time(buckets_begin(&series->buckets, b));
        for (size_t i = 0; i < series->samples.by.count; i++)
            cells[at++] = llmobs_cell_text(group->names[i]);
        for (size_t i = 0; rc == 0 && i < series->metrics.count; i++)
            rc = llmobs_metric_get(&series->samples, series->metrics.list[i],
                                   &bucket, &cells[at + i]);
        cells[at + series->metrics.count] =
            llmobs_cell_count(is_partial(series, b));
        if (rc == 0)
            rc = llmobs_sheet_add(sheet, cells);
    }
    return rc;
}

static int print_numbers(struct series *series, enum llmobs_sheet_form form)
{
    const struct llmobs_by *by = &series->samples.by;
    struct llmobs_column columns[LLMOBS_METRICS_MAX + 2 + LLMOBS_BY_KEYS] = {
        {.name = "time"}};
    struct llmobs_sheet sheet;
    size_t count = 1;
    int rc;

    for (size_t i = 0; i < by->count; i++)
        columns[count++].name = by->keys[i].word;
    for (size_t i = 0; i < series->metrics.count; i++)
        columns[count++].name = word_of(series, i, true);
    columns[count++].name = "partial";
    llmobs_sheet_init(&sheet, series->screen, form, columns, count);
    rc = llmobs_sheet_begin(&sheet);
    if (rc == 0 && series->samples.count > series->left_out) {
        for (size_t i = 0; rc == 0 && i < series->samples.group_count; i++)
            rc = add_group(series, &sheet, &series->samples.groups[i]);
    }
    llmobs_sheet_fini(&sheet);
    return rc;
}

/* -- lines of bars -------------------------------------------------------- */

/* Draws one metric of a group: a bar of 1 to LEVELS for each number, which
 * stands on 0; the highest one is as high as the line. A bucket without a call
 * is a blank: a gap, and no 0. Sets the cells of the least, the greatest and
 * the last number. */
static int draw(struct series *series, enum llmobs_metric metric,
                const struct llmobs_samples_group *group,
                struct llmobs_cell ends[3])
{
    static const char *const bars[] = {" ", "▁", "▂", "▃", "▄",
                                       "▅", "▆", "▇", "█"};
    static const char *const marks[] = {" ", "_", ".", "-", "~",
                                        "=", "+", "*", "#"};
    struct walk walk = begin_walk(group);
    double *numbers = series->numbers, height;
    size_t least = 0, most = 0, level;
    int rc = 0;

    for (size_t i = 0; i < 3; i++)
        ends[i] = llmobs_cell_text(NULL);
    for (size_t b = 0; rc == 0 && b < series->buckets.count; b++) {
        struct llmobs_samples_group bucket;

        rc = next_bucket(series, &walk, &bucket);
        if (rc == 0)
            rc = llmobs_metric_get(&series->samples, metric, &bucket, &ends[2]);
        if (bucket.count == 0)
            ends[2] = llmobs_cell_text(NULL);
        numbers[b] = ends[2].kind == LLMOBS_CELL_UNKNOWN ? NAN
                     : ends[2].kind == LLMOBS_CELL_COUNT ||
                             ends[2].kind == LLMOBS_CELL_LENGTH
                         ? (double)ends[2].whole
                         : ends[2].real;
        if (!isnan(numbers[b]) && (ends[0].kind == LLMOBS_CELL_UNKNOWN ||
                                   numbers[b] < numbers[least]))
            ends[0] = ends[2], least = b;
        if (!isnan(numbers[b]) &&
            (ends[1].kind == LLMOBS_CELL_UNKNOWN || numbers[b] > numbers[most]))
            ends[1] = ends[2], most = b;
    }
    llmobs_buf_cut(&series->bars, 0);
    for (size_t b = 0; rc == 0 && b < series->buckets.count; b++) {
        level = isnan(numbers[b]) ? 0u : 1u;
        if (level > 0 && numbers[b] > 0 && numbers[most] > 0) {
            height = numbers[b] / numbers[most] * LEVELS;
            level = (size_t)height;
            level += (double)level < height ? 1 : 0;
            level = level < 1 ? 1 : level > LEVELS ? LEVELS : level;
        }
        rc = llmobs_buf_adds(&series->bars,
                             (series->screen->ascii ? marks : bars)[level]);
    }
    return rc;
}

static int add_bars(struct series *series, struct llmobs_sheet *sheet,
                    const struct llmobs_samples_group *group)
{
    struct llmobs_cell cells[5 + LLMOBS_BY_KEYS];
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < series->metrics.count; i++) {
        enum llmobs_metric metric = series->metrics.list[i];
        size_t at = 0;

        for (size_t k = 0; k < series->samples.by.count; k++)
            cells[at++] = i == 0 ? llmobs_cell_text(group->names[k])
                                 : llmobs_cell_drawn("");
        cells[at++] = llmobs_cell_drawn(word_of(series, i, false));
        rc = draw(series, metric, group, &cells[at + 1]);
        cells[at] = llmobs_cell_drawn(series->bars.data);
        if (rc == 0)
            rc = llmobs_sheet_add(sheet, cells);
    }
    return rc;
}

/* Prints the range, the zone, and the length of a bar. */
static int print_head(const struct series *series)
{
    static const struct {
        int64_t ns;
        const char *name;
    } units[] = {{DAY, "d"},    {HOUR, "h"}, {MINUTE, "m"},
                 {SECOND, "s"}, {MS, "ms"},  {1, "ns"}};
    const struct buckets *buckets = &series->buckets;
    int64_t end = buckets_begin(buckets, buckets->count);
    const char *form = buckets->step_ns < INT64_C(60) * NS_PER_S
                           ? "%Y-%m-%d %H:%M:%S"
                           : "%Y-%m-%d %H:%M";
    char from[LLMOBS_CELL_CLOCK] = "", to[LLMOBS_CELL_CLOCK] = "",
         zone[LLMOBS_CELL_CLOCK] = "";
    struct llmobs_buf head;
    bool first = is_partial(series, 0),
         last = is_partial(series, buckets->count - 1);
    size_t unit = 0;
    int rc;

    llmobs_buf_init(&head, SIZE_MAX / 2);
    (void)llmobs_cell_clock(buckets->first_ns, form, from);
    (void)llmobs_cell_clock(end, form, to);
    (void)llmobs_cell_clock(buckets->first_ns, "%Z", zone);
    while (buckets->step_ns % units[unit].ns != 0)
        unit++;
    rc = llmobs_buf_addf(&head, "%s to %s %s, a bar is %" PRId64 " %s", from,
                         to, zone, buckets->step_ns / units[unit].ns,
                         units[unit].name);
    if (first || last)
        rc = llmobs_buf_addf(&head, ", %s partial",
                             buckets->count == 1 ? "which is"
                             : !last             ? "the first one is"
                             : !first            ? "the last one is"
                                      : "the first and the last one are");
    if (rc == 0)
        llmobs_wrap_print(series->screen, LLMOBS_PAINT_NONE, head.data);
    llmobs_buf_fini(&head);
    return rc;
}

/* Draws as many bars as the width has room for beside the numbers, whose width
 * depends on the bars. */
static int fit_bars(struct series *series, struct llmobs_sheet *sheet)
{
    size_t most = series->columns - SPARE / 2, width;
    double *numbers;
    int rc;

    if (most > BUCKETS_USUAL)
        most = BUCKETS_USUAL;
    for (;;) {
        rc = set_buckets(series, most);
        if (rc != 0)
            return rc;
        numbers = reallocarray(series->numbers, series->buckets.count + 1,
                               sizeof(*numbers));
        if (!numbers)
            return -ENOMEM;
        series->numbers = numbers;
        for (size_t i = 0;
             rc == 0 && i < series->samples.group_count && i < GROUPS_SHOWN;
             i++)
            rc = add_bars(series, sheet, &series->samples.groups[i]);
        if (rc != 0 || most <= BARS_LEAST)
            return rc;
        width = llmobs_sheet_whole(sheet);
        if (width <= series->columns)
            return 0;
        most = series->buckets.count > width - series->columns + BARS_LEAST
                   ? series->buckets.count - (width - series->columns)
                   : BARS_LEAST;
        llmobs_sheet_clear(sheet);
    }
}

static int print_bars(struct series *series)
{
    const size_t keys = series->samples.by.count;
    const struct llmobs_column columns[] = {
        {"group", "GROUP", .left = true},
        {"and", keys > 1 ? "AND" : "GROUP", .left = true},
        {"metric", "METRIC", .left = true},
        {"bars", "BARS", .left = true},
        {"least", "MIN", .spare = LLMOBS_SPARE_DETAIL},
        {.name = "most", .title = "MAX"},
        {"last", "LAST", .spare = LLMOBS_SPARE_TIME}};
    size_t groups = series->samples.group_count;
    struct llmobs_sheet sheet;
    char more[64];
    int rc;

    if (series->samples.count == series->left_out)
        return 0;
    llmobs_sheet_init(&sheet, series->screen, LLMOBS_SHEET_WORDS,
                      columns + LLMOBS_BY_KEYS - keys, 5 + keys);
    if (sheet.width == 0)
        sheet.width = series->columns;
    rc = fit_bars(series, &sheet);
    if (rc == 0)
        rc = print_head(series);
    if (rc == 0)
        rc = llmobs_sheet_end(&sheet);
    if (rc == 0 && groups > GROUPS_SHOWN) {
        snprintf(more, sizeof(more), "%zu more; --csv has all",
                 groups - GROUPS_SHOWN);
        llmobs_wrap_print(series->screen, LLMOBS_PAINT_NONE, more);
    }
    llmobs_sheet_fini(&sheet);
    return rc;
}

/* -- all ------------------------------------------------------------------ */

int llmobs_view_series(struct llmobs_view *view)
{
    struct series series = {.samples = {.by = view->by,
                                        .keeps = true,
                                        .labels = view->metrics.labels,
                                        .all_labels = view->metrics.all_labels},
                            .metrics = view->metrics,
                            .screen = &view->screen,
                            .step_ns = view->step_ns,
                            .since_ns = view->filter.since_ns,
                            .until_ns = llmobs_clock_wall_ns()};
    const char *text = getenv("COLUMNS");
    unsigned long columns = text ? strtoul(text, NULL, 10) : 0;
    struct llmobs_load *load = &view->load;
    int rc;

    /* The width for the bars: the terminal's; in a pipe COLUMNS, or a default.
     */
    if (view->screen.columns > 0)
        columns = view->screen.columns;
    series.columns = view->wide                               ? COLUMNS_MOST
                     : columns == 0 || columns > COLUMNS_MOST ? COLUMNS_USUAL
                     : columns < COLUMNS_LEAST                ? COLUMNS_LEAST
                                                              : columns;
    llmobs_buf_init(&series.bars, SIZE_MAX / 2);
    for (size_t i = 0; i < series.metrics.count; i++)
        if (series.metrics.list[i] == LLMOBS_METRIC_COST ||
            series.metrics.list[i] == LLMOBS_METRIC_COST_CALLS)
            llmobs_view_prices(view);
    if (view->filter.until_ns > 0 && view->filter.until_ns < series.until_ns)
        series.until_ns = view->filter.until_ns;
    load->newest = view->newest;
    rc = llmobs_samples_read(&series.samples, load, view->reader);
    for (size_t i = view->metrics.labels.count;
         i < series.samples.labels.count &&
         series.metrics.count < LLMOBS_METRICS_MAX;
         i++)
        series.metrics.list[series.metrics.count++] = LLMOBS_METRIC_SCORE(i);
    if (rc == 0)
        rc = set_buckets(&series, 0);
    if (rc == 0)
        rc = view->format == LLMOBS_SHEET_WORDS
                 ? print_bars(&series)
                 : print_numbers(&series, view->format);
    if (rc == 0 && load->shown > 0 &&
        series.samples.count == series.samples.scored)
        llmobs_tell(
            "llmobs view: no span here is a call of a model; --kind counts "
            "others\n");
    if (rc == 0 && series.left_out > 0)
        llmobs_tell("llmobs view: %zu call%s without a start left out\n",
                    series.left_out, series.left_out == 1 ? "" : "s");
    if (rc == 0)
        llmobs_view_report_prices(view);
    free(series.numbers);
    llmobs_buf_fini(&series.bars);
    llmobs_samples_fini(&series.samples);
    return rc;
}
