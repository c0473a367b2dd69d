#include "shim/elf.h"

/* No libc is larger. */
#define REACH ((uintptr_t)1 << 26)

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

/* glibc writes relocated addresses into the section itself; musl and the vdso
 * leave offsets there. */
static const void *table(const struct llmobs_elf *elf, uintptr_t value,
                         size_t align)
{
    if (!inside(elf, value, 1))
        value += elf->base;
    return inside(elf, value, 1) && value % align == 0 ? (const void *)value
                                                       : NULL;
}

/* The number of entries of that size between the table's begin and the object's
 * end. */
static size_t room(const struct llmobs_elf *elf, const void *from, size_t size)
{
    return from ? (elf->end - (uintptr_t)from) / size : 0;
}

static void read_tables(struct llmobs_elf *elf, const ElfW(Dyn) * entry,
                        size_t *skipped)
{
    uintptr_t value = entry->d_un.d_ptr;

    switch (entry->d_tag) {
    case DT_SYMTAB:
        elf->symtab = table(elf, value, _Alignof(ElfW(Sym)));
        break;
    case DT_STRTAB:
        elf->strtab = table(elf, value, 1);
        break;
    case DT_STRSZ:
        elf->strtab_len = value;
        break;
    case DT_GNU_HASH:
        elf->gnu_hash = table(elf, value, _Alignof(ElfW(Addr)));
        break;
    case DT_HASH:
        elf->hash = table(elf, value, _Alignof(uint32_t));
        break;
    case DT_VERSYM:
        elf->versym = table(elf, value, _Alignof(ElfW(Half)));
        break;
    case DT_VERNEED:
        elf->verneed = table(elf, value, _Alignof(ElfW(Verneed)));
        break;
    case DT_VERNEEDNUM:
        elf->verneed_len = value;
        break;
    case DT_RELA:
        elf->rela = table(elf, value, _Alignof(ElfW(Rela)));
        break;
    case DT_RELASZ:
        elf->rela_len = value / sizeof(ElfW(Rela));
        break;
    case DT_RELACOUNT:
        *skipped = value;
        break;
    case DT_JMPREL:
        elf->plt = table(elf, value, _Alignof(ElfW(Rela)));
        break;
    case DT_PLTRELSZ:
        elf->plt_len = value / sizeof(ElfW(Rela));
        break;
    case DT_VERDEF:
        elf->verdef = table(elf, value, _Alignof(ElfW(Verdef)));
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

static bool is_gnu_table(const struct llmobs_elf *elf)
{
    size_t words = room(elf, elf->gnu_hash, sizeof(uint32_t));
    const uint32_t *head = elf->gnu_hash;

    return words >= 4 && head[0] < words && head[2] < words &&
           4 + (size_t)head[2] * 2 + head[0] <= words;
}

static bool is_hash_table(const struct llmobs_elf *elf)
{
    size_t words = room(elf, elf->hash, sizeof(uint32_t));
    const uint32_t *head = elf->hash;

    return words >= 2 && (size_t)head[0] + head[1] <= words - 2;
}

/* The loader trusts an object's tables, but those of a packed object may be too
 * short. */
static void check_symbols(struct llmobs_elf *elf)
{
    if (!is_gnu_table(elf))
        elf->gnu_hash = NULL;
    if (!is_hash_table(elf))
        elf->hash = NULL;
    elf->symtab_len = room(elf, elf->symtab, sizeof(*elf->symtab));
    elf->versym_len = room(elf, elf->versym, sizeof(*elf->versym));
    if (!elf->strtab || !inside(elf, (uintptr_t)elf->strtab, elf->strtab_len))
        elf->strtab_len = 0;
    while (elf->strtab_len > 0 && elf->strtab[elf->strtab_len - 1])
        elf->strtab_len--;
}

/* Drops tables that are not inside the object. */
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
    if (elf->verdef_len > room(elf, elf->verdef, sizeof(*elf->verdef)))
        elf->verdef_len = room(elf, elf->verdef, sizeof(*elf->verdef));
    if (elf->runpath)
        elf->rpath = false;
    check_symbols(elf);
}

/* The next entry of the dynamic section; NULL after the last. */
static const ElfW(Dyn) *
    next_dynamic(const struct llmobs_elf *elf, const ElfW(Dyn) * d)
{
    d = d ? d + 1 : elf->dynamic;
    return room(elf, d, sizeof(*d)) > 0 && d->d_tag != DT_NULL ? d : NULL;
}

static void read_dynamic(struct llmobs_elf *elf)
{
    size_t skipped = 0, soname = 0;
    bool has_soname = false;

    for (const ElfW(Dyn) *d = NULL; (d = next_dynamic(elf, d));) {
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

/* Reads the object, of which the dynamic section and the range of addresses are
 * known. */
static int open_dynamic(struct llmobs_elf *elf)
{
    if (!elf->dynamic ||
        !inside(elf, (uintptr_t)elf->dynamic, sizeof(ElfW(Dyn))))
        return -ENOEXEC;
    read_dynamic(elf);
    return elf->symtab && elf->strtab_len > 0 ? 0 : -ENOEXEC;
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
    return open_dynamic(elf);
}

int llmobs_elf_open_listed(struct llmobs_elf *elf,
                           const struct link_map *object)
{
    uintptr_t dynamic = (uintptr_t)object->l_ld;

    *elf = (struct llmobs_elf){.soname = ""};
    elf->path = object->l_name ? object->l_name : "";
    elf->base = object->l_addr;
    elf->dynamic = object->l_ld;
    elf->start = dynamic > REACH ? dynamic - REACH : 0;
    elf->end = dynamic + REACH;
    return open_dynamic(elf);
}

const char *llmobs_elf_string(const struct llmobs_elf *elf, size_t offset)
{
    return offset < elf->strtab_len ? elf->strtab + offset : "";
}

const ElfW(Sym) * llmobs_elf_sym(const struct llmobs_elf *elf, size_t index)
{
    static const ElfW(Sym) none;

    return index < elf->symtab_len ? &elf->symtab[index] : &none;
}

static unsigned version_of(const struct llmobs_elf *elf, size_t index)
{
    return index < elf->versym_len ? elf->versym[index] : 0;
}

/* The rank of a symbol for a name: 2 for the default version, 1 for an old one,
 * 0 for another symbol. */
static int rank(const struct llmobs_elf *elf, uint32_t index, const char *name)
{
    const ElfW(Sym) *sym = llmobs_elf_sym(elf, index);
    unsigned type = sym->st_info & 0xf;

    if (sym->st_shndx == SHN_UNDEF || sym->st_value == 0 ||
        (type != STT_FUNC && type != STT_NOTYPE) ||
        !llmobs_str_same(llmobs_elf_string(elf, sym->st_name), name))
        return 0;
    return version_of(elf, index) & 0x8000 ? 1 : 2;
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
    size_t chains; /* at most */
};

static struct gnu gnu_table(const struct llmobs_elf *elf)
{
    const uint32_t *head = elf->gnu_hash;
    struct gnu gnu = {.buckets = head[0], .first = head[1], .words = head[2]};

    gnu.bloom = (const ElfW(Addr) *)(head + 4);
    gnu.bucket = (const uint32_t *)(gnu.bloom + gnu.words);
    gnu.chain = gnu.bucket + gnu.buckets;
    gnu.chains = room(elf, gnu.chain, sizeof(*gnu.chain));
    return gnu;
}

/* The first symbol in the bucket of that hash; 0: there is none. */
static uint32_t gnu_start(const struct llmobs_elf *elf, const struct gnu *gnu,
                          uint32_t hash)
{
    unsigned shift = elf->gnu_hash[3] & 31;
    uint32_t start;

    if (gnu->buckets == 0 || gnu->words == 0)
        return 0;
    /* The format says that the number of words is a power of two. */
    ElfW(Addr) word = gnu->bloom[hash / 64 & (gnu->words - 1)];
    if (!(word >> hash % 64 & word >> (hash >> shift) % 64 & 1))
        return 0;
    start = gnu->bucket[hash % gnu->buckets];
    return start < gnu->first ? 0 : start;
}

/* True at the end of a chain, or of the table. */
static bool is_last(const struct gnu *gnu, uint32_t i)
{
    return (size_t)(i - gnu->first) + 1 >= gnu->chains ||
           gnu->chain[i - gnu->first] & 1;
}

static bool has_chain(const struct gnu *gnu, uint32_t start)
{
    return start != 0 && start - gnu->first < gnu->chains;
}

static uint32_t find_gnu(const struct llmobs_elf *elf, const char *name,
                         uint32_t hash)
{
    struct gnu gnu = gnu_table(elf);
    uint32_t i = gnu_start(elf, &gnu, hash), found = 0;
    int found_rank = 0;

    for (bool last = !has_chain(&gnu, i); !last; i++) {
        last = is_last(&gnu, i);
        if ((gnu.chain[i - gnu.first] | 1) == (hash | 1))
            better(elf, i, name, &found, &found_rank);
    }
    return found;
}

bool llmobs_elf_hashes(const struct llmobs_elf *elf, uint32_t hash)
{
    struct gnu gnu = gnu_table(elf);
    uint32_t i = gnu_start(elf, &gnu, hash);

    for (bool last = !has_chain(&gnu, i); !last; i++) {
        last = is_last(&gnu, i);
        if ((gnu.chain[i - gnu.first] | 1) == (hash | 1))
            return true;
    }
    return false;
}

/* The lowest used bucket begins with the table's first symbol. Where no bucket
 * is used, the table's own value for that symbol cannot be trusted: linkers
 * write any number. */
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
    return (void *)(elf->base + llmobs_elf_sym(elf, index)->st_value);
}

void *llmobs_elf_symbol(const struct llmobs_elf *elf, const char *name)
{
    return llmobs_elf_symbol_hashed(elf, name, llmobs_elf_hash(name));
}

/* The address `step` bytes after `from`; NULL where the `len` bytes there are
 * not all in the object. */
static const void *behind(const struct llmobs_elf *elf, const void *from,
                          size_t step, size_t len)
{
    uintptr_t at = (uintptr_t)from + step;

    return step <= elf->end - (uintptr_t)from && inside(elf, at, len) &&
                   at % _Alignof(ElfW(Word)) == 0
               ? (const void *)at
               : NULL;
}

static const char *version_file(const struct llmobs_elf *elf,
                                const ElfW(Verneed) * need, unsigned version)
{
    const ElfW(Vernaux) *aux =
        behind(elf, need, need->vn_aux, sizeof(ElfW(Vernaux)));

    for (unsigned i = 0; aux && i < need->vn_cnt; i++) {
        if ((aux->vna_other & 0x7fff) == version)
            return llmobs_elf_string(elf, need->vn_file);
        aux = behind(elf, aux, aux->vna_next, sizeof(*aux));
    }
    return NULL;
}

const char *llmobs_elf_version_file(const struct llmobs_elf *elf, size_t index)
{
    unsigned version = version_of(elf, index) & 0x7fff;
    const ElfW(Verneed) *need = NULL;

    if (version >= 2 && elf->verneed_len > 0)
        need = behind(elf, elf->verneed, 0, sizeof(*need));
    for (size_t i = 0; need && i < elf->verneed_len; i++) {
        const char *file = version_file(elf, need, version);

        if (file)
            return file;
        if (need->vn_next == 0)
            break;
        need = behind(elf, need, need->vn_next, sizeof(*need));
    }
    return NULL;
}

const char *llmobs_elf_version(const struct llmobs_elf *elf, size_t index)
{
    const ElfW(Verdef) *one = index < elf->verdef_len ? elf->verdef : NULL;
    const ElfW(Verdaux) *aux = NULL;

    for (; one && index > 0; index--)
        one = behind(elf, one, one->vd_next, sizeof(*one));
    if (one)
        aux = behind(elf, one, one->vd_aux, sizeof(*aux));
    return aux ? llmobs_elf_string(elf, aux->vda_name) : "";
}

bool llmobs_elf_needs(const struct llmobs_elf *elf, const char *soname)
{
    for (const ElfW(Dyn) *d = NULL; (d = next_dynamic(elf, d));)
        if (d->d_tag == DT_NEEDED &&
            llmobs_str_same(llmobs_elf_string(elf, d->d_un.d_val), soname))
            return true;
    return false;
}
