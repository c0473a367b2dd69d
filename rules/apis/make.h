/* make - a dialect of an API's text, in memory: for the APIs of a user's file,
 * where the build makes ours (scripts/apis_table.c).
 *
 * Owns:    a llmobs_made owns its dialect and all that this points to, until
 *          llmobs_made_free.
 * Threads: constant after it was made.
 * Errors:  -ENOMEM; -EINVAL: told as a fault, with its line.
 */
#ifndef LLMOBS_RULES_APIS_MAKE_H
#define LLMOBS_RULES_APIS_MAKE_H

#include "rules/apis/read.h"

struct llmobs_made;

/* Makes the dialect of apis->apis[number]. Its texts are copied. `find` gives a
 * known dialect by its name, for forms that are one of its. */
int llmobs_made_new(const struct llmobs_apis *apis, size_t number,
                    const struct llmobs_dialect *(*find)(const char *name),
                    llmobs_apis_fault *fault, void *context,
                    struct llmobs_made **out);
void llmobs_made_free(struct llmobs_made *made);

const struct llmobs_dialect *llmobs_made_dialect(
    const struct llmobs_made *made);

/* Writes the lines of an API that one of its paths needs, without comments:
 * from them another process makes the same dialect. Appends to `out`. */
int llmobs_made_write(const struct llmobs_apis *apis, size_t number,
                      unsigned path, struct llmobs_buf *out);

#endif
