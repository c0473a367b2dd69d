/* Resolves and patches the hooked functions of libc. */
#include "shim/libc_calls.h"

#include "shim/libc.h"

void *llmobs_libc_calls_real[LLMOBS_LIBC_COUNT];
static uint64_t interposed; /* bits: the real function is not libc's */
static unsigned watched;
static unsigned patched; /* sets whose slots in all objects are patched */
static void (*scan_all)(void);

_Static_assert(LLMOBS_LIBC_COUNT <= 64, "a word has a bit for each");

/* The first definition counts, as for the loader. None comes after libc's.
 * Threads that search at the same time write the same addresses. */
static int find_real(struct dl_phdr_info *info, size_t size, void *argument)
{
    const uint32_t *hashes = llmobs_name_hashes() + LLMOBS_NAME_LIBC;
    const unsigned *sets = argument;
    struct llmobs_elf elf;
    bool is_libc;

    (void)size;
    if (llmobs_elf_open(&elf, info) != 0)
        return 0;
    is_libc = llmobs_libc_is_part(&elf);
    for (unsigned i = 0; i < LLMOBS_LIBC_COUNT; i++) {
        void *real =
            llmobs_name_sets[LLMOBS_NAME_LIBC + i] & *sets &&
                    !llmobs_libc_calls_real[i]
                ? llmobs_elf_symbol_hashed(
                      &elf, llmobs_name(LLMOBS_NAME_LIBC + i), hashes[i])
                : NULL;

        if (!real)
            continue;
        if (!is_libc)
            __atomic_fetch_or(&interposed, UINT64_C(1) << i, __ATOMIC_RELAXED);
        __atomic_store_n(&llmobs_libc_calls_real[i], real, __ATOMIC_RELEASE);
    }
    return is_libc;
}

void llmobs_libc_calls_watch(unsigned sets)
{
    llmobs_libc.iterate(find_real, &sets);
    __atomic_fetch_or(&watched, sets, __ATOMIC_ACQ_REL);
}

void llmobs_libc_calls_open(void (*scan_anew)(void))
{
    scan_all = scan_anew;
}

void llmobs_libc_calls_patched(unsigned sets)
{
    __atomic_fetch_or(&patched, sets, __ATOMIC_RELEASE);
}

void llmobs_libc_calls_patch(unsigned sets)
{
    if ((__atomic_load_n(&patched, __ATOMIC_ACQUIRE) & sets) == sets)
        return;
    llmobs_libc_calls_watch(sets);
    scan_all();
    llmobs_libc_calls_patched(sets);
}

unsigned llmobs_libc_calls_watched(unsigned sets)
{
    return __atomic_load_n(&watched, __ATOMIC_ACQUIRE) & sets;
}

/* False of the parts of libc, a libcurl and a TLS library, whose connections
 * are none of the program's own. */
static bool is_own(const struct llmobs_elf *elf)
{
    static const char others[][12] = {"libpthread.", "libresolv.", "libnss_",
                                      "libcurl",     "libssl",     "libcrypto",
                                      "libgnutls"};
    bool is_other = llmobs_elf_symbol(elf, "connect") ||
                    llmobs_elf_symbol(elf, "curl_easy_perform");

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        is_other |= llmobs_str_begins(elf->soname, others[i]);
    return !is_other;
}

bool llmobs_libc_calls_connects(const struct llmobs_elf *elf)
{
    const uint32_t hash = llmobs_elf_hash("connect");
    const char *from = (const char *)elf->symtab;
    size_t count = llmobs_elf_unhashed(elf), size = sizeof(*elf->symtab);
    bool calls = count > 0 && llmobs_elf_hashes(elf, &hash, 1, NULL);

    /* A program that exports nothing tells no number. Their names stand behind
     * the symbols as a rule; between its segments there may be no memory. */
    if (count == 0 && elf->hash)
        count = elf->hash[1];
    else if (count == 0 && elf->strtab > from)
        count = (size_t)(elf->strtab - from) / size;
    if (count > elf->symtab_len ||
        !llmobs_elf_covers(elf, (uintptr_t)from, count * size, PF_R))
        count = 0;
    for (size_t i = 1; !calls && i < count; i++)
        calls = llmobs_str_same(llmobs_elf_string(elf, elf->symtab[i].st_name),
                                "connect");
    return calls && is_own(elf);
}

unsigned llmobs_libc_calls_in(const struct llmobs_elf *elf, unsigned sets)
{
    return sets & LLMOBS_LIBC_SOCKETS && !is_own(elf)
               ? sets & ~(unsigned)(LLMOBS_LIBC_SOCKETS | LLMOBS_LIBC_LISTENS)
               : sets;
}

/* A slot that is not bound yet gets the first definition, unless its object was
 * opened with RTLD_DEEPBIND. */
enum llmobs_libc_call llmobs_libc_calls_of(enum llmobs_libc_call call,
                                           const void *value, bool unbound,
                                           bool late)
{
    const void *real = llmobs_libc_calls_real[call];
    bool unsure = late && interposed >> call & 1 && llmobs_copies_any_deep();

    return real && (value == real || (unbound && !unsure)) ? call
                                                           : LLMOBS_LIBC_COUNT;
}

enum llmobs_libc_call llmobs_libc_calls_at(const void *address)
{
    unsigned sets = llmobs_libc_calls_watched(~0U), i = 0;

    while (i < LLMOBS_LIBC_COUNT &&
           !(llmobs_libc_calls_real[i] == address &&
             llmobs_name_sets[LLMOBS_NAME_LIBC + i] & sets))
        i++;
    return address ? i : LLMOBS_LIBC_COUNT;
}
