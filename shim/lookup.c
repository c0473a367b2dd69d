/* Predicts what dlsym returns to a certain caller. */
#include "shim/lookup.h"
#include "shim/libc.h"

#define NOWHERE SIZE_MAX

struct walk {
    struct llmobs_lookup *lookup;
    const char *name;
    size_t index;
    size_t caller_at;
    struct llmobs_copy
        *copy; /* the first copy in reach that defines the name */
    size_t copy_at;
    size_t copies, others; /* definers: objects in reach that define the name */
    size_t late;           /* definers that did not come with the program */
    size_t other_at;       /* the first definer that is not a copy */
    size_t first_at;       /* the first definer */
    bool tied;             /* another object ties the caller to the copy */
};

static int find_caller(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct walk *walk = argument;
    struct llmobs_elf *from = &walk->lookup->from;

    (void)size;
    if (llmobs_elf_spans(info, (uintptr_t)walk->lookup->caller) &&
        llmobs_elf_open(from, info) == 0) {
        walk->caller_at = walk->index;
        return 1;
    }
    walk->index++;
    return 0;
}

/* True where the loader may search the object when it resolves a name for the
 * caller. */
static bool in_reach(const struct walk *walk, size_t index)
{
    if (index == walk->caller_at)
        return !walk->lookup->next;
    if (walk->caller_at >= walk->lookup->start)
        return true;
    return index < walk->lookup->start &&
           (!walk->lookup->next || index > walk->caller_at);
}

struct needer {
    const char *soname;
    bool found;
};

static int find_needer(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct needer *needer = argument;
    struct llmobs_elf elf;

    (void)size;
    needer->found = llmobs_elf_open(&elf, info) == 0 &&
                    llmobs_elf_needs(&elf, needer->soname);
    return needer->found;
}

static bool is_needed(const struct llmobs_elf *elf)
{
    struct needer needer = {elf->soname, false};

    if (elf->soname[0])
        llmobs_libc.iterate(find_needer, &needer);
    return needer.found;
}

/* True for another object that the program opened on its own, without
 * RTLD_GLOBAL: a caller that was opened in the same way does not see it. */
static bool is_hidden(const struct walk *walk, size_t index,
                      const struct llmobs_elf *elf)
{
    return index != walk->caller_at && !llmobs_copies_any_global() &&
           walk->caller_at >= walk->lookup->start && !is_needed(elf) &&
           !is_needed(&walk->lookup->from);
}

static int find_definers(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct walk *walk = argument;
    size_t index = walk->index++;
    struct llmobs_copy *copy;
    struct llmobs_elf elf;

    (void)size;
    if (!in_reach(walk, index) || llmobs_elf_open(&elf, info) != 0 ||
        !llmobs_elf_symbol(&elf, walk->name))
        return 0;
    copy = llmobs_copies_at(&elf);
    if (!copy && index >= walk->lookup->start && is_hidden(walk, index, &elf))
        return 0;
    if (walk->first_at == NOWHERE)
        walk->first_at = index;
    walk->late += index >= walk->lookup->start;
    if (!copy && walk->others++ == 0) {
        walk->other_at = index;
    } else if (!copy) {
        ;
    } else if (walk->copies++ == 0) {
        walk->copy = copy;
        walk->copy_at = index;
    }
    return 0;
}

/* Finds an object that ties the caller to the copy. Either this object needs
 * the copy and the caller needs this object; or this object needs both, and the
 * caller comes before the copy. */
static int find_tie(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct walk *walk = argument;
    const struct llmobs_elf *from = &walk->lookup->from;
    struct llmobs_elf elf;

    (void)size;
    if (walk->index++ == walk->caller_at || llmobs_elf_open(&elf, info) != 0 ||
        !llmobs_elf_needs(&elf, walk->copy->soname))
        return 0;
    walk->tied = (elf.soname[0] && llmobs_elf_needs(from, elf.soname)) ||
                 (from->soname[0] && walk->copy_at > walk->caller_at &&
                  llmobs_elf_needs(&elf, from->soname));
    return walk->tied;
}

/* The caller was loaded after the program. It sees only its own function, the
 * copy's function, and functions of libraries that were loaded with it. */
static enum llmobs_lookup_result judge_late(const struct walk *walk)
{
    bool own = walk->other_at == walk->caller_at;
    bool after = walk->copy_at > walk->caller_at;

    if (walk->lookup->next || walk->others > 1 || walk->copies > 1)
        return LLMOBS_LOOKUP_UNSURE;
    if (after && walk->other_at >= walk->caller_at)
        return walk->other_at < walk->copy_at ? LLMOBS_LOOKUP_OTHER
                                              : LLMOBS_LOOKUP_COPY;
    return own && !llmobs_copies_any_global() && !is_needed(&walk->lookup->from)
               ? LLMOBS_LOOKUP_OTHER
               : LLMOBS_LOOKUP_UNSURE;
}

/* For each caller the loader first searches the objects that came with the
 * program, except for RTLD_NEXT in a later object and for RTLD_DEEPBIND. */
static enum llmobs_lookup_result judge(struct walk *walk)
{
    const char *version = walk->lookup->version;
    size_t start = walk->lookup->start;
    bool late = walk->caller_at >= start;
    bool deep = late && walk->late && llmobs_copies_any_deep();
    bool at_start = !late || (!walk->lookup->next && walk->first_at < start);

    if (deep && walk->others + walk->copies > 1)
        return LLMOBS_LOOKUP_UNSURE;
    if (!walk->copy || (at_start && walk->copy_at != walk->first_at))
        return LLMOBS_LOOKUP_OTHER;
    if (version && walk->copy->versioned &&
        walk->copy->version != llmobs_elf_sysv_hash(version))
        return LLMOBS_LOOKUP_UNSURE;
    walk->lookup->copy = walk->copy;
    if (at_start)
        return LLMOBS_LOOKUP_COPY;
    if (walk->others)
        return judge_late(walk);
    walk->index = 0;
    if (walk->copies == 1 &&
        !llmobs_elf_needs(&walk->lookup->from, walk->copy->soname))
        llmobs_libc.iterate(find_tie, walk);
    else
        walk->tied = walk->copies == 1;
    return walk->tied ? LLMOBS_LOOKUP_COPY : LLMOBS_LOOKUP_UNSURE;
}

enum llmobs_lookup_result llmobs_lookup(struct llmobs_lookup *lookup)
{
    struct walk walk = {.lookup = lookup,
                        .name = llmobs_hook_name(lookup->hook),
                        .caller_at = NOWHERE,
                        .first_at = NOWHERE,
                        .other_at = NOWHERE};

    llmobs_libc.iterate(find_caller, &walk);
    if (walk.caller_at == NOWHERE)
        return LLMOBS_LOOKUP_OTHER;
    walk.index = 0;
    llmobs_libc.iterate(find_definers, &walk);
    /* The set of objects that came with the program never changes. */
    lookup->others = walk.others > 0;
    lookup->lasting =
        walk.caller_at < lookup->start && walk.first_at < lookup->start;
    return judge(&walk);
}

struct listed {
    uintptr_t address;
    bool found;
};

static int find_listed(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct listed *listed = argument;

    (void)size;
    listed->found = llmobs_elf_spans(info, listed->address);
    return listed->found;
}

bool llmobs_lookup_lists(const void *address)
{
    struct listed listed = {(uintptr_t)address, false};

    llmobs_libc.iterate(find_listed, &listed);
    return listed.found;
}
