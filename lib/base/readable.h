/* readable - can memory be read? The kernel looks first, so nothing faults.
 *
 * Threads: any. Another thread may still unmap the memory afterwards.
 * Errors:  memory counts as readable where the kernel does not look at it, as
 *          under an emulator or a filter that answers by itself.
 */
#ifndef LLMOBS_READABLE_H
#define LLMOBS_READABLE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/stack.h"
#include "lib/base/sys.h"

/* Asks the kernel for a change of the signal mask that it must refuse: it
 * answers -EFAULT if it cannot read the new mask, else -EINVAL. A mask has
 * eight bytes, which here lie in one page. */
static inline long llmobs_readable_ask(uintptr_t at)
{
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
