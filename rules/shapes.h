/* shapes - every shape of every dialect as a rule, and an index of them by the
 * ends of their paths: three look-ups show that a request is no call, however
 * many shapes are known.
 *
 * Owns:    the value owns its rules, until llmobs_shapes_fini.
 * Threads: constant after llmobs_shapes_init.
 * Errors:  -ENOMEM; -EINVAL: an index of other dialects.
 * Limits:  in find: no allocation; a shape is compared only if the end of its
 *          path has the same key as the request's path.
 */
#ifndef LLMOBS_SHAPES_H
#define LLMOBS_SHAPES_H

#include <stdint.h>

#include "rules/custom.h"

#define LLMOBS_SHAPES_BUCKETS 64
#define LLMOBS_SHAPES_MAX 512

struct llmobs_shapes_link {
    uint64_t key;
    uint16_t next; /* next in the bucket; a rule's number, later than this */
};

/* Numbers of rules, not pointers, so that the index can be made when the
 * library is built (shapes_index.h), and costs a process nothing. */
struct llmobs_shapes_index {
    uint16_t count;
    /* The last bucket has the shapes without a key. */
    uint16_t first[LLMOBS_SHAPES_BUCKETS + 1];
    struct llmobs_shapes_link links[LLMOBS_SHAPES_MAX];
};

/* The index of llmobs_dialects (scripts/shapes_table.c). */
extern const struct llmobs_shapes_index llmobs_shapes_known;

struct llmobs_shapes {
    struct llmobs_rule *rules; /* in the order of the dialects */
    size_t count;
    const struct llmobs_shapes_index *index;
};

/* Lists the shapes of `dialects` (NULL-terminated), which it borrows, with
 * their index. `index` NULL: only lists them. */
int llmobs_shapes_init(struct llmobs_shapes *shapes,
                       const struct llmobs_dialect *const *dialects,
                       const struct llmobs_shapes_index *index);
void llmobs_shapes_fini(struct llmobs_shapes *shapes);

/* The rule of the shape that llmobs_match_shape would find among the dialects;
 * NULL: no shape. */
const struct llmobs_rule *llmobs_shapes_find(const struct llmobs_shapes *shapes,
                                             const char *method,
                                             struct llmobs_text path,
                                             bool any_host);

#endif
