/* Counts the memory of bodies and events. */
#include "lib/text/budget.h"

#include <stdatomic.h>

#include "lib/base/fork.h"

static size_t max; /* set before there is a second thread */
static atomic_size_t taken;
static atomic_int process; /* the process that took `taken` (fork.h) */

void llmobs_budget_init(size_t the_max)
{
    max = the_max;
}

static void check_fork(void)
{
    if (!llmobs_fork_begin_reset(&process))
        return;
    atomic_store(&taken, 0);
    llmobs_fork_end_reset(&process);
}

bool llmobs_budget_claim(size_t len, enum llmobs_budget_for purpose)
{
    static const unsigned char eighths[] = {
        [LLMOBS_BUDGET_WHOLE] = 5,
        [LLMOBS_BUDGET_ENDS] = 6,
        [LLMOBS_BUDGET_READING] = 8,
    };
    size_t limit = max / 8 * eighths[purpose];
    size_t before;

    check_fork();
    before = atomic_fetch_add_explicit(&taken, len, memory_order_relaxed);
    if (max == 0 || (before <= limit && len <= limit - before))
        return true;
    llmobs_budget_release(len);
    return false;
}

void llmobs_budget_force(size_t len)
{
    check_fork();
    atomic_fetch_add_explicit(&taken, len, memory_order_relaxed);
}

void llmobs_budget_release(size_t len)
{
    atomic_fetch_sub_explicit(&taken, len, memory_order_relaxed);
}
