/* page - writes the spans of a store as one HTML file, which shows them in a
 * browser, without a network and without any other file.
 *
 * Owns:    nothing after a call.
 * Threads: one.
 * Errors:  negative errno; -EIO: the file cannot be written.
 * Limits:  those of body.h and page_row.h; memory: the index, some 400 bytes a
 *          span, and the largest event.
 *
 * The file's parts, and the reason for their order: the events' lines are
 * written while the store is read, newest first, so that they need not be kept;
 * then the index, whose row N belongs to line N; evaluations; the script.
 */
#ifndef LLMOBS_PAGE_H
#define LLMOBS_PAGE_H

#include <stdio.h>

#include "cli/query/prices.h"
#include "cli/query/filter.h"
#include "cli/shared/reader.h"

#define LLMOBS_PAGE_SPANS 10000

struct llmobs_page {
    /* The caller sets these. */
    struct llmobs_filter *filter; /* borrowed */
    const char *store;            /* the directory, for the page's foot */
    const char *asked;            /* the filters, as a person wrote them */
    struct llmobs_prices *prices; /* borrowed; NULL: no cost is estimated */
    size_t newest;                /* the number of spans; 0: all */
    bool full;                    /* no text is cut */
    const char *live; /* the position after which it asks for more; NULL:
                       * it is a file */

    /* The answer. */
    size_t events;   /* spans that were met */
    size_t matching; /* spans that the filter selects */
    size_t spans;    /* spans in the page */
    size_t repeated; /* spans with the same ids as a span in the page */
    size_t bad;      /* lines that are neither span nor evaluation */
    size_t cut;      /* texts and images that were cut */
    uint64_t bytes;
};

/* Writes the page to `out`, which it borrows. `reader` is NULL where there is
 * no store. */
int llmobs_page_make(struct llmobs_page *page, struct llmobs_reader *reader,
                     FILE *out);

#endif
