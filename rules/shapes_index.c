/* For the program that writes the index, and for unit tests: not in the core.
 */
#include "rules/shapes_index.h"

/* Fills the key that each path of this shape has at the same level, and gives
 * its bucket. A segment with a star stands for one segment of a path, but "**"
 * for any number of them: nothing before "**" can be a key. */
static size_t fill_key(const struct llmobs_shape *shape,
                       struct llmobs_shapes_link *link)
{
    struct llmobs_text left = llmobs_text_of(shape->path);

    for (size_t level = 0; level < LLMOBS_SHAPES_LEVELS; level++) {
        size_t from, whole = left.len;

        link->key = llmobs_shapes_key(left, &from);
        if (from > 0 && !memchr(left.data + from, '*', left.len - from))
            return llmobs_shapes_bucket(link->key, level);
        if (!llmobs_shapes_pop(&left) ||
            memmem(left.data + left.len, whole - left.len, "**", 2))
            break;
    }
    link->key = 0;
    return LLMOBS_SHAPES_BUCKETS;
}

/* A shape that a header shows is in no bucket. `ends` tells where the next
 * number of each bucket goes, so that each bucket is in order. */
size_t llmobs_shapes_index(const struct llmobs_dialect *const *dialects,
                           struct llmobs_shapes_index *index)
{
    static uint16_t *ends[LLMOBS_SHAPES_BUCKETS + 1];
    size_t count = 0;

    memset(index, 0, sizeof(*index));
    for (size_t i = 0; i <= LLMOBS_SHAPES_BUCKETS; i++)
        *(ends[i] = &index->first[i]) = LLMOBS_SHAPES_NONE;
    for (; *dialects; dialects++)
        LLMOBS_SHAPES_EACH (s, *dialects) {
            struct llmobs_shapes_link *link = &index->links[count];
            uint16_t **end;

            if (count++ >= LLMOBS_SHAPES_MAX || s->signs)
                continue;
            end = &ends[fill_key(s, link)];
            link->next = LLMOBS_SHAPES_NONE;
            **end = (uint16_t)(count - 1);
            *end = &link->next;
        }
    index->count = (uint16_t)count;
    return count;
}
