/* Resolves the loader's functions behind the shim's. */
#include "shim/loader_calls.h"

#include "shim/elf.h"
#include "shim/host.h"
#include "shim/names.h"

#define LIBDL_SONAME "libdl.so.2"

enum { ERROR = LLMOBS_LOADER_COUNT, COUNT };

static const char names[COUNT][8] = {
#define X(name) #name,
    LLMOBS_LOADER_NAMES(X)
#undef X
        "dlerror"};
static void *found[COUNT];
static void *own[COUNT];  /* those of libc, or of libdl before glibc 2.34 */
static unsigned preceded; /* bits: an object before the shim defines it */

struct search {
    void *before[COUNT];
    void *after[COUNT];
    void *own[COUNT];
    size_t index;
    bool passed;       /* the walk has passed the shim */
    unsigned preceded; /* bits: the program itself defines it */
};

/* The walk ends when the next function of each name and libc's own, which come
 * last, are known. */
static int visit_object(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct search *search = argument;
    size_t missing = 0;
    struct llmobs_elf elf;
    bool is_libc;
    void **to = search->passed ? search->after : search->before;

    (void)size;
    if (llmobs_elf_open(&elf, info) != 0)
        return 0;
    /* A definition in the program itself comes from a runtime that is linked
     * into it, and which calls the shim. */
    if (search->index++ == 0) {
        for (size_t i = 0; i < COUNT; i++)
            if (llmobs_elf_symbol(&elf, names[i]))
                search->preceded |= 1U << i;
        return 0;
    }
    if (llmobs_str_same(elf.soname, LLMOBS_SHIM_SONAME)) {
        if (llmobs_host_is_shim(info))
            search->passed = true;
        return 0;
    }
    is_libc =
        llmobs_libc_is_part(&elf) || llmobs_str_same(elf.soname, LIBDL_SONAME);
    for (size_t i = 0; i < COUNT; i++) {
        if (is_libc && !search->own[i])
            search->own[i] = llmobs_elf_symbol(&elf, names[i]);
        if (!to[i])
            to[i] = llmobs_elf_symbol(&elf, names[i]);
        missing += !search->after[i] || !search->own[i];
    }
    return missing == 0;
}

static void search_all(void)
{
    struct search search = {.index = 0};

    if (llmobs_libc_find())
        llmobs_libc.iterate(visit_object, &search);
    for (size_t i = 0; i < COUNT; i++)
        if (search.before[i])
            search.preceded |= 1U << i;
    __atomic_store_n(&preceded, search.preceded, __ATOMIC_RELEASE);
    for (size_t i = 0; i < COUNT; i++) {
        void *one = search.after[i] ? search.after[i] : search.before[i];

        if (one)
            __atomic_store_n(&found[i], one, __ATOMIC_RELEASE);
        if (search.own[i])
            __atomic_store_n(&own[i], search.own[i], __ATOMIC_RELEASE);
    }
}

static void *get_from(void **list, size_t i)
{
    void *one = __atomic_load_n(&list[i], __ATOMIC_ACQUIRE);

    if (!one) {
        search_all();
        one = __atomic_load_n(&list[i], __ATOMIC_ACQUIRE);
    }
    return one;
}

static void *get_next(size_t i)
{
    return get_from(found, i);
}

static void *get_own(size_t i)
{
    return get_from(own, i);
}

/* Until 2.33 glibc's own parts open libraries by this function. Its mode has
 * one bit more than the mode of dlopen. */
#define DOOR "__libc_dlopen_mode"
#define DOOR_MODE (RTLD_NOW | (int)0x80000000)

static int find_door(struct dl_phdr_info *info, size_t size, void *argument)
{
    void **door = argument;
    struct llmobs_elf elf;

    (void)size;
    if (llmobs_elf_open(&elf, info) == 0 && llmobs_libc_is_part(&elf))
        *door = llmobs_elf_symbol(&elf, DOOR);
    return *door != NULL;
}

bool llmobs_loader_bring(void)
{
    void *door = NULL;

    if (get_own(LLMOBS_LOADER_dlopen))
        return true;
    if (llmobs_libc_find())
        llmobs_libc.iterate(find_door, &door);
    return door && ((llmobs_open_fn)door)(LIBDL_SONAME, DOOR_MODE) &&
           get_own(LLMOBS_LOADER_dlopen);
}

static void *no_open(const char *file, int mode)
{
    (void)file;
    (void)mode;
    return NULL;
}

static void *no_sym(void *handle, const char *name)
{
    (void)handle;
    (void)name;
    return NULL;
}

static void *no_vsym(void *handle, const char *name, const char *version)
{
    (void)handle;
    (void)name;
    (void)version;
    return NULL;
}

static int no_close(void *handle)
{
    (void)handle;
    return -1;
}

llmobs_open_fn llmobs_loader_open_fn(void)
{
    void *one = get_next(LLMOBS_LOADER_dlopen);

    return one ? (llmobs_open_fn)one : no_open;
}

llmobs_sym_fn llmobs_loader_sym_fn(void)
{
    void *one = get_next(LLMOBS_LOADER_dlsym);

    return one ? (llmobs_sym_fn)one : no_sym;
}

llmobs_vsym_fn llmobs_loader_vsym_fn(void)
{
    void *one = get_next(LLMOBS_LOADER_dlvsym);

    return one ? (llmobs_vsym_fn)one : no_vsym;
}

llmobs_close_fn llmobs_loader_close_fn(void)
{
    void *one = get_next(LLMOBS_LOADER_dlclose);

    return one ? (llmobs_close_fn)one : no_close;
}

void *llmobs_loader_own_open(const char *file, int mode)
{
    void *one = get_own(LLMOBS_LOADER_dlopen);

    return one ? ((llmobs_open_fn)one)(file, mode) : NULL;
}

void *llmobs_loader_own_sym(void *handle, const char *name)
{
    void *one = get_own(LLMOBS_LOADER_dlsym);

    return one ? ((llmobs_sym_fn)one)(handle, name) : NULL;
}

void llmobs_loader_drop_error(void)
{
    char *(*drop)(void) = (char *(*)(void))get_own(ERROR);

    if (drop)
        drop();
}

static size_t index_of_name(const char *name)
{
    size_t i = LLMOBS_LOADER_dlopen;

    while (i < ERROR && !llmobs_str_same(name, names[i]))
        i++;
    return i;
}

bool llmobs_loader_is(const char *name, const void *address)
{
    size_t i = index_of_name(name);

    return i < ERROR && address && address == get_next(i);
}

bool llmobs_loader_shim_first(const char *name)
{
    get_next(LLMOBS_LOADER_dlopen);
    return !(__atomic_load_n(&preceded, __ATOMIC_ACQUIRE) >>
                 index_of_name(name) &
             1);
}
