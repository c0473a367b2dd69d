/* Finds OpenSSL and GnuTLS among loaded objects. */
#include "shim/libs.h"

#include "lib/base/cold.h"
#include "shim/entry.h"
#include "shim/host.h"
#include "shim/libc.h"
#include "shim/str.h"

struct place {
    uintptr_t base;
    bool used, marked, at_start;
    bool inside; /* it is the program itself, and has entries for slots */
    char soname[64];
};

LLMOBS_COLD static struct place places[LLMOBS_LIB_COUNT][LLMOBS_LIB_COPIES];
/* Another object defines some of the library's names, too. */
static bool doubtful[LLMOBS_LIB_COUNT];
static unsigned any;

static unsigned copies_of(enum llmobs_lib library)
{
    return library == LLMOBS_LIB_SSL ? LLMOBS_LIB_COPIES : 1;
}

/* The function for a patched slot. */
static void *thunk_for(unsigned copy, enum llmobs_lib_call hook)
{
    return llmobs_lib_calls_library(hook) == LLMOBS_LIB_SSL
               ? llmobs_lib_ssl(copy, hook)
               : llmobs_lib_gnutls(hook);
}

/* Sets a copy's functions from `first` on; `elf` NULL: it has none yet. */
static void set_functions(enum llmobs_lib library, unsigned copy,
                          unsigned first, const struct llmobs_elf *elf)
{
    for (unsigned i = first; i < LLMOBS_LIB_FUNCTION_COUNT; i++)
        if (llmobs_lib_calls_library(i) == library)
            llmobs_lib_calls_set(
                copy, i,
                elf ? llmobs_elf_symbol(elf, llmobs_lib_calls_name(i)) : NULL);
}

/* True where the object defines one of the library's functions that are hooked;
 * `whole`: where it defines all that it must have. */
static bool defines(enum llmobs_lib library, const struct llmobs_elf *elf,
                    bool whole)
{
    unsigned end = whole ? LLMOBS_LIB_FUNCTION_COUNT : LLMOBS_LIB_HOOK_COUNT;

    for (unsigned i = 0; i < end; i++)
        if (llmobs_lib_calls_library(i) == library &&
            (i < LLMOBS_LIB_gnutls_record_send2 ||
             i > LLMOBS_LIB_gnutls_packet_get) &&
            !llmobs_elf_symbol(elf, llmobs_lib_calls_name(i)) == whole)
            return !whole;
    return whole;
}

/* The copy that is that object; LLMOBS_LIB_COPIES: none is. */
static unsigned copy_in(enum llmobs_lib library, const struct llmobs_elf *elf)
{
    unsigned copy = 0;

    while (copy < copies_of(library) &&
           !(places[library][copy].used &&
             places[library][copy].base == elf->base))
        copy++;
    return copy < copies_of(library) ? copy : LLMOBS_LIB_COPIES;
}

static bool add_copy(enum llmobs_lib library, const struct llmobs_elf *elf,
                     bool program, bool at_start)
{
    unsigned copy = copy_in(library, elf);
    struct place *place;

    if (!defines(library, elf, false))
        return false;
    if (copy < LLMOBS_LIB_COPIES) {
        places[library][copy].marked = true;
        return false;
    }
    for (copy = 0; copy < copies_of(library) && places[library][copy].used;)
        copy++;
    if (copy == copies_of(library) ||
        (program ? library != LLMOBS_LIB_SSL || !at_start ||
                       !llmobs_entry_hook(elf, copy)
                 : !defines(library, elf, true))) {
        __atomic_store_n(&doubtful[library], true, __ATOMIC_RELEASE);
        return false;
    }
    /* Inside the program the hooked functions have been set, and SSL_clear and
     * SSL_free must not be: an object that calls them has slots. */
    set_functions(library, copy, program ? LLMOBS_LIB_SSL_connect : 0, elf);
    if (library == LLMOBS_LIB_SSL) {
        set_functions(LLMOBS_LIB_CRYPTO, copy, 0, NULL);
        llmobs_lib_ssl_reset(copy);
    }
    place = &places[library][copy];
    place->inside = program;
    place->base = elf->base;
    place->marked = true;
    place->at_start = at_start;
    llmobs_str_copy(place->soname, sizeof(place->soname), elf->soname);
    __atomic_store_n(&place->used, true, __ATOMIC_RELEASE);
    __atomic_store_n(&any, 1, __ATOMIC_RELEASE);
    return true;
}

/* Looks for TLS libraries before it is known whether they matter. Few programs
 * have one, and the walk must not look at files. */
bool llmobs_libs_add(const struct llmobs_elf *elf, bool program, bool at_start)
{
    static const char names[LLMOBS_LIB_COUNT][20] = {
        [LLMOBS_LIB_SSL] = "SSL_read",
        [LLMOBS_LIB_GNUTLS] = "gnutls_record_recv"};
    static uint32_t hashes[LLMOBS_LIB_COUNT]; /* made once */
    bool found = false;

    for (unsigned i = 0; i < LLMOBS_LIB_COUNT; i++) {
        if (!hashes[i])
            hashes[i] = llmobs_elf_hash(names[i]);
        if (!llmobs_elf_symbol_hashed(elf, names[i], hashes[i]))
            continue;
        llmobs_host_found_tls();
        if (at_start)
            (void)llmobs_host_decide_tls();
        found |= llmobs_host_tls() && add_copy(i, elf, program, at_start);
    }
    return found;
}

/* Looks for the libcrypto of a libssl that was found: the object itself, or one
 * that it needs. */
struct crypto {
    const struct place *place;
    struct llmobs_elf ssl;
    unsigned copy;
    bool opened;
};

static int find_ssl(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct crypto *crypto = argument;

    (void)size;
    crypto->opened = llmobs_elf_open(&crypto->ssl, info) == 0 &&
                     crypto->ssl.base == crypto->place->base;
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
    set_functions(LLMOBS_LIB_CRYPTO, crypto->copy, 0, &elf);
    return llmobs_lib_ssl_is_complete(crypto->copy);
}

void llmobs_libs_complete(void)
{
    for (unsigned copy = 0; copy < LLMOBS_LIB_COPIES; copy++) {
        struct crypto crypto = {.place = &places[LLMOBS_LIB_SSL][copy],
                                .copy = copy};

        if (!crypto.place->used || llmobs_lib_ssl_is_complete(copy))
            continue;
        llmobs_libc.iterate(find_ssl, &crypto);
        if (crypto.opened)
            llmobs_libc.iterate(find_crypto, &crypto);
    }
}

void llmobs_libs_unmark(bool but_at_start)
{
    for (unsigned i = 0; i < LLMOBS_LIB_COUNT; i++)
        for (unsigned copy = 0; copy < copies_of(i); copy++)
            places[i][copy].marked = but_at_start && places[i][copy].at_start;
}

void llmobs_libs_sweep(void)
{
    for (unsigned i = 0; i < LLMOBS_LIB_COUNT; i++)
        for (unsigned copy = 0; copy < copies_of(i); copy++)
            if (!places[i][copy].marked)
                __atomic_store_n(&places[i][copy].used, false,
                                 __ATOMIC_RELEASE);
}

bool llmobs_libs_any(void)
{
    return __atomic_load_n(&any, __ATOMIC_ACQUIRE);
}

static bool is_used(const struct place *place)
{
    return __atomic_load_n(&place->used, __ATOMIC_ACQUIRE);
}

/* True if the loader finds that copy for the object: it is the only one, else
 * the first that came with the program, else the one whose name the object
 * needs. */
static bool is_found_by(enum llmobs_lib library, unsigned copy,
                        const struct llmobs_elf *elf)
{
    const struct place *place = &places[library][copy], *other;

    if (!is_used(place) || place->inside ||
        __atomic_load_n(&doubtful[library], __ATOMIC_ACQUIRE))
        return false;
    other = &places[library][!copy];
    if (copies_of(library) == 1 || !is_used(other))
        return true;
    if (place->at_start || other->at_start)
        return place->at_start && (!other->at_start || copy == 0);
    return llmobs_elf_needs(elf, place->soname) &&
           !llmobs_elf_needs(elf, other->soname);
}

void *llmobs_libs_target(const struct llmobs_elf *elf,
                         enum llmobs_lib_call hook, const void *value,
                         bool unbound)
{
    enum llmobs_lib library = llmobs_lib_calls_library(hook);

    if (copy_in(library, elf) < LLMOBS_LIB_COPIES)
        return NULL;
    for (unsigned copy = 0; copy < copies_of(library); copy++) {
        const void *real = llmobs_lib_calls_real(copy, hook);

        if (real &&
            (value == real || (unbound && is_found_by(library, copy, elf))))
            return thunk_for(copy, hook);
    }
    return NULL;
}

struct llmobs_range llmobs_libs_range(void)
{
    struct llmobs_range range = {0, 0};

    for (unsigned i = 0; i < LLMOBS_LIB_HOOK_COUNT; i++)
        for (unsigned copy = 0; copy < LLMOBS_LIB_COPIES; copy++)
            llmobs_range_add(&range, llmobs_lib_calls_real(copy, i));
    return range;
}

void *llmobs_libs_thunk(const void *address)
{
    for (unsigned i = 0; address && i < LLMOBS_LIB_HOOK_COUNT; i++)
        for (unsigned copy = 0; copy < LLMOBS_LIB_COPIES; copy++)
            if (llmobs_lib_calls_real(copy, i) == address)
                return thunk_for(copy, i);
    return NULL;
}

bool llmobs_libs_certain(const char *name)
{
    unsigned hook = llmobs_name_find(name) - LLMOBS_NAME_LIB;
    enum llmobs_lib library;

    if (hook >= LLMOBS_LIB_HOOK_COUNT)
        return false;
    library = llmobs_lib_calls_library(hook);
    return is_used(&places[library][0]) && !is_used(&places[library][1]) &&
           !__atomic_load_n(&doubtful[library], __ATOMIC_ACQUIRE);
}
