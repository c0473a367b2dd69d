/* cfi - how a frame's caller is found: the row of an object's call frame
 * information for one instruction (DWARF 5, 6.4; .eh_frame as the LSB has it).
 *
 * Threads: row: inside the callback of loaded.h. step: any.
 * Errors:  -ENOENT: the object says nothing of that instruction. -ENOTSUP: it
 *          says it in a way that is not known here. -EBADMSG: damaged. -EFAULT:
 *          a step leaves the stack that is known. -ENODATA: the last frame.
 * Limits:  LLMOBS_CFI_STATES remembered states; of expressions those that
 *          compilers write: a register and an offset, what that points to.
 *
 * Written here and not taken from libunwind: opening that costs more than a
 * whole short run of a program may, and it locks.
 */
#ifndef LLMOBS_CFI_H
#define LLMOBS_CFI_H

#include "core/callsite/frame.h"
#include "core/callsite/loaded.h"

#define LLMOBS_CFI_STATES 8

enum llmobs_cfi_kind {
    LLMOBS_CFI_SAME,
    LLMOBS_CFI_NONE,       /* nothing is known of it */
    LLMOBS_CFI_AT_FRAME,   /* stored at the frame's address + offset */
    LLMOBS_CFI_PLUS_FRAME, /* is the frame's address + offset */
    LLMOBS_CFI_PLUS_REG,   /* is what the register has, + offset */
    LLMOBS_CFI_AT_REG      /* stored where the register + offset points */
};

struct llmobs_cfi_rule {
    uint8_t kind;
    uint8_t reg;
    int32_t offset;
};

/* What holds at one instruction. */
struct llmobs_cfi_row {
    struct llmobs_cfi_rule frame; /* its address; PLUS_REG or AT_REG, else
                                   * unknown */
    struct llmobs_cfi_rule regs[LLMOBS_FRAME_REGS];
    uint8_t return_reg;
    bool signal; /* of a signal handler's return: the frame was interrupted */
    bool sealed; /* the return address carries a signature (ARM) */
};

int llmobs_cfi_row(const struct llmobs_loaded *object, uintptr_t pc,
                   struct llmobs_cfi_row *row);

/* A piece of a stack, as it was at `sp`. */
struct llmobs_cfi_stack {
    uintptr_t sp;
    const unsigned char *data;
    size_t len;
};

/* Makes of a frame its caller's. */
int llmobs_cfi_step(struct llmobs_frame *frame,
                    const struct llmobs_cfi_row *row,
                    const struct llmobs_cfi_stack *stack);

#endif
