/* unwind - the return addresses of a stopped thread of another process, by
 * libunwind's unwinder for ptrace.
 *
 * Nothing else of `llmobs` needs libunwind, so it is opened only for this, and
 * may be missing.
 *
 * Owns:    an opened libunwind, to the end of the process.
 * Threads: one.
 * Errors:  -ENOENT: libunwind is not on this host, or lacks a function.
 * Limits:  LLMOBS_UNWIND_FRAMES frames.
 */
#ifndef LLMOBS_PS_UNWIND_H
#define LLMOBS_PS_UNWIND_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LLMOBS_UNWIND_FRAMES 64

int llmobs_unwind_open(void);

/* Reads the stack of a thread that this process has stopped by ptrace; gives
 * the number of frames, of which the first is the thread's present instruction.
 */
size_t llmobs_unwind_read(pid_t thread, uintptr_t frames[LLMOBS_UNWIND_FRAMES]);

#endif
