#include <errno.h>
#include <stdio.h>

#include "cli/query/cost.h"
#include "cli/show/pager.h"
#include "cli/show/wrap.h"
#include "cli/show/columns.h"
#include "cli/show/forms.h"
#include "cli/show/show_rows.h"
#include "cli/show/table.h"

/* Adds which part of the store is shown. It gives no total: counting would take
 * as long as showing all. */
static int add_window(struct llmobs_view *view, struct llmobs_buf *line,
                      bool tree)
{
    const struct llmobs_load *load = &view->load;
    const char *what = tree ? "trace" : "span";
    int64_t oldest = INT64_MAX;

    for (size_t i = 0; i < load->forest.count; i++) {
        const struct llmobs_row *row = load->forest.rows[i];

        if (row->wanted && row->start_ns < oldest)
            oldest = row->start_ns;
    }
    if (load->newest == 1)
        llmobs_buf_addf(line, "the newest %s, since ", what);
    else
        llmobs_buf_addf(line, "the newest %zu %ss, since ", load->newest, what);
    llmobs_columns_time(line, oldest, true);
    return llmobs_buf_adds(line, "; -n 0 shows all");
}

/* True where a cost is shown; it may be the provider's own. */
static bool has_cost(const struct llmobs_load *load)
{
    for (size_t i = 0; i < load->forest.count; i++)
        if (load->forest.rows[i]->cost >= 0)
            return true;
    return false;
}

/* Prints below a trace how many of its calls told no tokens. */
static void print_lack(const struct llmobs_view *view,
                       const struct llmobs_load *load)
{
    struct llmobs_lack lack = {0};
    char note[LLMOBS_LACK_NOTE];

    for (size_t i = 0; i < load->forest.count; i++)
        if (load->forest.rows[i]->wanted)
            llmobs_lack_add(&lack, load->forest.rows[i]);
    if (lack.calls == 0)
        return;
    putchar('\n');
    llmobs_wrap_print(&view->screen, LLMOBS_PAINT_DIM, 0,
                      llmobs_lack_note(&lack, note));
}

/* Prints below the rows how many more there are, and where costs come from. */
static int print_rest(struct llmobs_view *view, const struct llmobs_load *load,
                      bool tree)
{
    char source[LLMOBS_COST_NOTE];
    struct llmobs_buf line;
    int rc = 0;

    fflush(stdout); /* the user sees the rows while the rest is counted */
    llmobs_buf_init(&line, 512);
    if (load->more && view->filter.id)
        rc = llmobs_buf_adds(
            &line, "older traces have such an id, too; -n 0 shows all");
    else if (load->more && !view->whole && !view->follow)
        rc = add_window(view, &line, tree);
    if (rc == 0 && view->prices && !view->cost_printed && has_cost(load)) {
        view->cost_printed = true;
        rc = llmobs_buf_addf(&line, "%sCOST: %s", line.len > 0 ? "   " : "",
                             llmobs_cost_source(view->prices, source));
    }
    if (rc == 0 && line.len > 0) {
        putchar('\n');
        llmobs_wrap_print(&view->screen, LLMOBS_PAINT_DIM, 0, line.data);
    }
    llmobs_buf_fini(&line);
    return rc;
}

void llmobs_show_prepare(struct llmobs_view *view, struct llmobs_load *load,
                         bool tree)
{
    llmobs_view_prices(view);
    load->parts = view->screen.columns > 0 ? LLMOBS_ROW_ALL : LLMOBS_ROW_FACTS;
    load->tree = tree;
    load->paths = view->filter.errors || view->filter.id;
    load->prices = view->prices;
}

int llmobs_show_print(struct llmobs_view *view, const struct llmobs_load *load,
                      bool tree)
{
    bool whole = view->whole || view->full;
    struct llmobs_table_style style = {
        .screen = view->screen,
        .filter = &view->filter,
        .messages = view->messages || whole ? view->reader : NULL,
        .whole = whole,
        .repeat = view->full,
        .reverse = view->reverse,
        .kept = view->kept,
    };
    int rc = tree ? llmobs_table_tree(&load->forest, &style)
                  : llmobs_table_list(&load->forest, &style);

    if (rc == 0 && view->whole)
        print_lack(view, load);
    if (rc == 0 && view->screen.terminal)
        return print_rest(view, load, tree);
    if (rc == 0 && !view->cost_printed && has_cost(load)) {
        view->cost_printed = true;
        llmobs_view_report_prices(view);
    }
    return rc;
}

static int print_rows(struct llmobs_view *view, bool tree)
{
    struct llmobs_load *load = &view->load;
    struct llmobs_pager pager = {0};
    int rc;

    llmobs_show_prepare(view, load, tree);
    load->newest = view->newest;
    if (!view->counted && !view->whole && view->screen.terminal)
        load->newest = LLMOBS_VIEW_NEWEST;
    rc = llmobs_load_rows(load, view->reader);
    if (rc != 0 || load->shown == 0)
        return rc;
    /* Where the screen cannot show all rows the pager begins with the newest,
     * which are the last. */
    if (view->screen.terminal && !view->no_pager && !view->follow)
        llmobs_pager_begin(&pager,
                           load->newest > 0 && !view->reverse && !view->whole &&
                               view->screen.lines > 0 &&
                               load->shown + 2 * load->forest.trace_count >
                                   view->screen.lines);
    rc = llmobs_show_print(view, load, tree);
    if (pager.pid > 0 && rc == -EPIPE) /* the user has left it */
        rc = 0;
    llmobs_pager_end(&pager);
    return rc;
}

int llmobs_view_tree(struct llmobs_view *view)
{
    return print_rows(view, true);
}

int llmobs_view_list(struct llmobs_view *view)
{
    return print_rows(view, false);
}
