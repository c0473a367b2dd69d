/* Grows buffers whose old memory is wiped. */
#include "lib/base/wiped.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST 1024

/* realloc would leave bytes behind. */
int llmobs_wiped_reserve(struct llmobs_wiped *wiped, size_t len)
{
    uint32_t cap = wiped->cap ? wiped->cap : FIRST, kept = wiped->len;
    char *data;

    if (len > UINT32_MAX / 2 - kept)
        return -ENOMEM;
    while (cap < kept + len)
        cap *= 2;
    if (cap == wiped->cap)
        return 0;
    data = malloc(cap);
    if (!data)
        return -ENOMEM;
    if (kept > 0)
        memcpy(data, wiped->data, kept);
    llmobs_wiped_fini(wiped);
    *wiped = (struct llmobs_wiped){data, kept, cap};
    return 0;
}

int llmobs_wiped_add(struct llmobs_wiped *wiped, struct llmobs_text bytes)
{
    int error = llmobs_wiped_reserve(wiped, bytes.len);

    if (error)
        return error;
    if (bytes.len > 0)
        memcpy(wiped->data + wiped->len, bytes.data, bytes.len);
    wiped->len += (uint32_t)bytes.len;
    return 0;
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
