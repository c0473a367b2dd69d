/* Reads headers, symbols and needs of one ELF file, within bounds. */
#include "cli/doctor/object.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "include/engine.h"

#define PHDRS_MAX 512
#define DYNAMIC_MAX 8192
#define SYMBOLS_AT_ONCE 4096
#define CURL "curl_easy_perform"
/* The costs of a system call and of a found text, in bytes of the budget. */
#define COST_READ 512
#define COST_PLACE (8 * 1024)

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#error "which machine?"
#endif

/* The tables of a file while it is read. */
struct reading {
    struct llmobs_object *object;
    Elf64_Ehdr head;
    Elf64_Phdr phdr[PHDRS_MAX];
    size_t phnum;
    uint64_t strtab; /* offset in the file; 0: none */
    uint64_t strtab_len;
    uint64_t symtab;
};

/* A table of symbols and the table of their names, by their offsets in the
 * file. */
struct symbols {
    uint64_t at, len;
    uint64_t names_at, names_len;
    const char *text; /* the names, of that length */
    bool for_others;  /* this is the dynamic table */
};

bool llmobs_allowance_take(struct llmobs_allowance *allowance, uint64_t cost)
{
    bool enough = cost <= allowance->left;

    allowance->left = enough ? allowance->left - cost : 0;
    allowance->spent |= !enough;
    return enough;
}

int64_t llmobs_allowance_clock(void)
{
    struct timespec used = {0};

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return llmobs_clock_ns(used);
}

void llmobs_allowance_path(struct llmobs_allowance *allowance, int64_t began)
{
    (void)llmobs_allowance_take(allowance,
                                (uint64_t)(llmobs_allowance_clock() - began));
}

int llmobs_object_at(int root, const char *path)
{
    const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
    struct open_how how = {.flags = O_PATH | O_CLOEXEC,
                           .resolve = RESOLVE_IN_ROOT};
    int look, fd;

    if (root == AT_FDCWD) {
        fd = llmobs_fd_open(AT_FDCWD, path, flags);
        return fd < 0 ? -errno : fd;
    }
    look = (int)syscall(__NR_openat2, root, path, &how, sizeof(how));
    if (look < 0 && errno == ENOSYS)
        look = openat(root, path + strspn(path, "/"), (int)how.flags);
    if (look < 0)
        return -errno;
    /* By way of /proc, which exists because that root was found there. */
    fd = llmobs_fd_reopen(look, flags);
    fd = fd < 0 ? -errno : fd;
    close(look);
    return fd;
}

/* Reads `len` bytes from `offset`; false: not all of them can be read. */
static bool read_at(const struct llmobs_object *object, void *to, size_t len,
                    uint64_t offset)
{
    uint64_t size = (uint64_t)object->st.st_size;
    size_t done = 0;

    if (offset > size || len > size - offset ||
        !llmobs_allowance_take(object->allowance, len + COST_READ))
        return false;
    while (done < len) {
        ssize_t got = pread(object->fd, (char *)to + done, len - done,
                            (off_t)(offset + done));

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

/* Copies a string that ends within `cap` bytes and within the file; else "". */
static void text_at(const struct llmobs_object *object, uint64_t offset,
                    char *out, size_t cap)
{
    uint64_t size = (uint64_t)object->st.st_size;
    size_t len =
        offset < size && size - offset < cap ? (size_t)(size - offset) : cap;

    if (offset >= size || !read_at(object, out, len, offset) ||
        !memchr(out, '\0', len))
        *out = '\0';
}

/* -- dynamic section ------------------------------------------------------ */

/* The offset in the file of an address of the loaded object; 0: none. */
static uint64_t offset_of(const struct reading *reading, uint64_t address)
{
    for (size_t i = 0; i < reading->phnum && address != 0; i++) {
        const Elf64_Phdr *segment = &reading->phdr[i];

        if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
            address - segment->p_vaddr < segment->p_filesz)
            return segment->p_offset + (address - segment->p_vaddr);
    }
    return 0;
}

static void string_at(const struct reading *reading, uint64_t index, char *out,
                      size_t cap)
{
    if (index != 0 && reading->strtab != 0 && index < reading->strtab_len)
        text_at(reading->object, reading->strtab + index, out, cap);
}

/* Gives the value of the last entry with that tag; 0: there is none. */
static uint64_t value_of(const Elf64_Dyn *list, size_t len, int64_t tag)
{
    while (len > 0 && list[len - 1].d_tag != tag)
        len--;
    return len > 0 ? list[len - 1].d_un.d_val : 0;
}

static void read_dynamic(struct reading *reading, const Elf64_Phdr *segment)
{
    struct llmobs_object *object = reading->object;
    static Elf64_Dyn list[DYNAMIC_MAX];
    size_t most = segment->p_filesz / sizeof(*list), len = 0;
    char name[PATH_MAX];

    if (most > DYNAMIC_MAX)
        most = DYNAMIC_MAX;
    if (!read_at(object, list, most * sizeof(*list), segment->p_offset)) {
        object->damaged = true;
        return;
    }
    while (len < most && list[len].d_tag != DT_NULL)
        len++;
    reading->strtab = offset_of(reading, value_of(list, len, DT_STRTAB));
    reading->strtab_len = value_of(list, len, DT_STRSZ);
    reading->symtab = offset_of(reading, value_of(list, len, DT_SYMTAB));
    object->program |= (value_of(list, len, DT_FLAGS_1) & DF_1_PIE) != 0;
    for (size_t i = 0; i < len; i++) {
        if (list[i].d_tag != DT_NEEDED)
            continue;
        *name = '\0';
        string_at(reading, list[i].d_un.d_val, name, sizeof(name));
        if (*name == '\0' || object->needed_count == LLMOBS_OBJECT_NEEDED) {
            object->damaged = true;
            continue;
        }
        object->needed[object->needed_count] = strdup(name);
        if (object->needed[object->needed_count])
            object->needed_count++;
    }
    string_at(reading, value_of(list, len, DT_SONAME), object->soname,
              sizeof(object->soname));
}

/* -- symbols -------------------------------------------------------------- */

static const char *const curl_names[] = {
#define X(result, name, ...) "curl_" #name,
    LLMOBS_REAL_FUNCTIONS(X)
#undef X
};

#define CURL_NAMES (sizeof(curl_names) / sizeof(*curl_names))
_Static_assert(CURL_NAMES <= 64, "one bit for each");

static uint64_t bit_of(const char *name)
{
    for (size_t i = 0; i < CURL_NAMES; i++)
        if (strcmp(curl_names[i], name) == 0)
            return UINT64_C(1) << i;
    return 0;
}

bool llmobs_object_is_secure(const struct llmobs_object *object)
{
    const struct stat *st = &object->st;

    return ((st->st_mode & S_ISUID) && st->st_uid != getuid()) ||
           ((st->st_mode & S_ISGID) && (st->st_mode & S_IXGRP) &&
            st->st_gid != getgid()) ||
           (getuid() != 0 &&
            fgetxattr(object->fd, "security.capability", NULL, 0) > 0);
}

bool llmobs_object_is_libcurl(const struct llmobs_object *object)
{
    uint64_t least = bit_of("curl_easy_perform") | bit_of("curl_easy_setopt") |
                     bit_of("curl_easy_getinfo");

    return (object->curl & least) == least;
}

bool llmobs_object_wraps(const struct llmobs_object *object, char *names,
                         size_t cap)
{
    size_t len = 0;

    names[0] = '\0';
    if (object->curl == 0 || llmobs_object_is_libcurl(object))
        return false;
    for (size_t i = 0; i < CURL_NAMES && len < cap; i++)
        if (object->curl >> i & 1)
            len += (size_t)snprintf(names + len, cap - len, "%s%s",
                                    len > 0 ? ", " : "", curl_names[i]);
    return true;
}

static const char entry_names[LLMOBS_OBJECT_ENTRIES][16] = {
    "SSL_read", "SSL_write", "SSL_read_ex", "SSL_write_ex"};

const char *llmobs_object_entry_name(size_t index)
{
    return entry_names[index];
}

/* Notes whether this is the symbol to look for, a function of libcurl, an
 * entry, a function by which a wrapper asks for libcurl's (dlsym), connect or
 * dlopen. */
static void record_name(struct llmobs_object *object,
                        const struct symbols *table, const Elf64_Sym *symbol)
{
    const char *name = table->text + symbol->st_name;
    bool has = symbol->st_shndx != SHN_UNDEF;

    if (symbol->st_name >= table->names_len)
        return;
    if (has && strcmp(name, object->symbol) == 0)
        *(table->for_others ? &object->defines : &object->holds) = true;
    if (!table->for_others)
        return;
    if (!has) {
        object->asks |=
            strcmp(name, "dlsym") == 0 || strcmp(name, "dlvsym") == 0;
        object->connects |=
            strcmp(name, "connect") == 0 || strcmp(name, "dlopen") == 0;
    } else if (strncmp(name, "curl_", 5) == 0) {
        object->curl |= bit_of(name);
    } else if (strncmp(name, "SSL_", 4) == 0 &&
               ELF64_ST_TYPE(symbol->st_info) == STT_FUNC) {
        for (size_t i = 0; i < LLMOBS_OBJECT_ENTRIES; i++)
            if (strcmp(name, entry_names[i]) == 0)
                object->entries[i] = (struct llmobs_object_entry){
                    .address = symbol->st_value, .size = symbol->st_size};
    }
}

static void read_symbols(struct llmobs_object *object, struct symbols *table)
{
    static Elf64_Sym list[SYMBOLS_AT_ONCE];
    uint64_t left = table->len / sizeof(*list), at = table->at, now;
    size_t len = (size_t)table->names_len;
    const char *name = object->symbol;
    bool whole;
    char *text;

    if (table->len > LLMOBS_OBJECT_TABLE || table->names_len == 0 ||
        table->names_len > LLMOBS_OBJECT_TABLE) {
        object->damaged |= table->names_len != 0;
        return;
    }
    text = malloc(len + 1);
    if (!text)
        return;
    whole = read_at(object, text, len, table->names_at);
    text[len] = '\0';
    table->text = text;
    if (whole && !memmem(text, len, name, strlen(name) + 1) &&
        !memmem(text, len, "curl_", 5) &&
        !memmem(text, len, "connect", sizeof("connect")) &&
        !memmem(text, len, "dlopen", sizeof("dlopen")) &&
        !memmem(text, len, entry_names[0], sizeof("SSL_read")))
        left = 0;
    for (; whole && left > 0; left -= now, at += now * sizeof(*list)) {
        now = left < SYMBOLS_AT_ONCE ? left : SYMBOLS_AT_ONCE;
        whole = read_at(object, list, now * sizeof(*list), at);
        for (size_t i = 0; whole && i < now; i++)
            record_name(object, table, &list[i]);
    }
    object->damaged |= !whole;
    free(text);
}

static bool read_section(const struct reading *reading, size_t index,
                         Elf64_Shdr *out)
{
    return index < reading->head.e_shnum &&
           read_at(reading->object, out, sizeof(*out),
                   reading->head.e_shoff + index * sizeof(*out));
}

/* Reads the tables of symbols; true when a section has the dynamic ones. A file
 * has one of each kind (ELF, "Special Sections"): one with more is left. */
static bool read_sections(const struct reading *reading)
{
    bool found = false, other = false;

    if (reading->head.e_shoff == 0 ||
        reading->head.e_shentsize != sizeof(Elf64_Shdr))
        return false;
    for (size_t i = 0; i < reading->head.e_shnum; i++) {
        Elf64_Shdr section, names;

        if (!read_section(reading, i, &section)) {
            reading->object->damaged = true;
            return found;
        }
        if ((section.sh_type != SHT_DYNSYM && section.sh_type != SHT_SYMTAB) ||
            !read_section(reading, section.sh_link, &names))
            continue;
        if (section.sh_type == SHT_DYNSYM ? found : other) {
            reading->object->allowance->spent = true;
            return found;
        }
        read_symbols(reading->object,
                     &(struct symbols){section.sh_offset, section.sh_size,
                                       names.sh_offset, names.sh_size, NULL,
                                       section.sh_type == SHT_DYNSYM});
        found |= section.sh_type == SHT_DYNSYM;
        other |= section.sh_type == SHT_SYMTAB;
    }
    return found;
}

/* -- the file ------------------------------------------------------------- */

static int read_head(struct reading *reading)
{
    struct llmobs_object *object = reading->object;
    const unsigned char *ident = reading->head.e_ident;

    if (!read_at(object, &reading->head, EI_NIDENT + 4, 0) ||
        memcmp(ident, ELFMAG, SELFMAG) != 0)
        return -ENOEXEC;
    object->wide = ident[EI_CLASS] == ELFCLASS64;
    object->machine = reading->head.e_machine;
    if (ident[EI_DATA] != ELFDATA2LSB)
        object->machine = (object->machine & 0xff) << 8 | object->machine >> 8;
    object->native = object->wide && ident[EI_DATA] == ELFDATA2LSB &&
                     object->machine == MACHINE;
    /* The kernel, too, reads only this and the segments of a program. */
    if (!object->wide || ident[EI_DATA] != ELFDATA2LSB) {
        object->program = true;
        return 0;
    }
    if (!read_at(object, &reading->head, sizeof(reading->head), 0))
        return -ENOEXEC;
    object->program = reading->head.e_type == ET_EXEC;
    return 0;
}

static int object_read(struct llmobs_object *object)
{
    static struct reading reading;
    int rc;

    memset(&reading, 0, sizeof(reading));
    reading.object = object;
    if (fstat(object->fd, &object->st) != 0)
        return -errno;
    if (!S_ISREG(object->st.st_mode))
        return -EINVAL;
    rc = read_head(&reading);
    if (rc != 0 || reading.head.e_phoff == 0)
        return rc;
    reading.phnum = reading.head.e_phnum;
    if (reading.phnum > PHDRS_MAX ||
        reading.head.e_phentsize != sizeof(Elf64_Phdr) ||
        !read_at(object, reading.phdr, reading.phnum * sizeof(Elf64_Phdr),
                 reading.head.e_phoff)) {
        object->damaged = true;
        reading.phnum = 0;
    }
    for (size_t i = 0; i < reading.phnum; i++) {
        const Elf64_Phdr *segment = &reading.phdr[i];

        if (segment->p_type == PT_DYNAMIC)
            read_dynamic(&reading, segment);
        if (segment->p_type == PT_INTERP) {
            text_at(object, segment->p_offset, object->interp,
                    sizeof(object->interp));
            object->program = true;
            object->damaged |= object->interp[0] == '\0';
        }
    }
    /* A file may have no sections, as some tools remove them: linkers put the
     * names directly after the symbols. */
    if (!read_sections(&reading) && reading.symtab != 0 &&
        reading.strtab > reading.symtab)
        read_symbols(object, &(struct symbols){reading.symtab,
                                               reading.strtab - reading.symtab,
                                               reading.strtab,
                                               reading.strtab_len, NULL, true});
    for (size_t i = 0; i < LLMOBS_OBJECT_ENTRIES; i++) {
        struct llmobs_object_entry *entry = &object->entries[i];

        if (entry->address && !read_at(object, entry->code, sizeof(entry->code),
                                       offset_of(&reading, entry->address)))
            entry->address = 0;
    }
    return 0;
}

int llmobs_object_open(struct llmobs_object *object, int root, const char *path,
                       struct llmobs_allowance *allowance, const char *symbol)
{
    int64_t began = llmobs_allowance_clock();
    int rc;

    memset(object, 0, sizeof(*object));
    object->fd = rc = llmobs_object_at(root, path);
    llmobs_allowance_path(allowance, began);
    object->allowance = allowance;
    object->symbol = symbol ? symbol : CURL;
    if (rc >= 0)
        rc = object_read(object);
    if (rc != 0)
        llmobs_object_close(object);
    return rc;
}

bool llmobs_object_needs(const struct llmobs_object *object,
                         const char *beginning)
{
    for (size_t i = 0; i < object->needed_count; i++)
        if (strncmp(object->needed[i], beginning, strlen(beginning)) == 0)
            return true;
    return false;
}

void llmobs_object_close(struct llmobs_object *object)
{
    for (size_t i = 0; i < object->needed_count; i++)
        free(object->needed[i]);
    object->needed_count = 0;
    if (object->fd >= 0)
        close(object->fd);
    object->fd = -1;
}

/* -- texts ---------------------------------------------------------------- */

#define MARGIN LLMOBS_OBJECT_NAME
#define CHUNK (256 * 1024)

static bool is_text(char c)
{
    return c >= ' ' && c <= '~';
}

void llmobs_object_find(const struct llmobs_object *object, const char *needle,
                        bool (*each)(void *ctx, const char *text, size_t at),
                        void *ctx)
{
    static char data[CHUNK];
    char text[2 * MARGIN + 1];
    uint64_t size = (uint64_t)object->st.st_size;
    bool last = false;

    if (size > LLMOBS_OBJECT_FIND)
        size = LLMOBS_OBJECT_FIND;
    /* Each chunk overlaps its neighbours by a margin, so no place is split. */
    for (uint64_t at = 0; at < size && !last; at += CHUNK - 2 * MARGIN) {
        size_t len, until, from, to, place = at == 0 ? 0 : MARGIN;
        const char *hit;

        last = size - at <= CHUNK;
        len = last ? (size_t)(size - at) : CHUNK;
        until = last ? len : len - MARGIN;
        if (!read_at(object, data, len, at))
            return;
        for (; (hit = memmem(data + place, len - place, needle,
                             strlen(needle))) &&
               (place = (size_t)(hit - data)) < until;
             place++) {
            for (from = place;
                 from > 0 && place - from < MARGIN && is_text(data[from - 1]);)
                from--;
            for (to = place;
                 to < len && to - place < MARGIN && is_text(data[to]);)
                to++;
            memcpy(text, data + from, to - from);
            text[to - from] = '\0';
            if (!llmobs_allowance_take(object->allowance, COST_PLACE) ||
                !each(ctx, text, place - from))
                return;
        }
    }
}

static bool is_there(void *ctx, const char *text, size_t at)
{
    (void)text;
    (void)at;
    *(bool *)ctx = true;
    return false;
}

bool llmobs_object_has(const struct llmobs_object *object, const char *text)
{
    bool there = false;

    llmobs_object_find(object, text, is_there, &there);
    return there;
}
