/* grow - room for one more element in a list of any kind.
 *
 * Threads: any. Errors: -ENOMEM; the list stays as it was.
 */
#ifndef LLMOBS_GROW_H
#define LLMOBS_GROW_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

/* `list` points to the pointer to the elements, of which there are `count`;
 * *cap is how many there may be. */
static inline int llmobs_grow(void *list, size_t *cap, size_t count,
                              size_t size)
{
    size_t more = *cap == 0 ? 64 : *cap * 2;
    void *grown;

    if (count < *cap)
        return 0;
    grown =
        more > SIZE_MAX / size ? NULL : realloc(*(void **)list, more * size);
    if (!grown)
        return -ENOMEM;
    *(void **)list = grown;
    *cap = more;
    return 0;
}

#endif
