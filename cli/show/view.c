/* Chooses the form of the answer of `llmobs view`. */
#include "cli/show/view.h"

#include <errno.h>
#include <unistd.h>

#include "cli/query/cost.h"
#include "cli/query/price_files.h"
#include "cli/shared/tell.h"

void llmobs_view_prices(struct llmobs_view *view)
{
    if (!view->prices)
        (void)llmobs_price_files_load("llmobs view", &view->prices);
    view->load.prices = view->prices;
}

void llmobs_view_report_prices(const struct llmobs_view *view)
{
    char source[LLMOBS_COST_NOTE];

    if (view->prices && view->load.shown > 0)
        llmobs_tell("llmobs view: costs are %s\n",
                    llmobs_cost_source(view->prices, source));
}

void llmobs_view_look_at_screen(struct llmobs_view *view)
{
    llmobs_screen_init(&view->screen, view->colour);
    view->screen.ascii |= view->ascii;
    if (view->wide)
        view->screen.columns = 0;
}

int llmobs_view_empty_file(const struct llmobs_view *view)
{
    if (!view->into_file || ftruncate(STDOUT_FILENO, 0) == 0)
        return 0;
    return errno == EINVAL ? 0 : -errno; /* no regular file */
}
