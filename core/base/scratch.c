#include "core/base/scratch.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/blocks.h"
#include "core/base/cold.h"

LLMOBS_COLD static _Alignas(
    64) unsigned char memory[LLMOBS_BLOCKS][LLMOBS_SCRATCH_SIZE];
static struct llmobs_blocks blocks = {.memory = memory[0],
                                      .size = LLMOBS_SCRATCH_SIZE};

void *llmobs_scratch_take(size_t size)
{
    void *block =
        size <= LLMOBS_SCRATCH_SIZE ? llmobs_blocks_take(&blocks) : NULL;

    return block ? block : malloc(size);
}

void llmobs_scratch_give(void *block)
{
    int saved = errno;

    if (!llmobs_blocks_give(&blocks, block))
        free(block);
    errno = saved;
}
