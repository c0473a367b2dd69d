/* elf - reads the tables of a loaded object by its dynamic section.
 *
 * Owns:    nothing: a view borrows from the object and is valid only inside the
 *          dl_iterate_phdr callback that it was made in.
 * Threads: any, under the loader's lock (that callback).
 * Errors:  an object with a table at a wrong address is refused as a whole
 *          (-ENOEXEC).
 */
#ifndef LLMOBS_ELF_H
#define LLMOBS_ELF_H

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdint.h>

#include "shim/str.h"

struct llmobs_elf {
    const char *path; /* the loader's name for it; "" for the program */
    uintptr_t base;   /* the difference to the addresses in the file, not the
                       * begin */
    uintptr_t start, end; /* the range of its segments */
    const ElfW(Phdr) * phdr;
    size_t phnum;
    const ElfW(Dyn) * dynamic;
    const ElfW(Sym) * symtab;
    size_t symtab_len;  /* the most entries: ELF gives no exact number */
    const char *strtab; /* ends with a NUL */
    size_t strtab_len;
    const uint32_t *gnu_hash;
    const uint32_t *hash;
    const ElfW(Half) * versym;
    size_t versym_len; /* the most entries */
    const ElfW(Verneed) * verneed;
    size_t verneed_len; /* entries */
    const ElfW(Verdef) * verdef;
    size_t verdef_len;       /* entries */
    const ElfW(Rela) * rela; /* without the relative ones, which come first */
    size_t rela_len;         /* entries */
    const ElfW(Rela) * plt;
    size_t plt_len;     /* entries */
    const char *soname; /* "" when it has none */
    bool rpath;         /* true only without a RUNPATH, which would replace it
                         */
    bool runpath;
};

int llmobs_elf_open(struct llmobs_elf *elf, const struct dl_phdr_info *info);

/* True when a segment of the object covers the address. It reads no table. */
bool llmobs_elf_spans(const struct dl_phdr_info *info, uintptr_t address);

/* Opens an object by its entry of the loader's list, which has no segments. So
 * the tables are trusted, as the loader itself trusts them, and only symbols
 * can be looked up. For libc alone: while its tables still hold the file's
 * addresses, libc must not be loaded within 64 MB of these addresses. */
int llmobs_elf_open_listed(struct llmobs_elf *elf,
                           const struct link_map *object);

/* The symbol by which the object itself defines a function, its default version
 * first, and its address; NULL when it does not define it. */
const ElfW(Sym) *
    llmobs_elf_definition(const struct llmobs_elf *elf, const char *name);
void *llmobs_elf_symbol(const struct llmobs_elf *elf, const char *name);

/* The hash of a version's name. */
uint32_t llmobs_elf_sysv_hash(const char *name);

/* The GNU hash of a name, and the address as above by a name and its hash. */
uint32_t llmobs_elf_hash(const char *name);
void *llmobs_elf_symbol_hashed(const struct llmobs_elf *elf, const char *name,
                               uint32_t hash);

/* The number of symbols before those of the GNU hash table. All undefined
 * symbols are there, except functions of other objects whose address the
 * program defines as its own PLT entry. 0 where there is no such table, or it
 * does not show the number. */
size_t llmobs_elf_unhashed(const struct llmobs_elf *elf);

/* Marks of an object's symbols, by the rest of their numbers. A mark of another
 * object of the same round, or of another symbol with that rest, stands there,
 * too. */
#define LLMOBS_ELF_MARKS 1024
struct llmobs_elf_marks {
    unsigned char round, of[LLMOBS_ELF_MARKS];
};

/* True when the object's GNU hash table has a symbol with one of the hashes,
 * defined or not. Marks all of these unless `marks` is NULL. The object must
 * have such a table. */
bool llmobs_elf_hashes(const struct llmobs_elf *elf, const uint32_t *hashes,
                       size_t count, struct llmobs_elf_marks *marks);

/* The string at an offset of the string table; "" when out of range. */
const char *llmobs_elf_string(const struct llmobs_elf *elf, size_t offset);

/* Symbol number `index`; an empty one where there is none. */
const ElfW(Sym) * llmobs_elf_sym(const struct llmobs_elf *elf, size_t index);

/* The file that the version of symbol number `index` names, and the version's
 * hash; NULL and 0 when the symbol has no version. */
const char *llmobs_elf_version_file(const struct llmobs_elf *elf, size_t index,
                                    uint32_t *hash);

/* A version that the object defines. All zeros: before the first. */
struct llmobs_elf_version {
    const ElfW(Verdef) * at;
    size_t count;
    uint32_t hash; /* as the linker wrote it for the name */
};

/* Moves on to the next version; false after the last. */
bool llmobs_elf_next_version(const struct llmobs_elf *elf,
                             struct llmobs_elf_version *version);

/* True when DT_NEEDED names the file. */
bool llmobs_elf_needs(const struct llmobs_elf *elf, const char *soname);

/* True when a segment with all `flags` (PF_R and such) covers the address. */
bool llmobs_elf_covers(const struct llmobs_elf *elf, uintptr_t address,
                       size_t len, ElfW(Word) flags);

/* The pages that the loader has made read-only after relocation; false if there
 * are none. */
bool llmobs_elf_relro(const struct llmobs_elf *elf, uintptr_t *start,
                      uintptr_t *end);

#endif
