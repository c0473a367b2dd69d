/* prologue - copies the first instructions of a function to another place, so
 * that a jump has room behind the first of them.
 *
 * Knows the few instructions that begin the functions of a TLS library in the
 * programs that were looked at (tests/unit/test_prologue.c lists them), and
 * refuses all others, because a wrong guess would crash the program. So it also
 * refuses the jumps and breakpoints that other patchers put there.
 *
 * The first instruction stays, and whoever gets the call has to undo it. It may
 * be a mark of control-flow protection. And a probe that the kernel puts there
 * later (uprobes, as of eBPF) runs the file's first instruction, not that of
 * the memory, and goes on behind it. The encodings are those of Intel's manual,
 * volume 2, and of Arm's Architecture Reference Manual, C6.
 *
 * All is inline, because the shim may not call the core here.
 *
 * Owns:    nothing.
 * Threads: any.
 * Errors:  false for code that is refused, or for a jump that is too long.
 * Limits:  judges the copied instructions alone: a jump from the rest of the
 *          function into their middle is not seen.
 */
#ifndef LLMOBS_PROLOGUE_H
#define LLMOBS_PROLOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most bytes that the copy has, and what undoes an instruction; the bytes
 * of a function that matter, and those that a reason to refuse it shows. */
#define LLMOBS_PROLOGUE_COPY 24
#define LLMOBS_PROLOGUE_UNDO 4
#define LLMOBS_PROLOGUE_CODE 16
#define LLMOBS_PROLOGUE_SHOWN 8

struct llmobs_prologue {
    /* Of the function: its bytes, their number, its address. */
    const unsigned char *code;
    size_t size;
    uint64_t from;
    uint64_t to; /* the address that the copy is for */

    /* The answer: bytes of the first instruction, bytes behind it that may be
     * overwritten, the copy, which ends with a jump to what follows them, and
     * an instruction that undoes the first one. */
    size_t first, covered, len, undo_len;
    unsigned char copy[LLMOBS_PROLOGUE_COPY];
    unsigned char undo[LLMOBS_PROLOGUE_UNDO];
};

static inline uint32_t llmobs_prologue_read(const unsigned char *code)
{
    return (uint32_t)code[0] | (uint32_t)code[1] << 8 |
           (uint32_t)code[2] << 16 | (uint32_t)code[3] << 24;
}

static inline void llmobs_prologue_write(unsigned char *code, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        code[i] = (unsigned char)(value >> 8 * i);
}

/* -- x86-64 ---------------------------------------------------------------- */

#define LLMOBS_PROLOGUE_X86_JUMP 5

/* Writes the distance with which an instruction ends, `code` being at `at`;
 * false: it does not fit. */
static inline bool llmobs_prologue_x86_reach(unsigned char *code, uint64_t at,
                                             uint64_t target)
{
    int64_t distance = (int64_t)(target - at - 4);

    llmobs_prologue_write(code, (uint32_t)distance);
    return distance == (int32_t)distance;
}

/* Writes a jump (LLMOBS_PROLOGUE_X86_JUMP bytes) for the address `at`. */
static inline bool llmobs_prologue_x86_jump(unsigned char *code, uint64_t at,
                                            uint64_t target)
{
    code[0] = 0xe9;
    return llmobs_prologue_x86_reach(code + 1, at + 1, target);
}

/* The length of an instruction that does the same at any address: push; mov,
 * test and xor from register to register; sub from rsp. 0: another one. Reads
 * up to 3 bytes. */
static inline size_t llmobs_prologue_x86_still(const unsigned char *code)
{
    bool registers = code[1] >= 0xc0;

    if ((code[0] & 0xf8) == 0x50)
        return 1;
    if (code[0] == 0x89 || code[0] == 0x85 || code[0] == 0x31)
        return registers ? 2 : 0;
    if (code[0] == 0x41)
        return (code[1] & 0xf8) == 0x50 ? 2 : 0;
    if (code[0] == 0x48 && code[1] == 0x83)
        return code[2] == 0xec ? 4 : 0;
    registers = code[2] >= 0xc0;
    if (code[0] == 0x48 && code[1] == 0x85)
        return registers ? 3 : 0;
    return (code[0] & 0xfa) == 0x48 && (code[1] & 0xfd) == 0x89 && registers
               ? 3
               : 0;
}

/* Copies the instruction at `done`; its length, 0: refused. */
static inline size_t llmobs_prologue_x86_copy(struct llmobs_prologue *p,
                                              size_t done)
{
    unsigned char code[6] = {0}; /* zeros behind the function's end */
    size_t left = p->size - done, len;
    uint64_t target;

    for (size_t i = 0; i < sizeof(code) && i < left; i++)
        code[i] = p->code[done + i];
    len = llmobs_prologue_x86_still(code);
    for (size_t i = 0; i < len && len <= left; i++)
        p->copy[p->len + i] = code[i];
    if (len)
        return len <= left ? len : 0;

    /* call and jcc, whose distance is from their end. */
    len = code[0] == 0xe8                               ? 5
          : code[0] == 0x0f && (code[1] & 0xf0) == 0x80 ? 6
                                                        : 0;
    if (!len || len > left)
        return 0;
    target = p->from + done + len +
             (uint64_t)(int64_t)(int32_t)llmobs_prologue_read(code + len - 4);
    if (target - p->from < LLMOBS_PROLOGUE_CODE)
        return 0;
    for (size_t i = 0; i < len - 4; i++)
        p->copy[p->len + i] = code[i];
    return llmobs_prologue_x86_reach(p->copy + p->len + len - 4,
                                     p->to + p->len + len - 4, target)
               ? len
               : 0;
}

/* Gives the instruction that undoes the first one: pop for push, add for sub;
 * none is needed for endbr64 and test. False: there is none for another. */
static inline bool llmobs_prologue_x86_undo(struct llmobs_prologue *p)
{
    unsigned char last = p->code[p->first - 1];

    for (size_t i = 0; i < p->first; i++)
        p->undo[i] = p->code[i];
    p->undo_len = p->first;
    if (p->first <= 2 && (last & 0xf8) == 0x50)
        p->undo[p->first - 1] = last | 8;
    else if (p->first == 4 && p->code[0] == 0x48)
        p->undo[2] = 0xc4;
    else
        p->undo_len = 0;
    return p->undo_len || p->first == 4 || p->code[p->first - 2] == 0x85;
}

/* The copy begins with endbr64, because it is called by its address. */
static inline bool llmobs_prologue_x86(struct llmobs_prologue *p)
{
    static const unsigned char endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};

    p->first = p->covered = 0;
    for (p->len = 0; p->len < 4; p->len++) {
        p->copy[p->len] = endbr64[p->len];
        if (p->first == p->len && p->first < p->size &&
            p->code[p->first] == endbr64[p->first])
            p->first++;
    }
    if (p->first < 4) {
        p->first = llmobs_prologue_x86_copy(p, 0);
        p->len += p->first;
    }
    if (!p->first || p->first > LLMOBS_PROLOGUE_UNDO ||
        !llmobs_prologue_x86_undo(p))
        return false;
    while (p->covered < LLMOBS_PROLOGUE_X86_JUMP) {
        size_t len = llmobs_prologue_x86_copy(p, p->first + p->covered);

        if (!len)
            return false;
        p->covered += len;
        p->len += len;
    }
    p->len += LLMOBS_PROLOGUE_X86_JUMP;
    return llmobs_prologue_x86_jump(p->copy + p->len - LLMOBS_PROLOGUE_X86_JUMP,
                                    p->to + p->len - LLMOBS_PROLOGUE_X86_JUMP,
                                    p->from + p->first + p->covered);
}

/* -- arm64 ----------------------------------------------------------------- */

#define LLMOBS_PROLOGUE_ARM_JUMP 4
#define LLMOBS_PROLOGUE_ARM_PACIASP 0xd503233f
#define LLMOBS_PROLOGUE_ARM_BTI_C 0xd503245f

/* Writes a jump (LLMOBS_PROLOGUE_ARM_JUMP bytes) for the address `at`. */
static inline bool llmobs_prologue_arm_jump(unsigned char *code, uint64_t at,
                                            uint64_t target)
{
    int64_t distance = (int64_t)(target - at);

    llmobs_prologue_write(code,
                          0x14000000 | ((uint32_t)(distance / 4) & 0x03ffffff));
    return distance % 4 == 0 && distance >= -(INT64_C(1) << 27) &&
           distance < INT64_C(1) << 27;
}

/* True for an instruction that does the same at any address: paciasp; bti c;
 * stp to the stack; sub from sp; add to sp that makes x29. */
static inline bool llmobs_prologue_arm_still(uint32_t code)
{
    return code == LLMOBS_PROLOGUE_ARM_PACIASP ||
           code == LLMOBS_PROLOGUE_ARM_BTI_C ||
           (code & 0xff4003e0) == 0xa90003e0 ||
           (code & 0xff8003ff) == 0xd10003ff ||
           (code & 0xff8003ff) == 0x910003fd;
}

/* Gives the instruction that undoes the first one, 0 where none is needed:
 * autiasp for paciasp, ldp for stp of x29 and x30 with a new sp, add for sub.
 * False: there is none for another. */
static inline bool llmobs_prologue_arm_undo(uint32_t code, uint32_t *undo)
{
    const uint32_t back = 0x3f8000, longest = 0x200000;

    *undo = code == LLMOBS_PROLOGUE_ARM_PACIASP ? 0xd50323bf
            : (code & ~back) == 0xa9807bfd
                ? 0xa8c07bfd | (-(code & back) & back)
            : (code & 0xff8003ff) == 0xd10003ff ? code ^ 0x40000000
                                                : 0;
    return *undo ? (code & ~back) != 0xa9807bfd || (code & back) != longest
                 : code == LLMOBS_PROLOGUE_ARM_BTI_C;
}

/* A cbz that asks whether there is a first argument may stay, too. The copy
 * needs none: who comes to the jump has one. */
static inline bool llmobs_prologue_arm(struct llmobs_prologue *p)
{
    uint32_t code, undo = 0;

    p->first = p->covered = LLMOBS_PROLOGUE_ARM_JUMP;
    p->len = 0;
    if (p->size < p->first + p->covered)
        return false;
    code = llmobs_prologue_read(p->code);
    if ((code & 0xff00001f) != 0xb4000000) {
        if (!llmobs_prologue_arm_undo(code, &undo))
            return false;
        llmobs_prologue_write(p->copy, code);
        p->len = 4;
    }
    p->undo_len = undo ? 4 : 0;
    llmobs_prologue_write(p->undo, undo);
    code = llmobs_prologue_read(p->code + p->first);
    llmobs_prologue_write(p->copy + p->len, code);
    p->len += 8;
    return llmobs_prologue_arm_still(code) &&
           llmobs_prologue_arm_jump(p->copy + p->len - 4, p->to + p->len - 4,
                                    p->from + p->first + p->covered);
}

/* -- this processor -------------------------------------------------------- */

#if defined(__x86_64__)
#define LLMOBS_PROLOGUE_JUMP LLMOBS_PROLOGUE_X86_JUMP
#define llmobs_prologue_copy llmobs_prologue_x86
#define llmobs_prologue_jump llmobs_prologue_x86_jump
#else
#define LLMOBS_PROLOGUE_JUMP LLMOBS_PROLOGUE_ARM_JUMP
#define llmobs_prologue_copy llmobs_prologue_arm
#define llmobs_prologue_jump llmobs_prologue_arm_jump
#endif

#endif
