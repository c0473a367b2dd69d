/* A loaded object as the shim looks through it. First six bytes: the places of
 * its dynamic section and of a second segment, and that one's length, 16 bits
 * each; then the object, which the loader has found whole. */
#include <elf.h>
#include <link.h>
#include <string.h>

#include "shim/elf.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t number(struct llmobs_text *in)
{
    size_t low = fuzz_byte(in);

    return low | (size_t)fuzz_byte(in) << 8;
}

static void look(const struct llmobs_elf *elf)
{
    static const char *const names[] = {"curl_easy_perform", "malloc", "a", ""};
    struct llmobs_elf_version version = {.count = 0};
    uintptr_t from, to;
    uint32_t wanted;
    struct llmobs_elf_marks marks = {.round = 1};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        uint32_t hash = llmobs_elf_hash(names[i]);

        (void)llmobs_elf_symbol(elf, names[i]);
        (void)llmobs_elf_needs(elf, names[i]);
        if (elf->gnu_hash)
            (void)llmobs_elf_hashes(elf, &hash, 1, &marks);
    }
    (void)llmobs_elf_unhashed(elf);
    (void)llmobs_elf_relro(elf, &from, &to);
    while (version.count < 16 && llmobs_elf_next_version(elf, &version))
        FUZZ_CHECK(version.at != NULL);
    for (size_t i = 0; i < 16; i++)
        (void)llmobs_elf_version_file(elf, i, &wanted);
    for (size_t i = 0; i < 64; i++)
        FUZZ_CHECK(llmobs_elf_string(elf, i * 7) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text in = {(const char *)data, size};
    size_t dynamic = number(&in) / 8 * 8, at = number(&in), len = number(&in);
    char *image = fuzz_copy(in);
    ElfW(Phdr) phdr[] = {
        {.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_memsz = in.len},
        {.p_type = PT_DYNAMIC,
         .p_vaddr = dynamic < in.len ? dynamic : 0,
         .p_memsz = in.len - (dynamic < in.len ? dynamic : 0)},
        {.p_type = PT_GNU_RELRO, .p_vaddr = at, .p_memsz = len}};
    struct dl_phdr_info info = {.dlpi_addr = (uintptr_t)image,
                                .dlpi_name = "",
                                .dlpi_phdr = phdr,
                                .dlpi_phnum = 3};
    struct llmobs_elf elf;

    if (in.len >= sizeof(ElfW(Dyn)) && llmobs_elf_open(&elf, &info) == 0)
        look(&elf);
    free(image);
    return 0;
}
