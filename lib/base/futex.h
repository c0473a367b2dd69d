/* futex - sleeps until another thread changes a word.
 *
 * A semaphore would not do: its time-out is absolute, by the wall clock, and it
 * has state that a fork could catch half-way. Never fails; a sleep may end
 * early.
 */
#ifndef LLMOBS_FUTEX_H
#define LLMOBS_FUTEX_H

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/sys.h"

/* Sleeps while the word is `seen`; ns < 0: without end. */
static inline void llmobs_futex_sleep_ns(atomic_uint *word, unsigned seen,
                                         int64_t ns)
{
    struct timespec t = {ns / 1000000000, (long)(ns % 1000000000)};

    llmobs_sys(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, ns < 0 ? NULL : &t);
}

static inline void llmobs_futex_sleep(atomic_uint *word, unsigned seen,
                                      int64_t ms)
{
    llmobs_futex_sleep_ns(word, seen, ms < 0 ? -1 : ms * LLMOBS_NS_PER_MS);
}

/* Wakes all sleepers. The memory of the word may be freed already: the kernel
 * uses its address alone. */
static inline void llmobs_futex_wake(atomic_uint *word)
{
    llmobs_sys(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX);
}

static inline int64_t llmobs_futex_deadline(int64_t ms)
{
    return llmobs_clock_mono_ns() + (ms > 0 ? ms : 0) * LLMOBS_NS_PER_MS;
}

static inline int64_t llmobs_futex_left(int64_t deadline_ns)
{
    int64_t left = deadline_ns - llmobs_clock_mono_ns();

    return left <= 0 ? 0 : left / LLMOBS_NS_PER_MS + 1;
}

#endif
