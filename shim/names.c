#include "shim/names.h"

#include "lib/base/cold.h"
#include "shim/elf.h"

#define NAME_MAX_LEN 34

static bool made; /* the three tables below */
static const char names[LLMOBS_NAMES_ALL][NAME_MAX_LEN] = {
    "",
#define X(name) #name,
    LLMOBS_LOADER_NAMES(X)
#undef X
#define X(result, name, ...) "curl_" #name,
        LLMOBS_HOOKS(X)
#undef X
#define X(name, sets) #name,
            LLMOBS_LIBC_ALL_CALLS(X)
#undef X
#define X(library, name) #name,
                LLMOBS_LIB_HOOKS(X) LLMOBS_LIB_HELPERS(X)
#undef X
};
LLMOBS_COLD unsigned char llmobs_name_firsts[1 << LLMOBS_NAME_BITS];
LLMOBS_COLD static unsigned char next[LLMOBS_NAMES]; /* in the same place */
LLMOBS_COLD static uint32_t hashes[LLMOBS_NAMES];

_Static_assert(LLMOBS_NAMES <= 256, "a byte holds each number");

const char *llmobs_name(unsigned number)
{
    return names[number];
}

/* Goes from the last number to the first. A thread that does so at the same
 * time may have entered a number of this place, or a smaller one, already. */
const uint32_t *llmobs_name_hashes(void)
{
    for (unsigned i = __atomic_load_n(&made, __ATOMIC_ACQUIRE) ? 0
                                                               : LLMOBS_NAMES;
         i-- > LLMOBS_NAME_NONE + 1;) {
        unsigned char *first = &llmobs_name_firsts[llmobs_name_place(names[i])];
        unsigned char was = __atomic_load_n(first, __ATOMIC_ACQUIRE);

        hashes[i] = llmobs_elf_hash(names[i]);
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
        i = llmobs_name_firsts[llmobs_name_place(name)];
    while (i && (llmobs_name_four(name) != llmobs_name_four(names[i]) ||
                 (name[3] && !llmobs_str_same(name + 4, names[i] + 4))))
        i = next[i];
    return i;
}
