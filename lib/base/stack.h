/* stack - how much memory above a stack pointer can certainly be read, and how
 * much stack is left below it.
 *
 * Threads: any; no lock, no allocation; only room makes a system call.
 * Errors:  none: where the stack is unknown, sure answers for the pages of the
 *          library's frames.
 * Limits:  knows 1 MiB of the first thread's stack, and the stacks that glibc
 *          has mapped for threads. Of every other stack (of a coroutine, of a
 *          signal handler, one that the program gave a thread) it knows the
 *          pages with the library's own frames: no thread can unmap those, but
 *          any thread may unmap the next page.
 */
#ifndef LLMOBS_STACK_H
#define LLMOBS_STACK_H

#include <stddef.h>
#include <stdint.h>

/* Pages may be bigger; none is smaller. */
#define LLMOBS_STACK_PAGE 4096

/* How many bytes from `sp` on, the calling thread's stack pointer, can
 * certainly be read. `entry`: an address in a frame of this stack that still
 * runs, so that all bytes up to it are there; or 0. */
size_t llmobs_stack_sure(uintptr_t sp, uintptr_t entry);

/* How much stack is left below `sp`; 0: unknown. Asks the kernel for the limit
 * of the first thread's stack. */
size_t llmobs_stack_room(uintptr_t sp);

/* The `entry` of llmobs_stack_sure: the frame address of the function that uses
 * the macro, just below its return address. */
#define LLMOBS_STACK_ENTRY() ((uintptr_t)__builtin_frame_address(0))

#endif
