#include "shim/libs.h"

#include "lib/base/hazard.h"
#include "shim/host.h"
#include "shim/library.h"
#include "shim/libc.h"

struct place {
    uintptr_t base;
    bool used, marked, at_start;
    bool doubtful; /* another object defines some of its names, too */
};

static struct place places[LLMOBS_LIB_COUNT];
static unsigned any;

/* The function for a patched slot. */
static void *libs_thunk(enum llmobs_lib_call hook)
{
    switch (llmobs_lib_calls_library(hook)) {
    case LLMOBS_LIB_FCGI:
        return llmobs_lib_fcgi(hook);
    case LLMOBS_LIB_MHD:
        return llmobs_lib_mhd(hook);
    case LLMOBS_LIB_SSL:
        return llmobs_lib_ssl(hook);
    case LLMOBS_LIB_GNUTLS:
        return llmobs_lib_gnutls(hook);
    case LLMOBS_LIB_COUNT:
        break;
    }
    return NULL;
}

static void libs_take(enum llmobs_lib library, const struct llmobs_elf *elf)
{
    for (unsigned i = 0; i < LLMOBS_LIB_FUNCTION_COUNT; i++)
        if (llmobs_lib_calls_library(i) == library)
            llmobs_lib_calls_set(
                i, llmobs_elf_symbol(elf, llmobs_lib_calls_name(i)));
}

/* True where the object defines one of the library's functions that are hooked;
 * `whole`: where it defines all that are hooked or called. */
static bool libs_defines(enum llmobs_lib library, const struct llmobs_elf *elf,
                         bool whole)
{
    unsigned end = whole ? LLMOBS_LIB_FUNCTION_COUNT : LLMOBS_LIB_HOOK_COUNT;

    for (unsigned i = 0; i < end; i++)
        if (llmobs_lib_calls_library(i) == library &&
            !llmobs_elf_symbol(elf, llmobs_lib_calls_name(i)) == whole)
            return !whole;
    return whole;
}

static bool libs_add(enum llmobs_lib library, const struct llmobs_elf *elf,
                     bool program, bool at_start)
{
    struct place *place = &places[library];

    if (!libs_defines(library, elf, false))
        return false;
    if (place->used && place->base == elf->base) {
        place->marked = true;
        return false;
    }
    if (program || place->used ||
        LLMOBS_HAZARD(part_for_all, !libs_defines(library, elf, true), false)) {
        __atomic_store_n(&place->doubtful, true, __ATOMIC_RELEASE);
        return false;
    }
    libs_take(library, elf);
    if (library == LLMOBS_LIB_SSL)
        llmobs_lib_ssl_settle(NULL); /* of the one that was here before */
    place->base = elf->base;
    place->marked = true;
    __atomic_store_n(&place->used, true, __ATOMIC_RELEASE);
    place->at_start = at_start;
    __atomic_store_n(&any, 1, __ATOMIC_RELEASE);
    return true;
}

/* Libraries of TLS are looked for before it is known whether they matter: few
 * programs have one, and the walk may not ask for a file. */
static bool libs_wants(enum llmobs_lib library, const struct llmobs_elf *elf,
                       bool at_start)
{
    if (library != LLMOBS_LIB_SSL && library != LLMOBS_LIB_GNUTLS)
        return llmobs_host_inbound();
    if (!llmobs_elf_symbol(
            elf, library == LLMOBS_LIB_SSL ? "SSL_read" : "gnutls_record_recv"))
        return false;
    llmobs_host_met_tls();
    if (at_start)
        (void)llmobs_host_settle_tls();
    return llmobs_host_tls();
}

bool llmobs_libs_add(const struct llmobs_elf *elf, bool program, bool at_start)
{
    bool found = false;

    for (unsigned i = 0; i < LLMOBS_LIB_COUNT; i++)
        found |=
            libs_wants(i, elf, at_start) && libs_add(i, elf, program, at_start);
    return found;
}

/* Looks for the libcrypto of the libssl that was found: the object itself, or
 * one that it needs. */
struct crypto {
    struct llmobs_elf ssl;
    bool opened;
    void *new_index;
};

static int find_ssl(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct crypto *crypto = argument;

    (void)size;
    crypto->opened = llmobs_elf_open(&crypto->ssl, info) == 0 &&
                     crypto->ssl.base == places[LLMOBS_LIB_SSL].base;
    return crypto->opened;
}

static int find_crypto(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct crypto *crypto = argument;
    struct llmobs_elf elf;

    (void)size;
    if (llmobs_elf_open(&elf, info) != 0 ||
        (elf.base != crypto->ssl.base &&
         !(elf.soname[0] && llmobs_elf_needs(&crypto->ssl, elf.soname))))
        return 0;
    crypto->new_index = llmobs_elf_symbol(&elf, LLMOBS_SSL_NEW_INDEX);
    return crypto->new_index != NULL;
}

void llmobs_libs_settle(void)
{
    struct crypto crypto = {.opened = false};

    if (!places[LLMOBS_LIB_SSL].used || llmobs_lib_ssl_settled())
        return;
    llmobs_libc.iterate(find_ssl, &crypto);
    if (crypto.opened)
        llmobs_libc.iterate(find_crypto, &crypto);
    llmobs_lib_ssl_settle(crypto.new_index);
}

void llmobs_libs_unmark(bool but_at_start)
{
    for (unsigned i = 0; i < LLMOBS_LIB_COUNT; i++)
        places[i].marked = but_at_start && places[i].at_start;
}

void llmobs_libs_sweep(void)
{
    for (unsigned i = 0; i < LLMOBS_LIB_COUNT; i++)
        if (!places[i].marked)
            __atomic_store_n(&places[i].used, false, __ATOMIC_RELEASE);
}

bool llmobs_libs_any(void)
{
    return __atomic_load_n(&any, __ATOMIC_ACQUIRE);
}

bool llmobs_libs_hashed(const struct llmobs_elf *elf)
{
    static uint32_t hashes[LLMOBS_LIB_HOOK_COUNT]; /* made once */

    for (unsigned i = 0; i < LLMOBS_LIB_HOOK_COUNT && !hashes[i]; i++)
        hashes[i] = llmobs_elf_hash(llmobs_lib_calls_name(i));
    return llmobs_elf_hashes(elf, hashes, LLMOBS_LIB_HOOK_COUNT);
}

bool llmobs_libs_names(const struct llmobs_elf *elf, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        const char *name = elf->strtab + elf->symtab[i].st_name;

        if (elf->symtab[i].st_name < elf->strtab_len &&
            llmobs_lib_calls_may(name) &&
            llmobs_lib_calls_find(name) < LLMOBS_LIB_HOOK_COUNT)
            return true;
    }
    return false;
}

static bool libs_is_certain(enum llmobs_lib_call hook)
{
    const struct place *place = &places[llmobs_lib_calls_library(hook)];

    return __atomic_load_n(&place->used, __ATOMIC_ACQUIRE) &&
           !__atomic_load_n(&place->doubtful, __ATOMIC_ACQUIRE);
}

void *llmobs_libs_target(const struct llmobs_elf *elf, const char *name,
                         const void *value, bool unbound)
{
    enum llmobs_lib_call hook = llmobs_lib_calls_find(name);
    void *real;

    if (hook == LLMOBS_LIB_HOOK_COUNT ||
        LLMOBS_HAZARD(library_patched,
                      places[llmobs_lib_calls_library(hook)].base == elf->base,
                      false))
        return NULL;
    real = llmobs_lib_calls_real(hook);
    if (real && (value == real || (unbound && libs_is_certain(hook))))
        return libs_thunk(hook);
    return NULL;
}

void *llmobs_libs_thunk(const void *address)
{
    for (unsigned i = 0; address && i < LLMOBS_LIB_HOOK_COUNT; i++)
        if (llmobs_lib_calls_real(i) == address)
            return libs_thunk(i);
    return NULL;
}

bool llmobs_libs_certain(const char *name)
{
    enum llmobs_lib_call hook = llmobs_lib_calls_find(name);

    return hook < LLMOBS_LIB_HOOK_COUNT && libs_is_certain(hook);
}
