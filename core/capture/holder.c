#include "core/capture/holder.h"

#include <sched.h>
#include <stdint.h>
#include <time.h>

#include "lib/base/clock.h"

enum { NOBODY, OWNER, EXIT };

#define EXIT_PATIENCE_MS 100

static bool change_holder(atomic_int *holder, int from, int to)
{
    return atomic_compare_exchange_strong_explicit(
        holder, &from, to, memory_order_acquire, memory_order_relaxed);
}

bool llmobs_holder_trylock(atomic_int *holder, int ms)
{
    const struct timespec nap = {.tv_nsec = 100000};

    for (int i = 0; i < 10 * ms + 1; i++) {
        if (change_holder(holder, NOBODY, EXIT))
            return true;
        nanosleep(&nap, NULL);
    }
    return false;
}

void llmobs_holder_lock(atomic_int *holder)
{
    int64_t until = 0;

    while (!change_holder(holder, NOBODY, OWNER) &&
           !change_holder(holder, OWNER, OWNER)) {
        if (!until)
            until =
                llmobs_clock_mono_ns() + EXIT_PATIENCE_MS * LLMOBS_NS_PER_MS;
        else if (llmobs_clock_mono_ns() >= until)
            (void)change_holder(holder, EXIT, NOBODY);
        sched_yield();
    }
}

void llmobs_holder_unlock(atomic_int *holder)
{
    atomic_store_explicit(holder, NOBODY, memory_order_release);
}
