/* modules - names addresses of another process, by the files that it has
 * mapped.
 *
 * Owns:    a list owns its text; nothing frees it, since a child reads it, and
 *          ends soon (stack.h).
 * Threads: one.
 * Errors:  negative errno; an address that has no name is shown as a number.
 * Limits:  LLMOBS_MODULES_BYTES of the process's list of mappings.
 */
#ifndef LLMOBS_PS_MODULES_H
#define LLMOBS_PS_MODULES_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/base/buf.h"

#define LLMOBS_MODULES_BYTES ((size_t)8 << 20)

struct llmobs_modules {
    pid_t pid;
    struct llmobs_buf text; /* /proc/PID/maps */
};

/* Reads the mappings of a process. */
int llmobs_modules_read(pid_t pid, struct llmobs_modules *out);

/* Appends "module!function+0x1f", "module+0x1234" or "0x7f..." for an address.
 * `exact`: it is the instruction itself, not the one after a call. */
int llmobs_modules_name(const struct llmobs_modules *modules, uintptr_t address,
                        bool exact, struct llmobs_buf *out);

#endif
