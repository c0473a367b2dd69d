/* Searches symbol tables for the function at an address. */
#include "lib/elf/symbol.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/sha256.h"

#define SECTIONS_MAX 512
#define CHUNK 512 /* symbols read at once */

/* The best of the symbols seen so far. */
struct best {
    uintptr_t address;
    ElfW(Sym) symbol;
    bool found;
};

/* A table has thousands of symbols, and most are too far away: the distance
 * comes first. */
static inline void consider(struct best *best, const ElfW(Sym) * symbol)
{
    uintptr_t reach = symbol->st_size ? symbol->st_size : LLMOBS_SYMBOL_REACH;
    const ElfW(Sym) *last = &best->symbol;
    unsigned type = ELF64_ST_TYPE(symbol->st_info);
    bool better;

    if (best->address - symbol->st_value >= reach ||
        (type != STT_FUNC && type != STT_GNU_IFUNC) ||
        symbol->st_shndx == SHN_UNDEF)
        return;
    if ((symbol->st_size > 0) != (last->st_size > 0))
        better = symbol->st_size > 0;
    else if (symbol->st_value != last->st_value)
        better = symbol->st_value > last->st_value;
    else
        better = ELF64_ST_BIND(symbol->st_info) == STB_GLOBAL &&
                 ELF64_ST_BIND(last->st_info) != STB_GLOBAL;
    if (best->found && !better)
        return;
    best->symbol = *symbol;
    best->found = true;
}

/* Copies a name of at most `len` bytes; false for an empty one. */
static bool copy_name(const struct best *best, const char *text, size_t len,
                      struct llmobs_symbol *symbol)
{
    static const char *const words[] = {".constprop.", ".isra.",
                                        ".part.",      ".cold",
                                        ".lto_priv.",  ".localalias"};
    size_t i;

    if (len > sizeof(symbol->name) - 1)
        len = sizeof(symbol->name) - 1;
    for (i = 0; i < len && text[i]; i++)
        symbol->name[i] = text[i] > ' ' && text[i] < 0x7f ? text[i] : '?';
    symbol->name[i] = '\0';
    /* Cuts a suffix that begins with a word of GCC's. Other dots stay: some
     * languages use them in names. */
    for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
        char *at = strstr(symbol->name, words[i]);

        if (at && at != symbol->name)
            *at = '\0';
    }
    symbol->offset = best->address - best->symbol.st_value;
    return symbol->name[0] != '\0';
}

/* -- in memory ------------------------------------------------------------ */

struct tables {
    uintptr_t symbols, strings, gnu_hash, hash;
    size_t strings_len;
};

/* Where the table has an offset, makes it an address: glibc's loader has done
 * so itself, other loaders have not. */
static uintptr_t absolute(const struct llmobs_loaded *object, ElfW(Addr) value)
{
    return value < object->base ? object->base + value : value;
}

static void read_dynamic(const struct llmobs_loaded *object,
                         struct tables *tables)
{
    const ElfW(Phdr) *header = llmobs_loaded_header(object, PT_DYNAMIC);
    uintptr_t at = header ? object->base + header->p_vaddr : 0;
    const ElfW(Dyn) * d;

    memset(tables, 0, sizeof(*tables));
    for (; header && (d = llmobs_loaded_at(object, at, sizeof(*d))) &&
           d->d_tag != DT_NULL;
         at += sizeof(*d)) {
        if (d->d_tag == DT_SYMTAB)
            tables->symbols = absolute(object, d->d_un.d_ptr);
        else if (d->d_tag == DT_STRTAB)
            tables->strings = absolute(object, d->d_un.d_ptr);
        else if (d->d_tag == DT_STRSZ)
            tables->strings_len = d->d_un.d_val;
        else if (d->d_tag == DT_GNU_HASH)
            tables->gnu_hash = absolute(object, d->d_un.d_ptr);
        else if (d->d_tag == DT_HASH)
            tables->hash = absolute(object, d->d_un.d_ptr);
    }
}

/* Counts the symbols: the last one ends the chain of the last bucket. */
static size_t count_gnu(const struct llmobs_loaded *object, uintptr_t at)
{
    const uint32_t *head = llmobs_loaded_at(object, at, 16), *word;
    uintptr_t buckets, chains;
    uint32_t last = 0;

    if (!head || at % _Alignof(uint32_t))
        return 0;
    buckets = at + 16 + (uintptr_t)head[2] * sizeof(ElfW(Addr));
    chains = buckets + (uintptr_t)head[0] * 4;
    word = llmobs_loaded_at(object, buckets, (size_t)head[0] * 4);
    for (uint32_t i = 0; word && i < head[0]; i++)
        last = word[i] > last ? word[i] : last;
    if (last < head[1])
        return head[1];
    do
        word = llmobs_loaded_at(object,
                                chains + (uintptr_t)(last - head[1]) * 4, 4);
    while (word && last++ < LLMOBS_SYMBOL_COUNT && !(*word & 1));
    return last;
}

bool llmobs_symbol_in_memory(const struct llmobs_loaded *object,
                             uintptr_t address, struct llmobs_symbol *symbol)
{
    struct best best = {.address = address};
    struct tables tables;
    const ElfW(Sym) * list;
    const uint32_t *head;
    uintptr_t name;
    size_t count;

    read_dynamic(object, &tables);
    head = tables.hash ? llmobs_loaded_at(object, tables.hash, 8) : NULL;
    if (tables.gnu_hash)
        count = count_gnu(object, tables.gnu_hash);
    else
        count = head && tables.hash % _Alignof(uint32_t) == 0 ? head[1] : 0;
    list = llmobs_loaded_at(object, tables.symbols, count * sizeof(*list));
    if (!count || count > LLMOBS_SYMBOL_QUICK || !list ||
        tables.symbols % _Alignof(ElfW(Sym)))
        return false;
    for (size_t i = 0; i < count; i++)
        consider(&best, &list[i]);
    if (!best.found || best.symbol.st_name >= tables.strings_len)
        return false;
    name = tables.strings + best.symbol.st_name;
    count = tables.strings_len - best.symbol.st_name;
    if (count > llmobs_loaded_left(object, name))
        count = llmobs_loaded_left(object, name);
    return count && copy_name(&best, (const char *)name, count, symbol);
}

void llmobs_symbol_head(const struct llmobs_loaded *object,
                        struct llmobs_symbol_head *head)
{
    head->len = 0;
    for (size_t i = 0; i < object->phnum; i++) {
        const ElfW(Phdr) *p = &object->phdr[i];
        size_t len =
            p->p_filesz < sizeof(head->data) ? p->p_filesz : sizeof(head->data);

        if (p->p_type != PT_LOAD || p->p_offset != 0 || !(p->p_flags & PF_R))
            continue;
        memcpy(head->data, (const void *)(object->base + p->p_vaddr), len);
        head->len = len;
        return;
    }
}

/* -- in the file ---------------------------------------------------------- */

static bool read_at(int fd, uint64_t at, void *to, size_t len)
{
    return at <= INT64_MAX && pread(fd, to, len, (off_t)at) == (ssize_t)len;
}

/* The kernel's own files (/proc) say that they are empty: to read one may take
 * away what another program waits for. */
static bool may_be_object(const struct stat *st)
{
    return S_ISREG(st->st_mode) && st->st_size >= (off_t)sizeof(ElfW(Ehdr));
}

/* Opens a file, and reads its first bytes. Another process may have chosen the
 * path, so it looks first: to open a pipe wakes its writer, and a device acts.
 */
static int open_object(const char *path, struct llmobs_symbol_head *head)
{
    struct stat st;
    ssize_t len;
    int fd = -1;

    if (fstatat(AT_FDCWD, path, &st, 0) == 0 && may_be_object(&st))
        fd = llmobs_fd_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && may_be_object(&st)) {
        len = pread(fd, head->data, sizeof(head->data), 0);
        head->len = len > 0 ? (size_t)len : 0;
        if (head->len >= sizeof(ElfW(Ehdr)))
            return fd;
    }
    close(fd);
    return -1;
}

/* Finds the sections of a symbol table of that type, and of its names. */
static int find_sections(int fd, const ElfW(Ehdr) * file, unsigned type,
                         ElfW(Shdr) sections[2])
{
    size_t size = file->e_shnum * sizeof(sections[0]);
    ElfW(Shdr) * list;
    size_t i = 0;
    int rc = -ENODATA;

    if (file->e_shentsize != sizeof(sections[0]) || file->e_shnum == 0 ||
        file->e_shnum > SECTIONS_MAX)
        return -ENODATA;
    list = malloc(size);
    if (!list || !read_at(fd, file->e_shoff, list, size)) {
        free(list);
        return -ENOENT;
    }
    while (i < file->e_shnum && list[i].sh_type != type)
        i++;
    if (i < file->e_shnum && list[i].sh_link < file->e_shnum) {
        sections[0] = list[i];
        sections[1] = list[list[i].sh_link];
        rc = 0;
    }
    free(list);
    return rc;
}

static bool name_from(int fd, const ElfW(Shdr) * strings,
                      const struct best *best, struct llmobs_symbol *symbol)
{
    char text[LLMOBS_SYMBOL_NAME];
    uint64_t at = best->symbol.st_name;
    ssize_t len;

    if (at >= strings->sh_size || strings->sh_offset > INT64_MAX - at)
        return false;
    len = pread(fd, text, sizeof(text), (off_t)(strings->sh_offset + at));
    return len > 0 && copy_name(best, text, (size_t)len, symbol);
}

static int search(int fd, const struct llmobs_symbol_head *head, unsigned type,
                  uintptr_t address, struct llmobs_symbol *symbol)
{
    struct best best = {.address = address};
    ElfW(Shdr) sections[2];
    ElfW(Ehdr) file;
    ElfW(Sym) * chunk;
    uint64_t at;
    size_t left;
    int rc;

    memcpy(&file, head->data, sizeof(file));
    rc = find_sections(fd, &file, type, sections);
    if (rc)
        return rc;
    left = sections[0].sh_size / sizeof(ElfW(Sym));
    chunk = malloc(CHUNK * sizeof(*chunk));
    at = sections[0].sh_offset;
    if (left > LLMOBS_SYMBOL_COUNT)
        left = 0;
    while (chunk && left) {
        size_t n = left < CHUNK ? left : CHUNK;

        if (!read_at(fd, at, chunk, n * sizeof(*chunk)))
            break;
        for (size_t i = 0; i < n; i++)
            consider(&best, &chunk[i]);
        at += n * sizeof(*chunk);
        left -= n;
    }
    free(chunk);
    return best.found && name_from(fd, &sections[1], &best, symbol) ? 0
                                                                    : -ENOENT;
}

/* -- by build id ---------------------------------------------------------- */

/* Writes the bytes as text; false where they are too many. */
static bool write_id(const unsigned char *data, size_t len,
                     char id[LLMOBS_SYMBOL_ID])
{
    static const char digits[] = "0123456789abcdef";

    if (len == 0 || 2 * len >= LLMOBS_SYMBOL_ID)
        return false;
    for (size_t i = 0; i < len; i++) {
        id[2 * i] = digits[data[i] >> 4];
        id[2 * i + 1] = digits[data[i] & 15];
    }
    id[2 * len] = '\0';
    return true;
}

/* Finds the build id in the part of `head` where the segment `notes` lies. */
static bool find_id(const struct llmobs_symbol_head *head,
                    const ElfW(Phdr) * notes, char id[LLMOBS_SYMBOL_ID])
{
    static const char owner[] = "GNU";
    uint64_t at = notes->p_offset;
    ElfW(Nhdr) note;

    while (at < head->len && head->len - at >= sizeof(note) &&
           at - notes->p_offset < notes->p_filesz) {
        uint64_t name = at + sizeof(note), data;

        memcpy(&note, head->data + at, sizeof(note));
        data = name + ((uint64_t)note.n_namesz + 3) / 4 * 4;
        at = data + ((uint64_t)note.n_descsz + 3) / 4 * 4;
        if (at > head->len)
            return false;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof(owner) &&
            memcmp(head->data + name, owner, sizeof(owner)) == 0)
            return write_id(head->data + data, note.n_descsz, id);
    }
    return false;
}

bool llmobs_symbol_id(const struct llmobs_symbol_head *head,
                      char id[LLMOBS_SYMBOL_ID])
{
    ElfW(Ehdr) file;
    ElfW(Phdr) part;

    if (head->len < sizeof(file))
        return false;
    memcpy(&file, head->data, sizeof(file));
    if (memcmp(file.e_ident, ELFMAG, SELFMAG) != 0 ||
        file.e_phentsize != sizeof(part))
        return false;
    for (size_t i = 0; i < file.e_phnum && file.e_phoff < head->len; i++) {
        uint64_t at = file.e_phoff + i * sizeof(part);

        if (at > head->len || head->len - at < sizeof(part))
            return false;
        memcpy(&part, head->data + at, sizeof(part));
        if (part.p_type == PT_NOTE && find_id(head, &part, id))
            return true;
    }
    if (head->len < sizeof(head->data))
        return false;
    llmobs_sha256_digits(head->data, head->len, LLMOBS_SYMBOL_ID - 1, id);
    return true;
}

int llmobs_symbol_by_id(const char *path, const char *id, uintptr_t address,
                        struct llmobs_symbol *symbol)
{
    char found[LLMOBS_SYMBOL_ID];
    struct llmobs_symbol_head head;
    int fd = open_object(path, &head);
    int rc = -ESTALE;

    if (fd < 0)
        return rc;
    if (llmobs_symbol_id(&head, found) && strcmp(found, id) == 0) {
        rc = search(fd, &head, SHT_DYNSYM, address, symbol);
        if (rc)
            rc = search(fd, &head, SHT_SYMTAB, address, symbol);
    }
    close(fd);
    return rc;
}
