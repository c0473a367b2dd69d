/* counts - numbers by name, and the page of text that holds them on disk.
 *
 * The numbers have names, and no fixed order, so that this version can read,
 * add to and write a page with counters that only another version knows.
 *
 * Errors:  -ENOSPC beyond the limits; reading: -EBADMSG for anything but a
 *          complete page, -EPROTONOSUPPORT for a later format.
 * Limits:  LLMOBS_COUNTS_MAX names of LLMOBS_COUNTS_NAME_MAX bytes, of which a
 *          page has the first LLMOBS_PAGE_COUNTS that are not 0. A page always
 *          has LLMOBS_PAGE_SIZE bytes, so that one write replaces the whole
 *          last page, and never needs more room on the disk.
 */
#ifndef LLMOBS_COUNTS_H
#define LLMOBS_COUNTS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/process_id.h"

#define LLMOBS_COUNTS_MAX 55 /* each takes stack of an exit, twice */
#define LLMOBS_PAGE_COUNTS 41
#define LLMOBS_COUNTS_NAME_MAX 24
#define LLMOBS_PAGE_SIZE 2048

struct llmobs_count {
    char name[LLMOBS_COUNTS_NAME_MAX];
    uint64_t value;
};

struct llmobs_counts {
    size_t len;
    struct llmobs_count list[LLMOBS_COUNTS_MAX];
};

/* The content of a file of the ledger. A member that is 0 or empty is absent.
 */
struct llmobs_page {
    uint64_t boot;                    /* the boot in which it was written */
    uint64_t pidns;                   /* the pid namespace of its writer */
    char last[LLMOBS_PROCESS_ID_MAX]; /* in totals: the record added last */
    struct llmobs_counts counts;
};

/* Adds to the number of that name; numbers stop at UINT64_MAX. A name that ends
 * in "_at" is a time: of two the later one stays. */
int llmobs_counts_add(struct llmobs_counts *counts, const char *name,
                      uint64_t value);
/* Adds each number for which there is room. */
int llmobs_counts_merge(struct llmobs_counts *counts,
                        const struct llmobs_counts *more);

/* The number of that name; 0 for an unknown name. */
uint64_t llmobs_counts_get(const struct llmobs_counts *counts,
                           const char *name);

void llmobs_page_write(const struct llmobs_page *page,
                       char out[LLMOBS_PAGE_SIZE]);
int llmobs_page_read(struct llmobs_page *page, const char *text, size_t len);

#endif
