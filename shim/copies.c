/* Records each libcurl in the process, and resolves its functions. */
#include "shim/copies.h"

#include "lib/base/cold.h"

LLMOBS_COLD struct llmobs_copy llmobs_copies[LLMOBS_COPIES];

#define NAME_MAX_LEN 26
/* The hooked ones come first, in the order of their numbers. */
static const struct {
    char name[NAME_MAX_LEN];
    size_t offset;
} real_functions[] = {
#define X(result, name, ...) \
    {"curl_" #name, offsetof(struct llmobs_real, name)},
    LLMOBS_REAL_FUNCTIONS(X)
#undef X
};

/* One bit for each element of llmobs_copies. It stands apart from them, so that
 * a process without libcurl does not touch their pages. */
static unsigned used;
static unsigned marked; /* bits of the copies that the current scan has met */
static bool any_global; /* the program has opened an object with RTLD_GLOBAL */
static bool any_deep;   /* the program has opened one with RTLD_DEEPBIND */

static bool is_used(const struct llmobs_copy *copy)
{
    return __atomic_load_n(&used, __ATOMIC_ACQUIRE) >> (copy - llmobs_copies) &
           1;
}

const char *llmobs_hook_name(unsigned hook)
{
    return hook < LLMOBS_HOOK_COUNT ? llmobs_name(LLMOBS_NAME_CURL + hook) : "";
}

enum llmobs_hook llmobs_hook_find(const char *name)
{
    unsigned hook = llmobs_name_find(name) - LLMOBS_NAME_CURL;

    return hook < LLMOBS_HOOK_COUNT ? hook : LLMOBS_HOOK_COUNT;
}

llmobs_hook_set llmobs_hooks_defined(const struct llmobs_elf *elf)
{
    const uint32_t *hashes = llmobs_name_hashes() + LLMOBS_NAME_CURL;
    llmobs_hook_set bits = 0;

    for (unsigned i = 0; i < LLMOBS_HOOK_COUNT; i++)
        if (llmobs_elf_symbol_hashed(elf, llmobs_hook_name(i), hashes[i]))
            bits |= LLMOBS_HOOK_BIT(i);
    return bits;
}

void *llmobs_copy_function(const struct llmobs_copy *copy,
                           enum llmobs_hook hook)
{
    void *function;

    llmobs_bytes_copy(&function,
                      (const char *)&copy->real + real_functions[hook].offset,
                      sizeof(function));
    return function;
}

const struct llmobs_copy *llmobs_copies_of(const void *address,
                                           enum llmobs_hook *hook)
{
    if (!address)
        return NULL;
    for (unsigned c = 0; c < LLMOBS_COPIES; c++) {
        const struct llmobs_copy *copy = &llmobs_copies[c];

        for (*hook = 0; is_used(copy) && *hook < LLMOBS_HOOK_COUNT; ++*hook)
            if (llmobs_copy_function(copy, *hook) == address)
                return copy;
    }
    return NULL;
}

struct llmobs_range llmobs_copies_range(void)
{
    struct llmobs_range range = {0, 0};

    for (unsigned c = 0; c < LLMOBS_COPIES; c++)
        for (unsigned h = 0;
             is_used(&llmobs_copies[c]) && h < LLMOBS_HOOK_COUNT; h++)
            llmobs_range_add(&range,
                             llmobs_copy_function(&llmobs_copies[c], h));
    return range;
}

/* The scan asks this of every object of a process, so the first name's hash is
 * computed once. */
bool llmobs_copies_is_one(const struct llmobs_elf *elf)
{
    static const char first[] = "curl_easy_perform";
    static uint32_t hash;

    if (hash == 0)
        hash = llmobs_elf_hash(first);
    return llmobs_elf_symbol_hashed(elf, first, hash) &&
           llmobs_elf_symbol(elf, "curl_easy_setopt") &&
           llmobs_elf_symbol(elf, "curl_easy_getinfo");
}

static bool is_at(const struct llmobs_copy *copy, const struct llmobs_elf *elf)
{
    return is_used(copy) && copy->base == elf->base &&
           llmobs_str_same(copy->path, elf->path);
}

struct llmobs_copy *llmobs_copies_at(const struct llmobs_elf *elf)
{
    for (unsigned c = 0; c < LLMOBS_COPIES; c++)
        if (is_at(&llmobs_copies[c], elf))
            return &llmobs_copies[c];
    return NULL;
}

bool llmobs_copies_observe(const void *address)
{
    uintptr_t at = (uintptr_t)address;

    for (unsigned c = 0; llmobs_copies_any() && c < LLMOBS_COPIES; c++)
        if (is_used(&llmobs_copies[c]) &&
            at - llmobs_copies[c].start <
                llmobs_copies[c].end - llmobs_copies[c].start &&
            __atomic_load_n(&llmobs_copies[c].ops, __ATOMIC_ACQUIRE))
            return true;
    return false;
}

/* Fills in the copy's functions; true when an address is new. A pinned copy
 * cannot have changed. Another one may have been unloaded, replaced on disk and
 * loaded again at the same address. */
static bool fill_functions(struct llmobs_copy *copy,
                           const struct llmobs_elf *elf)
{
    size_t count = sizeof(real_functions) / sizeof(real_functions[0]);
    bool changed = false;

    for (size_t i = 0; i < count && !copy->ops; i++) {
        void *now = llmobs_elf_symbol(elf, real_functions[i].name);
        char *to = (char *)&copy->real + real_functions[i].offset;
        void *before;

        llmobs_bytes_copy(&before, to, sizeof(before));
        changed |= before != now;
        llmobs_bytes_copy(to, &now, sizeof(now));
    }
    return changed;
}

/* A descriptor's path, such as /proc/self/fd/3, may belong to another file at
 * the next dlopen. If this copy stayed loaded, the loader would then answer
 * with it. */
static bool is_fleeting(const char *path)
{
    for (const char *c = path; *c; c++)
        if (llmobs_str_begins(c, "/fd/"))
            return llmobs_str_begins(path, "/proc/") ||
                   llmobs_str_begins(path, "/dev/");
    return false;
}

bool llmobs_copies_add(const struct llmobs_elf *elf, size_t order,
                       bool at_start)
{
    struct llmobs_copy *copy = NULL;
    struct llmobs_elf_version version = {.at = NULL};
    const char *soname =
        elf->soname[0] ? elf->soname : llmobs_str_base(elf->path);

    for (unsigned c = 0; c < LLMOBS_COPIES; c++) {
        if (is_at(&llmobs_copies[c], elf)) {
            marked |= 1U << c;
            return fill_functions(&llmobs_copies[c], elf);
        }
        if (!copy && !is_used(&llmobs_copies[c]))
            copy = &llmobs_copies[c];
    }
    if (!copy || !llmobs_str_copy(copy->path, sizeof(copy->path), elf->path) ||
        !llmobs_str_copy(copy->soname, sizeof(copy->soname), soname))
        return false;
    copy->ops = NULL;
    fill_functions(copy, elf);
    copy->base = elf->base;
    copy->start = elf->start;
    copy->end = elf->end;
    copy->order = order;
    copy->at_start = at_start;
    copy->stays = false;
    copy->versioned = elf->verdef != NULL;
    /* The first version is that of the file, and libcurl defines one more. */
    copy->version = 0;
    while (llmobs_elf_next_version(elf, &version))
        copy->version = version.hash;
    copy->fleeting = is_fleeting(copy->path);
    marked |= 1U << (copy - llmobs_copies);
    __atomic_fetch_or(&used, 1U << (copy - llmobs_copies), __ATOMIC_RELEASE);
    return true;
}

/* Of several copies with one name, the program gets the first. */
void llmobs_copies_needed(const struct llmobs_elf *program)
{
    for (unsigned c = 0; c < LLMOBS_COPIES; c++) {
        struct llmobs_copy *copy = &llmobs_copies[c];
        bool first = is_used(copy) && copy->at_start;

        if (!first)
            continue;
        for (unsigned i = 0; i < LLMOBS_COPIES && first; i++)
            first = !is_used(&llmobs_copies[i]) ||
                    llmobs_copies[i].order >= copy->order ||
                    !llmobs_str_same(llmobs_copies[i].soname, copy->soname);
        copy->stays = first && llmobs_elf_needs(program, copy->soname);
    }
}

void llmobs_copies_unmark(bool but_at_start)
{
    marked = 0;
    for (unsigned c = 0; but_at_start && c < LLMOBS_COPIES; c++)
        if (is_used(&llmobs_copies[c]) && llmobs_copies[c].at_start)
            marked |= 1U << c;
}

bool llmobs_copies_sweep(void)
{
    unsigned before = __atomic_fetch_and(&used, marked, __ATOMIC_ACQ_REL);

    return (before & ~marked) != 0;
}

size_t llmobs_copies_reach(size_t start_objects)
{
    size_t reach = 0;

    for (unsigned c = 0; c < LLMOBS_COPIES; c++) {
        const struct llmobs_copy *copy = &llmobs_copies[c];

        if (!is_used(copy))
            continue;
        if (!copy->at_start)
            return start_objects;
        if (copy->order > reach)
            reach = copy->order;
    }
    return reach;
}

bool llmobs_copies_any(void)
{
    return __atomic_load_n(&used, __ATOMIC_ACQUIRE) != 0;
}

/* The copy that the object names: by the file of the symbol's version, else by
 * DT_NEEDED. NULL when it names none or several. Where several copies have the
 * soname, it is the one that came with the program: the loader searches that
 * first, and binds every object that needs the soname to it. If none came with
 * the program, only the loader knows which of them the object can see. */
static struct llmobs_copy *asked_for(const struct llmobs_elf *elf,
                                     const char *file)
{
    struct llmobs_copy *one = NULL;
    bool several = false;

    for (unsigned c = 0; c < LLMOBS_COPIES; c++) {
        struct llmobs_copy *copy = &llmobs_copies[c];

        if (!is_used(copy) || !(file ? llmobs_str_same(copy->soname, file)
                                     : llmobs_elf_needs(elf, copy->soname)))
            continue;
        if (one && !llmobs_str_same(copy->soname, one->soname))
            return NULL;
        several |= one != NULL;
        if (!one || copy->order < one->order)
            one = copy;
    }
    return several && !one->at_start ? NULL : one;
}

struct llmobs_copy *llmobs_copies_only(void)
{
    struct llmobs_copy *one = NULL;

    for (unsigned c = 0; c < LLMOBS_COPIES; c++) {
        if (!is_used(&llmobs_copies[c]))
            continue;
        if (one)
            return NULL;
        one = &llmobs_copies[c];
    }
    return one;
}

/* The copy that an unbound slot gets although the slot names the version of
 * another copy: if a preload comes first and defines the names without
 * versions, the loader binds every version to it. */
static struct llmobs_copy *interposer(const struct llmobs_copy *asked)
{
    struct llmobs_copy *first = NULL;

    for (unsigned c = 0; c < LLMOBS_COPIES; c++) {
        struct llmobs_copy *copy = &llmobs_copies[c];

        if (is_used(copy) && copy->at_start && !copy->versioned &&
            (!asked || !asked->at_start || copy->order < asked->order) &&
            (!first || copy->order < first->order))
            first = copy;
    }
    return first;
}

void llmobs_copies_set_global(void)
{
    if (!__atomic_load_n(&any_global, __ATOMIC_RELAXED))
        __atomic_store_n(&any_global, true, __ATOMIC_RELEASE);
}

bool llmobs_copies_any_global(void)
{
    return __atomic_load_n(&any_global, __ATOMIC_ACQUIRE);
}

void llmobs_copies_set_deep(void)
{
    __atomic_store_n(&any_deep, true, __ATOMIC_RELEASE);
}

bool llmobs_copies_any_deep(void)
{
    return __atomic_load_n(&any_deep, __ATOMIC_ACQUIRE);
}

bool llmobs_copies_at_start(void)
{
    bool all = true;

    for (unsigned c = 0; c < LLMOBS_COPIES; c++)
        all &= !is_used(&llmobs_copies[c]) || llmobs_copies[c].at_start;
    return all;
}

/* True where the loader may find another copy than `asked` first. It looks for
 * a version by its name alone: first in the global scope, then in what the
 * object needs; with RTLD_DEEPBIND the other way round. */
static bool is_doubtful(const struct llmobs_copy *asked, uint32_t version)
{
    for (unsigned c = 0; c < LLMOBS_COPIES; c++) {
        const struct llmobs_copy *copy = &llmobs_copies[c];

        if (!is_used(copy) || copy == asked ||
            (asked->at_start && asked->order < copy->order))
            continue;
        if (!copy->at_start && !llmobs_copies_any_global())
            continue;
        if (!version || !copy->versioned || copy->version == version)
            return true;
    }
    return false;
}

struct llmobs_copy *llmobs_copies_wanted(const struct llmobs_elf *elf,
                                         size_t symbol)
{
    uint32_t version;
    const char *file = llmobs_elf_version_file(elf, symbol, &version);
    struct llmobs_copy *asked = asked_for(elf, file);
    struct llmobs_copy *first = interposer(asked);

    if (first)
        return first;
    if (asked && is_doubtful(asked, version))
        return NULL;
    return asked || file ? asked : llmobs_copies_only();
}
