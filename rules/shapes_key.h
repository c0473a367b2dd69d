/* shapes_key - the index of the shapes (shapes.h), and the key of a path's end,
 * by which the index finds them.
 *
 * Threads: any; no state.
 */
#ifndef LLMOBS_SHAPES_KEY_H
#define LLMOBS_SHAPES_KEY_H

#include <stdint.h>
#include <string.h>

#include "lib/base/buf.h"

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

/* In place of a rule's number: no rule. */
#define LLMOBS_SHAPES_NONE UINT16_MAX

/* The level of a shape is the number of segments with a star at the end of its
 * path: 0 for "/chat", 1 for "/agents/x*". */
#define LLMOBS_SHAPES_LEVELS 3

/* A key has at most this many bytes: a segment of a request may be long. */
#define LLMOBS_SHAPES_KEY ((size_t)8)

/* The key of a text: its bytes behind the last '/' or ':', but at most the last
 * LLMOBS_SHAPES_KEY. `from` gets the offset of the first of them.
 */
static inline uint64_t llmobs_shapes_key(struct llmobs_text text, size_t *from)
{
    size_t least =
        text.len > LLMOBS_SHAPES_KEY ? text.len - LLMOBS_SHAPES_KEY : 0;
    size_t at = text.len;
    uint64_t key = 0;

    while (at > least && text.data[at - 1] != '/' && text.data[at - 1] != ':')
        key = key << 8 | (unsigned char)text.data[--at];
    *from = at;
    return key;
}

static inline size_t llmobs_shapes_bucket(uint64_t key, size_t level)
{
    return ((key ^ level) * UINT64_C(0x9E3779B97F4A7C15) >> 32) %
           LLMOBS_SHAPES_BUCKETS;
}

/* Takes the last segment off; false: the path has only one. */
static inline bool llmobs_shapes_pop(struct llmobs_text *path)
{
    const char *slash =
        path->len > 0 ? memrchr(path->data, '/', path->len) : NULL;

    if (slash)
        path->len = (size_t)(slash - path->data);
    return slash;
}

#endif
