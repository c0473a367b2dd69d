/* sys - makes system calls by the instruction itself.
 *
 * Another preload may hold libc's syscall() and its functions for single calls:
 * torsocks does, and refuses a call that it does not know, with a line on
 * stderr. These calls pass no other code. They answer as the kernel does,
 * negative errno, leave errno alone, and are no cancellation points.
 *
 * Threads: any, also without a libc.
 */
#ifndef LLMOBS_SYS_H
#define LLMOBS_SYS_H

#include <stdint.h>
#include <sys/syscall.h>

#if defined(__x86_64__) && defined(__LP64__)

static inline long llmobs_sys_six(long number, const uintptr_t args[6])
{
    register uintptr_t fourth __asm__("r10") = args[3];
    register uintptr_t fifth __asm__("r8") = args[4];
    register uintptr_t sixth __asm__("r9") = args[5];
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(args[0]), "S"(args[1]), "d"(args[2]),
                       "r"(fourth), "r"(fifth), "r"(sixth)
                     : "rcx", "r11", "memory");
    return result;
}

/* A number of the calling thread that never changes, and that no other living
 * thread of the process has. */
static inline uintptr_t llmobs_sys_thread(void)
{
    uintptr_t self;

    __asm__("mov %%fs:0, %0" : "=r"(self));
    return self;
}

#elif defined(__aarch64__) && defined(__LP64__)

static inline long llmobs_sys_six(long number, const uintptr_t args[6])
{
    register long eighth __asm__("x8") = number;
    register uintptr_t first __asm__("x0") = args[0];
    register uintptr_t second __asm__("x1") = args[1];
    register uintptr_t third __asm__("x2") = args[2];
    register uintptr_t fourth __asm__("x3") = args[3];
    register uintptr_t fifth __asm__("x4") = args[4];
    register uintptr_t sixth __asm__("x5") = args[5];

    __asm__ volatile("svc 0"
                     : "+r"(first)
                     : "r"(eighth), "r"(second), "r"(third), "r"(fourth),
                       "r"(fifth), "r"(sixth)
                     : "memory");
    return (long)first;
}

static inline uintptr_t llmobs_sys_thread(void)
{
    uintptr_t self;

    __asm__("mrs %0, tpidr_el0" : "=r"(self));
    return self;
}

#else
#error "64-bit x86 and ARM only"
#endif

#define LLMOBS_SYS_ARGS(number, a, b, c, d, e, f, ...)                  \
    llmobs_sys_six((number),                                            \
                   (const uintptr_t[6]){(uintptr_t)(a), (uintptr_t)(b), \
                                        (uintptr_t)(c), (uintptr_t)(d), \
                                        (uintptr_t)(e), (uintptr_t)(f)})

/* llmobs_sys(NUMBER, up to six arguments). */
#define llmobs_sys(...) LLMOBS_SYS_ARGS(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

#endif
