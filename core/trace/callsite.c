#include "core/trace/callsite.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/stack.h"

void llmobs_callsite_fill(struct llmobs_callsite *callsite, size_t max,
                          uintptr_t entry)
{
    const uintptr_t sp = callsite->frame.regs[LLMOBS_FRAME_SP];

    callsite->stack = (const unsigned char *)sp;
    callsite->len = llmobs_stack_sure(sp, entry);
    if (callsite->len > max)
        callsite->len = max;
    callsite->frames = 0;
    callsite->entry = entry;
    llmobs_script_frames_clear(&callsite->script);
}

void llmobs_callsite_free(struct llmobs_callsite *callsite)
{
    memset(&callsite->frame, 0, sizeof(callsite->frame));
    /* Without this the compiler may drop the memset, because the block is not
     * read again. */
    __asm__ volatile("" : : "r"(callsite) : "memory");
    free(callsite);
}

void llmobs_callsite_read_script(struct llmobs_script_frames *frames)
{
    static void (*const readers[])(struct llmobs_script_frames *) = {
        llmobs_php_frames_read, llmobs_python_frames_read,
        llmobs_ruby_frames_read, llmobs_perl_frames_read};

    llmobs_script_frames_clear(frames);
    for (size_t i = 0; i < sizeof(readers) / sizeof(*readers) && !frames->used;
         i++)
        readers[i](frames);
}
