#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/view/table.h"
#include "cli/view/view.h"

static bool wants_colour(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && (no == NULL || *no == '\0') &&
           term != NULL && strcmp(term, "dumb") != 0;
}

static int show(struct llmobs_view *view, bool tree)
{
    struct llmobs_table_style style = {.colour = wants_colour(),
                                       .messages = view->messages ? view->reader
                                                                  : NULL};
    struct llmobs_load *load = &view->load;
    int rc;

    load->filter = &view->filter;
    load->parts = LLMOBS_ROW_FACTS;
    load->tree = tree;
    load->newest = view->newest;
    rc = llmobs_load_rows(load, view->reader);
    if (rc != 0 || load->shown == 0)
        return rc;
    return tree ? llmobs_table_tree(&load->forest, &style)
                : llmobs_table_list(&load->forest, &style);
}

int llmobs_view_tree(struct llmobs_view *view)
{
    return show(view, true);
}

int llmobs_view_list(struct llmobs_view *view)
{
    return show(view, false);
}
