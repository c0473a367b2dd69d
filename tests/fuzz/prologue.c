/* The beginning of a function: a byte for the processor (1: arm64), 4 bytes for
 * how far away the copy is, the code. What is copied lies within the function
 * and the copy's room, and the jump behind it leads to what was not copied. */
#include "lib/elf/prologue.h"
#include "tests/fuzz/fuzz.h"

#define FROM (UINT64_C(1) << 40)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t target_of(const unsigned char *jump, uint64_t at, bool arm)
{
    uint32_t word = llmobs_prologue_read(jump);

    if (arm) {
        FUZZ_CHECK(word >> 26 == 5);
        return at + (uint64_t)((int64_t)(int32_t)(word << 6) / 64 * 4);
    }
    FUZZ_CHECK(jump[0] == 0xe9);
    word = llmobs_prologue_read(jump + 1);
    return at + 5 + (uint64_t)(int64_t)(int32_t)word;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text in = {(const char *)data, size};
    bool arm = fuzz_byte(&in) & 1;
    uint32_t far = 0;
    struct llmobs_prologue p = {.from = FROM};
    size_t jump = arm ? LLMOBS_PROLOGUE_ARM_JUMP : LLMOBS_PROLOGUE_X86_JUMP;
    char *code;

    for (int i = 0; i < 4; i++)
        far = far << 8 | fuzz_byte(&in);
    p.to = FROM + (uint64_t)(int64_t)(int32_t)far * 4;
    code = fuzz_copy(in);
    p.code = (const unsigned char *)code;
    p.size = in.len;
    if (arm ? llmobs_prologue_arm(&p) : llmobs_prologue_x86(&p)) {
        FUZZ_CHECK(p.first + p.covered <= p.size && p.covered >= jump);
        FUZZ_CHECK(p.first + p.covered <= LLMOBS_PROLOGUE_CODE);
        FUZZ_CHECK(p.len > jump && p.len <= LLMOBS_PROLOGUE_COPY);
        FUZZ_CHECK(p.undo_len <= LLMOBS_PROLOGUE_UNDO);
        FUZZ_CHECK(target_of(p.copy + p.len - jump, p.to + p.len - jump, arm) ==
                   FROM + p.first + p.covered);
    }
    free(code);
    return 0;
}
