/* Counts steps on disk that the exit must wait for. */
#include "lib/base/commit.h"

#include <stdatomic.h>

#include "lib/base/futex.h"

#define UNDER_WAY 1U
#define CLOSED 2U

static atomic_uint gate;

bool llmobs_commit_begin(void)
{
    unsigned seen = atomic_load(&gate);

    while (!(seen & CLOSED))
        if (atomic_compare_exchange_weak(&gate, &seen, seen | UNDER_WAY))
            return true;
    return false;
}

void llmobs_commit_end(void)
{
    if (!(atomic_load(&gate) & UNDER_WAY))
        return;
    if (atomic_fetch_and(&gate, ~UNDER_WAY) & CLOSED)
        llmobs_futex_wake(&gate);
}

void llmobs_commit_close(int64_t until_ns)
{
    unsigned seen = atomic_fetch_or(&gate, CLOSED) | CLOSED;
    int64_t left;

    while (seen & UNDER_WAY && (left = llmobs_futex_left(until_ns)) > 0) {
        llmobs_futex_sleep(&gate, seen, left);
        seen = atomic_load(&gate);
    }
}

void llmobs_commit_reopen(void)
{
    atomic_fetch_and(&gate, ~CLOSED);
}

void llmobs_commit_reset(void)
{
    atomic_store(&gate, 0);
}
