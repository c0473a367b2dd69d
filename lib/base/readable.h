/* readable - can memory be read? The kernel looks first, so nothing faults.
 *
 * Threads: any. Another thread may still unmap the memory afterwards.
 * Errors:  memory counts as readable where the kernel does not look at it, as
 *          under valgrind, an emulator or a filter that answers by itself.
 */
#ifndef LLMOBS_READABLE_H
#define LLMOBS_READABLE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/stack.h"
#include "lib/base/sys.h"

/* valgrind reports such a question as an error of the program's. It answers
 * this sequence of instructions, which does nothing elsewhere. */
static inline bool llmobs_readable_under_valgrind(void)
{
    volatile uintptr_t request[6] = {0x1001};
    uintptr_t answer = 0;

#if defined(__x86_64__)
    __asm__ volatile("rolq $3, %%rdi; rolq $13, %%rdi; rolq $61, %%rdi;"
                     "rolq $51, %%rdi; xchgq %%rbx, %%rbx"
                     : "+d"(answer)
                     : "a"(request)
                     : "cc", "memory");
#else
    __asm__ volatile("mov x3, %0; mov x4, %1; ror x12, x12, #3;"
                     "ror x12, x12, #13; ror x12, x12, #51; ror x12, x12, #61;"
                     "orr x10, x10, x10; mov %0, x3"
                     : "+r"(answer)
                     : "r"(request)
                     : "cc", "memory", "x3", "x4");
#endif
    return answer != 0;
}

/* Asks the kernel for a change of the signal mask that it must refuse: it
 * answers -EFAULT if it cannot read the new mask, else -EINVAL. A mask has
 * eight bytes, which here lie in one page. */
static inline long llmobs_readable_ask(uintptr_t at)
{
    if (llmobs_readable_under_valgrind())
        return -EINVAL;
    return llmobs_sys(SYS_rt_sigprocmask, ~0, at & ~(uintptr_t)7, NULL, 8);
}

/* Asks once for each page but the first one, which no program has. */
static inline bool llmobs_readable(const void *from, size_t len)
{
    const uintptr_t page = LLMOBS_STACK_PAGE;
    uintptr_t at = (uintptr_t)from, end = at + len;
    bool is = end >= at;

    for (; is && at < end; at = (at / page + 1) * page)
        is = at >= page && llmobs_readable_ask(at) != -EFAULT;
    return is;
}

#endif
