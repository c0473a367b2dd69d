#include "rules/shapes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/match.h"
#include "rules/read/text.h"

#define KEYLESS LLMOBS_SHAPES_BUCKETS
#define NONE UINT16_MAX

/* The level of a shape is the number of segments with a star at the end of its
 * path: 0 for "/chat", 1 for "/agents/x*". */
#define LEVELS 3

/* A key has at most this many bytes. The index is built in each process, and a
 * segment of a request may be long. */
#define KEY_BYTES ((size_t)8)

/* The key of a text: its bytes behind the last '/' or ':', but not more than
 * the last KEY_BYTES. `from` becomes the offset of the first of them. */
static uint64_t rules_shapes_key_of(struct llmobs_text text, size_t *from)
{
    size_t least = text.len > KEY_BYTES ? text.len - KEY_BYTES : 0;
    size_t at = text.len;
    uint64_t key = 0;

    while (at > least && text.data[at - 1] != '/' && text.data[at - 1] != ':')
        key = key << 8 | (unsigned char)text.data[--at];
    *from = at;
    return key;
}

static size_t bucket_of(uint64_t key, size_t level)
{
    return ((key ^ level) * UINT64_C(0x9E3779B97F4A7C15) >> 32) %
           LLMOBS_SHAPES_BUCKETS;
}

/* Takes the last segment off; false: there is only one. */
static bool pop_segment(struct llmobs_text *path)
{
    const char *slash =
        path->len > 0 ? memrchr(path->data, '/', path->len) : NULL;

    if (slash)
        path->len = (size_t)(slash - path->data);
    return slash;
}

/* Fills the key that each path of this shape has at the same level, and answers
 * its bucket. A segment with a star stands for one segment of a path, but "**"
 * for any number of them: nothing is known before it. */
static size_t fill_key(struct llmobs_shape_entry *entry)
{
    struct llmobs_text left = llmobs_text_of(entry->rule.shape->path);

    for (size_t level = 0; level < LEVELS; level++) {
        size_t from, whole = left.len;

        entry->key = rules_shapes_key_of(left, &from);
        if (from > 0 && !memchr(left.data + from, '*', left.len - from))
            return bucket_of(entry->key, level);
        if (!pop_segment(&left) ||
            memmem(left.data + left.len, whole - left.len, "**", 2))
            break;
    }
    entry->key = 0;
    return KEYLESS;
}

static void list_entries(struct llmobs_shapes *shapes,
                         const struct llmobs_dialect *const *dialects)
{
    for (; *dialects; dialects++)
        for (const struct llmobs_shape *s = (*dialects)->shapes; s->path; s++)
            shapes->entries[shapes->count++] = (struct llmobs_shape_entry){
                .rule = {.dialect = *dialects, .shape = s}};
}

/* From the last to the first, so that each bucket is in order. A shape that a
 * header shows is in none. */
static void fill_buckets(struct llmobs_shapes *shapes)
{
    _Static_assert(NONE == 0xFFFF, "each byte of it is 0xFF");
    memset(shapes->first, 0xFF, sizeof(shapes->first));
    for (size_t i = shapes->count; i-- > 0;) {
        struct llmobs_shape_entry *entry = &shapes->entries[i];
        uint16_t *first;

        if (entry->rule.shape->signs)
            continue;
        first = &shapes->first[fill_key(entry)];
        entry->next = *first;
        *first = (uint16_t)i;
    }
}

int llmobs_shapes_init(struct llmobs_shapes *shapes,
                       const struct llmobs_dialect *const *dialects)
{
    size_t count = 0;

    for (size_t i = 0; dialects[i]; i++)
        for (const struct llmobs_shape *s = dialects[i]->shapes; s->path; s++)
            count++;
    shapes->count = 0;
    shapes->entries = malloc(count * sizeof(*shapes->entries));
    if (!shapes->entries)
        return -ENOMEM;
    list_entries(shapes, dialects);
    fill_buckets(shapes);
    return 0;
}

void llmobs_shapes_fini(struct llmobs_shapes *shapes)
{
    free(shapes->entries);
    shapes->entries = NULL;
    shapes->count = 0;
}

const struct llmobs_rule *llmobs_shapes_find(const struct llmobs_shapes *shapes,
                                             const char *method,
                                             struct llmobs_text path,
                                             bool any_host)
{
    struct llmobs_text left = llmobs_match_bare(path);
    uint16_t best = NONE, at = shapes->first[KEYLESS];
    uint64_t key = 0;
    size_t level = 0;

    for (;;) {
        size_t from;

        for (; at < best; at = shapes->entries[at].next)
            if (shapes->entries[at].key == key &&
                llmobs_match_has(shapes->entries[at].rule.shape, method, path,
                                 any_host))
                best = at;
        if (level == LEVELS || (level > 0 && !pop_segment(&left)))
            break;
        key = rules_shapes_key_of(left, &from);
        at = shapes->first[bucket_of(key, level++)];
    }
    return best == NONE ? NULL : &shapes->entries[best].rule;
}
