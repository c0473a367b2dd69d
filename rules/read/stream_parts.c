#include "rules/read/stream_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 4

static int64_t index_of(const struct llmobs_stream_parts *parts, size_t size,
                        size_t i)
{
    int64_t index;

    memcpy(&index, (const char *)parts->items + i * size, sizeof(index));
    return index;
}

static int make_room(struct llmobs_stream_parts *parts, size_t size, size_t max)
{
    size_t cap = parts->cap > 0 ? parts->cap * 2 : FIRST_CAP;
    void *items;

    if (parts->count >= max)
        return -ENOSPC;
    if (parts->count < parts->cap)
        return 0;
    items = realloc(parts->items, cap * size);
    if (!items)
        return -ENOMEM;
    parts->items = items;
    parts->cap = cap;
    return 0;
}

/* The position of the first item whose index is not below this one. */
static size_t find(const struct llmobs_stream_parts *parts, size_t size,
                   int64_t index)
{
    size_t low = 0, high = parts->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (index_of(parts, size, middle) < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int llmobs_stream_part_at(struct llmobs_stream_parts *parts, size_t size,
                          size_t max, int64_t index, void **item)
{
    size_t i = find(parts, size, index);
    char *at;
    int rc;

    if (i == parts->count || index_of(parts, size, i) != index) {
        rc = make_room(parts, size, max);
        if (rc < 0)
            return rc;
        at = (char *)parts->items + i * size;
        memmove(at + size, at, (parts->count - i) * size);
        memset(at, 0, size);
        memcpy(at, &index, sizeof(index));
        parts->count++;
    }
    *item = (char *)parts->items + i * size;
    return 0;
}

void llmobs_stream_parts_fini(struct llmobs_stream_parts *parts)
{
    free(parts->items);
    parts->items = NULL;
    parts->count = parts->cap = 0;
}
