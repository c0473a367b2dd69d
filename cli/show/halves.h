/* halves - two traces or spans that are shown beside each other, and the parts
 * of that view.
 *
 * Owns:    nothing; borrows the view.
 * Threads: one.
 * Errors:  -ENOMEM; -EPIPE: stdout takes no more.
 */
#ifndef LLMOBS_HALVES_H
#define LLMOBS_HALVES_H

#include "cli/show/view.h"

/* One of the two. */
struct llmobs_half {
    struct llmobs_load *load;
    struct llmobs_run sums;
    const struct llmobs_row **calls; /* in the order of time */
    size_t count;
};

struct llmobs_halves {
    struct llmobs_view *view;
    struct llmobs_half half[2]; /* A and B */
};

/* The first row of those that were asked for, from *at on, which then is behind
 * it; NULL: there is none. Rows are in the order of time. */
const struct llmobs_row *llmobs_halves_row(const struct llmobs_half *half,
                                           size_t *at);

/* Prints which two these are, their sums, and the differences of the sums
 * (halves_sums.c). */
int llmobs_halves_print_sums(const struct llmobs_halves *halves);

/* Prints the calls in pairs, the first of A with the first of B and so on: what
 * each took, and the parameters and the texts in which they differ
 * (halves_calls.c). */
int llmobs_halves_print_calls(const struct llmobs_halves *halves);

#endif
