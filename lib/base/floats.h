/* floats - keeps the library's arithmetic apart from the program's.
 *
 * A program may unmask floating-point exceptions (feenableexcept, Fortran's
 * -ffpe-trap), round another way, or read the flags (fetestexcept). A thread
 * inherits all of that from the thread that made it. So the library's threads
 * begin with the default environment, and code that computes with doubles on a
 * thread of the program stands between begin and end, which leave no trace.
 *
 * Threads: any. No system call. (fesetenv would do the same, but lies in libm.)
 */
#ifndef LLMOBS_FLOATS_H
#define LLMOBS_FLOATS_H

#include <stdint.h>

/* For a function that computes; its caller calls begin, the function, and end.
 * The compiler knows of no order between a computation and begin or end, but it
 * keeps the order of calls. */
#define LLMOBS_FLOATS_WITHIN __attribute__((noinline))

#if defined(__x86_64__)

/* From the processor's manual: all exceptions masked, to the nearest. */
#define LLMOBS_FLOATS_SSE 0x1f80u
#define LLMOBS_FLOATS_X87 0x037fu

struct llmobs_floats {
    uint32_t sse;
};

static inline struct llmobs_floats llmobs_floats_begin(void)
{
    struct llmobs_floats was = {__builtin_ia32_stmxcsr()};

    __builtin_ia32_ldmxcsr(LLMOBS_FLOATS_SSE);
    return was;
}

static inline void llmobs_floats_end(struct llmobs_floats was)
{
    __asm__ volatile("" ::: "memory");
    __builtin_ia32_ldmxcsr(was.sse);
}

static inline void llmobs_floats_default(void)
{
    const uint16_t control = LLMOBS_FLOATS_X87;

    __asm__ volatile("fninit\n\tfldcw %0" : : "m"(control));
    __builtin_ia32_ldmxcsr(LLMOBS_FLOATS_SSE);
}

#else

struct llmobs_floats {
    uint64_t control, flags;
};

static inline void llmobs_floats_set(struct llmobs_floats to)
{
    __asm__ volatile("msr fpcr, %0\n\tmsr fpsr, %1"
                     :
                     : "r"(to.control), "r"(to.flags)
                     : "memory");
}

static inline void llmobs_floats_default(void)
{
    llmobs_floats_set((struct llmobs_floats){0, 0});
}

static inline struct llmobs_floats llmobs_floats_begin(void)
{
    struct llmobs_floats was;

    __asm__ volatile("mrs %0, fpcr\n\tmrs %1, fpsr"
                     : "=r"(was.control), "=r"(was.flags)
                     :
                     : "memory");
    llmobs_floats_default();
    return was;
}

static inline void llmobs_floats_end(struct llmobs_floats was)
{
    llmobs_floats_set(was);
}

#endif

#endif
