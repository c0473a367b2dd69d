/* Finds loaded objects by address, and walks over them. */
#include "lib/elf/loaded.h"

#include <errno.h>
#include <string.h>

#include "lib/base/fork_gate.h"

static llmobs_loaded_walk_fn *walk_objects = dl_iterate_phdr;

/* _dl_find_object of glibc 2.35 gives this; more members may follow. */
struct found {
    unsigned long long flags;
    const void *start, *end;
    const struct link_map *map;
    void *more[12];
};

/* Renamed here, as the headers of the build may declare _dl_find_object. It
 * takes no lock and allocates nothing. */
extern int find_object(void *address,
                       struct found *found) __asm__("_dl_find_object")
    __attribute__((weak));

void llmobs_loaded_by(llmobs_loaded_walk_fn *walk)
{
    walk_objects = walk;
}

struct search {
    uintptr_t address;
    llmobs_loaded_fn *see;
    void *ctx;
    size_t passed; /* objects before this one */
};

static const ElfW(Phdr) *
    segment_of(const struct llmobs_loaded *object, uintptr_t address)
{
    for (size_t i = 0; i < object->phnum; i++) {
        const ElfW(Phdr) *p = &object->phdr[i];

        if (p->p_type == PT_LOAD && address - object->base >= p->p_vaddr &&
            address - object->base - p->p_vaddr < p->p_memsz)
            return p;
    }
    return NULL;
}

/* The program headers of an object that begins with them in memory; NULL: it
 * does not. */
static const ElfW(Phdr) * headers_of(const struct found *found)
{
    const ElfW(Ehdr) *header = found->start;
    size_t size = (uintptr_t)found->end - (uintptr_t)found->start;

    if (size < sizeof(*header) ||
        memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_phoff != sizeof(*header) ||
        header->e_phentsize != sizeof(ElfW(Phdr)) ||
        (size - sizeof(*header)) / sizeof(ElfW(Phdr)) < header->e_phnum)
        return NULL;
    return (const void *)(header + 1);
}

/* The walk calls this with the loader's lock, so that the object stays. */
static bool find_at_once(uintptr_t address, struct llmobs_loaded *object)
{
    struct llmobs_loaded one;
    struct found found;
    const ElfW(Phdr) *headers = NULL;

    if (find_object && find_object((void *)address, &found) == 0)
        headers = headers_of(&found);
    if (!headers)
        return false;
    one = (struct llmobs_loaded){
        .path = found.map->l_name,
        .base = found.map->l_addr,
        .phdr = headers,
        .phnum = ((const ElfW(Ehdr) *)found.start)->e_phnum,
    };
    if (!segment_of(&one, address))
        return false;
    *object = one;
    return true;
}

/* The program comes first; its path is "", though musl's list has a name. */
static int look_at_object(struct dl_phdr_info *info, size_t size, void *ctx)
{
    struct search *search = ctx;
    bool first = search->passed++ == 0;
    struct llmobs_loaded object = {
        .path = !first && info->dlpi_name ? info->dlpi_name : "",
        .base = info->dlpi_addr,
        .phdr = info->dlpi_phdr,
        .phnum = info->dlpi_phnum,
    };

    (void)size;
    if (!(first && find_at_once(search->address, &object)) &&
        !segment_of(&object, search->address))
        return 0;
    search->see(&object, search->ctx);
    return 1;
}

static int each_object(int (*fn)(struct dl_phdr_info *, size_t, void *),
                       void *ctx)
{
    int rc;

    llmobs_fork_gate_enter();
    rc = walk_objects(fn, ctx);
    llmobs_fork_gate_leave();
    return rc;
}

int llmobs_loaded_find(uintptr_t address, llmobs_loaded_fn *see, void *ctx)
{
    struct search search = {.address = address, .see = see, .ctx = ctx};

    return each_object(look_at_object, &search) == 1 ? 0 : -ENOENT;
}

static int read_unloads(struct dl_phdr_info *info, size_t size, void *ctx)
{
    if (size <
        offsetof(struct dl_phdr_info, dlpi_subs) + sizeof(info->dlpi_subs))
        return -1;
    *(unsigned long long *)ctx = info->dlpi_subs;
    return 1;
}

bool llmobs_loaded_unloads(unsigned long long *count)
{
    return each_object(read_unloads, count) == 1;
}

size_t llmobs_loaded_left(const struct llmobs_loaded *object, uintptr_t address)
{
    const ElfW(Phdr) *segment = segment_of(object, address);
    uintptr_t from;

    if (!segment || !(segment->p_flags & PF_R))
        return 0;
    from = address - object->base - segment->p_vaddr;
    return segment->p_memsz - from;
}

const void *llmobs_loaded_at(const struct llmobs_loaded *object,
                             uintptr_t address, size_t len)
{
    return llmobs_loaded_left(object, address) >= len ? (const void *)address
                                                      : NULL;
}

const ElfW(Phdr) *
    llmobs_loaded_header(const struct llmobs_loaded *object, ElfW(Word) type)
{
    for (size_t i = 0; i < object->phnum; i++) {
        if (object->phdr[i].p_type == type)
            return &object->phdr[i];
    }
    return NULL;
}
