/* frame - the registers of one frame of a stack, by their DWARF numbers.
 *
 * Threads: any.
 * Limits:  general registers only: no others say where a frame ends.
 */
#ifndef LLMOBS_FRAME_H
#define LLMOBS_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__)
#define LLMOBS_FRAME_REGS 17
#define LLMOBS_FRAME_SP 7
#elif defined(__aarch64__)
#define LLMOBS_FRAME_REGS 32
#define LLMOBS_FRAME_SP 31
#else
#error "64-bit x86 and ARM only"
#endif

struct llmobs_frame {
    uintptr_t pc;
    bool exact;     /* pc is the instruction itself, not the one after a call */
    uint64_t known; /* a bit for each register */
    uintptr_t regs[LLMOBS_FRAME_REGS];
};

#endif
