/* Shows why caches of prompts broke, and what that cost (--why-cache). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/query/breaks.h"
#include "cli/query/cost.h"
#include "cli/shared/tell.h"
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
    return text && strncasecmp(text, id, strlen(id)) == 0;
}

static int print(struct reading *reading, const char *id)
{
    const struct llmobs_view *view = reading->view;
    const struct llmobs_breaks *breaks = &reading->breaks;
    bool words = view->format == LLMOBS_SHEET_WORDS;
    char clock[LLMOBS_CELL_CLOCK], money[LLMOBS_COST_TEXT];
    char line[160], note[LLMOBS_COST_NOTE];
    struct llmobs_sheet sheet;
    size_t count = 0;
    int64_t lost = 0;
    double cost = 0;
    int rc;

    if (view->whole && !id && breaks->count > 0)
        id = breaks->calls[breaks->count - 1]->row->trace_id;
    llmobs_sheet_init(&sheet, &view->screen, view->format, columns, COUNT);
    rc = llmobs_sheet_begin(&sheet);
    for (size_t i = 0; rc == 0 && i < breaks->count; i++) {
        const struct llmobs_breaks_call *call = breaks->calls[i];
        const struct llmobs_row *row = call->row;

        if (!call->cause ||
            (id && !begins(row->trace_id, id) && !begins(row->span_id, id)))
            continue;
        count++;
        lost += call->lost;
        cost += call->cost > 0 ? call->cost : 0;
        rc = llmobs_sheet_add(
            &sheet,
            (const struct llmobs_cell[COUNT]){
                words ? llmobs_cell_text(
                            llmobs_cell_clock(row->start_ns, "%H:%M:%S", clock))
                      : llmobs_cell_time(row->start_ns),
                llmobs_cell_text(row->session), llmobs_cell_text(row->trace_id),
                llmobs_cell_text(row->span_id),
                llmobs_cell_text(call->after->row->span_id),
                llmobs_cell_text(row->model),
                llmobs_cell_count(row->cache_read_tokens),
                llmobs_cell_count(row->input_tokens),
                llmobs_cell_count(call->lost),
                llmobs_cell_real(LLMOBS_CELL_MONEY, call->cost),
                llmobs_cell_text(call->cause), llmobs_cell_text(call->why)});
    }
    if (rc == 0)
        rc = llmobs_sheet_end(&sheet);
    llmobs_sheet_fini(&sheet);
    if (rc == 0 && words && breaks->count > 0) {
        snprintf(line, sizeof(line),
                 "%zu break%s of %zu calls: %lld tokens again%s%s", count,
                 count == 1 ? "" : "s", breaks->count, (long long)lost,
                 cost > 0 ? ", " : "",
                 cost > 0 ? llmobs_cost_text(cost, money) : "");
        llmobs_wrap_print(&view->screen, LLMOBS_PAINT_NONE, line);
        snprintf(line, sizeof(line), "cost: beyond that of reading it, %s",
                 llmobs_cost_source(view->prices, note));
        llmobs_wrap_print(&view->screen, LLMOBS_PAINT_NONE, line);
    }
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
