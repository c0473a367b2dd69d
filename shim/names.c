#include "shim/names.h"

#include "lib/base/cold.h"
#include "shim/elf.h"

#define NAME_MAX_LEN 34

const unsigned char llmobs_name_sets[LLMOBS_NAMES] = {
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
LLMOBS_COLD unsigned char llmobs_name_firsts[1 << LLMOBS_NAME_BITS];
/* By the hash of up to eight letters: the first number with it; and the next.
 */
LLMOBS_COLD static unsigned char places[1 << LLMOBS_NAME_BITS];
LLMOBS_COLD static unsigned char next[LLMOBS_NAMES];
LLMOBS_COLD static uint32_t hashes[LLMOBS_NAMES];

_Static_assert(LLMOBS_NAMES <= 256, "a byte holds each number");

const char *llmobs_name(unsigned number)
{
    return names[number];
}

static unsigned char *place_of(const char *name)
{
    uint32_t hash = llmobs_name_four(name);

    for (unsigned i = 3; i < 7 && name[i]; i++)
        hash = hash * 33 + (unsigned char)name[i + 1];
    return &places[hash * UINT32_C(0x9e3779b1) >> (32 - LLMOBS_NAME_BITS)];
}

/* Goes from the last number to the first. A thread that does so at the same
 * time may have entered a number of this place, or a smaller one, already. */
const uint32_t *llmobs_name_hashes(void)
{
    for (unsigned i = __atomic_load_n(&made, __ATOMIC_ACQUIRE) ? 0
                                                               : LLMOBS_NAMES;
         i-- > LLMOBS_NAME_NONE + 1;) {
        unsigned char *first = place_of(names[i]);
        unsigned char was = __atomic_load_n(first, __ATOMIC_ACQUIRE);

        hashes[i] = llmobs_elf_hash(names[i]);
        __atomic_fetch_or(&llmobs_name_firsts[llmobs_name_place(names[i])],
                          llmobs_name_sets[i], __ATOMIC_RELAXED);
        if (was && was <= i)
            continue;
        next[i] = was;
        __atomic_compare_exchange_n(first, &was, (unsigned char)i, false,
                                    __ATOMIC_RELEASE, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&made, true, __ATOMIC_RELEASE);
    return hashes;
}

/* No name has fewer than three letters. */
unsigned llmobs_name_find(const char *name)
{
    unsigned i = LLMOBS_NAME_NONE;

    if (!__atomic_load_n(&made, __ATOMIC_ACQUIRE))
        (void)llmobs_name_hashes();
    if (name[0] && name[1] && name[2])
        i = *place_of(name);
    while (i && !llmobs_str_same(name, names[i]))
        i = next[i];
    return i;
}
