/* Reads the app's memory safely, by asking the kernel first. */
#include "core/trace/probe.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/base/fork.h"
#include "lib/base/readable.h"
#include "lib/base/sanitizer.h"

/* The number (fork.h) of the process in which probes work; negative if they do
 * not work in it. */
static atomic_int known;

bool llmobs_probe_works(void)
{
    int process = llmobs_fork_process(), is = atomic_load(&known);
    uintptr_t page;

    if (is == process || is == -process)
        return is == process;
    page = (uintptr_t)llmobs_sys(SYS_mmap, NULL, LLMOBS_STACK_PAGE, PROT_NONE,
                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page % LLMOBS_STACK_PAGE)
        return false;
    is = llmobs_readable_ask(page) == -EFAULT ? process : -process;
    llmobs_sys(SYS_munmap, page, LLMOBS_STACK_PAGE);
    atomic_store(&known, is);
    return is == process;
}

void llmobs_probe_trust(struct llmobs_probe *probe, const void *at)
{
    probe->pages[probe->found++ % LLMOBS_PROBE_PAGES] =
        (uintptr_t)at / LLMOBS_STACK_PAGE;
}

static bool sees_page(struct llmobs_probe *probe, uintptr_t at)
{
    uintptr_t page = at / LLMOBS_STACK_PAGE;

    for (int i = 0; i < LLMOBS_PROBE_PAGES && probe->pages[i]; i++)
        if (probe->pages[i] == page)
            return true;
    if (llmobs_readable_ask(at) != -EINVAL)
        return false;
    llmobs_probe_trust(probe, (const void *)at);
    return true;
}

bool llmobs_probe_sees(struct llmobs_probe *probe, const void *from, size_t len)
{
    uintptr_t at = (uintptr_t)from, end = at + len;

    if (at < LLMOBS_STACK_PAGE || end < at)
        return false;
    for (; at < end; at = (at / LLMOBS_STACK_PAGE + 1) * LLMOBS_STACK_PAGE) {
        if (!sees_page(probe, at))
            return false;
    }
    return true;
}

/* A sanitizer does not let the library read memory outside of the app's
 * objects. */
__attribute__((no_sanitize("address", "thread"))) static void probe_copy(
    const char *from, char *to, size_t len)
{
    for (size_t i = 0; i < len; i++)
        to[i] = *(const volatile char *)(from + i);
}

bool llmobs_probe_read(struct llmobs_probe *probe, const void *at, void *to,
                       size_t len)
{
    if (!llmobs_probe_sees(probe, at, len))
        return false;
    if (LLMOBS_ASAN || LLMOBS_TSAN)
        probe_copy(at, to, len);
    else
        memcpy(to, at, len);
    return true;
}

bool llmobs_probe_text(struct llmobs_probe *probe, const char *at, size_t max,
                       struct llmobs_text *text)
{
    *text = (struct llmobs_text){at, 0};
    while (text->len < max) {
        const char *rest = at + text->len;
        size_t room = LLMOBS_STACK_PAGE - (uintptr_t)rest % LLMOBS_STACK_PAGE;
        size_t len;

        if (!llmobs_probe_sees(probe, rest, room))
            return false;
        len = strnlen(rest, room);
        text->len += len;
        if (len < room)
            return text->len < max;
    }
    return false;
}
