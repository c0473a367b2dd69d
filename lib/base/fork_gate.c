/* Makes a fork wait until calls have left the gate. */
#include "lib/base/fork_gate.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/clock.h"
#include "lib/base/futex.h"
#include "lib/base/thread.h"

/* A fork may hang in another library's handler: a thread waits no longer than
 * this for it. */
#define FORK_PATIENCE_MS 1000

/* A fork and a thread that enters each announce themselves first and look for
 * the other then: so at least one of the two sees the other. `forks` is a
 * counter, as several threads may fork. */
static atomic_uint forks;
static atomic_uint kept_out; /* threads that sleep on `forks` */
static atomic_uint inside;
static atomic_uint moved;  /* changes when a thread leaves; forks sleep on it */
static atomic_bool waited; /* a fork waited for a call in vain */
static atomic_uint missed;

static void step_out(void)
{
    atomic_store(&waited, false);
    atomic_fetch_sub(&inside, 1);
    if (atomic_load(&forks)) {
        atomic_fetch_add(&moved, 1);
        llmobs_futex_wake(&moved);
    }
}

void llmobs_fork_gate_enter(void)
{
    int64_t until = llmobs_futex_deadline(FORK_PATIENCE_MS);

    for (;;) {
        unsigned now;

        atomic_fetch_add(&inside, 1);
        now = atomic_load(&forks);
        if (now == 0 || llmobs_clock_mono_ns() >= until)
            return;
        step_out();
        atomic_fetch_add(&kept_out, 1);
        llmobs_futex_sleep(&forks, now, FORK_PATIENCE_MS / 10);
        atomic_fetch_sub(&kept_out, 1);
    }
}

void llmobs_fork_gate_leave(void)
{
    step_out();
}

static int64_t patience(const atomic_bool *in_vain)
{
    return atomic_load(in_vain) ? LLMOBS_FORK_GATE_AGAIN_MS
                                : LLMOBS_FORK_GATE_CALL_MS;
}

static void wait_for_calls(void)
{
    int64_t until = llmobs_futex_deadline(patience(&waited));

    for (;;) {
        unsigned seen = atomic_load(&moved);
        int64_t left = until - llmobs_clock_mono_ns();

        if (atomic_load(&inside) == 0)
            return;
        if (left <= 0)
            break;
        llmobs_futex_sleep_ns(&moved, seen, left);
    }
    atomic_store(&waited, true);
    atomic_fetch_add(&missed, 1);
}

/* The threads end first: a closed gate would hold them up. One that was at work
 * may have ended since. */
static void before_fork(void)
{
    static atomic_bool vain;
    int saved = errno;
    bool in_vain;

    if (llmobs_thread_rest(LLMOBS_FORK_GATE_REST_MS, LLMOBS_THREAD_REST_ONCE) !=
        0)
        atomic_fetch_add(&missed, 1);
    atomic_fetch_add(&forks, 1);
    if (atomic_load(&inside) != 0)
        wait_for_calls();
    in_vain = llmobs_thread_ended(patience(&vain)) != 0;
    atomic_store(&vain, in_vain);
    atomic_fetch_add(&missed, in_vain);
    errno = saved;
}

static void after_fork(void)
{
    int saved = errno;

    llmobs_thread_rest_end();
    if (atomic_fetch_sub(&forks, 1) == 1 && atomic_load(&kept_out) > 0)
        llmobs_futex_wake(&forks);
    errno = saved;
}

unsigned llmobs_fork_gate_missed(void)
{
    return atomic_exchange(&missed, 0);
}

void llmobs_fork_gate_reset(void)
{
    llmobs_thread_reset();
    atomic_store(&forks, 0);
    atomic_store(&kept_out, 0);
    atomic_store(&inside, 0);
    atomic_store(&waited, false);
    atomic_store(&missed, 0);
}

int llmobs_fork_gate_init(void)
{
    static atomic_flag done = ATOMIC_FLAG_INIT;

    if (atomic_flag_test_and_set(&done))
        return 0;
    llmobs_thread_gate(llmobs_fork_gate_enter, llmobs_fork_gate_leave);
    return -pthread_atfork(before_fork, after_fork, llmobs_fork_gate_reset);
}

int llmobs_fork_gate_thread(void (*run)(void *), void *arg, size_t stack,
                            atomic_uint *bell)
{
    int rc = llmobs_fork_gate_init();

    return rc ? rc : llmobs_thread_start(run, arg, stack, bell);
}
