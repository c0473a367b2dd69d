/* show_rows - rows as a person reads them: the steps of the tree and the list,
 * for a form that shows rows as they come.
 *
 * Owns:    nothing.
 * Threads: one.
 * Errors:  -ENOMEM, -EPIPE.
 */
#ifndef LLMOBS_SHOW_ROWS_H
#define LLMOBS_SHOW_ROWS_H

#include "cli/show/view.h"

/* Sets in `load` which rows to load, and which parts of the rows. */
void llmobs_show_prepare(struct llmobs_view *view, struct llmobs_load *load,
                         bool tree);

/* Prints rows that are in order. */
int llmobs_show_print(struct llmobs_view *view, const struct llmobs_load *load,
                      bool tree);

#endif
