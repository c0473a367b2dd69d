#include "shim/elf.h"

static void find_range(struct llmobs_elf *elf)
{
    elf->start = UINTPTR_MAX;
    elf->end = 0;
    for (size_t i = 0; i < elf->phnum; i++) {
        const ElfW(Phdr) *segment = &elf->phdr[i];
        uintptr_t from = elf->base + segment->p_vaddr;

        if (segment->p_type != PT_LOAD)
            continue;
        if (from < elf->start)
            elf->start = from;
        if (from + segment->p_memsz > elf->end)
            elf->end = from + segment->p_memsz;
    }
}

static bool inside(const struct llmobs_elf *elf, uintptr_t address, size_t len)
{
    return address >= elf->start && address <= elf->end &&
           len <= elf->end - address;
}

bool llmobs_elf_covers(const struct llmobs_elf *elf, uintptr_t address,
                       size_t len, ElfW(Word) flags)
{
    for (size_t i = 0; i < elf->phnum; i++) {
        const ElfW(Phdr) *segment = &elf->phdr[i];
        uintptr_t from = elf->base + segment->p_vaddr;

        if (segment->p_type == PT_LOAD && address >= from &&
            len <= segment->p_memsz && address - from <= segment->p_memsz - len)
            return (segment->p_flags & flags) == flags;
    }
    return false;
}

bool llmobs_elf_relro(const struct llmobs_elf *elf, uintptr_t *start,
                      uintptr_t *end)
{
    for (size_t i = 0; i < elf->phnum; i++) {
        const ElfW(Phdr) *segment = &elf->phdr[i];

        if (segment->p_type == PT_GNU_RELRO) {
            *start = elf->base + segment->p_vaddr;
            *end = *start + segment->p_memsz;
            return true;
        }
    }
    return false;
}

/* glibc writes the relocated addresses into the section itself, musl and the
 * vdso leave offsets there. */
static const void *table(const struct llmobs_elf *elf, uintptr_t value)
{
    if (!inside(elf, value, 1))
        value += elf->base;
    return inside(elf, value, 1) ? (const void *)value : NULL;
}

static void read_tables(struct llmobs_elf *elf, const ElfW(Dyn) * entry,
                        size_t *skipped)
{
    uintptr_t value = entry->d_un.d_ptr;

    switch (entry->d_tag) {
    case DT_SYMTAB:
        elf->symtab = table(elf, value);
        break;
    case DT_STRTAB:
        elf->strtab = table(elf, value);
        break;
    case DT_STRSZ:
        elf->strtab_len = value;
        break;
    case DT_GNU_HASH:
        elf->gnu_hash = table(elf, value);
        break;
    case DT_HASH:
        elf->hash = table(elf, value);
        break;
    case DT_VERSYM:
        elf->versym = table(elf, value);
        break;
    case DT_VERNEED:
        elf->verneed = table(elf, value);
        break;
    case DT_VERNEEDNUM:
        elf->verneed_len = value;
        break;
    case DT_RELA:
        elf->rela = table(elf, value);
        break;
    case DT_RELASZ:
        elf->rela_len = value / sizeof(ElfW(Rela));
        break;
    case DT_RELACOUNT:
        *skipped = value;
        break;
    case DT_JMPREL:
        elf->plt = table(elf, value);
        break;
    case DT_PLTRELSZ:
        elf->plt_len = value / sizeof(ElfW(Rela));
        break;
    case DT_VERDEF:
        elf->verdef = table(elf, value);
        break;
    case DT_VERDEFNUM:
        elf->verdef_len = value;
        break;
    case DT_RPATH:
        elf->rpath = true;
        break;
    case DT_RUNPATH:
        elf->runpath = true;
        break;
    default:
        break;
    }
}

/* Tables that are not inside the object are no tables. */
static void check_tables(struct llmobs_elf *elf, size_t skipped)
{
    size_t size = sizeof(ElfW(Rela));

    if (!elf->rela || skipped > elf->rela_len ||
        !inside(elf, (uintptr_t)elf->rela, elf->rela_len * size))
        elf->rela_len = skipped = 0;
    if (!elf->plt || !inside(elf, (uintptr_t)elf->plt, elf->plt_len * size))
        elf->plt_len = 0;
    elf->rela_len -= skipped;
    if (elf->rela_len)
        elf->rela += skipped;
    if (!elf->verneed)
        elf->verneed_len = 0;
    if (!elf->verdef)
        elf->verdef_len = 0;
    if (elf->runpath)
        elf->rpath = false;
}

static void read_dynamic(struct llmobs_elf *elf)
{
    size_t skipped = 0, soname = 0;
    bool has_soname = false;

    for (const ElfW(Dyn) *d = elf->dynamic; d->d_tag != DT_NULL; d++) {
        if (d->d_tag == DT_SONAME) {
            soname = d->d_un.d_val;
            has_soname = true;
        } else {
            read_tables(elf, d, &skipped);
        }
    }
    check_tables(elf, skipped);
    if (has_soname && elf->strtab)
        elf->soname = llmobs_elf_string(elf, soname);
}

int llmobs_elf_open(struct llmobs_elf *elf, const struct dl_phdr_info *info)
{
    *elf = (struct llmobs_elf){.soname = ""};
    elf->path = info->dlpi_name ? info->dlpi_name : "";
    elf->base = info->dlpi_addr;
    elf->phdr = info->dlpi_phdr;
    elf->phnum = info->dlpi_phnum;
    find_range(elf);
    for (size_t i = 0; i < elf->phnum; i++)
        if (elf->phdr[i].p_type == PT_DYNAMIC)
            elf->dynamic =
                (const ElfW(Dyn) *)(elf->base + elf->phdr[i].p_vaddr);
    if (!elf->dynamic ||
        !inside(elf, (uintptr_t)elf->dynamic, sizeof(ElfW(Dyn))))
        return -ENOEXEC;
    read_dynamic(elf);
    if (!elf->symtab || !elf->strtab ||
        !inside(elf, (uintptr_t)elf->strtab, elf->strtab_len))
        return -ENOEXEC;
    return 0;
}

const char *llmobs_elf_string(const struct llmobs_elf *elf, size_t offset)
{
    return offset < elf->strtab_len ? elf->strtab + offset : "";
}

/* How well a symbol answers: 2 the default version, 1 an old one, 0 not. */
static int rank(const struct llmobs_elf *elf, uint32_t index, const char *name)
{
    const ElfW(Sym) *sym = &elf->symtab[index];
    unsigned type = sym->st_info & 0xf;

    if (sym->st_shndx == SHN_UNDEF || sym->st_value == 0 ||
        (type != STT_FUNC && type != STT_NOTYPE) ||
        !llmobs_str_same(llmobs_elf_string(elf, sym->st_name), name))
        return 0;
    return elf->versym && (elf->versym[index] & 0x8000) ? 1 : 2;
}

static void better(const struct llmobs_elf *elf, uint32_t index,
                   const char *name, uint32_t *found, int *found_rank)
{
    int r = rank(elf, index, name);

    if (r > *found_rank) {
        *found = index;
        *found_rank = r;
    }
}

uint32_t llmobs_elf_hash(const char *name)
{
    uint32_t hash = 5381;

    for (const char *s = name; *s; s++)
        hash = hash * 33 + (unsigned char)*s;
    return hash;
}

struct gnu {
    uint32_t buckets, first, words;
    const ElfW(Addr) * bloom;
    const uint32_t *bucket, *chain;
};

static struct gnu gnu_table(const struct llmobs_elf *elf)
{
    const uint32_t *head = elf->gnu_hash;
    struct gnu gnu = {head[0], head[1], head[2], NULL, NULL, NULL};

    gnu.bloom = (const ElfW(Addr) *)(head + 4);
    gnu.bucket = (const uint32_t *)(gnu.bloom + gnu.words);
    gnu.chain = gnu.bucket + gnu.buckets;
    return gnu;
}

/* Where the symbols of that hash would be; 0: there are none. */
static uint32_t gnu_start(const struct llmobs_elf *elf, const struct gnu *gnu,
                          uint32_t hash)
{
    unsigned shift = elf->gnu_hash[3] & 31;
    uint32_t start;

    if (gnu->buckets == 0 || gnu->words == 0)
        return 0;
    /* A power of two, by the format. */
    ElfW(Addr) word = gnu->bloom[hash / 64 & (gnu->words - 1)];
    if (!(word >> hash % 64 & word >> (hash >> shift) % 64 & 1))
        return 0;
    start = gnu->bucket[hash % gnu->buckets];
    return start < gnu->first ? 0 : start;
}

static uint32_t find_gnu(const struct llmobs_elf *elf, const char *name,
                         uint32_t hash)
{
    struct gnu gnu = gnu_table(elf);
    uint32_t i = gnu_start(elf, &gnu, hash), found = 0;
    int found_rank = 0;

    for (bool last = i == 0; !last; i++) {
        last = gnu.chain[i - gnu.first] & 1;
        if ((gnu.chain[i - gnu.first] | 1) == (hash | 1))
            better(elf, i, name, &found, &found_rank);
    }
    return found;
}

bool llmobs_elf_hashes(const struct llmobs_elf *elf, uint32_t hash)
{
    struct gnu gnu = gnu_table(elf);
    uint32_t i = gnu_start(elf, &gnu, hash);

    for (bool last = i == 0; !last; i++) {
        last = gnu.chain[i - gnu.first] & 1;
        if ((gnu.chain[i - gnu.first] | 1) == (hash | 1))
            return true;
    }
    return false;
}

/* The lowest bucket that is in use starts with the first symbol of the table;
 * of an empty table linkers say that it starts anywhere. */
size_t llmobs_elf_unhashed(const struct llmobs_elf *elf)
{
    struct gnu gnu;
    uint32_t i = 0;

    if (!elf->gnu_hash)
        return 0;
    gnu = gnu_table(elf);
    while (i < gnu.buckets && gnu.bucket[i] == 0)
        i++;
    return i < gnu.buckets && gnu.bucket[i] == gnu.first ? gnu.first : 0;
}

static uint32_t find_sysv(const struct llmobs_elf *elf, const char *name)
{
    uint32_t buckets = elf->hash[0], symbols = elf->hash[1];
    const uint32_t *bucket = elf->hash + 2;
    const uint32_t *chain = bucket + buckets;
    uint32_t hash = 0, found = 0;
    int found_rank = 0;

    if (buckets == 0)
        return 0;
    for (const char *s = name; *s; s++) {
        hash = (hash << 4) + (unsigned char)*s;
        hash = (hash ^ (hash >> 24 & 0xf0)) & 0x0fffffff;
    }
    uint32_t steps = symbols;
    for (uint32_t i = bucket[hash % buckets]; i && i < symbols && steps--;
         i = chain[i])
        better(elf, i, name, &found, &found_rank);
    return found;
}

void *llmobs_elf_symbol_hashed(const struct llmobs_elf *elf, const char *name,
                               uint32_t hash)
{
    uint32_t index = 0;

    if (elf->gnu_hash)
        index = find_gnu(elf, name, hash);
    else if (elf->hash)
        index = find_sysv(elf, name);
    if (index == 0)
        return NULL;
    return (void *)(elf->base + elf->symtab[index].st_value);
}

void *llmobs_elf_symbol(const struct llmobs_elf *elf, const char *name)
{
    return llmobs_elf_symbol_hashed(elf, name, llmobs_elf_hash(name));
}

static const char *version_file(const struct llmobs_elf *elf,
                                const ElfW(Verneed) * need, unsigned version)
{
    const char *at = (const char *)need + need->vn_aux;

    for (unsigned i = 0; i < need->vn_cnt; i++) {
        const ElfW(Vernaux) *aux = (const ElfW(Vernaux) *)at;

        if ((aux->vna_other & 0x7fff) == version)
            return llmobs_elf_string(elf, need->vn_file);
        at += aux->vna_next;
    }
    return NULL;
}

const char *llmobs_elf_version_file(const struct llmobs_elf *elf, size_t index)
{
    const char *at = (const char *)elf->verneed;

    if (!elf->versym || (elf->versym[index] & 0x7fff) < 2)
        return NULL;
    for (size_t i = 0; i < elf->verneed_len; i++) {
        const ElfW(Verneed) *need = (const ElfW(Verneed) *)at;
        const char *file = version_file(elf, need, elf->versym[index] & 0x7fff);

        if (file)
            return file;
        at += need->vn_next;
    }
    return NULL;
}

const char *llmobs_elf_version(const struct llmobs_elf *elf, size_t index)
{
    const char *at = (const char *)elf->verdef;
    const ElfW(Verdef) *one = elf->verdef;

    if (index >= elf->verdef_len)
        return "";
    for (; index > 0; index--) {
        at += one->vd_next;
        one = (const ElfW(Verdef) *)at;
    }
    return llmobs_elf_string(
        elf, ((const ElfW(Verdaux) *)(at + one->vd_aux))->vda_name);
}

bool llmobs_elf_needs(const struct llmobs_elf *elf, const char *soname)
{
    for (const ElfW(Dyn) *d = elf->dynamic; d->d_tag != DT_NULL; d++)
        if (d->d_tag == DT_NEEDED &&
            llmobs_str_same(llmobs_elf_string(elf, d->d_un.d_val), soname))
            return true;
    return false;
}
