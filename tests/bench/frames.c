/* The price of a script's frames on the app's thread, in PHP: its gethostname()
 * calls this function of libc, and gets the ns of CPU that one look takes, as a
 * name. The process has it by LD_PRELOAD.
 */
#include <stdio.h>
#include <time.h>

#include "core/trace/caller.h"
#include "lib/base/fork.h"

#define ROUNDS 20000

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

__attribute__((visibility("default"))) int gethostname(char *name, size_t len)
{
    struct llmobs_script_frames frames;
    int64_t begun;

    llmobs_fork_init(); /* as the core as it is loaded */
    llmobs_callsite_read_script(&frames);
    if (frames.line == 0)
        return -1;
    begun = now_ns();
    for (int i = 0; i < ROUNDS; i++)
        llmobs_callsite_read_script(&frames);
    snprintf(name, len, "%.1f", (double)(now_ns() - begun) / ROUNDS);
    return 0;
}
