/* clock - reads the clocks, in nanoseconds: the monotonic one for durations,
 * the wall clock for time stamps. No other file reads a clock. Never fails. */
#ifndef LLMOBS_CLOCK_H
#define LLMOBS_CLOCK_H

#include <stdint.h>
#include <time.h>

#define LLMOBS_NS_PER_MS INT64_C(1000000)

/* The nanoseconds of a time, as of a file's. */
static inline int64_t llmobs_clock_ns(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline int64_t llmobs_clock_read_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return llmobs_clock_ns(t);
}

static inline int64_t llmobs_clock_mono_ns(void)
{
    return llmobs_clock_read_ns(CLOCK_MONOTONIC);
}

/* As the monotonic one, and goes on while the machine sleeps. */
static inline int64_t llmobs_clock_boot_ns(void)
{
    return llmobs_clock_read_ns(CLOCK_BOOTTIME);
}

static inline int64_t llmobs_clock_wall_ns(void)
{
    return llmobs_clock_read_ns(CLOCK_REALTIME);
}

/* A wait of `ns`, for calls that take a timespec; 0 for a negative `ns`. */
static inline struct timespec llmobs_clock_wait(int64_t ns)
{
    const int64_t second = 1000 * LLMOBS_NS_PER_MS;

    return ns <= 0 ? (struct timespec){0, 0}
                   : (struct timespec){ns / second, ns % second};
}

#endif
