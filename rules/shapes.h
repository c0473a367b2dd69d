/* shapes - every shape of every dialect as a rule, and an index of them by the
 * ends of their paths: three probes find out that a request is no call,
 * however many shapes there are.
 *
 * Owns:    the value owns its rules, until llmobs_shapes_fini.
 * Threads: constant after llmobs_shapes_init.
 * Errors:  -ENOMEM; -EINVAL: an index of other dialects.
 * Limits:  in find: no allocation; a shape is compared only where the end of
 *          its path has the key of the request's.
 */
#ifndef LLMOBS_SHAPES_H
#define LLMOBS_SHAPES_H

#include <stdint.h>

#include "rules/custom.h"
#include "rules/shapes_key.h"

#define LLMOBS_SHAPES_MAX 512

struct llmobs_shapes_link {
    uint64_t key;
    uint16_t next; /* in its bucket; the number of a rule behind this one */
};

/* Numbers of rules, without a pointer: it is made when the library is built
 * (shapes_index.h), and costs a process nothing. */
struct llmobs_shapes_index {
    uint16_t count;
    /* The last bucket is of those without a key. */
    uint16_t first[LLMOBS_SHAPES_BUCKETS + 1];
    struct llmobs_shapes_link links[LLMOBS_SHAPES_MAX];
};

/* That of llmobs_dialects (scripts/shapes_table.c). */
extern const struct llmobs_shapes_index llmobs_shapes_known;

struct llmobs_shapes {
    struct llmobs_rule *rules; /* in the order of the dialects */
    size_t count;
    const struct llmobs_shapes_index *index;
};

/* Lists the shapes of `dialects` (NULL-terminated), which it borrows, with
 * their index. NULL: they are listed only. */
int llmobs_shapes_init(struct llmobs_shapes *shapes,
                       const struct llmobs_dialect *const *dialects,
                       const struct llmobs_shapes_index *index);
void llmobs_shapes_fini(struct llmobs_shapes *shapes);

/* The rule of the shape that llmobs_match_shape finds among the dialects; NULL:
 * none. */
const struct llmobs_rule *llmobs_shapes_find(const struct llmobs_shapes *shapes,
                                             const char *method,
                                             struct llmobs_text path,
                                             bool any_host);

#endif
