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
#ifndef LLMOBS_RULES_SHAPES_H
#define LLMOBS_RULES_SHAPES_H

#include "rules/custom.h"
#include "rules/shapes_key.h"

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
