/* make - a dialect of an API's text, in memory: for the APIs of a user's file,
 * where the build makes ours (scripts/apis_table.c).
 *
 * Owns:    a llmobs_made owns its dialect and all that this points to, until
 *          llmobs_made_free.
 * Threads: constant after it was made.
 * Errors:  -ENOMEM; -EINVAL: the API has faults, in the list of `apis`.
 */
#ifndef LLMOBS_RULES_APIS_MAKE_H
#define LLMOBS_RULES_APIS_MAKE_H

#include "rules/apis/read.h"

struct llmobs_made;

/* Makes the dialect of apis->apis[number], whose texts are copied. A form may
 * be one of those of `known`, a list that ends with NULL. */
int llmobs_made_new(struct llmobs_apis *apis, size_t number,
                    const struct llmobs_dialect *const *known,
                    struct llmobs_made **out);
void llmobs_made_free(struct llmobs_made *made);

const struct llmobs_dialect *llmobs_made_dialect(
    const struct llmobs_made *made);

/* Writes the lines of an API that one of its paths needs, without comments:
 * from them another process makes the same dialect. Appends to `out`. */
int llmobs_made_write(const struct llmobs_apis *apis, size_t number,
                      unsigned path, struct llmobs_buf *out);

#endif
