#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/shared/escape.h"
#include "cli/shared/tell.h"
#include "cli/show/forms.h"
#include "cli/show/halves.h"
#include "cli/show/pager.h"

const struct llmobs_row *llmobs_halves_row(const struct llmobs_half *half,
                                           size_t *at)
{
    const struct llmobs_forest *forest = &half->load->forest;

    while (*at < forest->count)
        if (forest->rows[(*at)++]->wanted)
            return forest->rows[*at - 1];
    return NULL;
}

/* -- reading -------------------------------------------------------------- */

/* Reads what an id names, and lists its calls. */
static int show_diff_load(struct llmobs_view *view, const char *id,
                          struct llmobs_half *half)
{
    struct llmobs_load *load = half->load;
    char room[LLMOBS_ESCAPE_NAME], more[LLMOBS_ESCAPE_NAME];
    bool filtered = view->asked.len > 0;
    int rc;

    view->filter.id = id;
    load->filter = &view->filter;
    load->prices = view->prices;
    load->parts = LLMOBS_ROW_ALL;
    load->tree = true;
    load->newest = 1;
    rc = llmobs_load_rows(load, view->reader);
    if (rc == 0 && load->forest.trace_count == 0) {
        llmobs_tell("llmobs view: no trace or span %s%s%s in %s\n",
                    id ? llmobs_escape_name(id, room) : "at all",
                    filtered ? " with " : "",
                    filtered ? llmobs_escape_name(view->asked.data, more) : "",
                    view->store);
        rc = -ECANCELED;
    }
    if (rc != 0)
        return rc;
    if (id && load->more)
        llmobs_tell("llmobs view: %s begins several ids; of their traces the "
                    "newest is shown\n",
                    id);
    half->sums = llmobs_forest_run(&load->forest, load->forest.traces);
    half->calls = calloc(load->forest.count, sizeof(*half->calls));
    for (size_t i = 0; half->calls && i < load->forest.count; i++)
        if (load->forest.rows[i]->wanted &&
            llmobs_row_counts(load->forest.rows[i]))
            half->calls[half->count++] = load->forest.rows[i];
    return half->calls ? 0 : -ENOMEM;
}

/* True where both IDs name the same trace or span. */
static bool is_same(const struct llmobs_halves *halves)
{
    size_t a = 0, b = 0;
    const struct llmobs_row *x = llmobs_halves_row(&halves->half[0], &a);
    const struct llmobs_row *y = llmobs_halves_row(&halves->half[1], &b);

    return strcmp(x->trace_id, y->trace_id) == 0 &&
           strcmp(x->span_id, y->span_id) == 0 &&
           halves->half[0].load->shown == halves->half[1].load->shown;
}

/* -- all ------------------------------------------------------------------ */

static int show_diff_print(const struct llmobs_halves *halves)
{
    struct llmobs_view *view = halves->view;
    struct llmobs_pager pager = {0};
    int rc;

    if (view->screen.terminal && !view->no_pager)
        llmobs_pager_begin(&pager, false);
    rc = llmobs_halves_print_sums(halves);
    if (rc == 0)
        rc = llmobs_halves_print_calls(halves);
    if (pager.pid > 0 && rc == -EPIPE) /* the user has left it */
        rc = 0;
    llmobs_pager_end(&pager);
    return rc;
}

int llmobs_view_diff(struct llmobs_view *view)
{
    struct llmobs_load second = {0};
    struct llmobs_halves halves = {view,
                                   {{.load = &view->load}, {.load = &second}}};
    int rc = 0;

    llmobs_view_prices(view);
    for (size_t i = 0; rc == 0 && i < 2; i++)
        rc = show_diff_load(view, view->ids[i], &halves.half[i]);
    if (rc == 0 && is_same(&halves)) {
        llmobs_tell("llmobs view: both IDs name the same\n");
        rc = -ECANCELED;
    }
    if (rc == 0)
        rc = show_diff_print(&halves);
    for (size_t i = 0; i < 2; i++)
        free(halves.half[i].calls);
    llmobs_load_fini(&second);
    return rc;
}
