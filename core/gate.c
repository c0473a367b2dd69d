#include "core/gate.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/futex.h"

/* A fork that hangs in somebody else's handler must not stop us for good. */
#define FORK_PATIENCE_MS 1000

/* Each side announces itself first and looks at the other one then; so at
 * least one of two sees the other. Counters: several threads may fork. */
static atomic_uint forks;
static atomic_uint kept_out;  /* threads that sleep on `forks` */
static atomic_uint inside[2]; /* by enum llmobs_gate */
static atomic_uint moved;     /* a fork sleeps on it */
static atomic_bool waited;    /* a fork has waited for this look-up in vain */

static void step_out(enum llmobs_gate kind)
{
    if (kind == LLMOBS_GATE_LOOKUP)
        atomic_store(&waited, false);
    atomic_fetch_sub(&inside[kind], 1);
    if (atomic_load(&forks)) {
        atomic_fetch_add(&moved, 1);
        llmobs_futex_wake(&moved);
    }
}

void llmobs_gate_enter(enum llmobs_gate kind)
{
    int64_t until = llmobs_futex_deadline(FORK_PATIENCE_MS);

    for (;;) {
        unsigned now;

        atomic_fetch_add(&inside[kind], 1);
        now = atomic_load(&forks);
        if (now == 0 || llmobs_clock_mono_ns() >= until)
            return;
        step_out(kind);
        atomic_fetch_add(&kept_out, 1);
        llmobs_futex_sleep(&forks, now, FORK_PATIENCE_MS / 10);
        atomic_fetch_sub(&kept_out, 1);
    }
}

void llmobs_gate_leave(enum llmobs_gate kind)
{
    step_out(kind);
}

/* How long this fork waits, given who is inside. */
static int64_t patience_ns(bool looking_up)
{
    if (looking_up && !atomic_load(&waited))
        return LLMOBS_GATE_LOOKUP_MS * LLMOBS_NS_PER_MS;
    return LLMOBS_GATE_CALL_MS * LLMOBS_NS_PER_MS;
}

static void before_fork(void)
{
    int64_t began = llmobs_clock_mono_ns();
    int saved = errno;

    atomic_fetch_add(&forks, 1);
    for (;;) {
        unsigned seen = atomic_load(&moved);
        bool lookup = atomic_load(&inside[LLMOBS_GATE_LOOKUP]) != 0;
        int64_t left;

        if (!lookup && !atomic_load(&inside[LLMOBS_GATE_CALL]))
            break;
        left = began + patience_ns(lookup) - llmobs_clock_mono_ns();
        if (left <= 0) {
            if (lookup)
                atomic_store(&waited, true);
            break;
        }
        llmobs_futex_sleep_ns(&moved, seen, left);
    }
    errno = saved;
}

static void after_fork(void)
{
    int saved = errno;

    if (atomic_fetch_sub(&forks, 1) == 1 && atomic_load(&kept_out) > 0)
        llmobs_futex_wake(&forks);
    errno = saved;
}

void llmobs_gate_reset(void)
{
    atomic_store(&forks, 0);
    atomic_store(&kept_out, 0);
    atomic_store(&inside[LLMOBS_GATE_CALL], 0);
    atomic_store(&inside[LLMOBS_GATE_LOOKUP], 0);
    atomic_store(&waited, false);
}

int llmobs_gate_init(void)
{
    static atomic_flag done = ATOMIC_FLAG_INIT;

    if (atomic_flag_test_and_set(&done))
        return 0;
    return -pthread_atfork(before_fork, after_fork, llmobs_gate_reset);
}
