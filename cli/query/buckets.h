/* buckets - parts of equal length of a range of time.
 *
 * Threads: one; buckets begin at round times in the zone of TZ, as its offset
 *          is where the range begins.
 * Errors:  -E2BIG: more than LLMOBS_BUCKETS_MAX.
 */
#ifndef LLMOBS_BUCKETS_H
#define LLMOBS_BUCKETS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"

#define LLMOBS_BUCKETS_USUAL 96
#define LLMOBS_BUCKETS_MAX 100000

struct llmobs_buckets {
    int64_t first_ns; /* the beginning of the first bucket */
    int64_t step_ns;
    size_t count;
};

/* Parts the range, its ends included, into at most `most` buckets of a round
 * length: 1, 2 or 5 of a unit, and such. */
void llmobs_buckets_fit(struct llmobs_buckets *buckets, int64_t from_ns,
                        int64_t to_ns, size_t most);

/* Parts the range into buckets of that length. */
int llmobs_buckets_set(struct llmobs_buckets *buckets, int64_t from_ns,
                       int64_t to_ns, int64_t step_ns);

/* The beginning of a bucket; `at` may be the number of buckets. */
int64_t llmobs_buckets_begin(const struct llmobs_buckets *buckets, size_t at);

/* Adds the length of a bucket in words: "20 m". */
int llmobs_buckets_add_step(struct llmobs_buf *out,
                            const struct llmobs_buckets *buckets);

#endif
