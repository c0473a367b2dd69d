/* elf - one loaded object as its dynamic section tells it.
 *
 * Owns:    nothing: a view borrows from the object and is valid only inside
 *          the dl_iterate_phdr callback that it was made in.
 * Threads: any, under the loader's lock (that callback).
 * Errors:  an object whose tables are not where it says is refused whole
 *          (-ENOEXEC), never half used.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_ELF_H
#define LLMOBS_ELF_H

#include "shim/libc.h"

struct llmobs_elf {
    const char *path; /* the loader's name for it; "" for the program */
    uintptr_t base;   /* how far from its own addresses: not where it begins */
    uintptr_t start, end; /* all of its segments */
    const ElfW(Phdr) * phdr;
    size_t phnum;
    const ElfW(Dyn) * dynamic;
    const ElfW(Sym) * symtab;
    size_t symtab_len;  /* entries at most: what is behind it is not told */
    const char *strtab; /* ends with a NUL */
    size_t strtab_len;
    const uint32_t *gnu_hash;
    const uint32_t *hash;
    const ElfW(Half) * versym;
    size_t versym_len; /* entries at most, likewise */
    const ElfW(Verneed) * verneed;
    size_t verneed_len; /* entries */
    const ElfW(Verdef) * verdef;
    size_t verdef_len;       /* entries */
    const ElfW(Rela) * rela; /* behind the relative ones */
    size_t rela_len;         /* entries */
    const ElfW(Rela) * plt;
    size_t plt_len;     /* entries */
    const char *soname; /* "" when it has none */
    bool rpath;         /* in force, that is: without a RUNPATH beside it */
    bool runpath;
};

int llmobs_elf_open(struct llmobs_elf *elf, const struct dl_phdr_info *info);

/* The same by an entry of the loader's list, which names no segment: the tables
 * are trusted, as the loader itself does, and only symbols can be looked up.
 * For libc alone: one whose tables have no loaded addresses yet must not lie
 * within 64 MB of its own. */
int llmobs_elf_open_listed(struct llmobs_elf *elf,
                           const struct link_map *object);

/* The address that the object itself defines for a function, its default
 * version first; NULL when it does not define it. */
void *llmobs_elf_symbol(const struct llmobs_elf *elf, const char *name);

/* The same for a name whose hash is known. */
uint32_t llmobs_elf_hash(const char *name);
void *llmobs_elf_symbol_hashed(const struct llmobs_elf *elf, const char *name,
                               uint32_t hash);

/* How many symbols come before those of the GNU hash table: all undefined ones
 * are there, but for functions of others whose address the program itself has
 * made its own. 0 where there is no such table, or it does not say. */
size_t llmobs_elf_unhashed(const struct llmobs_elf *elf);

/* True when the GNU hash table, which has to be there, has a symbol of that
 * hash, defined or not. */
bool llmobs_elf_hashes(const struct llmobs_elf *elf, uint32_t hash);

/* The string at an offset of the string table; "" when out of range. */
const char *llmobs_elf_string(const struct llmobs_elf *elf, size_t offset);

/* Symbol number `index`; an empty one where there is none. */
const ElfW(Sym) * llmobs_elf_sym(const struct llmobs_elf *elf, size_t index);

/* The file that symbol number `index` is wanted from by its version; NULL when
 * it is wanted without one. */
const char *llmobs_elf_version_file(const struct llmobs_elf *elf, size_t index);

/* The name of version number `index` that it defines; "" for none. */
const char *llmobs_elf_version(const struct llmobs_elf *elf, size_t index);

/* True when DT_NEEDED names the file. */
bool llmobs_elf_needs(const struct llmobs_elf *elf, const char *soname);

/* True when a segment with all of `flags` (PF_R, PF_W, PF_X) covers it. */
bool llmobs_elf_covers(const struct llmobs_elf *elf, uintptr_t address,
                       size_t len, ElfW(Word) flags);

/* The pages that the loader made read-only after relocating; false if none. */
bool llmobs_elf_relro(const struct llmobs_elf *elf, uintptr_t *start,
                      uintptr_t *end);

#endif
