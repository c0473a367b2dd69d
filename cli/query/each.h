/* each - reads the rows of a store one by one, the newest first, and frees each
 * before the next; and, where the caller wants them again, in their order.
 *
 * Owns:    nothing between calls but the spans that it has met, until fini; the
 *          callback borrows a row and its event.
 * Threads: one.
 * Errors:  -errno of the directory, -ENOMEM; what the callback answers.
 * Limits:  memory: up to 24 bytes a span, for its ids, and 32 more where it is
 *          read again. Of spans with the same ids the last one counts.
 */
#ifndef LLMOBS_EACH_H
#define LLMOBS_EACH_H

#include "cli/query/load.h"

/* Returns 0; a negative value ends the walk, which then returns it. `event` is
 * NULL where rows are read again. */
typedef int llmobs_each_row(void *ctx, const struct llmobs_row *row,
                            const struct llmobs_json *event);

/* Where a span stands, and in which conversation. */
struct llmobs_each_place {
    int64_t start_ns;
    struct llmobs_place place;
    union {
        uint64_t before;    /* the hash of the turn before; 0: it names none */
        struct {            /* once they are in order */
            uint32_t talk;  /* the first turn, which may be itself */
            uint32_t turns; /* its number; of the first turn, the last one's */
        };
    };
};

/* The spans that a walk has handed out; all zero: none. */
struct llmobs_each_spans {
    bool again; /* the caller sets it: they are to be read again */
    /* Of each span a hash of its ids, under a key of this walk: nobody can make
     * ids that have the same, and of a million spans two have it in one of 37
     * million walks. */
    uint64_t secret[2], *ids;
    struct llmobs_each_place *places; /* of each span, too, if `again` */
    size_t count, cap, place_cap;
    uint32_t *table; /* numbers of spans, from 1 on, by their hashes; 0: free */
    size_t table_cap; /* a power of two */
    struct llmobs_buf key;
};

/* Calls `read` for each span that the filter of `load` selects, with the parts
 * that it names; the newest `load->newest` ones, 0: all. Counts in `load`.
 * `spans` may be NULL. */
int llmobs_each(struct llmobs_load *load, struct llmobs_reader *reader,
                struct llmobs_each_spans *spans, llmobs_each_row *read,
                void *ctx);

/* Reads all of them again, and calls `read` for each, the oldest first, with
 * `reverse` the newest: as a forest without traces orders its rows. Leaves out
 * a span that is no longer where it was. */
int llmobs_each_again(const struct llmobs_load *load,
                      struct llmobs_reader *reader,
                      struct llmobs_each_spans *spans, bool reverse,
                      llmobs_each_row *read, void *ctx);

void llmobs_each_fini(struct llmobs_each_spans *spans);

#endif
