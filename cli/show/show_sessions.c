#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/shared/tell.h"
#include "cli/show/wrap.h"
#include "cli/show/forms.h"

#define NEWEST_USUAL 20

enum {
    SESSION,
    TRACES,
    CALLS,
    ERRORS,
    TOKENS_IN,
    TOKENS_OUT,
    CACHED,
    COST,
    COST_CALLS,
    FIRST,
    LAST,
    COUNT
};

static const struct llmobs_column columns[COUNT] = {
    [SESSION] = {"session", "SESSION", .left = true},
    [TRACES] = {.name = "traces", .title = "TRACES"},
    [CALLS] = {.name = "calls", .title = "CALLS"},
    [ERRORS] = {.name = "errors", .title = "ERRORS"},
    [TOKENS_IN] = {"input_tokens", "IN", .spare = LLMOBS_SPARE_TOKENS},
    [TOKENS_OUT] = {"output_tokens", "OUT", .spare = LLMOBS_SPARE_TOKENS},
    [CACHED] = {.name = "cached_tokens"},
    [COST] = {"cost_usd", "COST", .spare = LLMOBS_SPARE_COST},
    [COST_CALLS] = {.name = "cost_calls"},
    [FIRST] = {"first", "FIRST", .spare = LLMOBS_SPARE_DETAIL},
    [LAST] = {"last", "LAST", .spare = LLMOBS_SPARE_TIME},
};

/* The metrics of a session's calls, by their columns. */
static const enum llmobs_metric metrics[] = {
    [CALLS] = LLMOBS_METRIC_CALLS,
    [ERRORS] = LLMOBS_METRIC_ERRORS,
    [TOKENS_IN] = LLMOBS_METRIC_TOKENS_IN,
    [TOKENS_OUT] = LLMOBS_METRIC_TOKENS_OUT,
    [CACHED] = LLMOBS_METRIC_CACHED,
    [COST] = LLMOBS_METRIC_COST,
    [COST_CALLS] = LLMOBS_METRIC_COST_CALLS,
};

struct sessions {
    struct llmobs_samples samples;
    struct llmobs_sheet sheet;
};

/* -- order ---------------------------------------------------------------- */

/* The samples of a group are in the order of time until they are counted. */
static int64_t last_of(const struct llmobs_samples_group *group)
{
    return group->list[group->count - 1].start_ns;
}

static int by_last(const void *left, const void *right)
{
    const struct llmobs_samples_group *a = left, *b = right;
    int64_t first = last_of(a), second = last_of(b);

    return first != second ? (first > second) - (first < second)
                           : (a->list > b->list) - (a->list < b->list);
}

/* Drops the spans without a session, and orders the sessions by the start of
 * their last span. */
static void order(struct llmobs_samples *samples)
{
    size_t kept = 0;

    for (size_t i = 0; i < samples->group_count; i++)
        if (samples->groups[i].names[0])
            samples->groups[kept++] = samples->groups[i];
    samples->group_count = kept;
    if (kept > 1)
        qsort(samples->groups, kept, sizeof(*samples->groups), by_last);
}

/* -- counts --------------------------------------------------------------- */

/* The traces are shared texts: equal ids have one address. */
static int by_trace(const void *left, const void *right)
{
    const struct llmobs_sample *a = left, *b = right;

    return (a->trace > b->trace) - (a->trace < b->trace);
}

/* The first start that is known. */
static int64_t first_of(const struct llmobs_samples_group *group)
{
    for (size_t i = 0; i < group->count; i++)
        if (group->list[i].start_ns > 0)
            return group->list[i].start_ns;
    return 0;
}

static int add_session(struct sessions *sessions,
                       const struct llmobs_samples_group *group)
{
    struct llmobs_cell cells[COUNT];
    int64_t traces = 1;
    int rc = 0;

    cells[SESSION] = llmobs_cell_text(group->names[0]);
    cells[FIRST] = llmobs_cell_time(first_of(group));
    cells[LAST] = llmobs_cell_time(last_of(group));
    qsort(group->list, group->count, sizeof(*group->list), by_trace);
    for (size_t i = 1; i < group->count; i++)
        traces += group->list[i].trace != group->list[i - 1].trace ? 1 : 0;
    cells[TRACES] = llmobs_cell_count(traces);
    for (size_t i = CALLS; rc == 0 && i <= COST_CALLS; i++)
        rc = llmobs_totals_get(&sessions->samples, metrics[i], group->list,
                               group->count, &cells[i]);
    return rc == 0 ? llmobs_sheet_add(&sessions->sheet, cells) : rc;
}

/* -- all ------------------------------------------------------------------ */

static int print_sessions(struct sessions *sessions,
                          const struct llmobs_view *view)
{
    struct llmobs_samples *samples = &sessions->samples;
    size_t count, shown;
    char line[80];
    int rc;

    order(samples);
    count = samples->group_count;
    /* On a terminal the newest ones, unless the user has given a number. */
    shown = view->counted            ? view->newest
            : !view->screen.terminal ? 0
                                     : NEWEST_USUAL;
    if (shown == 0 || shown > count)
        shown = count;
    rc = llmobs_sheet_begin(&sessions->sheet);
    for (size_t i = count - shown; rc == 0 && i < count; i++)
        rc = add_session(sessions, &samples->groups[i]);
    if (rc == 0)
        rc = llmobs_sheet_end(&sessions->sheet);
    if (rc == 0 && shown < count && view->format == LLMOBS_SHEET_WORDS) {
        snprintf(line, sizeof(line), "%zu of %zu sessions; -n 0 shows all",
                 shown, count);
        llmobs_wrap_print(&view->screen, LLMOBS_PAINT_NONE, 0, line);
    }
    if (rc == 0 && count == 0 && view->load.shown > 0)
        llmobs_tell("llmobs view: no span here has a session\n");
    return rc;
}

int llmobs_view_sessions(struct llmobs_view *view)
{
    struct sessions sessions = {
        .samples = {
            .by = {.keys = {{LLMOBS_KEY_SESSION, "session"}}, .count = 1},
            .spans = true}};
    int rc;

    llmobs_sheet_init(&sessions.sheet, &view->screen, view->format, columns,
                      COUNT);
    llmobs_view_prices(view);
    rc = llmobs_samples_read(&sessions.samples, &view->load, view->reader);
    if (rc == 0)
        rc = print_sessions(&sessions, view);
    if (rc == 0)
        llmobs_view_report_prices(view);
    llmobs_sheet_fini(&sessions.sheet);
    llmobs_samples_fini(&sessions.samples);
    return rc;
}
