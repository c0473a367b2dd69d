#include "core/fork.h"

#include <pthread.h>
#include <unistd.h>

/* Linux's pids have no more bits, and the sign is taken. */
#define PID_BITS 22
#define GENERATIONS (1U << (31 - PID_BITS))

static atomic_uint generation;

static void in_child(void)
{
    atomic_fetch_add(&generation, 1);
}

int llmobs_fork_init(void)
{
    static atomic_flag done = ATOMIC_FLAG_INIT;

    if (atomic_flag_test_and_set(&done))
        return 0;
    return -pthread_atfork(NULL, NULL, in_child);
}

int llmobs_fork_process(void)
{
    unsigned age = atomic_load_explicit(&generation, memory_order_relaxed);

    return (int)((age % GENERATIONS) << PID_BITS) | getpid();
}
