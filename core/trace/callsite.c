#include "core/trace/callsite.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/stack.h"

/* -- registers and stack -------------------------------------------------- */

/* Copies a piece of stack with all bytes in it, even those outside of variables
 * or in use by other threads: a sanitizer would complain. The sanitizer of a
 * program watches memcpy even where this library is built without one, so this
 * function copies the bytes itself. */
__attribute__((no_sanitize("address", "thread"))) static void copy(
    unsigned char *to, uintptr_t from, size_t len)
{
#if defined(__x86_64__)
    __asm__ volatile("rep movsb"
                     : "+D"(to), "+S"(from), "+c"(len)
                     :
                     : "memory");
#else
    const volatile unsigned char *at = (const volatile unsigned char *)from;

    while (len--)
        *to++ = *at++;
#endif
}

#define BIT(n) ((uint64_t)1 << (n))

/* Reads the registers that a function has to preserve, the stack pointer and
 * the address of the present instruction. */
static inline __attribute__((always_inline)) void read_registers(
    struct llmobs_frame *frame)
{
    uintptr_t *regs = frame->regs;

#if defined(__x86_64__)
    __asm__ volatile("movq %%rbx, 24(%0)\n\t"
                     "movq %%rbp, 48(%0)\n\t"
                     "movq %%rsp, 56(%0)\n\t"
                     "movq %%r12, 96(%0)\n\t"
                     "movq %%r13, 104(%0)\n\t"
                     "movq %%r14, 112(%0)\n\t"
                     "movq %%r15, 120(%0)\n\t"
                     "leaq 0f(%%rip), %%rax\n"
                     "0:\n\t"
                     "movq %%rax, 128(%0)"
                     :
                     : "r"(regs)
                     : "rax", "memory");
    frame->pc = regs[16];
    frame->known = BIT(3) | BIT(6) | BIT(7) | BIT(12) | BIT(13) | BIT(14) |
                   BIT(15) | BIT(16);
#else
    uintptr_t pc, sp;

    __asm__ volatile("stp x19, x20, [%2, #152]\n\t"
                     "stp x21, x22, [%2, #168]\n\t"
                     "stp x23, x24, [%2, #184]\n\t"
                     "stp x25, x26, [%2, #200]\n\t"
                     "stp x27, x28, [%2, #216]\n\t"
                     "stp x29, x30, [%2, #232]\n\t"
                     "mov %1, sp\n\t"
                     "adr %0, .\n"
                     : "=&r"(pc), "=&r"(sp)
                     : "r"(regs)
                     : "memory");
    regs[31] = sp;
    frame->pc = pc;
    frame->known = (BIT(32) - 1) & ~(BIT(19) - 1);
#endif
    frame->exact = true;
}

__attribute__((noinline)) struct llmobs_callsite *llmobs_callsite_new(
    size_t max, uintptr_t entry)
{
    struct llmobs_callsite *callsite = malloc(sizeof(*callsite) + max);
    uintptr_t sp;

    if (!callsite)
        return NULL;
    memset(&callsite->frame, 0, sizeof(callsite->frame));
    read_registers(&callsite->frame);
    sp = callsite->frame.regs[LLMOBS_FRAME_SP];
    callsite->len = llmobs_stack_sure(sp, entry);
    if (callsite->len > max)
        callsite->len = max;
    copy(callsite->stack, sp, callsite->len);
    callsite->frames = 0;
    callsite->entry = entry;
    llmobs_script_frames_clear(&callsite->script);
    return callsite;
}

void llmobs_callsite_free(struct llmobs_callsite *callsite)
{
    if (!callsite)
        return;
    memset(callsite, 0, sizeof(*callsite) + callsite->len);
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
