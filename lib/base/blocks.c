#include "lib/base/blocks.h"

void *llmobs_blocks_alloc(struct llmobs_blocks *blocks)
{
    uint64_t seen = atomic_load(&blocks->taken);

    while (~seen) {
        unsigned i = (unsigned)__builtin_ctzll(~seen);

        if (atomic_compare_exchange_weak(&blocks->taken, &seen,
                                         seen | (uint64_t)1 << i))
            return blocks->memory + i * blocks->size;
    }
    return NULL;
}

bool llmobs_blocks_free(struct llmobs_blocks *blocks, const void *block)
{
    size_t from = (uintptr_t)block - (uintptr_t)blocks->memory;

    if (!llmobs_blocks_have(blocks, block))
        return false;
    atomic_fetch_and(&blocks->taken, ~((uint64_t)1 << (from / blocks->size)));
    return true;
}
