/* stack - how much memory above a stack pointer can be read for certain, and
 * how much is left below it.
 *
 * Owns:    nothing but where libc keeps a thread's stack in its record.
 * Threads: any; no lock, no allocation, and but for room no system call.
 * Errors:  none: where nothing is known, the pages of our frames.
 * Limits:  the first thread's stack 1 MiB deep, and those that glibc has mapped
 *          for a thread. Of every other stack (of a coroutine, of a signal
 *          handler, one that the program gave a thread) the pages that our own
 *          frames are in: nobody can unmap those, and anybody the next.
 * Fork:    plain memory, which stays true in a child.
 */
#ifndef LLMOBS_STACK_H
#define LLMOBS_STACK_H

#include <stddef.h>
#include <stdint.h>

/* Pages may be bigger; none is smaller. */
#define LLMOBS_STACK_PAGE 4096

/* How many bytes from `sp` on, which is this thread's stack pointer. `entry`:
 * in a frame of this stack that still runs, so that all up to it is there; or
 * 0. */
size_t llmobs_stack_sure(uintptr_t sp, uintptr_t entry);

/* How much stack is left below `sp`, as far as that is known; else 0. Asks the
 * kernel for the limit of the first thread's. */
size_t llmobs_stack_room(uintptr_t sp);

/* That of the function it stands in: its caller's address is the last of it. */
#define LLMOBS_STACK_ENTRY() ((uintptr_t)__builtin_frame_address(0))

#endif
