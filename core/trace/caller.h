/* caller - turns a callsite into metadata.caller: the names of the frames that
 * called, and the line of the script (script_frames.h).
 *
 * Owns:    tables of the addresses in code that it met, and of the callers
 *          that it wrote, until an object is unloaded.
 * Threads: any: each claims tables, and where all are in use makes its own.
 *          Takes the loader's lock (loaded.h); reads no file but the link to
 *          the program, or /proc/self/maps, once.
 * Errors:  NULL: the caller is unknown.
 * Limits:  LLMOBS_CALLER_STEPS frames of a walk, LLMOBS_CALLER_FRAMES names in
 *          an answer; LLMOBS_CALLER_KNOWN addresses (a multiple of 8) and
 *          LLMOBS_CALLER_WRITTEN callers in a table.
 * Fork:    a child begins with empty tables. A thread of the library's takes
 * the loader's lock first there, as a thread of the parent's may hold it for
 * ever; the app's waits some 50 ms for it, once.
 *
 * The answer leaves out the frames that start a program or a thread, in the C
 * library and before. The walk ends at a frame that belongs to no loaded object
 * (code compiled at run time), or for which its object has no row.
 */
#ifndef LLMOBS_CALLER_H
#define LLMOBS_CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/elf/stack_frame.h"
#include "core/trace/script_frames.h"

#define LLMOBS_CALLER_STEPS 64
#define LLMOBS_CALLER_FRAMES 16
#define LLMOBS_CALLER_KNOWN 512
#define LLMOBS_CALLER_WRITTEN 64

/* A callsite records where the app is when it makes a call: its registers, the
 * nearest piece of its stack, which is read where it lies, and the line of its
 * script.
 *
 * Owns:    a callsite, which malloc gave. Its registers may hold secrets: so it
 *          is never written to a file, and _free wipes them.
 * Threads: _here runs in the app's thread, without a lock. The same thread
 *          reads it (below) and frees it.
 * Limits:  as many bytes of stack as can certainly be read (stack.h), and at
 *          most LLMOBS_CALLSITE_STACK.
 */
#define LLMOBS_CALLSITE_STACK 16384
/* Enough for the frames of this library and some of the app's. */
#define LLMOBS_CALLSITE_NEAR 4096

struct llmobs_callsite {
    struct llmobs_frame frame; /* of who called llmobs_callsite_here */
    int frames;      /* how many to name; LLMOBS_CALLSITE_ADDRESS (config.h) */
    uintptr_t entry; /* frames below are this library's and libcurl's */
    struct llmobs_script_frames script; /* cleared by _here */
    size_t len;
    const unsigned char *stack; /* from the stack pointer on */
};

#define LLMOBS_REGISTER(n) ((uint64_t)1 << (n))

/* Reads the registers that a function has to preserve, the stack pointer and
 * the address of the present instruction. */
static inline __attribute__((always_inline)) void llmobs_read_registers(
    struct llmobs_frame *frame)
{
    uintptr_t *regs = frame->regs;

#if defined(__x86_64__)
    __asm__ volatile("movq %%rbx, 24(%0)\n\t"
                     "movq %%rbp, 48(%0)\n\t"
                     "movq %%rsp, 56(%0)\n\t"
                     "movq %%r12, 96(%0)\n\t"
                     "movq %%r13, 104(%0)\n\t"
                     "movq %%r14, 112(%0)\n\t"
                     "movq %%r15, 120(%0)\n\t"
                     "leaq 0f(%%rip), %%rax\n"
                     "0:\n\t"
                     "movq %%rax, 128(%0)"
                     :
                     : "r"(regs)
                     : "rax", "memory");
    frame->pc = regs[16];
    frame->known = LLMOBS_REGISTER(3) | LLMOBS_REGISTER(6) |
                   LLMOBS_REGISTER(7) | LLMOBS_REGISTER(12) |
                   LLMOBS_REGISTER(13) | LLMOBS_REGISTER(14) |
                   LLMOBS_REGISTER(15) | LLMOBS_REGISTER(16);
#else
    uintptr_t pc, sp;

    __asm__ volatile("stp x19, x20, [%2, #152]\n\t"
                     "stp x21, x22, [%2, #168]\n\t"
                     "stp x23, x24, [%2, #184]\n\t"
                     "stp x25, x26, [%2, #200]\n\t"
                     "stp x27, x28, [%2, #216]\n\t"
                     "stp x29, x30, [%2, #232]\n\t"
                     "mov %1, sp\n\t"
                     "adr %0, .\n"
                     : "=&r"(pc), "=&r"(sp)
                     : "r"(regs)
                     : "memory");
    regs[31] = sp;
    frame->pc = pc;
    frame->known = (LLMOBS_REGISTER(32) - 1) & ~(LLMOBS_REGISTER(19) - 1);
#endif
    frame->exact = true;
}

void llmobs_callsite_fill(struct llmobs_callsite *callsite, size_t max,
                          uintptr_t entry);

/* Sets the callsite to the calling function, which must not return before the
 * callsite was read, and to at most `max` bytes of stack, all of which stay
 * readable even while other threads unmap memory. `entry`: the address on the
 * stack where the program entered this library (stack.h); every callsite holds
 * the frame there. */
static inline __attribute__((always_inline)) void llmobs_callsite_here(
    struct llmobs_callsite *callsite, size_t max, uintptr_t entry)
{
    memset(&callsite->frame, 0, sizeof(callsite->frame));
    llmobs_read_registers(&callsite->frame);
    llmobs_callsite_fill(callsite, max, entry);
}

void llmobs_callsite_free(struct llmobs_callsite *callsite);

/* Reads the script of the calling thread; clears `frames` where no script runs
 * or where this thread runs none. */
void llmobs_callsite_read_script(struct llmobs_script_frames *frames);

/* Names the caller, of whom the calling thread has just made the callsite, as
 * the JSON of metadata.caller; and the frames that shall be named from their
 * files by the process that delivers (caller_unnamed.h). The caller of the
 * function owns both; they stay NULL where nothing is known. */
void llmobs_caller_read(const struct llmobs_callsite *callsite, char **caller,
                        char **unnamed);

#endif
