/* Resolves the shim's own libc functions by the loader's tables. */
#include "shim/libc.h"

#include "shim/elf.h"

#define LIBC_SONAME "libc.so.6"

/* The head of the loader's list, under glibc's name and musl's. */
#pragma weak _r_debug
#pragma weak _dl_debug_addr
extern struct r_debug *_dl_debug_addr;

extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));

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

/* Decides by the loader's address (musl's libc is its loader) or by the file's
 * name. The vdso must be left out: the list has no segments, and without them
 * its tables cannot be read. */
static bool may_be_libc(const struct link_map *object)
{
    const char *name;

    if (&_dl_debug_addr || is_loader(object->l_addr))
        return is_loader(object->l_addr);
    name = llmobs_str_base(object->l_name ? object->l_name : "");
    return llmobs_str_same(name, LIBC_SONAME) ||
           llmobs_str_begins(name, "libc-2.");
}

/* musl's libc and its loader are one object. */
bool llmobs_libc_is_part(const struct llmobs_elf *elf)
{
    return llmobs_str_same(elf->soname, LIBC_SONAME) || is_loader(elf->base);
}

/* Reads the addresses of the functions in the object; true when it is libc. */
static bool read_functions(const struct link_map *object)
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
    llmobs_libc.auxval = (unsigned long (*)(unsigned long))auxval;
    llmobs_libc.brought[0] = elf.base;
    llmobs_libc.brought[1] = llmobs_libc.auxval(AT_BASE);
    llmobs_libc.brought[2] = llmobs_libc.auxval(AT_SYSINFO_EHDR);
    __atomic_store_n(&llmobs_libc.iterate,
                     (int (*)(llmobs_libc_visit_fn *, void *))iterate,
                     __ATOMIC_RELEASE);
    return true;
}

/* Walks the loader's list from the program on, without a lock. Each l_ld is
 * mapped memory. l_addr may not be: it is 0, or far away, for an object that
 * was linked for a fixed address. */
bool llmobs_libc_find(void)
{
    const struct r_debug *debug;
    const struct link_map *object;

    if (__atomic_load_n(&llmobs_libc.iterate, __ATOMIC_ACQUIRE))
        return true;
    debug = loader();
    object = debug ? debug->r_map : NULL;
    while (object && (object = object->l_next) != NULL)
        if (may_be_libc(object) && read_functions(object))
            break;
    return llmobs_libc.iterate != NULL;
}

/* musl lists the preloads behind the program, and the vdso, without a name, at
 * the end. */
bool llmobs_libc_is_all(const char **own)
{
    const struct r_debug *debug = &_dl_debug_addr ? _dl_debug_addr : NULL;
    const struct link_map *object = debug ? debug->r_map : NULL;

    object = object ? object->l_next : NULL;
    if (!object || object->l_ld != _DYNAMIC || !object->l_name)
        return false;
    *own = object->l_name;
    object = object->l_next;
    if (!object || !is_loader(object->l_addr))
        return false;
    object = object->l_next;
    return !object || (!object->l_next && object->l_name && !*object->l_name);
}
