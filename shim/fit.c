#include "shim/fit.h"

#include <sys/resource.h>

#include "core/base/cold.h"
#include "shim/elf.h"
#include "shim/libc.h"

#define NAME_MAX_LEN 64
/* The file is read in blocks of this size, each from a multiple of half of it
 * on: all that is wanted lies in three, where a read for each value would be
 * some thirty system calls. */
#define BLOCK 2048
#define VERSIONS_MAX 64
#define GLIBC "GLIBC_2."
/* Fields of /proc/self/statm: all mapped memory; data and stacks. */
#define STATM_SIZE 0
#define STATM_DATA 5
/* The first release of glibc whose loader survives a failed load. */
#define RELEASE_SOUND 18

/* The answer for a version; the file's is that of its worst version. */
enum answer { MISSING, UNKNOWN, THERE };

/* A loaded part of the file. */
struct segment {
    uint64_t address, offset, len;
};

/* The file, and values of its dynamic section. */
struct file {
    int fd;
    size_t loaded_count;
    struct segment loaded[LLMOBS_FIT_SEGMENTS];
    uint64_t dynamic; /* its offset; 0: none */
    uint64_t dynamic_len;
    uint64_t strings, needs; /* addresses; 0: none */
    uint64_t count;          /* of needs */
    uint64_t at;             /* where the block begins */
    size_t len;              /* the bytes in it */
    char block[BLOCK];
};

/* A version that the file needs, and the loaded parts of it. */
struct version {
    char file[NAME_MAX_LEN];
    char name[NAME_MAX_LEN];
    uint32_t hash; /* of the name, as linkers write it */
    bool loaded;   /* the file is */
    bool there;
};

LLMOBS_COLD static struct {
    struct file core;
    struct version wanted[VERSIONS_MAX];
} all;
static size_t wanted_count;
static unsigned newest; /* of libc's GLIBC_2.N */

/* Finds the bytes at an offset, at most half a block of them; fewer at the
 * file's end. */
static const char *bytes_at(uint64_t offset, size_t *len)
{
    if (offset < all.core.at || offset + *len > all.core.at + BLOCK ||
        all.core.len == 0) {
        long got;

        all.core.at = offset / (BLOCK / 2) * (BLOCK / 2);
        got = llmobs_sys(SYS_pread64, all.core.fd, all.core.block, BLOCK,
                         all.core.at);
        all.core.len = got > 0 ? (size_t)got : 0;
    }
    offset -= all.core.at;
    if (offset > all.core.len)
        offset = all.core.len;
    if (*len > all.core.len - offset)
        *len = all.core.len - offset;
    return all.core.block + offset;
}

static bool read_at(uint64_t offset, void *to, size_t len)
{
    size_t there = len;
    const char *from = bytes_at(offset, &there);

    llmobs_bytes_copy(to, from, there);
    return there == len;
}

/* The offset in the file of the byte with that address; 0: none. */
static uint64_t place_of(uint64_t address)
{
    for (size_t i = 0; i < all.core.loaded_count; i++) {
        const struct segment *part = &all.core.loaded[i];

        if (address >= part->address && address - part->address < part->len)
            return address - part->address + part->offset;
    }
    return 0;
}

/* Reads a string, which may end at the file's end without a NUL. */
static bool read_name(uint64_t offset, char to[NAME_MAX_LEN])
{
    uint64_t at = place_of(all.core.strings + offset);
    size_t there = at ? NAME_MAX_LEN : 0;
    const char *from = bytes_at(at, &there);

    for (size_t i = 0; i < there; i++)
        if ((to[i] = from[i]) == '\0')
            return true;
    return false;
}

static void take_segment(const ElfW(Phdr) * p)
{
    if (p->p_type == PT_LOAD)
        all.core.loaded[all.core.loaded_count++] =
            (struct segment){p->p_vaddr, p->p_offset, p->p_filesz};
    if (p->p_type == PT_DYNAMIC) {
        all.core.dynamic = p->p_offset;
        all.core.dynamic_len = p->p_filesz;
    }
}

static bool read_segments(void)
{
    ElfW(Ehdr) head;
    ElfW(Phdr) segment;

    all.core.loaded_count = 0;
    all.core.dynamic = 0;
    if (!read_at(0, &head, sizeof(head)) ||
        !llmobs_str_begins((const char *)head.e_ident, ELFMAG) ||
        head.e_phentsize != sizeof(segment) ||
        head.e_phnum > LLMOBS_FIT_SEGMENTS)
        return false;
    for (size_t i = 0; i < head.e_phnum; i++) {
        if (!read_at(head.e_phoff + i * sizeof(segment), &segment,
                     sizeof(segment)))
            return false;
        take_segment(&segment);
    }
    return all.core.dynamic != 0;
}

/* True where the file has all that its loaded parts are to have. A page beyond
 * its end would kill the program: while somebody copies the file, or where the
 * disk was full. */
static bool is_whole(void)
{
    long end = llmobs_sys(SYS_lseek, all.core.fd, 0, SEEK_END);
    bool whole = end > 0;

    for (size_t i = 0; i < all.core.loaded_count; i++)
        whole &=
            all.core.loaded[i].offset <= (uint64_t)end &&
            all.core.loaded[i].len <= (uint64_t)end - all.core.loaded[i].offset;
    return whole;
}

/* Reads the next tag; false after the last. */
static bool take_tag(const ElfW(Dyn) * tag)
{
    if (tag->d_tag == DT_STRTAB)
        all.core.strings = tag->d_un.d_ptr;
    else if (tag->d_tag == DT_VERNEED)
        all.core.needs = tag->d_un.d_ptr;
    else if (tag->d_tag == DT_VERNEEDNUM)
        all.core.count = tag->d_un.d_val;
    return tag->d_tag != DT_NULL;
}

static bool read_dynamic(void)
{
    ElfW(Dyn) tag;

    all.core.strings = all.core.needs = all.core.count = 0;
    for (size_t i = 0; i < all.core.dynamic_len / sizeof(tag); i++) {
        if (!read_at(all.core.dynamic + i * sizeof(tag), &tag, sizeof(tag)))
            return false;
        if (!take_tag(&tag))
            return true;
    }
    return true;
}

/* N of the whole name GLIBC_2.N; 0: another name. */
static unsigned release(const char *name)
{
    unsigned number = 0;

    if (!llmobs_str_begins(name, GLIBC))
        return 0;
    for (name += sizeof(GLIBC) - 1; *name >= '0' && *name <= '9'; name++)
        number = number * 10 + (unsigned)(*name - '0');
    return *name && *name != '.' ? 0 : number;
}

/* Whether the object is the file of a wanted version. The loader accepts any
 * version from a file without versions. */
static bool is_wanted(const struct llmobs_elf *elf)
{
    bool found = false;

    for (size_t i = 0; i < wanted_count; i++) {
        if (!llmobs_str_same(elf->soname, all.wanted[i].file))
            continue;
        all.wanted[i].loaded = found = true;
        all.wanted[i].there |= elf->verdef_len == 0;
    }
    return found;
}

/* As the loader does, compares the names only where the hashes are the same. */
static void note_version(const struct llmobs_elf *elf,
                         const struct llmobs_elf_version *version)
{
    for (size_t i = 0; i < wanted_count; i++)
        all.wanted[i].there |=
            version->hash == all.wanted[i].hash &&
            llmobs_str_same(version->name, all.wanted[i].name) &&
            llmobs_str_same(elf->soname, all.wanted[i].file);
}

/* True where no later object matters: libc and all files were seen. */
static bool is_decided(void)
{
    size_t i = 0;

    while (i < wanted_count && all.wanted[i].loaded)
        i++;
    return i == wanted_count && newest > 0;
}

static int look(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct llmobs_elf_version version = {.count = 0};
    struct llmobs_elf elf;
    bool is_file, is_libc;

    (void)size;
    (void)argument;
    if (llmobs_elf_open(&elf, info) != 0)
        return 0;
    is_file = is_wanted(&elf);
    is_libc = llmobs_libc_is_part(&elf);
    while ((is_file || is_libc) && llmobs_elf_next_version(&elf, &version)) {
        if (is_file)
            note_version(&elf, &version);
        if (is_libc && release(version.name) > newest)
            newest = release(version.name);
    }
    return is_decided();
}

/* The answer for a wanted version. A part of glibc that is not loaded has the
 * same release as libc. Whether the loader finds any other file is unknown. */
static enum answer is_there(const struct version *version)
{
    if (version->loaded)
        return version->there ? THERE : MISSING;
    if (release(version->name) == 0)
        return UNKNOWN;
    return release(version->name) <= newest ? THERE : MISSING;
}

/* -- the file's needs ---------------------------------------------------- */

/* Takes the versions of one file; false: they cannot be read, or are too many.
 */
static bool take_versions(uint64_t at, const ElfW(Verneed) * need)
{
    char file[NAME_MAX_LEN];

    if (!read_name(need->vn_file, file))
        return false;
    for (unsigned i = 0; i < need->vn_cnt; i++) {
        struct version *version = &all.wanted[wanted_count];
        ElfW(Vernaux) aux;

        if (wanted_count == VERSIONS_MAX || !read_at(at, &aux, sizeof(aux)) ||
            !read_name(aux.vna_name, version->name))
            return false;
        (void)llmobs_str_copy(version->file, sizeof(version->file), file);
        version->hash = aux.vna_hash;
        version->loaded = version->there = false;
        if (!(aux.vna_flags & VER_FLG_WEAK))
            wanted_count++;
        at += aux.vna_next;
    }
    return true;
}

static bool take_needs(void)
{
    uint64_t at;

    wanted_count = 0;
    all.core.len = 0;
    if (!read_segments() || !read_dynamic())
        return false;
    at = place_of(all.core.needs);
    for (uint64_t i = 0; all.core.needs && i < all.core.count; i++) {
        ElfW(Verneed) need;

        if (!read_at(at, &need, sizeof(need)) ||
            !take_versions(at + need.vn_aux, &need))
            return false;
        at += need.vn_next;
    }
    return true;
}

/* The worst answer; a file that is cut short lacks a part. One walk over the
 * loaded objects looks for all versions: a program may have hundreds of
 * objects. A core that needs none, as it is built, costs no walk. */
static enum answer ask(void)
{
    enum answer worst = take_needs() ? THERE : UNKNOWN;

    newest = 0;
    if (!is_whole())
        return MISSING;
    if (worst == THERE && wanted_count == 0)
        return THERE;
    llmobs_libc.iterate(look, NULL);
    for (size_t i = 0; i < wanted_count; i++) {
        enum answer answer = is_there(&all.wanted[i]);

        if (answer < worst)
            worst = answer;
    }
    return worst;
}

/* -- memory -------------------------------------------------------------- */

/* The field of that number (from 0) of /proc/self/statm, in bytes; -1: not to
 * be read. */
static int64_t used(unsigned field)
{
    int fd = (int)llmobs_sys(SYS_openat, AT_FDCWD, "/proc/self/statm",
                             O_RDONLY | O_CLOEXEC);
    char text[128];
    int64_t pages = 0;
    long got;

    if (fd < 0)
        return -1;
    got = llmobs_sys(SYS_read, fd, text, sizeof(text));
    llmobs_sys(SYS_close, fd);
    for (long i = 0; i < got; i++) {
        if (text[i] == ' ' && field-- == 0)
            return pages * (int64_t)llmobs_libc.auxval(AT_PAGESZ);
        pages = text[i] == ' ' ? 0 : pages * 10 + (text[i] - '0');
    }
    return -1;
}

static bool has_room(int limit, unsigned field)
{
    struct rlimit64 most;
    int64_t now;

    if (llmobs_sys(SYS_prlimit64, 0, limit, NULL, &most) != 0 ||
        most.rlim_cur > INT64_MAX)
        return true;
    now = used(field);
    return now >= 0 && (int64_t)most.rlim_cur - now >= LLMOBS_FIT_ROOM;
}

bool llmobs_fit(const char *path)
{
    enum answer answer;

    if (!has_room(RLIMIT_AS, STATM_SIZE) || !has_room(RLIMIT_DATA, STATM_DATA))
        return false;
    all.core.fd =
        (int)llmobs_sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (all.core.fd < 0)
        return false;
    answer = ask();
    llmobs_sys(SYS_close, all.core.fd);
    return answer == THERE || (answer == UNKNOWN && newest >= RELEASE_SOUND);
}
