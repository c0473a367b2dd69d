#include "shim/patch.h"

#include "lib/base/cold.h"
#include "lib/base/readable.h"
#include "shim/arch.h"
#include "shim/host.h"
#include "shim/libc_calls.h"
#include "shim/loader_calls.h"
#include "shim/lookup.h"
#include "shim/libs.h"
#include "shim/thunks.h"
#include "shim/wrappers.h"

/* The object that is being patched. */
struct work {
    const struct llmobs_elf *elf;
    const struct llmobs_patch *how;
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

void llmobs_patch_copied(const struct llmobs_elf *program,
                         const struct llmobs_patch *how)
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

bool llmobs_patch_object(const struct llmobs_elf *elf,
                         const struct llmobs_patch *how)
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
