/* A loaded object of which nothing is true but its size: what its tables say
 * of a frame and of the function that an address is in, in memory and in its
 * file. First six bytes: the places of three tables, 16 bits each; then the
 * object. */
#include <elf.h>
#include <string.h>

#include "lib/elf/cfi.h"
#include "lib/elf/symbol.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t place(struct llmobs_text *in, size_t align)
{
    size_t low = fuzz_byte(in), at = low | (size_t)fuzz_byte(in) << 8;

    return at / align * align;
}

static ElfW(Phdr) header(ElfW(Word) type, size_t at, size_t len)
{
    return (ElfW(Phdr)){.p_type = type,
                        .p_flags = PF_R,
                        .p_vaddr = at < len ? at : 0,
                        .p_filesz = len - (at < len ? at : 0),
                        .p_memsz = len - (at < len ? at : 0)};
}

static void unwind(const struct llmobs_loaded *object, uintptr_t pc)
{
    unsigned char stack[512] = {0};
    struct llmobs_frame frame = {.pc = pc, .known = 1u << LLMOBS_FRAME_SP};
    struct llmobs_cfi_stack known = {(uintptr_t)stack, stack, sizeof(stack)};
    struct llmobs_cfi_row row[LLMOBS_CFI_ROWS];

    frame.regs[LLMOBS_FRAME_SP] = (uintptr_t)stack;
    if (llmobs_cfi_row(object, pc, row) == 0)
        (void)llmobs_cfi_step(&frame, row, &known);
}

static void check_name(const struct llmobs_symbol *symbol)
{
    size_t len = strnlen(symbol->name, sizeof(symbol->name));

    FUZZ_CHECK(len > 0 && len < sizeof(symbol->name));
    for (size_t i = 0; i < len; i++)
        FUZZ_CHECK(symbol->name[i] > ' ' && symbol->name[i] < 0x7f);
}

static void find_names(const struct llmobs_loaded *object, uintptr_t address,
                       struct llmobs_text image)
{
    struct llmobs_symbol_head head;
    struct llmobs_symbol symbol;
    char id[LLMOBS_SYMBOL_ID];

    if (llmobs_symbol_in_memory(object, address, &symbol))
        check_name(&symbol);
    llmobs_symbol_head(object, &head);
    if (llmobs_symbol_id(&head, id) &&
        llmobs_symbol_by_id(fuzz_file(image), id, address, &symbol) == 0)
        check_name(&symbol);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text in = {(const char *)data, size};
    size_t pc = place(&in, 1), frames = place(&in, 4), dynamic = place(&in, 8);
    char *image = fuzz_copy(in);
    ElfW(Phdr) phdr[] = {header(PT_LOAD, 0, in.len),
                         header(PT_GNU_EH_FRAME, frames, in.len),
                         header(PT_DYNAMIC, dynamic, in.len)};
    struct llmobs_loaded object = {"", (uintptr_t)image, phdr, 3};

    unwind(&object, object.base + pc);
    find_names(&object, pc, in);
    fuzz_work();
    free(image);
    return 0;
}
