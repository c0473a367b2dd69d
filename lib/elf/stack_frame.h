/* stack_frame - the registers of one frame of a stack, as a value. */
#ifndef LLMOBS_STACK_FRAME_H
#define LLMOBS_STACK_FRAME_H

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

/* The registers of one frame of a stack, by their DWARF numbers. General
 * registers only: no other register says where a frame ends. */
struct llmobs_frame {
    uintptr_t pc;
    bool exact;     /* pc is the instruction itself, not the one after a call */
    uint64_t known; /* a bit for each register */
    uintptr_t regs[LLMOBS_FRAME_REGS];
};

#endif
