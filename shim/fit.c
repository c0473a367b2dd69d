#include "shim/fit.h"

#include "core/cold.h"
#include "shim/elf.h"
#include "shim/libc.h"

#define NAME_MAX_LEN 64
#define TAGS_MAX 64
#define GLIBC "GLIBC_2."

/* The file, and what its dynamic section says. */
struct file {
    int fd;
    size_t phnum;
    ElfW(Phdr) phdr[LLMOBS_FIT_SEGMENTS];
    ElfW(Dyn) tags[TAGS_MAX];
    uint64_t strings, needs; /* addresses; 0: none */
    uint64_t count;          /* of needs */
};

/* A version, and what is there of it. */
struct version {
    char file[NAME_MAX_LEN];
    char name[NAME_MAX_LEN];
    bool loaded; /* the file is */
    bool there;
    unsigned newest; /* of libc's GLIBC_2.N */
};

LLMOBS_COLD static struct file core;
LLMOBS_COLD static struct version wanted;

static bool read_at(uint64_t offset, void *to, size_t len)
{
    return llmobs_sys(SYS_pread64, core.fd, to, len, offset) == (long)len;
}

/* Where the file has what is at that address when it is loaded; 0: nowhere. */
static uint64_t place_of(uint64_t address)
{
    for (size_t i = 0; i < core.phnum; i++) {
        const ElfW(Phdr) *p = &core.phdr[i];

        if (p->p_type == PT_LOAD && address >= p->p_vaddr &&
            address - p->p_vaddr < p->p_filesz)
            return address - p->p_vaddr + p->p_offset;
    }
    return 0;
}

/* A string may end where the file does. */
static bool read_name(uint64_t offset, char to[NAME_MAX_LEN])
{
    uint64_t at = place_of(core.strings + offset);
    long got = at ? llmobs_sys(SYS_pread64, core.fd, to, NAME_MAX_LEN, at) : 0;

    for (long i = 0; i < got; i++)
        if (to[i] == '\0')
            return true;
    return false;
}

static bool read_segments(void)
{
    ElfW(Ehdr) head;

    if (!read_at(0, &head, sizeof(head)) ||
        !llmobs_str_begins((const char *)head.e_ident, ELFMAG) ||
        head.e_phentsize != sizeof(core.phdr[0]) ||
        head.e_phnum > LLMOBS_FIT_SEGMENTS)
        return false;
    core.phnum = head.e_phnum;
    return read_at(head.e_phoff, core.phdr, core.phnum * sizeof(core.phdr[0]));
}

static bool read_tags(const ElfW(Phdr) * dynamic)
{
    size_t len = dynamic->p_filesz;

    core.strings = core.needs = core.count = 0;
    if (len > sizeof(core.tags))
        return false;
    if (!read_at(dynamic->p_offset, core.tags, len))
        return false;
    for (size_t i = 0; i < len / sizeof(core.tags[0]); i++) {
        if (core.tags[i].d_tag == DT_STRTAB)
            core.strings = core.tags[i].d_un.d_ptr;
        else if (core.tags[i].d_tag == DT_VERNEED)
            core.needs = core.tags[i].d_un.d_ptr;
        else if (core.tags[i].d_tag == DT_VERNEEDNUM)
            core.count = core.tags[i].d_un.d_val;
    }
    return true;
}

static bool read_dynamic(void)
{
    for (size_t i = 0; i < core.phnum; i++)
        if (core.phdr[i].p_type == PT_DYNAMIC)
            return read_tags(&core.phdr[i]);
    return false;
}

/* N of GLIBC_2.N, with nothing behind it; 0: another name. */
static unsigned release(const char *name)
{
    unsigned number = 0;

    if (!llmobs_str_begins(name, GLIBC))
        return 0;
    for (name += sizeof(GLIBC) - 1; *name >= '0' && *name <= '9'; name++)
        number = number * 10 + (unsigned)(*name - '0');
    return *name && *name != '.' ? 0 : number;
}

static int look(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct llmobs_elf elf;
    bool named;

    (void)size;
    (void)argument;
    if (llmobs_elf_open(&elf, info) != 0)
        return 0;
    named = llmobs_str_same(elf.soname, wanted.file);
    if (!named && !llmobs_libc_is_part(&elf))
        return 0;
    wanted.loaded |= named;
    for (size_t i = 0; i < elf.verdef_len; i++) {
        const char *name = llmobs_elf_version(&elf, i);

        wanted.there |= named && llmobs_str_same(name, wanted.name);
        if (llmobs_libc_is_part(&elf) && release(name) > wanted.newest)
            wanted.newest = release(name);
    }
    return 0;
}

/* A part of glibc that is not loaded is of the same release as libc. */
static bool is_there(void)
{
    wanted.loaded = wanted.there = false;
    wanted.newest = 0;
    llmobs_libc.iterate(look, NULL);
    if (wanted.loaded)
        return wanted.there;
    return release(wanted.name) && release(wanted.name) <= wanted.newest;
}

static bool all_of(uint64_t at, const ElfW(Verneed) * need)
{
    at += need->vn_aux;
    for (unsigned i = 0; i < need->vn_cnt; i++) {
        ElfW(Vernaux) aux;

        if (!read_at(at, &aux, sizeof(aux)) ||
            !read_name(aux.vna_name, wanted.name) ||
            (!(aux.vna_flags & VER_FLG_WEAK) && !is_there()))
            return false;
        at += aux.vna_next;
    }
    return true;
}

static bool fits(void)
{
    uint64_t at;

    if (!read_segments() || !read_dynamic())
        return false;
    at = place_of(core.needs);
    for (uint64_t i = 0; core.needs && i < core.count; i++) {
        ElfW(Verneed) need;

        if (!read_at(at, &need, sizeof(need)) ||
            !read_name(need.vn_file, wanted.file) || !all_of(at, &need))
            return false;
        at += need.vn_next;
    }
    return true;
}

bool llmobs_fit(const char *path)
{
    bool fit;

    core.fd = (int)llmobs_sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (core.fd < 0)
        return false;
    fit = fits();
    llmobs_sys(SYS_close, core.fd);
    return fit;
}
