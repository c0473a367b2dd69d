/* spent - what the calls of one run have used, as the local store has them.
 *
 * Owns:    its reader and the ids of the spans, until its process ends.
 * Threads: one.
 * Errors:  -errno of the store, -ENOMEM; the sums stay, and a later look goes
 *          on.
 * Limits:  some 30 bytes of memory a span. Sums stop at INT64_MAX.
 *
 * A failed call without counts does not count as an unknown call.
 */
#ifndef LLMOBS_SPENT_H
#define LLMOBS_SPENT_H

#include "cli/query/cost.h"
#include "cli/query/texts.h"
#include "cli/shared/reader.h"

#define LLMOBS_SPENT_MODEL 128

struct llmobs_spent_unknown {
    size_t calls;
    char model[LLMOBS_SPENT_MODEL]; /* of the first of them */
};

struct llmobs_spent {
    /* The caller sets these; all else is zero at first. */
    const char *store;            /* its directory */
    const char *run;              /* the id, in the fact "run" of its spans */
    int64_t since_ns;             /* the run began, a wall time */
    struct llmobs_prices *prices; /* NULL: no cost is estimated */

    struct llmobs_reader *reader;
    struct llmobs_texts spans;
    size_t calls;
    int64_t tokens; /* of input and output */
    struct llmobs_cost_sum cost;
    struct llmobs_spent_unknown uncounted; /* without tokens */
    struct llmobs_spent_unknown unpriced;  /* without a cost */
};

/* Adds what has come to the store. */
int llmobs_spent_look(struct llmobs_spent *spent);

#endif
