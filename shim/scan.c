/* Walks over loaded objects, and writes their slots. */
#include "shim/scan.h"

#include <elf.h>

#include "lib/base/cold.h"
#include "lib/base/readable.h"
#include "lib/base/tls_auto.h"
#include "shim/copies.h"
#include "shim/elf.h"
#include "shim/handlers.h"
#include "shim/host.h"
#include "shim/libc_calls.h"
#include "shim/libs.h"
#include "shim/loader_calls.h"
#include "shim/lookup.h"
#include "shim/node.h"
#include "shim/thunks.h"
#include "shim/wrappers.h"

/* The three kinds of relocation that hold the address of a function by its name
 * differ between processors; and that of a copy. On both processors all
 * arguments of the libcurl functions travel in registers, also the one behind
 * "...". */
#if defined(__x86_64__) && defined(__LP64__)
#define LLMOBS_R_JUMP_SLOT R_X86_64_JUMP_SLOT
#define LLMOBS_R_GLOB_DAT R_X86_64_GLOB_DAT
#define LLMOBS_R_ABS64 R_X86_64_64
#define LLMOBS_R_COPY R_X86_64_COPY
#elif defined(__aarch64__) && defined(__LP64__)
#define LLMOBS_R_JUMP_SLOT R_AARCH64_JUMP_SLOT
#define LLMOBS_R_GLOB_DAT R_AARCH64_GLOB_DAT
#define LLMOBS_R_ABS64 R_AARCH64_ABS64
#define LLMOBS_R_COPY R_AARCH64_COPY
#else
#error "64-bit x86 and ARM only"
#endif

/* How to patch an object: its slots get the addresses of thunks. Only words
 * that hold the address of a function are written, never code; each slot once,
 * atomically, as other threads may be calling through it, under the scan's lock
 * and the loader's. A slot that cannot be written stays as it is. */
struct patch {
    bool program;     /* the object is the program itself */
    bool late;        /* loaded after the start of the program */
    bool constructed; /* loaded at the start; constructors may have run */
    bool named;       /* its hash table has a name of libcurl's or of a TLS
                       * library's, or it has no such table */
    llmobs_hook_set foreign; /* bits of the hooks that another object defines,
                              * to which the loader may bind an unbound slot */
    size_t start; /* the number of objects that came with the program */
    void *(*find_export)(const char *name); /* llmobs_dl_find */
};

/* The object that is being patched. */
struct work {
    const struct llmobs_elf *elf;
    const struct patch *how;
    uintptr_t sealed_start, sealed_end; /* pages of RELRO */
    bool seal_known;                    /* `sealed` and `loading` are set */
    bool sealed;                        /* the pages are read-only now */
    bool loading;                       /* the pages are still writable: the
                                         * loader relocates the object */
    bool unsealed;                      /* the shim made the pages writable */
    bool changed;     /* a slot of libcurl or of the loader was written */
    bool changed_lib; /* one of another library */
    unsigned sets;    /* of names whose slots may be written in the object */
};

/* The object's symbols whose names matter. */
LLMOBS_COLD static struct llmobs_elf_marks marks;

/* Tests whether a word can be written, without changing it and without a fault:
 * asks the kernel to add 0 to it. */
static bool writable(uintptr_t address)
{
    uint32_t none = 0;
    int op = FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0);

    return llmobs_sys(SYS_futex, &none, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 0,
                      (void *)0, (void *)address, op) >= 0;
}

static void find_seal(struct work *work)
{
    uintptr_t page = (uintptr_t)llmobs_libc.auxval(AT_PAGESZ);

    if (!llmobs_elf_relro(work->elf, &work->sealed_start, &work->sealed_end))
        return;
    work->sealed_start &= ~(page - 1);
    work->sealed_end &= ~(page - 1);
}

/* The loader lists an object before it relocates it, and makes its RELRO pages
 * read-only afterwards. If the shim made them read-only before that, the loader
 * would crash. So an object with writable RELRO pages waits for the next
 * scan. */
static void look_at_seal(struct work *work)
{
    bool open;

    if (work->seal_known)
        return;
    work->seal_known = true;
    if (work->sealed_start >= work->sealed_end)
        return;
    open = writable(work->sealed_start);
    work->sealed = !open;
    work->loading = open && work->how->late;
}

static void seal(struct work *work)
{
    if (work->unsealed)
        llmobs_libc_protect(work->sealed_start,
                            work->sealed_end - work->sealed_start, PROT_READ);
}

static void write_slot(struct work *work, uintptr_t slot, void *value)
{
    bool inside = slot >= work->sealed_start && slot < work->sealed_end;

    if (work->loading || slot % sizeof(value) != 0 ||
        !llmobs_elf_covers(work->elf, slot, sizeof(value), PF_W))
        return;
    if (inside && work->sealed && !work->unsealed) {
        work->unsealed =
            llmobs_libc_protect(work->sealed_start,
                                work->sealed_end - work->sealed_start,
                                PROT_READ | PROT_WRITE) == 0;
        if (!work->unsealed)
            return;
    }
    __atomic_store_n((void **)slot, value, __ATOMIC_RELEASE);
}

static const ElfW(Sym) *
    symbol_of(const struct work *work, const ElfW(Rela) * rela)
{
    return llmobs_elf_sym(work->elf, ELF64_R_SYM(rela->r_info));
}

/* True when the slot still points into the object's own PLT, and not to the
 * function of that name which the object may define. */
static bool is_lazy(const struct work *work, const ElfW(Rela) * rela,
                    const void *value)
{
    const ElfW(Sym) *sym = symbol_of(work, rela);

    return ELF64_R_TYPE(rela->r_info) == LLMOBS_R_JUMP_SLOT &&
           (sym->st_shndx == SHN_UNDEF ||
            (uintptr_t)value != work->elf->base + sym->st_value) &&
           llmobs_elf_covers(work->elf, (uintptr_t)value, 1, PF_X);
}

/* The thunk for a slot of libcurl's function; NULL: it stays. An unbound slot
 * gets that of the copy to which the loader will bind it, unless that is
 * another object's function, or not certain. */
static void *curl_target(const struct work *work, const ElfW(Rela) * rela,
                         enum llmobs_hook hook, const void *value)
{
    struct llmobs_lookup lookup = {.caller = (void *)work->elf->start,
                                   .hook = hook,
                                   .start = work->how->start};
    void *thunk = llmobs_thunk_of(value);
    enum llmobs_lookup_result result;
    struct llmobs_copy *copy;

    if (thunk)
        return thunk;
    if (!is_lazy(work, rela, value)) {
        /* An auditor of the loader has put its own function there. */
        if (value && !llmobs_lookup_lists(value))
            llmobs_wrappers_stray(work->elf, hook);
        return NULL;
    }
    copy = llmobs_copies_wanted(work->elf, ELF64_R_SYM(rela->r_info));
    if (work->how->foreign >> hook & 1) {
        result = llmobs_lookup(&lookup);
        if (lookup.others &&
            (result != LLMOBS_LOOKUP_COPY || lookup.copy != copy)) {
            if (result != LLMOBS_LOOKUP_OTHER)
                llmobs_wrappers_stray(work->elf, hook);
            return NULL;
        }
    }
    return copy && llmobs_copy_function(copy, hook) ? llmobs_thunk(copy, hook)
                                                    : NULL;
}

static void patch_one(struct work *work, const ElfW(Rela) * rela)
{
    const ElfW(Sym) *symbol = symbol_of(work, rela);
    unsigned name = llmobs_name_of(work->elf, symbol, work->sets);
    uintptr_t slot = work->elf->base + rela->r_offset;
    void *value, *target = NULL, *export;
    bool lazy;

    if (name == LLMOBS_NAME_NONE || slot < work->elf->start ||
        slot + sizeof(value) > work->elf->end)
        return;
    look_at_seal(work);
    value = __atomic_load_n((void **)slot, __ATOMIC_ACQUIRE);
    lazy = symbol->st_shndx == SHN_UNDEF && is_lazy(work, rela, value);
    if (name < LLMOBS_NAME_LOADER) {
        target = llmobs_thunk_libc(llmobs_libc_calls_of(
            name - LLMOBS_NAME_LIBC, value, lazy, work->how->late));
    } else if (name < LLMOBS_NAME_CURL) {
        /* Objects that came with the program are bound to the shim by name
         * already. One that is opened later with RTLD_DEEPBIND looks names up
         * in itself and its own libraries first. */
        export = work->how->find_export(llmobs_name(name));
        if (export != value &&
            (llmobs_loader_is(llmobs_name(name), value) ||
             (llmobs_loader_shim_first(llmobs_name(name)) && lazy)))
            target = export;
    } else if (name < LLMOBS_NAME_LIB) {
        target = curl_target(work, rela, name - LLMOBS_NAME_CURL, value);
    } else {
        target =
            llmobs_libs_target(work->elf, name - LLMOBS_NAME_LIB, value, lazy);
    }
    if (!target)
        return;
    write_slot(work, slot, target);
    work->changed |= name >= LLMOBS_NAME_LOADER && name < LLMOBS_NAME_LIB;
    work->changed_lib |= name >= LLMOBS_NAME_LIB;
    if (name >= LLMOBS_NAME_CURL && name < LLMOBS_NAME_LIB && work->how->late &&
        ELF64_R_TYPE(rela->r_info) != LLMOBS_R_JUMP_SLOT)
        llmobs_wrappers_copy(work->elf);
}

/* The bytes of a segment that are searched. */
#define SEARCHED_MAX 2097152
#define WORD sizeof(void *)

/* Functions whose addresses are replaced by the thunks that `thunk_of` gives.
 */
struct kept {
    struct llmobs_range range;
    void *(*thunk_of)(const void *address);
};

static void *thunk_for(const struct kept *kept, const void *value)
{
    return (uintptr_t)value < kept->range.low ||
                   (uintptr_t)value > kept->range.high
               ? NULL
               : kept->thunk_of(value);
}

/* Constructors that have run may have copied addresses from slots into tables
 * of functions. Such copies among the object's own variables are replaced by
 * thunks. Addresses in RELRO pages are relocations, and are replaced already.
 */
static void patch_segment(const struct work *work, const struct kept *kept,
                          const ElfW(Phdr) * segment)
{
    uintptr_t page = (uintptr_t)llmobs_libc.auxval(AT_PAGESZ);
    uintptr_t from = work->elf->base + segment->p_vaddr;
    uintptr_t end = from + (segment->p_memsz < SEARCHED_MAX ? segment->p_memsz
                                                            : SEARCHED_MAX);

    from = (from + WORD - 1) & ~(WORD - 1);
    end &= ~(WORD - 1);
    for (uintptr_t next; from < end; from = next) {
        next = (from & ~(page - 1)) + page;
        next = next < end ? next : end;
        if ((from >= work->sealed_start && from < work->sealed_end) ||
            !llmobs_readable((void *)from, WORD))
            continue;
        for (uintptr_t at = from; at < next; at += WORD) {
            void *value = __atomic_load_n((void **)at, __ATOMIC_RELAXED);
            void *thunk = thunk_for(kept, value);

            if (thunk && writable(at))
                __atomic_compare_exchange_n((void **)at, &value, thunk, false,
                                            __ATOMIC_RELEASE, __ATOMIC_RELAXED);
        }
    }
}

static void patch_variables(const struct work *work, struct kept kept)
{
    for (size_t i = 0; kept.range.high && i < work->elf->phnum; i++)
        if (work->elf->phdr[i].p_type == PT_LOAD &&
            (work->elf->phdr[i].p_flags & PF_W))
            patch_segment(work, &kept, &work->elf->phdr[i]);
}

/* Writes thunks for the addresses of hooked functions among the variables that
 * the program has from its libraries by COPY relocations: the loader copied
 * their values before a scan. */
static void patch_copied(const struct llmobs_elf *program,
                         const struct patch *how)
{
    struct work work = {.elf = program, .how = how};
    struct kept kept[] = {{llmobs_copies_range(), llmobs_thunk_of},
                          {llmobs_libs_range(), llmobs_libs_thunk}};

    find_seal(&work);
    for (size_t i = 0; i < program->rela_len; i++) {
        const ElfW(Rela) *rela = &program->rela[i];
        uintptr_t at = program->base + rela->r_offset;
        uintptr_t size = symbol_of(&work, rela)->st_size & ~(WORD - 1);

        if (ELF64_R_TYPE(rela->r_info) != LLMOBS_R_COPY || at % WORD != 0 ||
            !llmobs_elf_covers(program, at, size, PF_W))
            continue;
        for (uintptr_t end = at + size; at < end; at += WORD) {
            void *value = __atomic_load_n((void **)at, __ATOMIC_RELAXED);
            void *thunk = thunk_for(&kept[0], value);

            if (!thunk)
                thunk = thunk_for(&kept[1], value);
            if (thunk) {
                look_at_seal(&work);
                write_slot(&work, at, thunk);
            }
        }
    }
    seal(&work);
}

static inline bool is_marked(const ElfW(Rela) * rela)
{
    return marks.of[ELF64_R_SYM(rela->r_info) % LLMOBS_ELF_MARKS] ==
           marks.round;
}

static void patch_table(struct work *work, const ElfW(Rela) * rela, size_t len)
{
    for (const ElfW(Rela) *end = rela + len; rela < end; rela++) {
        uint32_t type;

        /* A program has tens of thousands, and few are marked. */
        while (end - rela > 4 && !is_marked(rela) && !is_marked(rela + 1) &&
               !is_marked(rela + 2) && !is_marked(rela + 3))
            rela += 4;
        if (!is_marked(rela))
            continue;
        type = (uint32_t)ELF64_R_TYPE(rela->r_info);
        if (ELF64_R_SYM(rela->r_info) != 0 && rela->r_addend == 0 &&
            (type == LLMOBS_R_JUMP_SLOT || type == LLMOBS_R_GLOB_DAT ||
             type == LLMOBS_R_ABS64))
            patch_one(work, rela);
    }
}

/* False when another thread is still loading the object, so that it has to be
 * looked at again. */
static bool patch_object(const struct llmobs_elf *elf, const struct patch *how)
{
    struct work work = {.elf = elf, .how = how};
    const uint32_t *hashes = llmobs_name_hashes();
    unsigned from = how->program ? LLMOBS_NAME_LIBC
                    : how->late  ? LLMOBS_NAME_LOADER
                                 : LLMOBS_NAME_CURL;
    unsigned end = !how->named         ? LLMOBS_NAME_CURL
                   : llmobs_host_tls() ? LLMOBS_NAMES
                                       : LLMOBS_NAME_LIB;
    unsigned sets = LLMOBS_NAME_OF_CURL | llmobs_libc_calls_watched(~0U);
    bool any = llmobs_elf_unhashed(elf) == 0;

    sets |= how->late ? LLMOBS_NAME_OF_LOADER : 0;
    sets |= llmobs_host_tls() ? LLMOBS_NAME_OF_LIB : 0;
    /* Marks the symbols of names that matter: those with a hash, and those
     * before, which are undefined. A name of libc's that is undefined, which
     * alone matters, has a hash in the program only (llmobs_elf_unhashed). */
    marks.round++;
    for (size_t i = 0; any && i < LLMOBS_ELF_MARKS; i++)
        marks.of[i] = marks.round;
    any = any || llmobs_elf_hashes(elf, hashes + from, end - from, &marks);
    any |= llmobs_names_mark(elf, sets, &marks);
    if (!any)
        return true;
    work.sets = llmobs_libc_calls_in(elf, sets);
    find_seal(&work);
    patch_table(&work, elf->rela, elf->rela_len);
    patch_table(&work, elf->plt, elf->plt_len);
    seal(&work);
    if (!work.loading && (how->late || how->constructed)) {
        if (work.changed)
            patch_variables(
                &work, (struct kept){llmobs_copies_range(), llmobs_thunk_of});
        if (work.changed_lib)
            patch_variables(
                &work, (struct kept){llmobs_libs_range(), llmobs_libs_thunk});
    }
    return !work.loading;
}

#define ROUNDS_MAX 8
#define KEPT_MAX 128
#define PHP_MODULE "libphp" /* how the file begins that Apache loads */

/* The loader's counters at the last scan. */
struct counts {
    bool known; /* false: look at all objects */
    unsigned long long adds, subs;
    size_t objects;
};

/* An open object. */
struct opened {
    struct llmobs_elf elf;
    size_t index;
    bool asked, named; /* `named`, once asked: its hash table has a name of
                        * libcurl's or of a TLS library's */
};

/* One walk over all objects. */
struct walk {
    struct counts now;
    size_t first;  /* objects before this one are done */
    uint64_t last; /* identity of the last object */
    bool full;
    bool same;    /* no object was loaded or unloaded */
    bool changed; /* the set of copies has changed */
    bool loading; /* an object is still being loaded */
    bool anew;    /* other names are looked for from now on */
    bool shifted; /* an object of the program's start is unloaded */
    /* Later walks: */
    void (*look)(struct walk *, struct opened *);
    size_t before, late; /* `look` needs the objects before or from these on */
};

static struct counts seen;
static size_t start_objects;
static uint64_t start_last;     /* identity of the last one */
static llmobs_hook_set foreign; /* bits of hooks that other objects define */
static bool enabled;            /* by the program, whose own ran as well */
static llmobs_scan_find_fn *find_export; /* of the loader's names */
static size_t foreign_reach; /* how many objects were searched for `foreign` */
static bool any_rpath, expect_unseen;
static int question; /* of the API (llmobs_scan_question) */
static int owner, pending;
static uintptr_t owner_thread;
static int waiting; /* the number of threads that wait for the owner */
/* The objects of the round. All that matter from `kept_from` on are here, and
 * valid inside a callback as long as the loader's counters are `kept_at`. */
LLMOBS_COLD static struct opened kept[KEPT_MAX];
static size_t kept_len, kept_from;
static struct counts kept_at;

bool llmobs_scan_any_rpath(void)
{
    return __atomic_load_n(&any_rpath, __ATOMIC_ACQUIRE);
}

/* The identity of an object: its address and name. The address alone would not
 * do, since an object of the same size may be loaded where another one was. */
static uint64_t identity(const struct dl_phdr_info *info)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ info->dlpi_addr;

    for (const char *c = info->dlpi_name; c && *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    return hash;
}

/* Begins to keep the objects from that one on. */
static void keep_from(size_t first, const struct counts *now)
{
    kept_len = 0;
    kept_from = first;
    kept_at = *now;
}

/* Opens an object and keeps it so. Without room, the last one gives its place.
 * NULL: it cannot be opened, or each process has it, or it is the library's. */
static struct opened *keep(const struct dl_phdr_info *info, size_t index)
{
    struct opened *one = &kept[kept_len < KEPT_MAX ? kept_len : KEPT_MAX - 1];

    if (llmobs_libc_brings(info->dlpi_addr) || llmobs_host_is_shim(info) ||
        llmobs_elf_open(&one->elf, info) != 0 ||
        llmobs_str_same(one->elf.soname, LLMOBS_SHIM_SONAME) ||
        llmobs_str_same(one->elf.soname, LLMOBS_CORE_FILE))
        return NULL;
    one->index = index;
    one->asked = false;
    if (kept_len == KEPT_MAX)
        kept_from = SIZE_MAX;
    else
        kept_len++;
    return one;
}

static bool is_named(struct opened *one)
{
    const uint32_t *hashes = llmobs_name_hashes() + LLMOBS_NAME_CURL;

    if (!one->asked)
        one->named = !one->elf.gnu_hash ||
                     llmobs_elf_hashes(&one->elf, hashes,
                                       LLMOBS_NAMES - LLMOBS_NAME_CURL, NULL);
    one->asked = true;
    return one->named;
}

/* Looks for TLS libraries, and for what the program itself defines of them. */
static void find_tls(struct walk *walk, const struct dl_phdr_info *info,
                     const struct llmobs_elf *elf, bool program)
{
    const char *base;

    if (!llmobs_host_may_tls())
        return;
    if (llmobs_tracer_brings(info->dlpi_name ? info->dlpi_name : "", &base) &&
        !program)
        llmobs_host_is_traced();
    if (program || llmobs_str_begins(base, PHP_MODULE))
        llmobs_host_check_php(elf);
    if (llmobs_host_seeks_connect() && llmobs_libc_calls_connects(elf))
        llmobs_host_found_connect();
    walk->changed |= llmobs_libs_add(elf, program, start_objects == 0);
}

/* First walk: finds the copies. Of a process that has only its program and what
 * each has, only the program is read. */
static int find_copies(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct walk *walk = argument;
    size_t index = walk->now.objects++;
    struct opened *one;

    (void)size;
    if (index > 0 && index < walk->first && index != start_objects - 1)
        return 0;
    if (index == 0) {
        walk->now.adds = info->dlpi_adds;
        walk->now.subs = info->dlpi_subs;
        walk->now.known = true;
        walk->same = seen.known && walk->now.adds == seen.adds &&
                     walk->now.subs == seen.subs;
        walk->full = !seen.known || walk->now.subs != seen.subs;
        if (walk->same)
            return 1;
        /* Objects that came with the program stay where they are in the list;
         * later ones move up when another is unloaded. */
        walk->first = !seen.known  ? 0
                      : walk->full ? start_objects
                                   : seen.objects;
        keep_from(walk->first, &walk->now);
    }
    if (start_objects == 0)
        walk->last = identity(info);
    else if (start_objects > 1 && index == start_objects - 1 &&
             identity(info) != start_last)
        walk->shifted = true;
    if (index < walk->first || !(one = keep(info, index)))
        return 0;
    find_tls(walk, info, &one->elf, index == 0);
    if (index == 0)
        return 0;
    if (one->elf.rpath)
        __atomic_store_n(&any_rpath, true, __ATOMIC_RELEASE);
    if (llmobs_copies_is_one(&one->elf)) {
        walk->changed |=
            llmobs_copies_add(&one->elf, index, start_objects == 0);
        if (start_objects == 0)
            llmobs_host_decide();
    }
    return 0;
}

/* Later walks: `look` gets each object from `first` on. While all of them are
 * open, and the list is that of the first walk, one callback is enough. */
static int visit(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct walk *walk = argument;
    size_t index = walk->now.objects++;
    struct opened *one;

    (void)size;
    walk->now.adds = info->dlpi_adds;
    walk->now.subs = info->dlpi_subs;
    if (index == 0 && kept_from <= walk->first &&
        kept_at.adds == walk->now.adds && kept_at.subs == walk->now.subs) {
        for (one = kept; one < kept + kept_len; one++)
            if (one->index >= walk->first)
                walk->look(walk, one);
        return 1;
    }
    if (index == 0)
        keep_from(walk->first, &walk->now);
    if (index >= walk->first && (one = keep(info, index)) != NULL)
        walk->look(walk, one);
    return 0;
}

/* Second walk: records the hooks that an object defines, if it comes before a
 * copy (as the program and its preloads may) or was loaded later: the loader
 * may bind unbound slots to it. If a copy came with the program, its functions
 * win over those of later objects. */
static void find_foreign(struct walk *walk, struct opened *one)
{
    llmobs_hook_set hooks;

    if (one->index >= walk->before && one->index < walk->late)
        return;
    if (one->index == 0)
        llmobs_copies_needed(&one->elf);
    if (!is_named(one) || llmobs_copies_at(&one->elf))
        return;
    hooks = llmobs_hooks_defined(&one->elf);
    foreign |= hooks;
    if (one->index < start_objects || !llmobs_copies_at_start() ||
        llmobs_copies_any_deep())
        llmobs_wrappers_define(&one->elf, hooks);
}

/* Third walk: patches the objects that call them. */
static void patch_callers(struct walk *walk, struct opened *one)
{
    bool program = one->index == 0;
    struct patch how = {program,
                        one->index >= start_objects,
                        (!program && llmobs_host_began_late()) || enabled,
                        is_named(one),
                        foreign,
                        start_objects,
                        find_export};

    if (program)
        patch_copied(&one->elf, &how);
    if (!llmobs_copies_at(&one->elf) && !patch_object(&one->elf, &how))
        walk->loading = true;
}

static void find_all(struct walk *walk)
{
    bool first = start_objects == 0;

    llmobs_copies_unmark(seen.known);
    llmobs_libs_unmark(seen.known);
    llmobs_libc.iterate(find_copies, walk);
    if (walk->same)
        return;
    walk->anew = llmobs_host_decide_tls();
    if (llmobs_host_decide_sockets()) {
        /* Those for `alone`, too, which the first thread of the library would
         * look for again in all objects. */
        llmobs_libc_calls_watch(
            LLMOBS_LIBC_CONNECTS | LLMOBS_LIBC_ALONE | LLMOBS_LIBC_LEAVES |
            (llmobs_host_until() ? LLMOBS_LIBC_LISTENS : 0));
        llmobs_handlers_watch();
        walk->anew = true;
    }
    walk->anew |= llmobs_node_decide();
    llmobs_libs_complete();
    walk->shifted |= walk->now.objects < start_objects;
    if (walk->full) {
        walk->changed |= llmobs_copies_sweep();
        llmobs_libs_sweep();
    }
    if (first) {
        start_objects = walk->now.objects;
        start_last = walk->last;
    }
    if (llmobs_copies_any() || llmobs_libs_any())
        llmobs_host_decide();
}

/* One round of a scan: finds the copies of libcurl, and then patches the
 * objects that call them. False: another round is needed, since the loader's
 * list changed between the two walks, or there is something else to look for.
 */
static bool round_done(void)
{
    struct walk copies = {.first = 0}, callers = {.first = 0};
    size_t reach;
    unsigned sets = llmobs_libc_calls_watched(~0U);

    find_all(&copies);
    /* The first walk has found a TLS library. From now on its names are
     * searched in all objects. */
    if (copies.anew) {
        seen.known = false;
        return false;
    }
    if (copies.same || llmobs_host_state() < LLMOBS_HOST_WATCHING)
        return true;
    /* A constructor that ran before the shim's had loaded that object. From now
     * on only the program itself is certain to stay. */
    if (copies.shifted) {
        start_objects = 1;
        seen.known = false;
        return false;
    }
    if (!copies.changed)
        callers.first = copies.first;
    if (llmobs_host_state() == LLMOBS_HOST_ON &&
        (llmobs_copies_any() || llmobs_libs_any())) {
        struct walk others = callers;

        reach = llmobs_copies_reach(start_objects);
        others.look = find_foreign;
        others.before = reach > foreign_reach ? reach : 0;
        others.late = copies.changed || copies.first < start_objects
                          ? start_objects
                          : copies.first;
        if (others.before)
            others.first = 0;
        llmobs_libc.iterate(visit, &others);
        foreign_reach = reach > foreign_reach ? reach : foreign_reach;
    }
    /* While no copy is known, only calls of dlopen and its like have to be
     * patched, and only in objects that came after the program's start. */
    if (llmobs_host_state() != LLMOBS_HOST_ON && callers.first < start_objects)
        callers.first = start_objects;
    if (callers.first >= copies.now.objects) {
        seen = copies.now;
        return true;
    }
    callers.look = patch_callers;
    llmobs_libc.iterate(visit, &callers);
    if (callers.now.adds != copies.now.adds ||
        callers.now.subs != copies.now.subs) {
        seen.known = false;
        return false;
    }
    /* An object that is still being loaded must not count as seen. */
    if (!callers.loading && callers.first == 0)
        llmobs_libc_calls_patched(sets);
    if (!callers.loading)
        seen = copies.now;
    else if (copies.changed || copies.full)
        seen.known = false;
    return true;
}

static bool try_lock(void)
{
    int mine = llmobs_libc_pid();
    int holder = 0;

    if (__atomic_compare_exchange_n(&owner, &holder, mine, false,
                                    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return true;
    if (holder == mine ||
        !__atomic_compare_exchange_n(&owner, &holder, mine, false,
                                     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return false;
    seen.known = false;
    return true;
}

static void scan_as_owner(void)
{
    int asked;
    bool anew;

    __atomic_store_n(&owner_thread, llmobs_sys_thread(), __ATOMIC_RELEASE);
    __atomic_store_n(&pending, 0, __ATOMIC_SEQ_CST);
    llmobs_host_begin();
    /* The API's question. Objects that were seen but not patched must be looked
     * at again. */
    asked = __atomic_exchange_n(&question, 0, __ATOMIC_SEQ_CST);
    enabled |= (asked & LLMOBS_SCAN_ENABLE) != 0;
    anew = (asked & LLMOBS_SCAN_ANEW) != 0;
    if (asked & LLMOBS_SCAN_ENABLE)
        anew |= llmobs_host_enable();
    else if (asked & LLMOBS_SCAN_DECIDE)
        llmobs_host_decide();
    if (anew)
        seen.known = false;
    for (int i = 0; i < ROUNDS_MAX && !round_done(); i++)
        continue;
    __atomic_store_n(&owner_thread, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&owner, 0, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST))
        llmobs_libc_wake(&owner);
}

static void scan(void)
{
    int64_t until = 0;
    int saved = llmobs_libc_errno();
    bool in_time;

    __atomic_store_n(&pending, 1, __ATOMIC_SEQ_CST);
    for (;;) {
        if (try_lock()) {
            scan_as_owner();
            if (!__atomic_load_n(&pending, __ATOMIC_SEQ_CST))
                break;
            continue;
        }
        /* This thread may be the owner: in a signal handler, or in the app's
         * code that the loader calls during the scan. */
        if (__atomic_load_n(&owner, __ATOMIC_ACQUIRE) == llmobs_libc_pid() &&
            __atomic_load_n(&owner_thread, __ATOMIC_ACQUIRE) ==
                llmobs_sys_thread())
            break;
        if (until == 0)
            until = llmobs_libc_monotonic_us() + LLMOBS_SCAN_WAIT_US;
        __atomic_fetch_add(&waiting, 1, __ATOMIC_SEQ_CST);
        in_time = llmobs_libc_wait(&owner, llmobs_libc_pid(), until);
        __atomic_fetch_sub(&waiting, 1, __ATOMIC_SEQ_CST);
        if (!in_time)
            break;
    }
    llmobs_libc_errno_restore(saved);
}

void llmobs_scan(void)
{
    if (llmobs_host_state() >= LLMOBS_HOST_WATCHING)
        scan();
}

/* Looks through all objects again, because other names are looked for now. */
static void scan_anew(void)
{
    __atomic_fetch_or(&question, (int)LLMOBS_SCAN_ANEW, __ATOMIC_SEQ_CST);
    llmobs_scan();
}

void llmobs_scan_first(const char *first, char **env, bool late,
                       llmobs_scan_find_fn *find)
{
    int saved;

    if (!llmobs_host_claim())
        return;
    saved = llmobs_libc_errno();
    find_export = find;
    llmobs_libc_calls_open(scan_anew);
    llmobs_host_init(first, env, late);
    llmobs_scan();
    if (env)
        llmobs_host_leave_run(env);
    llmobs_libc_errno_restore(saved);
}

size_t llmobs_scan_start_objects(void)
{
    return __atomic_load_n(&start_objects, __ATOMIC_ACQUIRE);
}

void llmobs_scan_late(llmobs_scan_find_fn *find)
{
    if (llmobs_host_state() == LLMOBS_HOST_NEW && &environ && environ)
        llmobs_scan_first(NULL, environ, true, find);
    if (llmobs_host_state() != LLMOBS_HOST_LATER)
        return;
    if (llmobs_libc_find())
        scan();
    else
        llmobs_host_off();
}

bool llmobs_scan_ask(enum llmobs_scan_question asked)
{
    enum llmobs_host_state now = llmobs_host_state();
    bool open = now == LLMOBS_HOST_WATCHING ||
                (now == LLMOBS_HOST_UNASKED && asked == LLMOBS_SCAN_ENABLE);

    if (open) {
        __atomic_fetch_or(&question, (int)asked, __ATOMIC_SEQ_CST);
        scan();
    }
    return llmobs_host_state() == LLMOBS_HOST_ON;
}

void llmobs_scan_expect_unseen(void)
{
    __atomic_store_n(&expect_unseen, true, __ATOMIC_RELEASE);
}

void llmobs_scan_unseen(void)
{
    if (__atomic_load_n(&expect_unseen, __ATOMIC_ACQUIRE))
        llmobs_scan();
}
