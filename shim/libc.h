/* libc - the few functions of the process's libc that the shim calls, and its
 * own string functions.
 *
 * Owns:    the addresses of libc's functions, which never change.
 * Threads: found before main, or before the program's first dlopen, since that
 *          walk over the loader's list has no lock: it ends at libc, and no
 *          object before that is ever unloaded. Any thread from then on.
 * Errors:  a program without a libc has none of these names, so the weak ones
 *          are tested. If llmobs_libc_find returns false, nothing else here is
 *          called.
 *
 * Another preload may define any name that the shim could import, and take a
 * lock in it or ask the shim's dlsym for the next one, as fakechroot and
 * torsocks do. A scan that called such a function would never end. So the shim
 * calls libc's own functions, which it finds in libc's symbol table, and makes
 * system calls by itself (lib/base/sys.h). None of them is a cancellation
 * point, and none allocates.
 */
#ifndef LLMOBS_LIBC_H
#define LLMOBS_LIBC_H

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/sys.h"
#include "shim/str.h"

#pragma weak environ
#pragma weak gnu_get_libc_version

extern const char *gnu_get_libc_version(void);

struct llmobs_elf;

typedef int llmobs_libc_visit_fn(struct dl_phdr_info *, size_t, void *);

extern struct llmobs_libc {
    int *(*errno_location)(void);
    int (*iterate)(llmobs_libc_visit_fn *, void *); /* dl_iterate_phdr */
    unsigned long (*auxval)(unsigned long);
    uintptr_t brought[3]; /* the addresses of libc, its loader and the vdso; 0:
                           * it has none */
} llmobs_libc;

/* Finds all addresses, once; false where the process has no libc. Two threads
 * that search at the same time find the same addresses. */
bool llmobs_libc_find(void);

/* True where the loader's list has the program, the shim and musl's libc, and
 * nothing else but the vdso: then no libcurl is there before the program's
 * first dlopen. Gives the loader's string for the shim's path. Before main
 * alone. */
bool llmobs_libc_is_all(const char **own);

/* True for libc itself, false for another object that has the same names. */
bool llmobs_libc_is_part(const struct llmobs_elf *elf);

/* True for the address of libc, of its loader and of the vdso. Every process
 * has these, and none of them is a libcurl or calls one. */
static inline bool llmobs_libc_brings(uintptr_t base)
{
    return base &&
           (base == llmobs_libc.brought[0] || base == llmobs_libc.brought[1] ||
            base == llmobs_libc.brought[2]);
}

static inline int llmobs_libc_errno(void)
{
    return llmobs_libc.errno_location ? *llmobs_libc.errno_location() : 0;
}

static inline void llmobs_libc_errno_restore(int value)
{
    if (llmobs_libc.errno_location)
        *llmobs_libc.errno_location() = value;
}

/* Asks the kernel each time, so that a forked child gets its own pid. */
static inline int llmobs_libc_pid(void)
{
    return (int)llmobs_sys(SYS_getpid);
}

/* access(2), by the real user id. */
static inline bool llmobs_libc_may(const char *path, int mode)
{
    return llmobs_sys(SYS_faccessat, AT_FDCWD, path, mode) == 0;
}

/* Writes the absolute path of the current directory; false when it has none. */
static inline bool llmobs_libc_directory(char *to, size_t cap)
{
    return llmobs_sys(SYS_getcwd, to, cap) > 0 && to[0] == '/';
}

static inline int llmobs_libc_protect(uintptr_t from, size_t len, int flags)
{
    return (int)llmobs_sys(SYS_mprotect, from, len, flags);
}

static inline int64_t llmobs_libc_monotonic_us(void)
{
    struct timespec now;

    if (llmobs_sys(SYS_clock_gettime, CLOCK_MONOTONIC, &now) != 0)
        return 0;
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Sleeps until the word has another value; may return earlier. False once
 * `deadline_us` has passed, or if the time is not known. A loop of yields
 * instead would let many waiting threads run before the thread that works. */
static inline bool llmobs_libc_wait(const int *word, int value,
                                    int64_t deadline_us)
{
    int64_t now = llmobs_libc_monotonic_us();
    struct timespec left;

    if (now == 0 || now >= deadline_us)
        return false;
    left.tv_sec = (deadline_us - now) / 1000000;
    left.tv_nsec = (deadline_us - now) % 1000000 * 1000;
    llmobs_sys(SYS_futex, word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, value, &left);
    return true;
}

/* Wakes all threads that sleep on the word. */
static inline void llmobs_libc_wake(const int *word)
{
    llmobs_sys(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX);
}

#endif
