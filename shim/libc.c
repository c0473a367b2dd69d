#include "shim/libc.h"

#include "shim/elf.h"

#define LIBC_SONAME "libc.so.6"

/* No object of a program is larger. */
#define OBJECT_MAX ((uintptr_t)1 << 31)

/* The loader's list: glibc's name for it, and musl's. */
#pragma weak _r_debug
#pragma weak _dl_debug_addr
extern struct r_debug *_dl_debug_addr;

struct llmobs_libc llmobs_libc;

static const struct r_debug *loader(void)
{
    if (&_r_debug)
        return &_r_debug;
    return &_dl_debug_addr ? _dl_debug_addr : NULL;
}

static bool has_head(const struct link_map *object)
{
    uintptr_t from = object->l_addr, to = (uintptr_t)object->l_ld;

    /* An old vdso is linked far from where its file begins. */
    return from && to > from && to - from < OBJECT_MAX &&
           llmobs_str_begins((const char *)from, ELFMAG);
}

/* musl is the loader itself. */
bool llmobs_libc_is_part(const struct llmobs_elf *elf)
{
    const struct r_debug *debug = loader();

    return llmobs_str_same(elf->soname, LIBC_SONAME) ||
           (debug && debug->r_ldbase && elf->base == debug->r_ldbase);
}

/* True when it is libc. */
static bool take(const struct dl_phdr_info *info)
{
    struct llmobs_elf elf;
    void *errno_location, *iterate, *auxval;

    if (llmobs_elf_open(&elf, info) != 0 || !llmobs_libc_is_part(&elf))
        return false;
    errno_location = llmobs_elf_symbol(&elf, "__errno_location");
    iterate = llmobs_elf_symbol(&elf, "dl_iterate_phdr");
    auxval = llmobs_elf_symbol(&elf, "getauxval");
    if (!errno_location || !iterate || !auxval)
        return false;
    llmobs_libc.errno_location = (int *(*)(void))errno_location;
    llmobs_libc.iterate = (int (*)(llmobs_libc_see_fn *, void *))iterate;
    llmobs_libc.auxval = (unsigned long (*)(unsigned long))auxval;
    return true;
}

/* The loader's list, past the program at its head and without a lock. */
static void walk_list(void)
{
    const struct r_debug *debug = loader();
    const struct link_map *object = debug ? debug->r_map : NULL;
    bool found = false;

    while (!found && object && (object = object->l_next) != NULL) {
        const ElfW(Ehdr) *head = (const void *)object->l_addr;
        struct dl_phdr_info info = {.dlpi_addr = object->l_addr,
                                    .dlpi_name = object->l_name};

        if (!has_head(object))
            continue;
        info.dlpi_phdr = (const void *)(object->l_addr + head->e_phoff);
        info.dlpi_phnum = head->e_phnum;
        found = take(&info);
    }
}

bool llmobs_libc_find(void)
{
    if (!llmobs_libc.iterate)
        walk_list();
    return llmobs_libc.iterate != NULL;
}
