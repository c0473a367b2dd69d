/* Indexes all shapes by the ends of their paths. */
#include "rules/shapes.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/base/cold.h"
#include "rules/read/match.h"

#define KNOWN_MAX 1400

/* Of the process's one list with an index. A program that locks its memory has
 * only the rest of the allocator's heap, so the list takes nothing of that. */
LLMOBS_COLD static struct llmobs_rule known[KNOWN_MAX];

int llmobs_shapes_init(struct llmobs_shapes *shapes,
                       const struct llmobs_dialect *const *dialects,
                       const struct llmobs_shapes_index *index)
{
    size_t count = 0;

    for (size_t i = 0; dialects[i]; i++)
        count += dialects[i]->shape_count;
    if (index && index->count != count)
        return -EINVAL;
    *shapes = (struct llmobs_shapes){
        .rules = index == &llmobs_shapes_known && count <= KNOWN_MAX
                     ? known
                     : malloc(count * sizeof(*shapes->rules)),
        .index = index};
    if (!shapes->rules)
        return -ENOMEM;
    for (; *dialects; dialects++)
        LLMOBS_SHAPES_EACH (s, *dialects)
            shapes->rules[shapes->count++] =
                (struct llmobs_rule){.dialect = *dialects, .shape = s};
    return 0;
}

void llmobs_shapes_fini(struct llmobs_shapes *shapes)
{
    if (shapes->rules != known)
        free(shapes->rules);
    shapes->rules = NULL;
    shapes->count = 0;
}

const struct llmobs_rule *llmobs_shapes_find(const struct llmobs_shapes *shapes,
                                             const char *method,
                                             struct llmobs_text path,
                                             bool any_host)
{
    struct llmobs_text left = llmobs_match_bare(path);
    uint16_t best = LLMOBS_SHAPES_NONE,
             at = shapes->index->first[LLMOBS_SHAPES_BUCKETS];
    uint64_t key = 0;
    size_t level = 0;

    for (;;) {
        size_t from;

        for (; at < best; at = shapes->index->links[at].next)
            if (shapes->index->links[at].key == key &&
                llmobs_match_has(shapes->rules[at].shape, method, path,
                                 any_host))
                best = at;
        if (level == LLMOBS_SHAPES_LEVELS ||
            (level > 0 && !llmobs_shapes_pop(&left)))
            break;
        key = llmobs_shapes_key(left, &from);
        at = shapes->index->first[llmobs_shapes_bucket(key, level++)];
    }
    return best == LLMOBS_SHAPES_NONE ? NULL : &shapes->rules[best];
}
