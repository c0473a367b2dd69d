#include "core/base/fork_gate.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/clock.h"
#include "core/base/futex.h"

/* A fork may hang in another library's handler: a thread waits no longer than
 * this for it. */
#define FORK_PATIENCE_MS 1000

/* A fork and a thread that enters each announce themselves first and look for
 * the other then: so at least one of the two sees the other. `forks` is a
 * counter, as several threads may fork. */
static atomic_uint forks;
static atomic_uint kept_out;  /* threads that sleep on `forks` */
static atomic_uint inside[2]; /* by enum llmobs_fork_gate */
static atomic_uint moved; /* changes when a thread leaves; forks sleep on it */
static atomic_bool waited[2]; /* a fork has waited for this kind in vain */

static void step_out(enum llmobs_fork_gate kind)
{
    atomic_store(&waited[kind], false);
    atomic_fetch_sub(&inside[kind], 1);
    if (atomic_load(&forks)) {
        atomic_fetch_add(&moved, 1);
        llmobs_futex_wake(&moved);
    }
}

void llmobs_fork_gate_enter(enum llmobs_fork_gate kind)
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

void llmobs_fork_gate_leave(enum llmobs_fork_gate kind)
{
    step_out(kind);
}

/* How long this fork waits for one kind; 0: no thread is inside. */
static int64_t patience_ns(enum llmobs_fork_gate kind)
{
    static const int64_t limits_ms[] = {
        [LLMOBS_FORK_GATE_CALL] = LLMOBS_FORK_GATE_CALL_MS,
        [LLMOBS_FORK_GATE_LOOKUP] = LLMOBS_FORK_GATE_LOOKUP_MS,
    };
    int64_t ms = limits_ms[kind];

    if (atomic_load(&inside[kind]) == 0)
        return 0;
    return (atomic_load(&waited[kind]) ? LLMOBS_FORK_GATE_AGAIN_MS : ms) *
           LLMOBS_NS_PER_MS;
}

static void give_up(enum llmobs_fork_gate kind)
{
    if (atomic_load(&inside[kind]) != 0)
        atomic_store(&waited[kind], true);
}

static void before_fork(void)
{
    int64_t began = llmobs_clock_mono_ns();
    int saved = errno;

    atomic_fetch_add(&forks, 1);
    for (;;) {
        unsigned seen = atomic_load(&moved);
        int64_t call_ns = patience_ns(LLMOBS_FORK_GATE_CALL);
        int64_t lookup_ns = patience_ns(LLMOBS_FORK_GATE_LOOKUP);
        int64_t left = call_ns > lookup_ns ? call_ns : lookup_ns;

        if (left == 0)
            break;
        left += began - llmobs_clock_mono_ns();
        if (left <= 0) {
            give_up(LLMOBS_FORK_GATE_CALL);
            give_up(LLMOBS_FORK_GATE_LOOKUP);
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

void llmobs_fork_gate_reset(void)
{
    atomic_store(&forks, 0);
    atomic_store(&kept_out, 0);
    atomic_store(&inside[LLMOBS_FORK_GATE_CALL], 0);
    atomic_store(&inside[LLMOBS_FORK_GATE_LOOKUP], 0);
    atomic_store(&waited[LLMOBS_FORK_GATE_CALL], false);
    atomic_store(&waited[LLMOBS_FORK_GATE_LOOKUP], false);
}

int llmobs_fork_gate_init(void)
{
    static atomic_flag done = ATOMIC_FLAG_INIT;

    if (atomic_flag_test_and_set(&done))
        return 0;
    return -pthread_atfork(before_fork, after_fork, llmobs_fork_gate_reset);
}
