/* Limits a thread's work by steps and by time. */
#include "lib/base/work.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "lib/base/clock.h"
#include "lib/base/fork.h"

/* The thread that has the budget (0: none), and its process: a child's thread
 * may have the id of a thread of the parent process. */
static _Atomic(uintptr_t) owner;
static atomic_int process;
static _Atomic int64_t until = INT64_MAX;
/* Only the thread that has the worker's turn uses these. */
static _Atomic int64_t by = INT64_MAX;
static _Atomic int64_t left;
static _Atomic int64_t look; /* steps to the next look at the clock */
static atomic_int over;

static uintptr_t own_thread(void)
{
    return (uintptr_t)pthread_self();
}

static void set_number(_Atomic int64_t *number, int64_t value)
{
    atomic_store_explicit(number, value, memory_order_relaxed);
}

static int64_t get_number(_Atomic int64_t *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

void llmobs_work_begin(int64_t most)
{
    set_number(&left, most);
    atomic_store_explicit(&over, 0, memory_order_relaxed);
    atomic_store(&process, llmobs_fork_process());
    atomic_store(&owner, own_thread());
}

int llmobs_work_end(void)
{
    atomic_store(&owner, 0);
    return atomic_load_explicit(&over, memory_order_relaxed);
}

void llmobs_work_until(int64_t mono_ns)
{
    atomic_store(&until, mono_ns);
}

void llmobs_work_by(int64_t mono_ns)
{
    set_number(&by, mono_ns);
}

/* True when the time is over; false also while no end is set. */
static bool is_over_time(int64_t steps)
{
    int64_t end = atomic_load(&until);

    if (get_number(&by) < end)
        end = get_number(&by);
    if (end == INT64_MAX)
        return false;
    set_number(&look, get_number(&look) - steps);
    if (get_number(&look) > 0)
        return false;
    set_number(&look, LLMOBS_WORK_LOOK);
    return llmobs_clock_mono_ns() >= end;
}

/* True where the calling thread has a budget: else its steps need no count. */
static bool is_counted(void)
{
    return atomic_load_explicit(&owner, memory_order_relaxed) == own_thread() &&
           atomic_load_explicit(&process, memory_order_relaxed) ==
               llmobs_fork_process();
}

bool llmobs_work_do(size_t steps)
{
    int64_t count = steps < INT64_MAX / 2 ? (int64_t)steps : INT64_MAX / 2;

    if (!is_counted())
        return true;
    if (atomic_load_explicit(&over, memory_order_relaxed))
        return false;
    set_number(&left, get_number(&left) - count);
    if (get_number(&left) < 0)
        atomic_store_explicit(&over, -E2BIG, memory_order_relaxed);
    else if (is_over_time(count))
        atomic_store_explicit(&over, -ETIMEDOUT, memory_order_relaxed);
    return !atomic_load_explicit(&over, memory_order_relaxed);
}

bool llmobs_work_is_late(void)
{
    return is_counted() &&
           atomic_load_explicit(&over, memory_order_relaxed) == -ETIMEDOUT;
}
