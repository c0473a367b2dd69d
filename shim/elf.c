/* Reads the dynamic tables of a loaded object, within its bounds. */
#include "shim/elf.h"

/* No libc is larger. */
#define REACH ((uintptr_t)1 << 26)

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

bool llmobs_elf_spans(const struct dl_phdr_info *info, uintptr_t address)
{
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

        if (segment->p_type == PT_LOAD &&
            address - info->dlpi_addr - segment->p_vaddr < segment->p_memsz)
            return true;
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
    if (value == 0)
        return NULL;
    if (!inside(elf, value, 1))
        value += elf->base;
    return inside(elf, value, 1) && value % align == 0 ? (const void *)value
                                                       : NULL;
}

/* The number of entries of that size between the table's begin and the object's
 * end. */
static size_t room_for(const struct llmobs_elf *elf, const void *from,
                       size_t size)
{
    return from ? (elf->end - (uintptr_t)from) / size : 0;
}

/* The values of the dynamic section that the shim reads. */
enum {
    OTHER,
    SYMTAB,
    STRTAB,
    STRSZ,
    SONAME,
    GNU_HASH,
    HASH,
    VERSYM,
    VERNEED,
    VERNEEDNUM,
    VERDEF,
    VERDEFNUM,
    RELA,
    RELASZ,
    RELACOUNT,
    JMPREL,
    PLTRELSZ,
    RPATH,
    RUNPATH,
    VALUES
};

/* The place of each value by its tag. There are two lists, because a tag is a
 * small number or one of the 16 from HIGH on. Every process with a libcurl
 * reads this section of each object, and a list needs a third of the steps of a
 * switch. */
#define HIGH 0x6ffffff0

static const unsigned char low[] = {
    [DT_PLTRELSZ] = PLTRELSZ, [DT_HASH] = HASH,      [DT_STRTAB] = STRTAB,
    [DT_SYMTAB] = SYMTAB,     [DT_RELA] = RELA,      [DT_RELASZ] = RELASZ,
    [DT_STRSZ] = STRSZ,       [DT_SONAME] = SONAME,  [DT_RPATH] = RPATH,
    [DT_JMPREL] = JMPREL,     [DT_RUNPATH] = RUNPATH};

static const unsigned char high[] = {
    [DT_VERSYM - HIGH] = VERSYM,   [DT_RELACOUNT - HIGH] = RELACOUNT,
    [DT_VERDEF - HIGH] = VERDEF,   [DT_VERDEFNUM - HIGH] = VERDEFNUM,
    [DT_VERNEED - HIGH] = VERNEED, [DT_VERNEEDNUM - HIGH] = VERNEEDNUM};

static size_t place_of_tag(uint64_t tag)
{
    if (tag < sizeof(low))
        return low[tag];
    if (tag - HIGH < sizeof(high))
        return high[tag - HIGH];
    return tag == DT_GNU_HASH ? GNU_HASH : OTHER;
}

/* Drops tables that are not inside the object. The loader trusts them, but
 * those of a packed object may be too short. */
static void check_tables(struct llmobs_elf *elf, size_t skipped)
{
    const uint32_t *gnu = elf->gnu_hash, *hash = elf->hash;
    size_t size = sizeof(ElfW(Rela)), words = room_for(elf, gnu, sizeof(*gnu));

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
    if (elf->verdef_len > room_for(elf, elf->verdef, sizeof(*elf->verdef)))
        elf->verdef_len = room_for(elf, elf->verdef, sizeof(*elf->verdef));
    if (elf->runpath)
        elf->rpath = false;
    if (words < 4 || gnu[0] >= words || gnu[2] >= words ||
        4 + (size_t)gnu[2] * 2 + gnu[0] > words)
        elf->gnu_hash = NULL;
    words = room_for(elf, hash, sizeof(*hash));
    if (words < 2 || (size_t)hash[0] + hash[1] > words - 2)
        elf->hash = NULL;
    elf->symtab_len = room_for(elf, elf->symtab, sizeof(*elf->symtab));
    elf->versym_len = room_for(elf, elf->versym, sizeof(*elf->versym));
    if (!elf->strtab || !inside(elf, (uintptr_t)elf->strtab, elf->strtab_len))
        elf->strtab_len = 0;
    while (elf->strtab_len > 0 && elf->strtab[elf->strtab_len - 1])
        elf->strtab_len--;
}

/* Reads the object, of which the dynamic section and the range of addresses are
 * known. */
static int open_dynamic(struct llmobs_elf *elf)
{
    const ElfW(Dyn) *d = elf->dynamic, *end;
    uintptr_t of[VALUES] = {0}; /* no string that is asked for stands at 0 */

    if (!d || !inside(elf, (uintptr_t)d, sizeof(*d)))
        return -ENOEXEC;
    for (end = d + room_for(elf, d, sizeof(*d)); d < end && d->d_tag != DT_NULL;
         d++)
        of[place_of_tag((uint64_t)d->d_tag)] = d->d_un.d_val;
    elf->symtab = table(elf, of[SYMTAB], _Alignof(ElfW(Sym)));
    elf->strtab = table(elf, of[STRTAB], 1);
    elf->strtab_len = of[STRSZ];
    elf->gnu_hash = table(elf, of[GNU_HASH], _Alignof(ElfW(Addr)));
    elf->hash = table(elf, of[HASH], _Alignof(uint32_t));
    elf->versym = table(elf, of[VERSYM], _Alignof(ElfW(Half)));
    elf->verneed = table(elf, of[VERNEED], _Alignof(ElfW(Verneed)));
    elf->verneed_len = of[VERNEEDNUM];
    elf->verdef = table(elf, of[VERDEF], _Alignof(ElfW(Verdef)));
    elf->verdef_len = of[VERDEFNUM];
    elf->rela = table(elf, of[RELA], _Alignof(ElfW(Rela)));
    elf->rela_len = of[RELASZ] / sizeof(ElfW(Rela));
    elf->plt = table(elf, of[JMPREL], _Alignof(ElfW(Rela)));
    elf->plt_len = of[PLTRELSZ] / sizeof(ElfW(Rela));
    elf->rpath = of[RPATH] != 0;
    elf->runpath = of[RUNPATH] != 0;
    check_tables(elf, of[RELACOUNT]);
    if (of[SONAME] && elf->strtab)
        elf->soname = llmobs_elf_string(elf, of[SONAME]);
    return elf->symtab && elf->strtab_len > 0 ? 0 : -ENOEXEC;
}

int llmobs_elf_open(struct llmobs_elf *elf, const struct dl_phdr_info *info)
{
    *elf = (struct llmobs_elf){.soname = ""};
    elf->path = info->dlpi_name ? info->dlpi_name : "";
    elf->base = info->dlpi_addr;
    elf->phdr = info->dlpi_phdr;
    elf->phnum = info->dlpi_phnum;
    elf->start = UINTPTR_MAX;
    elf->end = 0;
    for (size_t i = 0; i < elf->phnum; i++) {
        const ElfW(Phdr) *segment = &elf->phdr[i];
        uintptr_t from = elf->base + segment->p_vaddr;

        if (segment->p_type == PT_DYNAMIC)
            elf->dynamic = (const ElfW(Dyn) *)from;
        if (segment->p_type != PT_LOAD)
            continue;
        if (from < elf->start)
            elf->start = from;
        if (from + segment->p_memsz > elf->end)
            elf->end = from + segment->p_memsz;
    }
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

/* Takes the symbol for a function of that name, unless a better one was found.
 * The rank: 2 for the default version, 1 for an old one. */
static void better(const struct llmobs_elf *elf, uint32_t index,
                   const char *name, uint32_t *found, int *found_rank)
{
    const ElfW(Sym) *sym = llmobs_elf_sym(elf, index);
    unsigned type = sym->st_info & 0xf;
    int rank = version_of(elf, index) & 0x8000 ? 1 : 2;

    if (rank <= *found_rank || sym->st_shndx == SHN_UNDEF ||
        sym->st_value == 0 || (type != STT_FUNC && type != STT_NOTYPE) ||
        !llmobs_str_same(llmobs_elf_string(elf, sym->st_name), name))
        return;
    *found = index;
    *found_rank = rank;
}

uint32_t llmobs_elf_hash(const char *name)
{
    uint32_t hash = 5381;

    for (const char *s = name; *s; s++)
        hash = hash * 33 + (unsigned char)*s;
    return hash;
}

struct gnu {
    uint32_t buckets, first, words, shift;
    const ElfW(Addr) * bloom;
    const uint32_t *bucket, *chain;
    size_t chains; /* at most */
};

static struct gnu gnu_table(const struct llmobs_elf *elf)
{
    const uint32_t *head = elf->gnu_hash;
    struct gnu gnu = {.buckets = head[0],
                      .first = head[1],
                      .words = head[2],
                      .shift = head[3] & 31};

    gnu.bloom = (const ElfW(Addr) *)(head + 4);
    gnu.bucket = (const uint32_t *)(gnu.bloom + gnu.words);
    gnu.chain = gnu.bucket + gnu.buckets;
    gnu.chains = room_for(elf, gnu.chain, sizeof(*gnu.chain));
    return gnu;
}

/* False for most hashes that the table does not have. The format says that the
 * number of words is a power of two. */
static inline bool may_have_hash(const struct gnu *gnu, uint32_t hash)
{
    ElfW(Addr) word = gnu->bloom[hash / 64 & (gnu->words - 1)];

    return word >> hash % 64 & word >> (hash >> gnu->shift) % 64 & 1;
}

/* The first symbol in the bucket of that hash; 0: there is none. */
static inline uint32_t gnu_start(const struct gnu *gnu, uint32_t hash)
{
    uint32_t start;

    if (gnu->buckets == 0 || gnu->words == 0 || !may_have_hash(gnu, hash))
        return 0;
    start = gnu->bucket[hash % gnu->buckets];
    return start < gnu->first ? 0 : start;
}

/* True at the end of a chain or of the table. */
static bool is_last_of_chain(const struct gnu *gnu, uint32_t i)
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
    uint32_t i = gnu_start(&gnu, hash), found = 0;
    int found_rank = 0;

    for (bool last = !has_chain(&gnu, i); !last; i++) {
        last = is_last_of_chain(&gnu, i);
        if ((gnu.chain[i - gnu.first] | 1) == (hash | 1))
            better(elf, i, name, &found, &found_rank);
    }
    return found;
}

/* Not inlined: few hashes come here, and the loop that calls it is short. */
__attribute__((noinline)) static bool mark_hash(const struct gnu *gnu,
                                                uint32_t hash,
                                                struct llmobs_elf_marks *marks)
{
    uint32_t i = gnu_start(gnu, hash);
    bool any = false;

    for (bool last = !has_chain(gnu, i); !last; i++) {
        last = is_last_of_chain(gnu, i);
        if ((gnu->chain[i - gnu->first] | 1) != (hash | 1))
            continue;
        any = true;
        if (marks)
            marks->of[i % LLMOBS_ELF_MARKS] = marks->round;
    }
    return any;
}

bool llmobs_elf_hashes(const struct llmobs_elf *elf, const uint32_t *hashes,
                       size_t count, struct llmobs_elf_marks *marks)
{
    struct gnu gnu = gnu_table(elf);
    const ElfW(Addr) *bloom = gnu.bloom;
    const uint32_t *end = gnu.words ? hashes + count : hashes;
    bool any = false;

    for (; hashes < end && (marks || !any); hashes++) {
        uint32_t hash = *hashes;
        ElfW(Addr) word = bloom[hash / 64 & (gnu.words - 1)];

        if (!(word >> hash % 64 & 1))
            continue;
        __asm__("" : "+r"(word)); /* two short tests, not a long one of both */
        if (word >> (hash >> gnu.shift) % 64 & 1)
            any |= mark_hash(&gnu, hash, marks);
    }
    return any;
}

/* The lowest used bucket begins with the table's first symbol. If no bucket is
 * used, the table's own value for that symbol cannot be trusted, because
 * linkers write any number. */
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

uint32_t llmobs_elf_sysv_hash(const char *name)
{
    uint32_t hash = 0;

    for (const char *s = name; *s; s++) {
        hash = (hash << 4) + (unsigned char)*s;
        hash = (hash ^ (hash >> 24 & 0xf0)) & 0x0fffffff;
    }
    return hash;
}

static uint32_t find_sysv(const struct llmobs_elf *elf, const char *name)
{
    uint32_t buckets = elf->hash[0], symbols = elf->hash[1];
    const uint32_t *bucket = elf->hash + 2;
    const uint32_t *chain = bucket + buckets;
    uint32_t steps = symbols, found = 0;
    int found_rank = 0;

    if (buckets == 0)
        return 0;
    for (uint32_t i = bucket[llmobs_elf_sysv_hash(name) % buckets];
         i && i < symbols && steps--; i = chain[i])
        better(elf, i, name, &found, &found_rank);
    return found;
}

static const ElfW(Sym) *
    find(const struct llmobs_elf *elf, const char *name, uint32_t hash)
{
    uint32_t index = 0;

    if (elf->gnu_hash)
        index = find_gnu(elf, name, hash);
    else if (elf->hash)
        index = find_sysv(elf, name);
    return index ? llmobs_elf_sym(elf, index) : NULL;
}

const ElfW(Sym) *
    llmobs_elf_definition(const struct llmobs_elf *elf, const char *name)
{
    return find(elf, name, llmobs_elf_hash(name));
}

void *llmobs_elf_symbol_hashed(const struct llmobs_elf *elf, const char *name,
                               uint32_t hash)
{
    const ElfW(Sym) *sym = find(elf, name, hash);

    return sym ? (void *)(elf->base + sym->st_value) : NULL;
}

void *llmobs_elf_symbol(const struct llmobs_elf *elf, const char *name)
{
    return llmobs_elf_symbol_hashed(elf, name, llmobs_elf_hash(name));
}

/* The address `step` bytes after `from`; NULL where the `len` bytes there are
 * not all in the object. */
static const void *address_behind(const struct llmobs_elf *elf,
                                  const void *from, size_t step, size_t len)
{
    uintptr_t at = (uintptr_t)from + step;

    return step <= elf->end - (uintptr_t)from && inside(elf, at, len) &&
                   at % _Alignof(ElfW(Word)) == 0
               ? (const void *)at
               : NULL;
}

static const char *version_file(const struct llmobs_elf *elf,
                                const ElfW(Verneed) * need, unsigned version,
                                uint32_t *hash)
{
    const ElfW(Vernaux) *aux =
        address_behind(elf, need, need->vn_aux, sizeof(ElfW(Vernaux)));

    for (unsigned i = 0; aux && i < need->vn_cnt; i++) {
        if ((aux->vna_other & 0x7fff) == version) {
            *hash = aux->vna_hash;
            return llmobs_elf_string(elf, need->vn_file);
        }
        aux = address_behind(elf, aux, aux->vna_next, sizeof(*aux));
    }
    return NULL;
}

const char *llmobs_elf_version_file(const struct llmobs_elf *elf, size_t index,
                                    uint32_t *hash)
{
    unsigned version = version_of(elf, index) & 0x7fff;
    const ElfW(Verneed) *need = NULL;

    *hash = 0;
    if (version >= 2 && elf->verneed_len > 0)
        need = address_behind(elf, elf->verneed, 0, sizeof(*need));
    for (size_t i = 0; need && i < elf->verneed_len; i++) {
        const char *file = version_file(elf, need, version, hash);

        if (file)
            return file;
        if (need->vn_next == 0)
            break;
        need = address_behind(elf, need, need->vn_next, sizeof(*need));
    }
    return NULL;
}

bool llmobs_elf_next_version(const struct llmobs_elf *elf,
                             struct llmobs_elf_version *version)
{
    const ElfW(Verdef) *one = version->at;

    if (version->count++ >= elf->verdef_len)
        return false;
    one = one ? address_behind(elf, one, one->vd_next, sizeof(*one))
              : elf->verdef;
    version->at = one;
    version->hash = one ? one->vd_hash : 0;
    return one != NULL;
}

bool llmobs_elf_needs(const struct llmobs_elf *elf, const char *soname)
{
    for (const ElfW(Dyn) *d = elf->dynamic;
         room_for(elf, d, sizeof(*d)) > 0 && d->d_tag != DT_NULL; d++)
        if (d->d_tag == DT_NEEDED &&
            llmobs_str_same(llmobs_elf_string(elf, d->d_un.d_val), soname))
            return true;
    return false;
}
