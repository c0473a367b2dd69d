#include "shim/lib_calls.h"

#include "lib/base/cold.h"
#include "shim/str.h"

#define NAME_MAX_LEN 34

static const char names[LLMOBS_LIB_FUNCTION_COUNT][NAME_MAX_LEN] = {
#define X(library, name) #name,
    LLMOBS_LIB_HOOKS(X) LLMOBS_LIB_HELPERS(X)
#undef X
};

static const unsigned char libraries[LLMOBS_LIB_FUNCTION_COUNT] = {
#define X(library, name) LLMOBS_LIB_##library,
    LLMOBS_LIB_HOOKS(X) LLMOBS_LIB_HELPERS(X)
#undef X
};

LLMOBS_COLD static void
    *functions[LLMOBS_LIB_COPIES][LLMOBS_LIB_FUNCTION_COUNT];

/* Rules out nearly all other names of these libraries, by the letters that
 * follow the library's own. */
static bool may_be_hook(const char *name)
{
#define FIFTH(library, name) | UINT64_C(1) << (#name[4] & 63)
#define SIXTH(library, name) | UINT64_C(1) << (#name[5] & 63)
    const uint64_t fifth = 0 LLMOBS_LIB_HOOKS(FIFTH);
    const uint64_t sixth = 0 LLMOBS_LIB_HOOKS(SIXTH);

    return llmobs_lib_calls_may(name) && name[3] &&
           (fifth >> (name[4] & 63) & 1) && (sixth >> (name[5] & 63) & 1);
}

enum llmobs_lib_call llmobs_lib_calls_find(const char *name)
{
    unsigned i = 0;

    if (!may_be_hook(name))
        return LLMOBS_LIB_HOOK_COUNT;
    while (i < LLMOBS_LIB_HOOK_COUNT && !llmobs_str_same(name, names[i]))
        i++;
    return (enum llmobs_lib_call)i;
}

const char *llmobs_lib_calls_name(enum llmobs_lib_call function)
{
    return names[function];
}

enum llmobs_lib llmobs_lib_calls_library(enum llmobs_lib_call function)
{
    return (enum llmobs_lib)libraries[function];
}

void llmobs_lib_calls_set(unsigned copy, enum llmobs_lib_call function,
                          void *address)
{
    __atomic_store_n(&functions[copy][function], address, __ATOMIC_RELEASE);
}

void *llmobs_lib_calls_real(unsigned copy, enum llmobs_lib_call function)
{
    return __atomic_load_n(&functions[copy][function], __ATOMIC_ACQUIRE);
}
