/* cfi - finds a frame's caller by an object's call frame information, of which
 * it reads the row for one instruction (DWARF 5, 6.4; .eh_frame as in the LSB).
 *
 * Threads: row: inside the callback of loaded.h. step: any.
 * Errors:  -ENOENT: the object has no row for that instruction. -ENOTSUP: the
 *          row has a form that this module does not know. -EBADMSG: damaged.
 *          -EFAULT: the step leaves the copied piece of stack. -ENODATA: this
 *          was the last frame.
 * Limits:  LLMOBS_CFI_STATES remembered states; only the expressions that
 *          compilers write: a register and an offset, and the value that this
 *          address holds.
 *
 * libunwind does the same, but to load it takes longer than a whole short run
 * of a program may, and it takes locks.
 */
#ifndef LLMOBS_CFI_H
#define LLMOBS_CFI_H

#include "lib/elf/stack_frame.h"
#include "lib/elf/loaded.h"

#define LLMOBS_CFI_STATES 8

enum llmobs_cfi_kind {
    LLMOBS_CFI_SAME,
    LLMOBS_CFI_NONE,       /* unknown */
    LLMOBS_CFI_AT_FRAME,   /* stored at the frame's address + offset */
    LLMOBS_CFI_PLUS_FRAME, /* the frame's address + offset */
    LLMOBS_CFI_PLUS_REG,   /* the register's value + offset */
    LLMOBS_CFI_AT_REG      /* stored at the address: register + offset */
};

struct llmobs_cfi_rule {
    uint8_t kind;
    uint8_t reg;
    int32_t offset;
};

/* The rules that hold at one instruction. */
struct llmobs_cfi_row {
    struct llmobs_cfi_rule frame; /* its address; PLUS_REG or AT_REG, else
                                   * unknown */
    struct llmobs_cfi_rule regs[LLMOBS_FRAME_REGS];
    uint8_t return_reg;
    bool signal; /* a signal handler's return: it interrupted the frame */
    bool sealed; /* the return address carries a signature (ARM) */
};

/* Sets the first of the rows. The others are room, because the caller's stack
 * may be small. */
#define LLMOBS_CFI_ROWS (2 + LLMOBS_CFI_STATES)
int llmobs_cfi_row(const struct llmobs_loaded *object, uintptr_t pc,
                   struct llmobs_cfi_row rows[LLMOBS_CFI_ROWS]);

/* The bytes of a stack from the address `sp` on. They may be a copy. */
struct llmobs_cfi_stack {
    uintptr_t sp;
    const unsigned char *data;
    size_t len;
};

/* Turns a frame into the frame of its caller. */
int llmobs_cfi_step(struct llmobs_frame *frame,
                    const struct llmobs_cfi_row *row,
                    const struct llmobs_cfi_stack *stack);

#endif
