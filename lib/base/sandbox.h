/* sandbox - whether somebody has set a filter of system calls (seccomp) for
 * this program, which may kill it for a call that it does not make itself. A
 * container's filter alone is none: it is there for any program.
 *
 * All is inline, as the shim may not call the core here. It opens and reads
 * files, as the loader of each process does under its filter.
 *
 * Threads: any.
 * Errors:  where /proc cannot be read, there may be one.
 */
#ifndef LLMOBS_SANDBOX_H
#define LLMOBS_SANDBOX_H

#include <fcntl.h>
#include <stdbool.h>

#include "lib/base/sys.h"

/* The first letter of the kernel's word behind that line's name; '0': it has no
 * such line; '?': the file cannot be read. */
static inline char llmobs_sandbox_says(const char *path, const char *name)
{
    long fd = llmobs_sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    long got = fd < 0 ? 0 : 1;
    const char *next = name;
    char block[256], said = fd < 0 ? '?' : '\0';

    while (got > 0 && !said) {
        got = llmobs_sys(SYS_read, fd, block, sizeof(block));
        for (const char *c = block; c < block + got && !said; c++)
            if (!*next)
                said = *c;
            else
                next = *c == *next ? next + 1 : *c == *name ? name + 1 : name;
    }
    if (fd >= 0)
        llmobs_sys(SYS_close, fd);
    return said ? said : '0';
}

/* The kernel's words of the process, and of the container's or host's first. */
static inline bool llmobs_sandbox_is(const char *own, const char *first)
{
    return llmobs_sandbox_says(own, "\nSeccomp:\t") != '0' &&
           (llmobs_sandbox_says(own, "\nNoNewPrivs:\t") != '0' ||
            llmobs_sandbox_says(first, "\nSeccomp:\t") != '2');
}

#endif
