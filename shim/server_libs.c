#include "shim/server_libs.h"

#include "lib/base/hazard.h"
#include "shim/host.h"
#include "shim/library.h"
#include "shim/libc.h"

struct place {
    uintptr_t base;
    bool used, marked, at_start;
    bool doubtful; /* another object defines some of its names, too */
};

static struct place places[LLMOBS_SERVER_COUNT];
static unsigned any;

/* The function for a patched slot. */
static void *server_libs_thunk(enum llmobs_server_function hook)
{
    switch (llmobs_servers_library(hook)) {
    case LLMOBS_SERVER_FCGI:
        return llmobs_server_fcgi(hook);
    case LLMOBS_SERVER_MHD:
        return llmobs_server_mhd(hook);
    case LLMOBS_SERVER_SSL:
        return llmobs_server_ssl(hook);
    case LLMOBS_SERVER_COUNT:
        break;
    }
    return NULL;
}

static void server_libs_take(enum llmobs_server library,
                             const struct llmobs_elf *elf)
{
    for (unsigned i = 0; i < LLMOBS_SERVER_FUNCTION_COUNT; i++)
        if (llmobs_servers_library(i) == library)
            llmobs_servers_set(i,
                               llmobs_elf_symbol(elf, llmobs_servers_name(i)));
}

/* True where the object defines one of the library's functions that are hooked;
 * `whole`: where it defines all that are hooked or called. */
static bool server_libs_defines(enum llmobs_server library,
                                const struct llmobs_elf *elf, bool whole)
{
    unsigned end =
        whole ? LLMOBS_SERVER_FUNCTION_COUNT : LLMOBS_SERVER_HOOK_COUNT;

    for (unsigned i = 0; i < end; i++)
        if (llmobs_servers_library(i) == library &&
            !llmobs_elf_symbol(elf, llmobs_servers_name(i)) == whole)
            return !whole;
    return whole;
}

static bool server_libs_add(enum llmobs_server library,
                            const struct llmobs_elf *elf, bool program,
                            bool at_start)
{
    struct place *place = &places[library];

    if (!server_libs_defines(library, elf, false))
        return false;
    if (place->used && place->base == elf->base) {
        place->marked = true;
        return false;
    }
    if (program || place->used ||
        LLMOBS_HAZARD(part_for_all, !server_libs_defines(library, elf, true),
                      false)) {
        __atomic_store_n(&place->doubtful, true, __ATOMIC_RELEASE);
        return false;
    }
    server_libs_take(library, elf);
    place->base = elf->base;
    place->marked = true;
    __atomic_store_n(&place->used, true, __ATOMIC_RELEASE);
    place->at_start = at_start;
    __atomic_store_n(&any, 1, __ATOMIC_RELEASE);
    return true;
}

/* OpenSSL is looked for before it is known whether it matters: few programs
 * have it, and the walk may not ask for a file. */
static bool server_libs_wants(enum llmobs_server library,
                              const struct llmobs_elf *elf, bool at_start)
{
    if (library != LLMOBS_SERVER_SSL)
        return llmobs_host_inbound();
    if (!llmobs_elf_symbol(elf, "SSL_read"))
        return false;
    llmobs_host_met_tls();
    if (at_start)
        (void)llmobs_host_settle_tls();
    return llmobs_host_tls();
}

bool llmobs_server_libs_add(const struct llmobs_elf *elf, bool program,
                            bool at_start)
{
    bool found = false;

    for (unsigned i = 0; i < LLMOBS_SERVER_COUNT; i++)
        found |= server_libs_wants(i, elf, at_start) &&
                 server_libs_add(i, elf, program, at_start);
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
                     crypto->ssl.base == places[LLMOBS_SERVER_SSL].base;
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

void llmobs_server_libs_settle(void)
{
    struct crypto crypto = {.opened = false};

    if (!places[LLMOBS_SERVER_SSL].used || llmobs_server_ssl_settled())
        return;
    llmobs_libc.iterate(find_ssl, &crypto);
    if (crypto.opened)
        llmobs_libc.iterate(find_crypto, &crypto);
    llmobs_server_ssl_settle(crypto.new_index);
}

void llmobs_server_libs_unmark(bool but_at_start)
{
    for (unsigned i = 0; i < LLMOBS_SERVER_COUNT; i++)
        places[i].marked = but_at_start && places[i].at_start;
}

void llmobs_server_libs_sweep(void)
{
    for (unsigned i = 0; i < LLMOBS_SERVER_COUNT; i++)
        if (!places[i].marked)
            __atomic_store_n(&places[i].used, false, __ATOMIC_RELEASE);
}

bool llmobs_server_libs_any(void)
{
    return __atomic_load_n(&any, __ATOMIC_ACQUIRE);
}

bool llmobs_server_libs_hashed(const struct llmobs_elf *elf)
{
    static uint32_t hashes[LLMOBS_SERVER_HOOK_COUNT]; /* made once */

    for (unsigned i = 0; i < LLMOBS_SERVER_HOOK_COUNT && !hashes[i]; i++)
        hashes[i] = llmobs_elf_hash(llmobs_servers_name(i));
    return llmobs_elf_hashes(elf, hashes, LLMOBS_SERVER_HOOK_COUNT);
}

bool llmobs_server_libs_names(const struct llmobs_elf *elf, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        const char *name = elf->strtab + elf->symtab[i].st_name;

        if (elf->symtab[i].st_name < elf->strtab_len &&
            llmobs_servers_may(name) &&
            llmobs_servers_find(name) < LLMOBS_SERVER_HOOK_COUNT)
            return true;
    }
    return false;
}

static bool server_libs_is_certain(enum llmobs_server_function hook)
{
    const struct place *place = &places[llmobs_servers_library(hook)];

    return __atomic_load_n(&place->used, __ATOMIC_ACQUIRE) &&
           !__atomic_load_n(&place->doubtful, __ATOMIC_ACQUIRE);
}

void *llmobs_server_libs_target(const struct llmobs_elf *elf, const char *name,
                                const void *value, bool unbound)
{
    enum llmobs_server_function hook = llmobs_servers_find(name);
    void *real;

    if (hook == LLMOBS_SERVER_HOOK_COUNT ||
        LLMOBS_HAZARD(library_patched,
                      places[llmobs_servers_library(hook)].base == elf->base,
                      false))
        return NULL;
    real = llmobs_servers_real(hook);
    if (real && (value == real || (unbound && server_libs_is_certain(hook))))
        return server_libs_thunk(hook);
    return NULL;
}

void *llmobs_server_libs_thunk(const void *address)
{
    for (unsigned i = 0; address && i < LLMOBS_SERVER_HOOK_COUNT; i++)
        if (llmobs_servers_real(i) == address)
            return server_libs_thunk(i);
    return NULL;
}

bool llmobs_server_libs_certain(const char *name)
{
    enum llmobs_server_function hook = llmobs_servers_find(name);

    return hook < LLMOBS_SERVER_HOOK_COUNT && server_libs_is_certain(hook);
}
