/* each - reads the rows of a store one by one, the newest first, and frees each
 * before the next.
 *
 * Owns:    nothing between calls; the callback borrows a row and its event.
 * Threads: one.
 * Errors:  -errno of the directory, -ENOMEM; what the callback answers.
 * Limits:  memory: up to 64 bytes a span, for its ids. Of spans with the same
 *          ids the last one counts.
 */
#ifndef LLMOBS_EACH_H
#define LLMOBS_EACH_H

#include "cli/query/load.h"

/* Returns 0; a negative value ends the walk, which then returns it. */
typedef int llmobs_each_row(void *ctx, const struct llmobs_row *row,
                            const struct llmobs_json *event);

/* Calls `read` for each span that the filter of `load` selects, with the parts
 * that it names; the newest `load->newest` ones, 0: all. Counts in `load`. */
int llmobs_each(struct llmobs_load *load, struct llmobs_reader *reader,
                llmobs_each_row *read, void *ctx);

#endif
