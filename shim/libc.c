#include "shim/libc.h"

#include "shim/elf.h"

#define LIBC_SONAME "libc.so.6"

/* The head of the loader's list, under glibc's name and musl's. */
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

static bool is_loader(uintptr_t base)
{
    const struct r_debug *debug = loader();

    return debug && debug->r_ldbase && base == debug->r_ldbase;
}

/* True by the file's name. The list has no segments, and without them the
 * tables of the vdso cannot be read, so it must be left out. */
static bool may_be_libc(const struct link_map *object)
{
    static const char beginnings[][12] = {"libc-2.", "libc.musl-", "ld-musl-"};
    const char *name = llmobs_str_base(object->l_name ? object->l_name : "");

    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (llmobs_str_begins(name, beginnings[i]))
            return true;
    return llmobs_str_same(name, LIBC_SONAME) || is_loader(object->l_addr);
}

/* musl's libc and its loader are one object. */
bool llmobs_libc_is_part(const struct llmobs_elf *elf)
{
    return llmobs_str_same(elf->soname, LIBC_SONAME) || is_loader(elf->base);
}

/* Takes the functions of the object; true when it is libc. */
static bool take(const struct link_map *object)
{
    struct llmobs_elf elf;
    void *errno_location, *iterate, *auxval;

    if (llmobs_elf_open_listed(&elf, object) != 0 || !llmobs_libc_is_part(&elf))
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

/* Walks the loader's list from the program on, without a lock. Each l_ld is
 * mapped memory; l_addr need not be, since it is 0, or far away, for an object
 * that was linked for a fixed address. */
static void walk_list(void)
{
    const struct r_debug *debug = loader();
    const struct link_map *object = debug ? debug->r_map : NULL;

    while (object && (object = object->l_next) != NULL)
        if (may_be_libc(object) && take(object))
            return;
}

bool llmobs_libc_find(void)
{
    if (!llmobs_libc.iterate)
        walk_list();
    return llmobs_libc.iterate != NULL;
}
