#include "shim/real.h"

#include "shim/elf.h"
#include "shim/host.h"

/* No object of a program is larger. */
#define OBJECT_MAX ((uintptr_t)1 << 31)

enum { OPEN, SYM, VSYM, ERROR, COUNT };

static const char names[COUNT][8] = {"dlopen", "dlsym", "dlvsym", "dlerror"};
static void *found[COUNT];
static bool preceded; /* somebody before us defines dlopen */

struct search {
    void *before[COUNT];
    void *after[COUNT];
    size_t index;
    bool passed;   /* our own object is behind us */
    bool preceded; /* the program itself defines dlopen */
};

/* Over once all are known that the object behind ours would call. */
static int visit(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct search *search = argument;
    size_t missing = 0;
    struct llmobs_elf elf;
    void **to = search->passed ? search->after : search->before;

    (void)size;
    if (llmobs_elf_open(&elf, info) != 0)
        return 0;
    /* The program's own definition, if any, is a runtime linked into it that
     * calls on to us. */
    if (search->index++ == 0) {
        search->preceded = llmobs_elf_symbol(&elf, names[OPEN]) != NULL;
        return 0;
    }
    if (llmobs_str_same(elf.soname, LLMOBS_SHIM_SONAME)) {
        if (llmobs_host_is_shim(&elf))
            search->passed = true;
        return 0;
    }
    for (size_t i = 0; i < COUNT; i++) {
        if (!to[i])
            to[i] = llmobs_elf_symbol(&elf, names[i]);
        missing += !search->after[i];
    }
    return missing == 0;
}

/* The loader's list of objects, by the program's own dynamic section; NULL
 * where that does not say. */
static const struct link_map *first_object(void)
{
    const ElfW(Phdr) *phdr = (const void *)getauxval(AT_PHDR);
    size_t count = getauxval(AT_PHNUM);
    const ElfW(Dyn) *entry = NULL;
    uintptr_t base = 0;

    for (size_t i = 0; i < count; i++) {
        if (phdr[i].p_type == PT_PHDR)
            base = (uintptr_t)phdr - phdr[i].p_vaddr;
        if (phdr[i].p_type == PT_DYNAMIC)
            entry = (const void *)(base + phdr[i].p_vaddr);
    }
    for (; entry && entry->d_tag != DT_NULL; entry++) {
        const struct r_debug *debug = (const void *)entry->d_un.d_ptr;

        if (entry->d_tag == DT_DEBUG)
            return debug ? debug->r_map : NULL;
    }
    return NULL;
}

static bool has_head(const struct link_map *object)
{
    uintptr_t from = object->l_addr, to = (uintptr_t)object->l_ld;

    /* An old vdso is linked far from where its file begins. */
    return from && to > from && to - from < OBJECT_MAX &&
           llmobs_str_begins((const char *)from, ELFMAG);
}

/* dl_iterate_phdr for before our constructor: a sanitizer's runtime stands in
 * for the function, and asks us for its own parts before its stand-in works.
 * No other thread exists by then. */
static void walk_list(struct search *search)
{
    const struct link_map *object = first_object();
    struct dl_phdr_info info = {.dlpi_name = ""};

    if (!object)
        return;
    info.dlpi_addr = object->l_addr;
    info.dlpi_phdr = (const void *)getauxval(AT_PHDR);
    info.dlpi_phnum = (ElfW(Half))getauxval(AT_PHNUM);
    if (visit(&info, sizeof(info), search))
        return;
    while ((object = object->l_next) != NULL) {
        const ElfW(Ehdr) *head = (const void *)object->l_addr;

        if (!has_head(object))
            continue;
        info.dlpi_addr = object->l_addr;
        info.dlpi_name = object->l_name;
        info.dlpi_phdr = (const void *)(object->l_addr + head->e_phoff);
        info.dlpi_phnum = head->e_phnum;
        if (visit(&info, sizeof(info), search))
            return;
    }
}

static void search_all(void)
{
    struct search search = {.index = 0};

    if (!llmobs_libc_present())
        return;
    if (llmobs_host_state() == LLMOBS_HOST_NEW)
        walk_list(&search);
    else
        dl_iterate_phdr(visit, &search);
    __atomic_store_n(&preceded, search.preceded || search.before[OPEN],
                     __ATOMIC_RELEASE);
    for (size_t i = 0; i < COUNT; i++) {
        void *one = search.after[i] ? search.after[i] : search.before[i];

        if (one)
            __atomic_store_n(&found[i], one, __ATOMIC_RELEASE);
    }
}

static void *get(size_t i)
{
    void *one = __atomic_load_n(&found[i], __ATOMIC_ACQUIRE);

    if (!one) {
        search_all();
        one = __atomic_load_n(&found[i], __ATOMIC_ACQUIRE);
    }
    return one;
}

/* For glibc's own parts, until 2.33; its mode has one bit more. */
#define DOOR "__libc_dlopen_mode"
#define DOOR_MODE (RTLD_NOW | (int)0x80000000)

static int find_door(struct dl_phdr_info *info, size_t size, void *argument)
{
    void **door = argument;
    struct llmobs_elf elf;

    (void)size;
    if (llmobs_elf_open(&elf, info) == 0)
        *door = llmobs_elf_symbol(&elf, DOOR);
    return *door != NULL;
}

bool llmobs_real_bring(void)
{
    void *door = NULL;

    if (get(OPEN))
        return true;
    if (llmobs_libc_present())
        dl_iterate_phdr(find_door, &door);
    return door && ((llmobs_open_fn)door)("libdl.so.2", DOOR_MODE) && get(OPEN);
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

llmobs_open_fn llmobs_real_open_fn(void)
{
    void *one = get(OPEN);

    return one ? (llmobs_open_fn)one : no_open;
}

llmobs_sym_fn llmobs_real_sym_fn(void)
{
    void *one = get(SYM);

    return one ? (llmobs_sym_fn)one : no_sym;
}

llmobs_vsym_fn llmobs_real_vsym_fn(void)
{
    void *one = get(VSYM);

    return one ? (llmobs_vsym_fn)one : no_vsym;
}

void *llmobs_real_open(const char *file, int mode)
{
    return llmobs_real_open_fn()(file, mode);
}

void *llmobs_real_sym(void *handle, const char *name)
{
    return llmobs_real_sym_fn()(handle, name);
}

void *llmobs_real_vsym(void *handle, const char *name, const char *version)
{
    return llmobs_real_vsym_fn()(handle, name, version);
}

void llmobs_real_drop_error(void)
{
    char *(*drop)(void) = (char *(*)(void))get(ERROR);

    if (drop)
        drop();
}

bool llmobs_real_is(const char *name, const void *address)
{
    for (size_t i = OPEN; i <= VSYM; i++)
        if (llmobs_str_same(name, names[i]))
            return address && address == get(i);
    return false;
}

bool llmobs_real_ours_first(void)
{
    get(OPEN);
    return !__atomic_load_n(&preceded, __ATOMIC_ACQUIRE);
}
