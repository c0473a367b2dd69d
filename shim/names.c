/* Finds hooked names by hash. */
#include "shim/names.h"

#include "lib/base/cold.h"
#include "shim/elf.h"

#define NAME_MAX_LEN 34

const unsigned short llmobs_name_sets[LLMOBS_NAMES] = {
    0,
#define X(name, sets) sets,
    LLMOBS_LIBC_ALL_CALLS(X)
#undef X
#define X(...) LLMOBS_NAME_OF_LOADER,
        LLMOBS_LOADER_NAMES(X)
#undef X
#define X(...) LLMOBS_NAME_OF_CURL,
            LLMOBS_HOOKS(X)
#undef X
#define X(...) LLMOBS_NAME_OF_LIB,
                LLMOBS_LIB_HOOKS(X)
#undef X
};

static bool made; /* the four tables below */
static const char names[LLMOBS_NAMES_ALL][NAME_MAX_LEN] = {
    "",
#define X(name, sets) #name,
    LLMOBS_LIBC_ALL_CALLS(X)
#undef X
#define X(name) #name,
        LLMOBS_LOADER_NAMES(X)
#undef X
#define X(result, name, ...) "curl_" #name,
            LLMOBS_HOOKS(X)
#undef X
#define X(library, name) #name,
                LLMOBS_LIB_HOOKS(X) LLMOBS_LIB_HELPERS(X)
#undef X
};
#define PLACES 1024
/* The sets of all names whose first four letters have that hash. */
LLMOBS_COLD static unsigned short firsts[PLACES];
/* By the hash of up to eight letters: the first number with it; and the next.
 */
LLMOBS_COLD static unsigned char places[PLACES];
LLMOBS_COLD static unsigned char next[LLMOBS_NAMES];
LLMOBS_COLD static uint32_t hashes[LLMOBS_NAMES];

_Static_assert(LLMOBS_NAMES <= 256, "a byte holds each number");

const char *llmobs_name(unsigned number)
{
    return names[number];
}

/* The hash of a name's first four letters. A scan asks this for every symbol of
 * every object. Reads four bytes. */
static inline uint32_t place_of_four(const char *name)
{
    uint32_t four;

    __builtin_memcpy(&four, name, sizeof(four));
    return four * UINT32_C(0x9e3779b1) / (UINT32_MAX / PLACES + 1);
}

/* The first eight letters of a name, and zeros behind its end, of `room` bytes
 * that can be read. */
static inline uint64_t letters_of(const char *name, size_t room)
{
    uint64_t letters = 0, zeros;

    if (room < sizeof(letters))
        llmobs_str_copy((char *)&letters, sizeof(letters), name);
    else
        __builtin_memcpy(&letters, name, sizeof(letters));
    zeros = (letters - UINT64_C(0x0101010101010101)) & ~letters &
            UINT64_C(0x8080808080808080);
    return zeros ? letters & ((zeros & -zeros) - 1) : letters;
}

static inline unsigned char *place_of(uint64_t letters)
{
    return &places[letters * UINT64_C(0x9e3779b97f4a7c15) /
                   (UINT64_MAX / PLACES + 1)];
}

/* Goes from the last number to the first. A thread that does so at the same
 * time may have entered a number of this place, or a smaller one, already. */
const uint32_t *llmobs_name_hashes(void)
{
    for (unsigned i = __atomic_load_n(&made, __ATOMIC_ACQUIRE) ? 0
                                                               : LLMOBS_NAMES;
         i-- > LLMOBS_NAME_NONE + 1;) {
        unsigned char *first, was;

        hashes[i] = llmobs_elf_hash(names[i]);
        first = place_of(letters_of(names[i], NAME_MAX_LEN));
        was = __atomic_load_n(first, __ATOMIC_ACQUIRE);
        __atomic_fetch_or(&firsts[place_of_four(names[i])], llmobs_name_sets[i],
                          __ATOMIC_RELAXED);
        if (was && was <= i)
            continue;
        next[i] = was;
        __atomic_compare_exchange_n(first, &was, (unsigned char)i, false,
                                    __ATOMIC_RELEASE, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&made, true, __ATOMIC_RELEASE);
    return hashes;
}

static unsigned find(const char *name, size_t room)
{
    const uint64_t letters = letters_of(name, room);
    unsigned i;

    if (!__atomic_load_n(&made, __ATOMIC_ACQUIRE))
        (void)llmobs_name_hashes();
    for (i = *place_of(letters); i; i = next[i])
        if (letters_of(names[i], NAME_MAX_LEN) == letters &&
            (!(letters >> 56) || llmobs_str_same(name + 8, names[i] + 8)))
            break;
    return i;
}

unsigned llmobs_name_find(const char *name)
{
    return find(name, llmobs_str_len(name) + 1);
}

unsigned llmobs_name_of(const struct llmobs_elf *elf, const ElfW(Sym) * sym,
                        unsigned sets)
{
    size_t at = sym->st_name;
    unsigned name = at < elf->strtab_len
                        ? find(elf->strtab + at, elf->strtab_len - at)
                        : LLMOBS_NAME_NONE;

    return llmobs_name_sets[name] & sets &&
                   (name >= LLMOBS_NAME_LOADER || sym->st_shndx == SHN_UNDEF)
               ? name
               : LLMOBS_NAME_NONE;
}

/* No name has fewer than three letters. */
bool llmobs_names_mark(const struct llmobs_elf *elf, unsigned sets,
                       struct llmobs_elf_marks *marks)
{
    size_t count = llmobs_elf_unhashed(elf);
    size_t len = elf->strtab_len < 4 ? 0 : elf->strtab_len - 3;
    const ElfW(Sym) *sym = elf->symtab, *end = sym + count;
    const char *strings = elf->strtab;
    bool any = false;

    (void)llmobs_name_hashes();
    if (count > elf->symtab_len)
        end = sym + elf->symtab_len;
    for (; sym < end; sym++) {
        if (sym->st_name >= len ||
            !(firsts[place_of_four(strings + sym->st_name)] & sets) ||
            !llmobs_name_of(elf, sym, sets))
            continue;
        if (!marks)
            return true;
        marks->of[(size_t)(sym - elf->symtab) % LLMOBS_ELF_MARKS] =
            marks->round;
        any = true;
    }
    return any;
}
