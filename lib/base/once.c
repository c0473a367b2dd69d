/* Maps zeroed memory for large structures. */
#include "lib/base/once.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/base/cold.h"

#define ALIGN ((size_t)64)
#define PAGE ((size_t)4096)

/* An array that the linker aligns to a page would begin all variables on a page
 * of their own. */
LLMOBS_COLD static unsigned char memory[LLMOBS_ONCE + PAGE];
static atomic_size_t used;

/* With ASan each structure comes from the allocator, so that ASan watches its
 * ends. */
void *llmobs_once_alloc(size_t size)
{
    unsigned char *first = memory + (-(uintptr_t)memory & (PAGE - 1));
    size_t whole = (size + ALIGN - 1) / ALIGN * ALIGN;
    size_t at = atomic_load(&used);

    while (!LLMOBS_ASAN && size <= LLMOBS_ONCE && whole <= LLMOBS_ONCE - at) {
        if (atomic_compare_exchange_weak(&used, &at, at + whole))
            return first + at;
    }
    return calloc(1, size);
}

void llmobs_once_free(void *block)
{
    if ((uintptr_t)block - (uintptr_t)memory >= sizeof(memory))
        free(block);
}
