/* Lends memory from a pool for one function call. */
#include "lib/base/scratch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/blocks.h"
#include "lib/base/cold.h"

LLMOBS_COLD static _Alignas(
    64) unsigned char memory[LLMOBS_BLOCKS][LLMOBS_SCRATCH_SIZE];
static struct llmobs_blocks blocks = {.memory = memory[0],
                                      .size = LLMOBS_SCRATCH_SIZE};
static unsigned short used[LLMOBS_BLOCKS]; /* bytes of each */

_Static_assert(LLMOBS_SCRATCH_SIZE <= USHRT_MAX, "a size fits");

static unsigned short *used_of(const void *block)
{
    return &used[((uintptr_t)block - (uintptr_t)memory) / LLMOBS_SCRATCH_SIZE];
}

void *llmobs_scratch_alloc(size_t size)
{
    void *block =
        size <= LLMOBS_SCRATCH_SIZE ? llmobs_blocks_alloc(&blocks) : NULL;

    if (!block)
        return malloc(size);
    *used_of(block) = (unsigned short)size;
    return block;
}

void llmobs_scratch_free_text(char *text)
{
    int saved = errno;

    if (llmobs_blocks_have(&blocks, text))
        llmobs_blocks_free(&blocks, text);
    else
        free(text);
    errno = saved;
}

void llmobs_scratch_free(void *block)
{
    /* An address that stays would hide a leak of the program (hidden.h). */
    if (llmobs_blocks_have(&blocks, block))
        memset(block, 0, *used_of(block));
    llmobs_scratch_free_text(block);
}
