#include "core/base/once.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/base/cold.h"

#define ALIGN ((size_t)64)

LLMOBS_COLD static _Alignas(64) unsigned char memory[LLMOBS_ONCE];
static atomic_size_t used;

/* With ASan each structure is the allocator's, so that its ends are watched. */
void *llmobs_once_take(size_t size)
{
    size_t whole = (size + ALIGN - 1) / ALIGN * ALIGN;
    size_t at = atomic_load(&used);

    while (!LLMOBS_ASAN && size <= LLMOBS_ONCE && whole <= LLMOBS_ONCE - at) {
        if (atomic_compare_exchange_weak(&used, &at, at + whole))
            return memory + at;
    }
    return calloc(1, size);
}

void llmobs_once_give(void *block)
{
    if ((uintptr_t)block - (uintptr_t)memory >= LLMOBS_ONCE)
        free(block);
}
