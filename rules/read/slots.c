#include "rules/read/slots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 4

static int64_t index_of(const struct llmobs_slots *slots, size_t size, size_t i)
{
    int64_t index;

    memcpy(&index, (const char *)slots->items + i * size, sizeof(index));
    return index;
}

static int make_room(struct llmobs_slots *slots, size_t size, size_t max)
{
    size_t cap = slots->cap > 0 ? slots->cap * 2 : FIRST_CAP;
    void *items;

    if (slots->count >= max)
        return -ENOSPC;
    if (slots->count < slots->cap)
        return 0;
    items = realloc(slots->items, cap * size);
    if (!items)
        return -ENOMEM;
    slots->items = items;
    slots->cap = cap;
    return 0;
}

/* Where the first item stands whose index is not below this one. */
static size_t find(const struct llmobs_slots *slots, size_t size, int64_t index)
{
    size_t low = 0, high = slots->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (index_of(slots, size, middle) < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int llmobs_slots_at(struct llmobs_slots *slots, size_t size, size_t max,
                    int64_t index, void **item)
{
    size_t i = find(slots, size, index);
    char *at;
    int rc;

    if (i == slots->count || index_of(slots, size, i) != index) {
        rc = make_room(slots, size, max);
        if (rc < 0)
            return rc;
        at = (char *)slots->items + i * size;
        memmove(at + size, at, (slots->count - i) * size);
        memset(at, 0, size);
        memcpy(at, &index, sizeof(index));
        slots->count++;
    }
    *item = (char *)slots->items + i * size;
    return 0;
}

void llmobs_slots_fini(struct llmobs_slots *slots)
{
    free(slots->items);
    slots->items = NULL;
    slots->count = slots->cap = 0;
}
