/* probe - reads memory of the app that may not be there, without a fault.
 *
 * The kernel reads first (readable.h). Its answers count only in a process in
 * which it has answered EFAULT for an unreadable page, because an emulator or a
 * filter of system calls may answer without looking at the memory.
 *
 * Threads: any; a walk belongs to one thread. Another thread may still unmap
 *          the memory in between, so what is read must be the calling thread's.
 * Errors:  false: the memory cannot be read.
 * Limits:  a walk asks once for each of its last LLMOBS_PROBE_PAGES pages.
 */
#ifndef LLMOBS_TRACE_PROBE_H
#define LLMOBS_TRACE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"

#define LLMOBS_PROBE_PAGES 16

/* A walk through memory; zeroes at its beginning. */
struct llmobs_probe {
    uintptr_t pages[LLMOBS_PROBE_PAGES]; /* that can be read; 0: none */
    unsigned found;                      /* how many were found */
};

/* True where the kernel's answers count. Makes a page and unmaps it, once in a
 * process. */
bool llmobs_probe_works(void);

/* Adds a page that can be read, because the interpreter itself reads it. */
void llmobs_probe_trust(struct llmobs_probe *probe, const void *at);

/* True where all `len` bytes can be read. */
bool llmobs_probe_sees(struct llmobs_probe *probe, const void *at, size_t len);

/* Copies the bytes. */
bool llmobs_probe_read(struct llmobs_probe *probe, const void *at, void *to,
                       size_t len);

/* Gives the bytes up to a NUL, which comes among the first `max`. */
bool llmobs_probe_text(struct llmobs_probe *probe, const char *at, size_t max,
                       struct llmobs_text *text);

#endif
