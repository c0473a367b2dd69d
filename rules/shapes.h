/* shapes - every shape of every dialect as a rule, and an index of them by the
 * ends of their paths: three probes find out that a request is no call,
 * however many shapes there are.
 *
 * Owns:    the value owns its entries, until llmobs_shapes_fini.
 * Threads: constant after llmobs_shapes_init.
 * Errors:  -ENOMEM.
 * Limits:  in find: no allocation; a shape is compared only where the end of
 *          its path has the key of the request's.
 */
#ifndef LLMOBS_SHAPES_H
#define LLMOBS_SHAPES_H

#include <stdint.h>

#include "rules/custom.h"

#define LLMOBS_SHAPES_BUCKETS 64

struct llmobs_shape_entry {
    struct llmobs_rule rule;
    uint64_t key;
    uint16_t next; /* in its bucket; the number of an entry behind this one */
};

struct llmobs_shapes {
    struct llmobs_shape_entry *entries; /* in the order of the dialects */
    size_t count;
    /* Numbers of entries; the last bucket is of those without a key. */
    uint16_t first[LLMOBS_SHAPES_BUCKETS + 1];
};

/* Lists the shapes of `dialects` (NULL-terminated), which it borrows. */
int llmobs_shapes_init(struct llmobs_shapes *shapes,
                       const struct llmobs_dialect *const *dialects);
void llmobs_shapes_fini(struct llmobs_shapes *shapes);

/* The rule of the shape that llmobs_match_shape finds among the dialects; NULL:
 * none. */
const struct llmobs_rule *llmobs_shapes_find(const struct llmobs_shapes *shapes,
                                             const char *method,
                                             struct llmobs_text path,
                                             bool any_host);

#endif
