/* Shows why caches of prompts broke, and what that cost (--why-cache). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/query/breaks.h"
#include "cli/query/cost.h"
#include "cli/shared/escape.h"
#include "cli/shared/tell.h"
#include "cli/show/columns.h"
#include "cli/show/forms.h"
#include "cli/show/wrap.h"

static const struct llmobs_column columns[] = {
    {.name = "start", .title = "TIME"},
    {.name = "session"},
    {.name = "trace_id"},
    {.name = "span_id"},
    {.name = "after_span_id"},
    {.name = "model"},
    {.name = "cache_read_tokens", .title = "READ"},
    {.name = "input_tokens", .title = "IN"},
    {.name = "lost_tokens", .title = "AGAIN"},
    {.name = "cost_usd", .title = "COST"},
    {.name = "cause"},
    {.name = "why", .title = "WHY", .left = true, .least = 24},
};
#define WHY_COLUMNS 1000
#define COUNT (sizeof(columns) / sizeof(*columns))

struct reading {
    struct llmobs_view *view;
    struct llmobs_breaks breaks;
};

static int read_line(void *ctx, struct llmobs_text text,
                     struct llmobs_place place)
{
    struct reading *reading = ctx;
    struct llmobs_view *view = reading->view;
    struct llmobs_json *event = NULL;
    int rc = llmobs_json_parse(text, &event);

    if (rc == -EINVAL || rc == -E2BIG) {
        view->load.bad++;
        return 0;
    }
    if (rc == 0 && llmobs_load_is_span(event)) {
        view->load.events++;
        if (llmobs_filter_match(&view->filter, event)) {
            view->load.shown++;
            rc = llmobs_breaks_add(&reading->breaks, event, place);
        }
    }
    llmobs_json_free(event);
    return rc;
}

static bool begins(const char *text, const char *id)
{
    return !id || (text && strncasecmp(text, id, strlen(id)) == 0);
}

static bool is_asked(const struct llmobs_breaks_call *call, const char *id)
{
    return begins(call->row->trace_id, id) || begins(call->row->span_id, id);
}

static int add_row(struct llmobs_sheet *sheet,
                   const struct llmobs_breaks_call *call)
{
    const struct llmobs_row *row = call->row;
    bool words = sheet->form == LLMOBS_SHEET_WORDS;
    struct llmobs_buf time, why;
    int rc;

    llmobs_buf_init(&time, SIZE_MAX / 2);
    llmobs_buf_init(&why, SIZE_MAX / 2);
    llmobs_columns_time(&time, row->start_ns, true);
    llmobs_escape_adds(&why, call->why, WHY_COLUMNS);
    rc = time.error ? time.error : why.error;
    if (rc == 0)
        rc = llmobs_sheet_add(
            sheet,
            (const struct llmobs_cell[COUNT]){
                words ? llmobs_cell_drawn(time.data)
                      : llmobs_cell_time(row->start_ns),
                llmobs_cell_text(row->session), llmobs_cell_text(row->trace_id),
                llmobs_cell_text(row->span_id),
                llmobs_cell_text(call->after->row->span_id),
                llmobs_cell_text(row->model),
                llmobs_cell_count(row->cache_read_tokens),
                llmobs_cell_count(row->input_tokens),
                llmobs_cell_count(call->lost),
                llmobs_cell_real(LLMOBS_CELL_MONEY, call->cost),
                llmobs_cell_text(call->cause),
                words ? llmobs_cell_drawn(why.data)
                      : llmobs_cell_text(call->why)});
    llmobs_buf_fini(&time);
    llmobs_buf_fini(&why);
    return rc;
}

/* Prints the newest breaks of `id`, or all, below them the sum of all. */
static int print(struct reading *reading, const char *id)
{
    const struct llmobs_view *view = reading->view;
    const struct llmobs_breaks *breaks = &reading->breaks;
    char money[LLMOBS_COST_TEXT], note[LLMOBS_COST_NOTE], line[160];
    size_t calls = 0, count = 0, first = breaks->count;
    size_t newest = view->counted && view->newest > 0 ? view->newest : SIZE_MAX;
    struct llmobs_sheet sheet;
    int64_t lost = 0;
    double cost = 0;
    int rc;

    if (view->whole && !id && breaks->count > 0)
        id = breaks->calls[breaks->count - 1]->row->trace_id;
    for (size_t i = breaks->count; i-- > 0;) {
        const struct llmobs_breaks_call *call = breaks->calls[i];

        if (!is_asked(call, id))
            continue;
        calls++;
        if (!call->cause)
            continue;
        lost += call->lost;
        cost += call->cost > 0 ? call->cost : 0;
        if (count++ < newest)
            first = i;
    }
    llmobs_sheet_init(&sheet, &view->screen, view->format, columns, COUNT);
    rc = llmobs_sheet_begin(&sheet);
    for (size_t i = first; rc == 0 && i < breaks->count; i++) {
        const struct llmobs_breaks_call *call =
            breaks->calls[view->reverse ? breaks->count - 1 - (i - first) : i];

        if (call->cause && is_asked(call, id))
            rc = add_row(&sheet, call);
    }
    if (rc == 0)
        rc = llmobs_sheet_end(&sheet);
    llmobs_sheet_fini(&sheet);
    if (rc == 0 && view->format == LLMOBS_SHEET_WORDS && calls > 0) {
        snprintf(line, sizeof(line),
                 "%zu break%s of %zu call%s: %lld tokens again%s%s", count,
                 count == 1 ? "" : "s", calls, calls == 1 ? "" : "s",
                 (long long)lost, cost > 0 ? ", " : "",
                 cost > 0 ? llmobs_cost_text(cost, money) : "");
        llmobs_wrap_print(&view->screen, LLMOBS_PAINT_NONE, line);
        snprintf(line, sizeof(line), "cost: beyond that of reading it, %s",
                 llmobs_cost_source(view->prices, note));
        llmobs_wrap_print(&view->screen, LLMOBS_PAINT_NONE, line);
    }
    if (id)
        reading->view->load.shown = calls;
    return rc;
}

int llmobs_view_breaks(struct llmobs_view *view)
{
    struct reading reading = {.view = view};
    struct llmobs_pick room, *pick;
    const char *id = view->filter.id;
    int rc;

    /* The calls before a break are in other traces. */
    view->filter.id = NULL;
    pick = llmobs_filter_pick(&view->filter, &room);
    llmobs_view_prices(view);
    rc = llmobs_reader_walk(view->reader, view->filter.since_ns, pick,
                            read_line, &reading);
    if (rc == 0)
        rc = llmobs_breaks_explain(&reading.breaks, view->prices);
    if (rc == 0)
        rc = print(&reading, id);
    if (rc == 0 && reading.breaks.unknown > 0)
        llmobs_tell("llmobs view: not known for %zu call%s without texts "
                    "(LLMOBS_CONTENT=off)\n",
                    reading.breaks.unknown,
                    reading.breaks.unknown == 1 ? "" : "s");
    view->filter.id = id;
    llmobs_breaks_fini(&reading.breaks);
    return rc;
}
