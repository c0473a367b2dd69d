#include "lib/base/wiped.h"

#include <stdlib.h>

#define FIRST 1024

/* realloc would leave bytes behind. */
bool llmobs_wiped_reserve(struct llmobs_wiped *wiped, size_t len)
{
    uint32_t cap = wiped->cap ? wiped->cap : FIRST, kept = wiped->len;
    char *data;

    if (len > UINT32_MAX / 2 - kept)
        return false;
    while (cap < kept + len)
        cap *= 2;
    if (cap == wiped->cap)
        return true;
    data = malloc(cap);
    if (!data)
        return false;
    if (kept > 0)
        memcpy(data, wiped->data, kept);
    llmobs_wiped_fini(wiped);
    *wiped = (struct llmobs_wiped){data, kept, cap};
    return true;
}

bool llmobs_wiped_add(struct llmobs_wiped *wiped, struct llmobs_text bytes)
{
    if (!llmobs_wiped_reserve(wiped, bytes.len))
        return false;
    if (bytes.len > 0)
        memcpy(wiped->data + wiped->len, bytes.data, bytes.len);
    wiped->len += (uint32_t)bytes.len;
    return true;
}

void llmobs_wiped_cut(struct llmobs_wiped *wiped, uint32_t len)
{
    if (wiped->len > len)
        explicit_bzero(wiped->data + len, wiped->len - len);
    wiped->len = len < wiped->len ? len : wiped->len;
}

void llmobs_wiped_fini(struct llmobs_wiped *wiped)
{
    llmobs_wiped_cut(wiped, 0);
    free(wiped->data);
    *wiped = (struct llmobs_wiped){NULL, 0, 0};
}
