/* Patches the entries of OpenSSL's functions inside Node. */
#include "shim/entry.h"

#include <sys/stat.h>

#include "include/engine.h"
#include "lib/base/cold.h"
#include "lib/elf/prologue.h"
#include "shim/host.h"
#include "shim/lib_calls.h"
#include "shim/libc.h"
#include "shim/say.h"

/* The hooks of OpenSSL that come first. */
#define ENTRIES 4
_Static_assert(LLMOBS_LIB_SSL_write_ex == ENTRIES - 1, "the four are first");

#define ROOM_TRIES 64
/* Links of /proc/self/task: its own two, and the thread. */
#define ONE_THREAD 3

/* In the page: the way to the shim's function, and the way back. */
struct ways {
    unsigned char in[24];
    unsigned char back[LLMOBS_PROLOGUE_COPY];
};

/* A jump to any address, which comes behind it. x16 is free at an entry. */
#if defined(__x86_64__)
static const unsigned char any_jump[] = {0xff, 0x25, 0, 0, 0, 0};
#else
static const unsigned char any_jump[] = {0x50, 0, 0, 0x58, 0, 0x02, 0x1f, 0xd6};
#endif

/* Of each entry, what stands there and what is to stand there. */
struct entry {
    uintptr_t at;
    unsigned char before[LLMOBS_PROLOGUE_JUMP], after[LLMOBS_PROLOGUE_JUMP];
};

LLMOBS_COLD static char reason[LLMOBS_NO_ENTRY_MAX];

/* Saves the reason for the doctor, and writes it to the log. `code`: of the
 * function of that name; NULL: it is not the reason. */
static bool refuse(const char *name, const char *why, const unsigned char *code)
{
    static const char digits[] = "0123456789abcdef";
    const char *parts[] = {LLMOBS_NO_ENTRY, name, why};
    size_t len = 0;

    for (size_t i = 0; i < 3; i++)
        len +=
            llmobs_str_copy(reason + len, sizeof(reason) - len, parts[i]) - 1;
    for (size_t i = 0;
         code && i < LLMOBS_PROLOGUE_SHOWN && len + 4 < sizeof(reason); i++) {
        reason[len++] = ' ';
        reason[len++] = digits[code[i] >> 4];
        reason[len++] = digits[code[i] & 15];
    }
    llmobs_say(false, reason, "");
    llmobs_host_set_inside(-1);
    return false;
}

/* Constructors that have run may have started threads. */
static bool has_one_thread(void)
{
    struct stat st;

    if (!llmobs_host_began_late())
        return true;
    return llmobs_sys(SYS_newfstatat, AT_FDCWD, "/proc/self/task", &st, 0) ==
               0 &&
           st.st_nlink == ONE_THREAD;
}

/* -- the page -------------------------------------------------------------- */

/* Maps a page as near below the program as there is room: the heap grows above
 * it. Kernels before 4.17 do not know the flag, and may choose another place.
 * 0: there is none. */
static uintptr_t map_page(const struct llmobs_elf *program, size_t page)
{
    uintptr_t at = program->start & ~(page - 1);

    for (int i = 0; i < ROOM_TRIES && at > page; i++) {
        long got;

        at -= page;
        got = llmobs_sys(SYS_mmap, at, page, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
                         0L);
        if (got == (long)at)
            return at;
        if (got > 0)
            llmobs_sys(SYS_munmap, got, page);
    }
    return 0;
}

/* A processor of this kind may have read the bytes before they were written. */
static void flush(uintptr_t from, size_t len)
{
#if defined(__aarch64__)
    uint64_t lines, data, code;

    __asm__("mrs %0, ctr_el0" : "=r"(lines));
    data = UINT64_C(4) << (lines >> 16 & 15);
    code = UINT64_C(4) << (lines & 15);
    for (uintptr_t at = from & ~(data - 1); at < from + len; at += data)
        __asm__ volatile("dc cvau, %0" : : "r"(at) : "memory");
    __asm__ volatile("dsb ish" : : : "memory");
    for (uintptr_t at = from & ~(code - 1); at < from + len; at += code)
        __asm__ volatile("ic ivau, %0" : : "r"(at) : "memory");
    __asm__ volatile("dsb ish\n\tisb" : : : "memory");
#else
    (void)from;
    (void)len;
#endif
}

/* -- one function ---------------------------------------------------------- */

static bool prepare(const struct llmobs_elf *program, unsigned hook,
                    unsigned copy, struct ways *ways, struct entry *entry)
{
    const char *name = llmobs_lib_calls_name(hook);
    void *thunk = llmobs_lib_ssl(copy, hook);
    unsigned char *in = ways->in;
    const ElfW(Sym) *sym = llmobs_elf_definition(program, name);
    struct llmobs_prologue moved = {.to = (uintptr_t)ways->back};

    moved.from = sym ? program->base + sym->st_value : 0;
    moved.size = sym ? sym->st_size : 0;
    moved.code = (const unsigned char *)moved.from;
    if (moved.size < LLMOBS_PROLOGUE_CODE ||
        ELF64_ST_TYPE(sym->st_info) != STT_FUNC ||
        !llmobs_elf_covers(program, moved.from, moved.size, PF_R | PF_X))
        return refuse(name, " is no function of the program", NULL);
    if (!llmobs_prologue_copy(&moved))
        return refuse(name, " begins with", moved.code);
    llmobs_bytes_copy(in, moved.undo, moved.undo_len);
    in += moved.undo_len;
    llmobs_bytes_copy(in, any_jump, sizeof(any_jump));
    llmobs_bytes_copy(in + sizeof(any_jump), &thunk, sizeof(thunk));
    llmobs_bytes_copy(ways->back, moved.copy, moved.len);
    entry->at = moved.from + moved.first;
    llmobs_bytes_copy(entry->before, (const void *)entry->at,
                      sizeof(entry->before));
    if (!llmobs_prologue_jump(entry->after, entry->at, (uintptr_t)ways->in))
        return refuse(name, " is too far away", NULL);
    return true;
}

static void set_real(unsigned copy, struct ways *ways)
{
    for (unsigned i = 0; i < ENTRIES; i++)
        llmobs_lib_calls_set(copy, i, ways ? ways[i].back : NULL);
}

/* -- the text -------------------------------------------------------------- */

static bool has(uintptr_t at, const unsigned char *bytes)
{
    const volatile unsigned char *there = (const unsigned char *)at;
    size_t i = 0;

    while (i < LLMOBS_PROLOGUE_JUMP && there[i] == bytes[i])
        i++;
    return i == LLMOBS_PROLOGUE_JUMP;
}

static bool write_text(uintptr_t at, const unsigned char *bytes)
{
    uintptr_t page = (uintptr_t)llmobs_libc.auxval(AT_PAGESZ);
    uintptr_t from = at & ~(page - 1);
    size_t len = at - from + LLMOBS_PROLOGUE_JUMP;
    long fd = llmobs_sys(SYS_openat, AT_FDCWD, "/proc/self/mem",
                         O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        llmobs_sys(SYS_pwrite64, fd, bytes, LLMOBS_PROLOGUE_JUMP, at);
        llmobs_sys(SYS_close, fd);
    }
    if (!has(at, bytes) &&
        llmobs_libc_protect(from, len, PROT_READ | PROT_WRITE | PROT_EXEC) ==
            0) {
        llmobs_bytes_copy((void *)at, bytes, LLMOBS_PROLOGUE_JUMP);
        llmobs_libc_protect(from, len, PROT_READ | PROT_EXEC);
    }
    flush(at, LLMOBS_PROLOGUE_JUMP);
    return has(at, bytes);
}

static bool write_entries(const struct entry *entries)
{
    unsigned done = 0;

    while (done < ENTRIES && write_text(entries[done].at, entries[done].after))
        done++;
    if (done == ENTRIES)
        return true;
    for (unsigned i = 0; i <= done; i++)
        (void)write_text(entries[i].at, entries[i].before);
    return refuse("", "its text may not be written", NULL);
}

static bool are_apart(const struct entry *entries)
{
    for (unsigned i = 0; i < ENTRIES; i++)
        for (unsigned j = 0; j < ENTRIES; j++)
            if (i != j && entries[i].at - entries[j].at < LLMOBS_PROLOGUE_CODE)
                return refuse("", "its functions overlap", NULL);
    return true;
}

static bool exports_all(const struct llmobs_elf *program)
{
    for (unsigned i = 0; i < LLMOBS_LIB_FUNCTION_COUNT; i++)
        if (llmobs_lib_calls_library(i) != LLMOBS_LIB_GNUTLS &&
            !llmobs_elf_symbol(program, llmobs_lib_calls_name(i)))
            return refuse(llmobs_lib_calls_name(i), " is not exported", NULL);
    return true;
}

bool llmobs_entry_hook(const struct llmobs_elf *program, unsigned copy)
{
    LLMOBS_COLD static struct entry entries[ENTRIES];
    size_t page = llmobs_libc.auxval(AT_PAGESZ);
    struct ways *ways;
    unsigned done = 0;

    if (!llmobs_host_tls_inside() || !exports_all(program))
        return false;
    if (!has_one_thread())
        return refuse("", "the process may have threads already", NULL);
    ways = (struct ways *)map_page(program, page);
    if (!ways)
        return refuse("", "there is no room near it", NULL);
    while (done < ENTRIES &&
           prepare(program, done, copy, &ways[done], &entries[done]))
        done++;
    if (done < ENTRIES || !are_apart(entries))
        goto none;
    if (llmobs_libc_protect((uintptr_t)ways, page, PROT_READ | PROT_EXEC) !=
        0) {
        (void)refuse("", "no memory may be made executable", NULL);
        goto none;
    }
    flush((uintptr_t)ways, ENTRIES * sizeof(*ways));
    set_real(copy, ways);
    if (write_entries(entries)) {
        llmobs_host_set_inside(1);
        return true;
    }
    set_real(copy, NULL);
none:
    llmobs_sys(SYS_munmap, ways, page);
    return false;
}
