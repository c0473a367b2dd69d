/* stack - the native stack of a thread of another process.
 *
 * The thread stops for a moment, by ptrace, and then goes on as before: the
 * kernel restarts the system call in which the thread waits. Some calls, such
 * as epoll_wait, the kernel would end with EINTR: this module makes it restart
 * them. Where neither can be done the thread is not stopped.
 *
 * A child does this. Its end lets the thread go in every case, also when
 * `llmobs` is killed meanwhile, or when libunwind fails on what it reads.
 *
 * Owns:    a stack owns its text, until fini.
 * Threads: one.
 * Errors:  a sentence in `problem`; then there are no frames.
 * Limits:  STOP_MS until the thread stops, STACK_MS for all of it.
 * Fork:    the child ends before llmobs_ps_stack_read returns.
 */
#ifndef LLMOBS_PS_STACK_H
#define LLMOBS_PS_STACK_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/base/buf.h"

#define LLMOBS_PS_PROBLEM 256

struct llmobs_ps_stack {
    struct llmobs_buf frames;        /* a line each, the innermost first */
    char problem[LLMOBS_PS_PROBLEM]; /* "": none */
    int64_t stopped_ns;
};

/* Reads the stack of a thread of the process that began at `start`. */
void llmobs_ps_stack_read(pid_t pid, uint64_t start, pid_t thread,
                          struct llmobs_ps_stack *out);
void llmobs_ps_stack_fini(struct llmobs_ps_stack *stack);

#endif
