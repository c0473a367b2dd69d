/* Shows sums of calls by group (--summary). */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/query/metrics.h"
#include "cli/query/cost.h"
#include "cli/shared/tell.h"
#include "cli/show/wrap.h"
#include "cli/show/forms.h"

#define COUNT (sizeof(numbers) / sizeof(*numbers))

/* A name is cut to this before a column is left out. */
#define NAME_LEAST(names) ((names) > 1 ? 16 : 24)

/* The columns behind the group's name. */
static const struct {
    enum llmobs_metric metric;
    enum llmobs_spare spare;
} numbers[] = {
    {LLMOBS_METRIC_CALLS, LLMOBS_SPARE_NEVER},
    {LLMOBS_METRIC_ERRORS, LLMOBS_SPARE_STATUS},
    {LLMOBS_METRIC_ERROR_RATE, LLMOBS_SPARE_NEVER},
    {LLMOBS_METRIC_LATENCY_P50, LLMOBS_SPARE_TIME},
    {LLMOBS_METRIC_LATENCY_P95, LLMOBS_SPARE_TIME},
    {LLMOBS_METRIC_TTFT_P50, LLMOBS_SPARE_FIRST},
    {LLMOBS_METRIC_TTFT_P95, LLMOBS_SPARE_FIRST},
    {LLMOBS_METRIC_TOKENS_IN, LLMOBS_SPARE_TOKENS},
    {LLMOBS_METRIC_TOKENS_OUT, LLMOBS_SPARE_TOKENS},
    {LLMOBS_METRIC_CACHED, LLMOBS_SPARE_DETAIL},
    {LLMOBS_METRIC_REASONING, LLMOBS_SPARE_DETAIL},
    {LLMOBS_METRIC_CACHE_RATE, LLMOBS_SPARE_NEVER},
    {LLMOBS_METRIC_COST, LLMOBS_SPARE_COST},
    {LLMOBS_METRIC_COST_CALLS, LLMOBS_SPARE_NEVER},
};

#define COLUMNS (COUNT + LLMOBS_BY_KEYS + 2 * LLMOBS_LABELS_MAX)

struct summary {
    struct llmobs_samples samples;
    size_t first, count; /* the column of the first number, all columns */
    char titles[LLMOBS_BY_KEYS][LLMOBS_KEY_WORD];
    struct llmobs_column columns[COLUMNS];
    struct llmobs_sheet sheet;
};

/* -- columns -------------------------------------------------------------- */

static void begin_sheet(struct summary *summary, const struct llmobs_view *view)
{
    const struct llmobs_by *by = &summary->samples.by;
    const struct llmobs_labels *labels = &summary->samples.labels;
    const size_t mark = sizeof(LLMOBS_LABEL_MARK) - 1;

    summary->first = by->count;
    for (size_t i = 0; i < by->count; i++) {
        const char *word = by->keys[i].word;
        char *title = summary->titles[i];

        for (size_t k = 0; word[k] != '\0'; k++)
            title[k] = (char)toupper((unsigned char)word[k]);
        summary->columns[i] = (struct llmobs_column){word, title, .left = true};
    }
    for (size_t i = 0; i < COUNT; i++) {
        const struct llmobs_metric_words *words =
            llmobs_metric_words(numbers[i].metric);

        summary->columns[summary->first + i] = (struct llmobs_column){
            words->column, words->title, .spare = numbers[i].spare};
    }
    summary->count = summary->first + COUNT;
    /* A person sees the mean, of a label of categories alone the count. */
    for (size_t i = 0; i < labels->count; i++, summary->count += 2) {
        struct llmobs_column *columns = &summary->columns[summary->count];
        struct llmobs_cell all;

        (void)llmobs_metric_get(&summary->samples, LLMOBS_METRIC_SCORE(i),
                                &summary->samples.all, &all);
        columns[0] = columns[1] = (struct llmobs_column){
            .name = labels->means[i], .spare = LLMOBS_SPARE_DETAIL};
        columns[1].name = labels->counts[i];
        if (all.kind == LLMOBS_CELL_UNKNOWN)
            columns[1].title = labels->counts[i] + mark;
        else
            columns[0].title = labels->list[i] + mark;
    }
    llmobs_sheet_init(&summary->sheet, &view->screen, view->format,
                      summary->columns, summary->count);
}

/* -- lines ---------------------------------------------------------------- */

static int add_line(struct summary *summary,
                    const struct llmobs_samples_group *group)
{
    struct llmobs_cell cells[COLUMNS];
    size_t scores = summary->first + COUNT;
    int rc = 0;

    for (size_t i = 0; i < LLMOBS_BY_KEYS; i++)
        cells[i] = llmobs_cell_text(group->names[i]);
    for (size_t i = 0; rc == 0 && i < COUNT; i++)
        rc = llmobs_metric_get(&summary->samples, numbers[i].metric, group,
                               &cells[summary->first + i]);
    for (size_t i = scores; rc == 0 && i < summary->count; i++)
        rc = llmobs_metric_get(
            &summary->samples,
            (enum llmobs_metric)(LLMOBS_METRIC_COUNT + (i - scores)), group,
            &cells[i]);
    return rc == 0 ? llmobs_sheet_add(&summary->sheet, cells) : rc;
}

/* -- order ---------------------------------------------------------------- */

struct rank {
    const struct llmobs_samples_group *group;
    double value; /* -1: unknown */
};

static int by_value(const void *left, const void *right)
{
    const struct rank *a = left, *b = right;

    if (a->value != b->value)
        return a->value > b->value ? -1 : 1;
    return (a->group > b->group) - (a->group < b->group);
}

/* Adds the groups in the order of --sort, the greatest number first, or in that
 * of the samples. */
static int add_groups(struct summary *summary,
                      const struct llmobs_metrics *sort)
{
    struct llmobs_samples *samples = &summary->samples;
    struct rank *ranks = calloc(samples->group_count + 1, sizeof(*ranks));
    int rc = ranks ? 0 : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < samples->group_count; i++) {
        struct llmobs_cell cell = llmobs_cell_count(0);

        if (sort->count > 0)
            rc = llmobs_metric_get(samples, sort->list[0], &samples->groups[i],
                                   &cell);
        ranks[i].group = &samples->groups[i];
        ranks[i].value =
            cell.kind == LLMOBS_CELL_UNKNOWN ? -1
            : cell.kind == LLMOBS_CELL_COUNT || cell.kind == LLMOBS_CELL_LENGTH
                ? (double)cell.whole
                : cell.real;
    }
    if (rc == 0 && samples->group_count > 0)
        qsort(ranks, samples->group_count, sizeof(*ranks), by_value);
    for (size_t i = 0; rc == 0 && i < samples->group_count; i++)
        rc = add_line(summary, ranks[i].group);
    free(ranks);
    return rc;
}

/* Prints how many calls a sum of costs has, and where the costs come from. */
static void print_cost(const struct summary *summary,
                       const struct llmobs_prices *prices)
{
    const struct llmobs_samples *samples = &summary->samples;
    const struct llmobs_cost_sum sum = {
        .calls = (size_t)samples->all.calls,
        .known = (size_t)samples->all.costs,
    };
    char note[LLMOBS_COST_NOTE], source[LLMOBS_COST_NOTE];
    char line[sizeof("cost: , ") + 2 * LLMOBS_COST_NOTE];

    if (samples->all.cost < 0)
        return;
    llmobs_cost_note(&sum, note);
    if (prices)
        llmobs_cost_source(prices, source);
    if (*note == '\0' && !prices)
        return;
    snprintf(line, sizeof(line), "cost: %s%s%s", note,
             *note != '\0' && prices ? ", " : "", prices ? source : "");
    llmobs_wrap_print(summary->sheet.screen, LLMOBS_PAINT_NONE, line);
}

static int print_summary(struct summary *summary,
                         const struct llmobs_metrics *sort,
                         const struct llmobs_prices *prices)
{
    struct llmobs_samples *samples = &summary->samples;
    bool words = summary->sheet.form == LLMOBS_SHEET_WORDS;
    char note[LLMOBS_LACK_NOTE];
    int rc = llmobs_sheet_begin(&summary->sheet);

    samples->all.names[0] = "all";
    if (words && samples->all.count == 0)
        return rc;
    if (rc == 0)
        rc = add_groups(summary, sort);
    if (rc == 0 && words && samples->group_count > 1)
        rc = add_line(summary, &samples->all);
    for (size_t i = 0; i < summary->first; i++) {
        size_t width = summary->sheet.widths[i];

        summary->columns[i].least = width < NAME_LEAST(summary->first)
                                        ? width
                                        : NAME_LEAST(summary->first);
    }
    if (rc == 0)
        rc = llmobs_sheet_end(&summary->sheet);
    if (rc == 0 && words) {
        for (size_t i = 0; i < summary->first; i++)
            if (samples->by.keys[i].key == LLMOBS_KEY_TOOL)
                llmobs_wrap_print(summary->sheet.screen, LLMOBS_PAINT_NONE,
                                  "tool: the calls that take its results");
        print_cost(summary, prices);
        llmobs_wrap_print(summary->sheet.screen, LLMOBS_PAINT_NONE,
                          llmobs_lack_note(&samples->lack, note));
    }
    return rc;
}

int llmobs_view_summary(struct llmobs_view *view)
{
    struct summary summary = {.samples = {.by = view->by, .all_labels = true}};
    struct llmobs_load *load = &view->load;
    int rc;

    llmobs_view_prices(view);
    load->newest = view->newest;
    rc = llmobs_samples_read(&summary.samples, load, view->reader);
    begin_sheet(&summary, view);
    if (rc == 0)
        rc = print_summary(&summary, &view->sort, view->prices);
    if (rc == 0 && view->format != LLMOBS_SHEET_WORDS)
        llmobs_view_report_prices(view);
    if (rc == 0 && load->shown > 0 &&
        summary.samples.all.count == summary.samples.scored)
        llmobs_tell(
            "llmobs view: no span here is a call of a model; --kind counts "
            "others\n");
    llmobs_sheet_fini(&summary.sheet);
    llmobs_samples_fini(&summary.samples);
    return rc;
}
